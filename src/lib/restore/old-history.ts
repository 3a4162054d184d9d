/*
 * Goes through the snapshots of a set from the oldest to the newest and gathers what each has changed. Indexes are stored as changes, and
 * most often these are the answer; where they are not, two lists of changes against one full index are compared, or two full ones.
 * One snapshot is at hand at a time, with the one before it.
 */
import {BkError, isFailure, reasonOf} from '../cli/errors.ts'
import {composeChanges} from '../index/apply.ts'
import {ChangesReader, type Change} from '../index/changes.ts'
import {Cursor} from '../index/cursor.ts'
import {isDirectoryLine, sameGroup, type Group} from '../index/group.ts'
import {IndexReader} from '../index/read.ts'
import {IndexWriter} from '../index/write.ts'
import {groupsOf, type Chain} from '../store/levels.ts'
import {PackReader} from '../store/objects.ts'
import {STANDS, type OldNames} from './old-names.ts'
import {wordsOf, type SortedGroups, type Words} from './sorted-groups.ts'
import type {Reporter} from '../cli/speech.ts'
import type {Spill, SpillFactory} from '../index/spill.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Store} from '../store/store.ts'
import type {Lookup} from './wider-objects.ts'

export interface HistorySource {
  /** Oldest first; the last is the one that is restored. */
  readonly records: readonly SnapshotRecord[]
  readonly store: Store
  readonly objects: Lookup
  readonly reporter: Pick<Reporter, 'warn'>
  /** Where the text of the oldest index goes; whoever makes it closes it. */
  readonly spill: SpillFactory
  /** Takes what stands where since when; half of a number is a position in `records`. */
  readonly changes: SortedGroups
  /** Is told of directories. */
  readonly names: OldNames
}

/** What is known behind the last snapshot. */
export interface History {
  /** The index of the newest. */
  readonly chain: Chain
  /** The oldest snapshot that could be read: its position, and the text of its index. Absent where that is the newest. */
  readonly oldest?: {readonly position: number; readonly text: Spill} | undefined
}

/** An index taken apart. */
interface Stand {
  readonly root: string
  /** Changes down to the full index, the newest first. */
  readonly links: readonly {readonly id: string; readonly changes: readonly Change[]}[]
  readonly fullId: string
  readonly full: Buffer
}

const MAX_CHAIN = 4096
const HEADER = /^#mtree\n#bk index \d+ root=([^ \n]+)\n/
/** What is said of an entry and not of its content or metadata, or is true of one snapshot alone. */
const PASSING = /^(?:error|from|gone|hardlink|left-out|note|stale)=/

/**
 * Gathers the history.
 * @throws BkError 65 where the index of the newest cannot be read; of others that is told
 */
export async function gatherHistory(source: HistorySource): Promise<History> {
  const {records, reporter} = source
  let before: {readonly stand: Stand; readonly seq: number} | undefined
  let oldest: History['oldest']
  for (const [number, {index, seq}] of records.entries()) {
    try {
      const stand = await readStand(index.id, source, before?.stand)
      if (before !== undefined) await addChanges(before, stand, number, source)
      // It may be let go of before it is needed.
      else if (number < records.length - 1) oldest = {position: number, text: await setAside(chainOf(stand), source)}
      before = {stand, seq}
    } catch (error) {
      if (number === records.length - 1 || !isFailure(error)) throw error
      reporter.warn(unreadable(seq, error))
    }
  }
  return {chain: chainOf(before!.stand), oldest}
}

function unreadable(seq: number, error: unknown): string {
  return `the index of snapshot ${seq} cannot be read, and what only that snapshot has is missing: ${reasonOf(error)}`
}

/* Throws where `after` is not in order. */
async function addChanges(before: {readonly stand: Stand; readonly seq: number}, after: Stand, number: number, source: HistorySource): Promise<void> {
  try {
    await addGroups(differences(before.stand, after), 2 * number, source)
  } catch (error) {
    if (!isFailure(error)) throw error
    // One of them is bad. Where it is not this one, all of it counts as new: what is as it was makes no version.
    await addGroups(groupsOf(chainOf(after)), 2 * number + 1, source)
    source.reporter.warn(unreadable(before.seq, error))
  }
}

async function addGroups(batches: AsyncIterable<readonly Group[]>, number: number, source: HistorySource): Promise<void> {
  for await (const batch of batches) {
    for (const group of batch) {
      noteDirectory(group, source)
      const wait = source.changes.add(group.path, number, lastingWords(group))
      if (wait !== undefined) await wait
    }
  }
}

async function setAside(chain: Chain, source: HistorySource): Promise<Spill> {
  const text = source.spill()
  const writer = new IndexWriter(chain.root, (piece) => text.write(piece))
  for await (const batch of groupsOf(chain)) {
    for (const group of batch) {
      noteDirectory(group, source)
      writer.add(group)
    }
  }
  writer.end()
  return text
}

function noteDirectory({path, line}: Group, {names}: HistorySource): void {
  if (isDirectoryLine(line, path)) names.note(path, STANDS.before)
}

/** What a group says that is worth keeping with a version. What is neither file nor directory says only its type. */
export function lastingWords(group: Group): Words {
  const {rest, notes} = wordsOf(group)
  if (isDirectoryLine(rest, '') || rest.startsWith(' type=file')) return {rest, notes: notes.length === 0 ? notes : notes.filter((note) => !PASSING.test(note))}
  return {rest: rest.split(' ', 2).join(' '), notes: []}
}

async function readStand(id: string, {store, objects}: HistorySource, before: Stand | undefined): Promise<Stand> {
  const links: {readonly id: string; readonly changes: readonly Change[]}[] = []
  // One for each, which goes with it: a frame of an index may be as large as all other memory.
  const reader = new PackReader(store)
  let root: string | undefined
  for (let at = id; links.length < MAX_CHAIN; ) {
    const known = before === undefined ? -1 : at === before.fullId ? before.links.length : before.links.findIndex((link) => link.id === at)
    if (known >= 0) return {...before!, root: root ?? before!.root, links: [...links, ...before!.links.slice(known)]}
    const bytes = await readFirst(reader, objects, at)
    const header = HEADER.exec(bytes.subarray(0, 20_000).toString('latin1'))
    if (header !== null) return {root: root ?? header[1]!, links, fullId: at, full: bytes}
    const list = new ChangesReader([bytes])
    const changes: Change[] = []
    for await (const batch of list.batches()) changes.push(...batch)
    const below = list.header!.object
    if (below === undefined) throw new BkError('a stored index does not say what it is a change against', {status: 65})
    root ??= list.header!.root
    links.push({id: at, changes})
    at = below
  }
  throw new BkError('the chain of stored indexes does not end', {status: 65})
}

async function readFirst(reader: PackReader, objects: Lookup, id: string): Promise<Buffer> {
  const pack = objects.packOf(id)
  try {
    if (pack !== undefined) return await reader.object(pack, id)
  } catch (error) {
    if (!isFailure(error)) throw error
  }
  return await objects.get(id)
}

function chainOf(stand: Stand): Chain {
  return {links: stand.links.map(({id}) => ({id, size: 0})), full: stand.full, changes: folded(stand.links), root: stand.root}
}

function folded(links: Stand['links']): readonly Change[] {
  return links.length === 1 ? links[0]!.changes : composeChanges(links.map(({changes}) => changes).reverse())
}

/* What may be another group than before, as it is afterwards: without a line where nothing is there. In any order. */
async function* differences(before: Stand, after: Stand): AsyncGenerator<readonly Group[]> {
  if (before.fullId !== after.fullId) {
    yield* betweenTrees(groupsOf(chainOf(before)), groupsOf(chainOf(after)))
    return
  }
  const fresh = after.links.length - before.links.length
  const isOnTop = fresh >= 0 && before.links.every(({id}, i) => after.links[fresh + i]!.id === id)
  if (isOnTop) yield folded(after.links.slice(0, fresh)).map(({group}) => group)
  else yield* betweenLists(folded(before.links), folded(after.links), after.full)
}

async function* betweenTrees(before: AsyncIterable<readonly Group[]>, after: AsyncIterable<readonly Group[]>): AsyncGenerator<readonly Group[]> {
  const a = new Cursor(before)
  let batch: Group[] = []
  await a.advance()
  const passOver = async (path: string | undefined): Promise<void> => {
    while (a.current !== undefined && (path === undefined || a.current.path < path)) {
      batch.push(nothingAt(a.current.path))
      await a.advance()
    }
  }
  for await (const groups of after) {
    for (const group of groups) {
      if (a.current !== undefined && a.current.path < group.path) await passOver(group.path)
      if (a.current?.path !== group.path) {
        batch.push(group)
        continue
      }
      if (!sameGroup(a.current, group)) batch.push(group)
      const wait = a.advance()
      if (wait !== undefined) await wait
    }
    yield batch
    batch = []
  }
  await passOver(undefined)
  yield batch
}

async function* betweenLists(before: readonly Change[], after: readonly Change[], full: Buffer): AsyncGenerator<readonly Group[]> {
  const batch: Group[] = []
  // What is again as the full index has it.
  const back: string[] = []
  let at = 0
  for (const {group} of after) {
    while (at < before.length && before[at]!.group.path < group.path) back.push(before[at++]!.group.path)
    const old = before[at]?.group
    if (old?.path === group.path) at++
    if (old?.path !== group.path || !sameGroup(old, group)) batch.push(group)
  }
  for (; at < before.length; at++) back.push(before[at]!.group.path)
  yield batch
  if (back.length > 0) yield* theseOf(back, new IndexReader([full], {strict: false}).batches())
}

async function* theseOf(paths: readonly string[], groups: AsyncIterable<readonly Group[]>): AsyncGenerator<readonly Group[]> {
  let at = 0
  for await (const batch of groups) {
    const found: Group[] = []
    for (const group of batch) {
      while (at < paths.length && paths[at]! < group.path) found.push(nothingAt(paths[at++]!))
      if (paths[at] !== group.path) continue
      found.push(group)
      at++
    }
    yield found
  }
  yield paths.slice(at).map(nothingAt)
}

function nothingAt(path: string): Group {
  return {path, line: '', comments: []}
}

/** Whether a group is that of a file of a tree that may have had other content: what it says of its content, or undefined. */
export function contentOf({rest}: Words): string | undefined {
  const at = rest.startsWith(' type=file') ? rest.lastIndexOf(' sha256=') : -1
  return at < 0 ? undefined : rest.slice(at)
}
