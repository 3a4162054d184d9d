// What a restore of snapshots would bring back: the plan that restore makes, and the content that it would read, in this process and out
// of any store.

import {BkError} from '../../../src/lib/cli/errors.ts'
import {parseEntryLine} from '../../../src/lib/index/entry.ts'
import {KINDS} from '../../../src/lib/restore/entry-table.ts'
import {planRestore} from '../../../src/lib/restore/restore.ts'
import {readLists} from '../../../src/lib/restore/plan.ts'
import type {StoreLog} from '../../../src/lib/store/log.ts'
import type {SnapshotRecord} from '../../../src/lib/store/record.ts'
import {sha256} from '../store/memory-store.ts'

/** What came of a snapshot. */
export type Came = {
  /** why nothing can be restored */
  readonly why?: string
  /** paths that do not come back */
  readonly lost: ReadonlySet<string>
  /** sha256 of what was read, by path */
  readonly content: ReadonlyMap<string, string>
}

/** Plans each snapshot, and reads all that it has. */
export async function restoreAll(log: StoreLog, snapshots: readonly SnapshotRecord[]): Promise<Map<number, Came>> {
  const came = new Map<number, Came>()
  for (const record of snapshots) came.set(record.seq, await restoreOne(log, record))
  return came
}

async function restoreOne(log: StoreLog, record: SnapshotRecord): Promise<Came> {
  const lost = new Set<string>()
  const content = new Map<string, string>()
  try {
    const {plan, objects} = await planRestore({where: 'memory', log, record, before: undefined}, [], {problem: (path) => void lost.add(String(path)), warn() {}, note() {}, detail() {}})
    const paths = (id: string): string[] => plan.wanted.uses(id).map(({file}) => plan.entries.path(file))
    await readLists(plan, (id) => objects.get(id), (number) => lost.add(plan.entries.path(number)))
    const pieces = new Map<string, {offset: number; bytes: Buffer}[]>()
    for (const id of idsOf(plan.entries, await listIds(plan, objects))) {
      let bytes: Buffer
      try {
        bytes = await objects.get(id)
      } catch (error) {
        if (!(error instanceof BkError)) throw error
        for (const path of paths(id)) lost.add(path)
        continue
      }
      for (const {file, offset} of plan.wanted.uses(id)) {
        const path = plan.entries.path(file)
        pieces.set(path, [...(pieces.get(path) ?? []), {offset, bytes}])
      }
    }
    for (const [path, parts] of pieces) if (!lost.has(path)) content.set(path, sha256(Buffer.concat(parts.sort((a, b) => a.offset - b.offset).map(({bytes}) => bytes))))
    // Another name of a file that is lost is lost too.
    for (const [number, first] of plan.links) if (lost.has(plan.entries.path(first))) lost.add(plan.entries.path(number))
    return {lost, content}
  } catch (error) {
    if (!(error instanceof BkError) && (error as {code?: string}).code === undefined) throw error
    return {why: (error as Error).message, lost, content}
  }
}

type Entries = Awaited<ReturnType<typeof planRestore>>['plan']['entries']

async function listIds({lists}: Pick<Awaited<ReturnType<typeof planRestore>>['plan'], 'lists'>, objects: {get(id: string): Promise<Buffer>}): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const list of new Set(lists.values())) {
    try {
      for (const [, id] of (await objects.get(list)).toString('latin1').matchAll(/^chunk (\S+)/gm)) ids.add(id!)
    } catch (error) {
      if (!(error instanceof BkError)) throw error
    }
  }
  return ids
}

/* Objects of content: of whole files, and of lists that can be read. */
function idsOf(entries: Entries, chunks: ReadonlySet<string>): Set<string> {
  const ids = new Set(chunks)
  for (let number = 0; number < entries.count; number++) {
    if (entries.kind(number) === KINDS.whole) ids.add(parseEntryLine(entries.text(number).split('\n', 1)[0]!).sha256!)
  }
  return ids
}
