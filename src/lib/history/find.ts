/*
 * The histories of files: every version of some paths, over all snapshots of a set that are kept. What stood where is gathered in one walk
 * over the stored indexes, sorted by path on disk, and answered path by path.
 */
import {LineSorter} from '../index/sort.ts'
import {unescapeText} from '../index/escape.ts'
import {parseOperand} from '../restore/selection.ts'
import {createSpill} from '../sys/spill.ts'
import {gather, notedByPath, type Gathered} from './gather.ts'
import {IndexObjects} from './index-objects.ts'
import {isStored, versionsOf, type Version} from './versions.ts'
import type {Spill} from '../index/spill.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {LogState} from '../store/state.ts'
import type {Pattern} from './pattern.ts'

/** A path and all that it was. */
export interface FileHistory {
  /** Escaped, as the indexes have it. */
  readonly path: string
  /** The snapshots of the set that could be read, oldest first, received as was corrected: versions name them by their place here. */
  readonly snapshots: readonly SnapshotRecord[]
  /** Oldest first; one at least. */
  readonly versions: readonly Version[]
}

export interface SetOptions {
  readonly log: StoreLog
  readonly state: LogState
  readonly set: string
  /** Told of snapshots that cannot be read, and so are left out. */
  readonly onLost: (records: readonly SnapshotRecord[], why: string) => void
}

/** Bytes of text that are sorted at a time: a full index is in memory beside them. */
const SORTED = 4 << 20
/** Bytes that each spill keeps in memory: there may be dozens at a time, and what fits into memory is in none. */
const HELD = 0

/** The sets of a store of which snapshots are kept, by name. */
export function keptSets({kept}: LogState): string[] {
  return [...new Set(kept.map(({record}) => record.set))].sort()
}

/** The histories of all paths that match a pattern, in order of the paths. */
export async function* findHistories(pattern: Pattern, options: SetOptions): AsyncGenerator<FileHistory> {
  for await (const history of histories((path) => pattern.matches(path), options)) {
    if (!pattern.isForDirectories || history.versions.some(({entry}) => entry?.type === 'dir')) yield history
  }
}

/**
 * The histories of paths as they are typed.
 * @param given bytes as latin1 strings
 * @returns those of each, most often one; none for what no snapshot has
 * @throws BkError 64 for a path with `..` in it
 */
export async function historiesOf(given: readonly string[], options: SetOptions): Promise<(readonly FileHistory[])[]> {
  const asked = new Set(given.flatMap(meanings))
  const found = new Map<string, FileHistory>()
  const roots: string[] = []
  for await (const history of histories((path) => asked.has(path), options, roots)) found.set(history.path, history)
  // What a path means depends on what the index is relative to, which may have changed with time.
  return given.map((path) => {
    const meant = roots.map((root) => parseOperand(path, unescapeText(root)).candidates.find((candidate) => found.has(candidate)))
    return [...new Set(meant.filter((each) => each !== undefined))].map((each) => found.get(each)!)
  })
}

/* All that a path may mean, whatever an index is relative to. */
function meanings(given: string): string[] {
  const parts = given.split('/')
  const roots = given.startsWith('/') ? parts.map((_, at) => parts.slice(0, at + 1).join('/')) : ['/']
  return roots.flatMap((root) => [...parseOperand(given, root).candidates])
}

async function* histories(wants: (path: string) => boolean, {log, state, set, onLost}: SetOptions, roots: string[] = []): AsyncGenerator<FileHistory> {
  const all = state.receipts.flatMap(({record}) => (record.set === set ? [record] : []))
  const times = new Map(state.receipts.map(({record: {seq}, received}) => [seq, received]))
  const records = state.kept.flatMap(({record}) => (record.set === set ? [{...record, received: times.get(record.seq) ?? record.received}] : []))
  const spills: Spill[] = []
  const sorter = new LineSorter({
    memory: SORTED,
    spill: () => {
      const spill = createSpill(HELD)
      spills.push(spill)
      return spill
    },
  })
  try {
    const gathered = await gather(records, {objects: new IndexObjects(log, all), wants, sorter, onLost})
    roots.push(...gathered.roots)
    yield* inOrder(gathered, sorter)
  } finally {
    for (const spill of spills) spill.close()
  }
}

async function* inOrder({timeline}: Gathered, sorter: LineSorter): AsyncGenerator<FileHistory> {
  const {snapshots} = timeline
  for await (const {path, noted} of notedByPath(sorter)) {
    const versions = versionsOf(path, timeline.runs(noted), snapshots.length)
    if (versions.length > 0) yield {path, snapshots, versions}
  }
}

/** The newest version that is something, if any is. */
export function newestStored({versions}: FileHistory): Version | undefined {
  return versions.findLast(isStored)
}
