/*
 * Checks the log of a store: that every record is there, whole and chained to the one before it, that what records name is there, and
 * that they say the truth about it. It goes on where a listing has to stop. Contents of packs are not read.
 */
import {errorCode, reasonOf, isFailure} from '../cli/errors.ts'
import {freedBy} from './edits.ts'
import {objectId} from './object-id.ts'
import {findCopy, readRecordFile} from './record-files.ts'
import {NO_RECORD, type SnapshotRecord, type StoreRecord} from './record.ts'
import {catalogName, packName, recordName} from './store.ts'
import {readCatalog} from './read-catalog.ts'
import {Replaced} from './replaced.ts'
import {readState, type LogState} from './state.ts'
import type {StoreLog} from './log.ts'

/** What was checked. */
export interface LogTally {
  records: number
  /** Sum of the last whole record: whoever knows what it was can tell whether the store was rolled back. */
  head: string
}

/** Nothing, with no record seen yet. */
export function newTally(): LogTally {
  return {records: 0, head: NO_RECORD}
}

/** A pack of a catalog, until a snapshot that needs it has been seen and it was looked at. */
type Unseen = {readonly name: string; readonly size: number} | undefined

/** What is known from the records before. */
interface Seen {
  /** Packs of each record's catalog; undefined where that is damaged, which has been told then. */
  readonly catalogs: Map<number, Unseen[] | undefined>
  /** What each set has brought; undefined, from a record on that is lost, until the next of the set says it. */
  readonly brought: Map<string, number>
  hasLost: boolean
}

/**
 * Checks the sums and the chain of all records, the sums of all catalogs, that every pack that a snapshot needs is in one and in the store,
 * of the right size, and the files that stand beside the log.
 * @returns what is wrong, a line each
 */
export async function* checkLog(log: StoreLog, tally: LogTally): AsyncGenerator<string> {
  yield* checkFiles(log)
  const seen: Seen = {catalogs: new Map(), brought: new Map(), hasLost: false}
  const edits = await editsOf(log)
  let unread: number[] = []
  // Looked at in the end: what is in the place of a pack came after the snapshot.
  const needing: SnapshotRecord[] = []
  const last = await log.last()
  for (let seq = 1; seq <= last; seq++) {
    const file = await fileOrWhy(log, seq)
    const record = typeof file === 'string' ? (await findCopy(log.store, seq))?.record : file
    if (typeof file === 'string' && (record !== undefined || file !== TORN)) yield `record ${seq} ${file}${record === undefined ? '' : ': the next has a copy of it'}`
    if (record === undefined) {
      seen.hasLost = true
      seen.brought.clear()
      if (file !== MISSING) unread.push(seq)
      continue
    }
    tally.records++
    if (record.prev !== tally.head) {
      yield unread.length > 0 ? `record ${unread.join(', ')} is damaged: record ${seq} is chained to it` : `record ${seq} is not chained to the record before it`
    }
    unread = []
    tally.head = record.sum
    const bytes = yield* checkCatalog(log, record, seen, edits.doomedCatalogs)
    if (record.kind === 'edit') {
      for (const [set, sum] of seen.brought) seen.brought.set(set, Math.max(0, sum - freedBy(record.lines, set)))
      continue
    }
    yield* checkTotal(record, bytes, seen)
    if (!edits.dropped.has(seq)) needing.push(record)
  }
  for (const record of needing) yield* checkNeeds(log, record, seen, edits.replaced)
}

type Edits = Pick<LogState, 'dropped' | 'doomedCatalogs' | 'replaced'>

/* What edits have done, as far as the log can be read. */
async function editsOf(log: StoreLog): Promise<Edits> {
  try {
    return await readState(log)
  } catch (error) {
    whyBad(error)
    return {dropped: new Map(), doomedCatalogs: new Set(), replaced: new Replaced()}
  }
}

const TORN = 'is damaged'
const MISSING = 'is missing'

/* A record, or what is wrong with its file. */
async function fileOrWhy({store}: StoreLog, seq: number): Promise<StoreRecord | string> {
  try {
    const file = await readRecordFile(store, seq)
    if (file !== undefined) return file.record
    return (await store.size(recordName(seq))) === undefined ? MISSING : TORN
  } catch (error) {
    return whyBad(error).replace(`record ${seq} `, '')
  }
}

async function* checkFiles({settings, store}: StoreLog): AsyncGenerator<string> {
  for (const [name, digest] of settings.files) {
    try {
      if (objectId(await store.get(name)) !== digest) yield `${name} was changed since the store was made`
    } catch (error) {
      yield `${name}: ${whyBad(error)}`
    }
  }
}

/* Answers how many bytes came with a record. */
async function* checkCatalog(log: StoreLog, {seq, catalog, stored}: StoreRecord, {catalogs}: Seen, gone: ReadonlySet<string>): AsyncGenerator<string, number> {
  if (catalog === undefined) return 0
  if (gone.has(catalog)) {
    catalogs.set(seq, [])
    return stored?.bytes ?? 0
  }
  try {
    const {packs, size} = await readCatalog(log.store, catalog)
    // Without the ids: of all catalogs they would fill the memory.
    catalogs.set(seq, packs.map(({name, size: bytes}) => ({name, size: bytes})))
    const bytes = packs.reduce((sum, pack) => sum + pack.size, size)
    if (stored !== undefined && stored.bytes !== bytes) yield `record ${seq} says that it brought ${stored.bytes} bytes, its catalog says ${bytes}`
    return bytes
  } catch (error) {
    catalogs.set(seq, undefined)
    yield `the catalog of record ${seq}: ${whyBad(error)} (${catalogName(catalog)})`
    return stored?.bytes ?? 0
  }
}

function* checkTotal({seq, set, stored, size}: SnapshotRecord, bytes: number, {brought, hasLost}: Seen): Generator<string> {
  const before = brought.get(set) ?? (hasLost ? undefined : 0)
  const total = before === undefined ? (stored?.total ?? 0) : before + bytes
  if (stored !== undefined && stored.total !== total) yield `record ${seq} says that set ${set} brought ${stored.total} bytes so far, its records say ${total}`
  brought.set(set, total + size)
}

async function* checkNeeds(log: StoreLog, record: SnapshotRecord, {catalogs}: Seen, replaced: Replaced): AsyncGenerator<string> {
  try {
    for (const [at, numbers] of replaced.resolve(await log.labels(record))) {
      const packs = catalogs.get(at)
      // A damaged catalog has been told of already.
      if (packs === undefined && catalogs.has(at)) continue
      for (const n of numbers) {
        if (n > (packs?.length ?? 0)) yield `record ${record.seq} needs pack ${at}.${n}, which no catalog has`
        else yield* checkPack(log, packs!, n, `${at}.${n}`)
      }
    }
  } catch (error) {
    yield whyBad(error)
  }
}

async function* checkPack({store}: StoreLog, packs: Unseen[], n: number, label: string): AsyncGenerator<string> {
  const pack = packs[n - 1]
  if (pack === undefined) return
  packs[n - 1] = undefined
  const size = await store.size(packName(pack.name))
  if (size === undefined) yield `pack ${label} is missing (${packName(pack.name)})`
  else if (size !== pack.size) yield `pack ${label} has ${size} bytes, and should have ${pack.size} (${packName(pack.name)})`
}

function whyBad(error: unknown): string {
  if (errorCode(error) === 'ENOENT') return 'is missing'
  if (isFailure(error)) return reasonOf(error)
  throw error
}
