/*
 * Checks the log of a store: that every record is there, whole and chained to the one before it, that what records name is there, and
 * that they say the truth about it. It goes on where a listing has to stop. Contents of packs are not read.
 */
import {errorCode, reasonOf, isFailure} from '../cli/errors.ts'
import {freedBy} from './edits.ts'
import {objectId} from './object-id.ts'
import {NO_RECORD, type SnapshotRecord, type StoreRecord} from './record.ts'
import {catalogName, packName, recordName} from './store.ts'
import {readCatalog} from './read-catalog.ts'
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
  const {dropped, doomedCatalogs: gone} = await editsOf(log)
  let unread: number[] = []
  const last = await log.last()
  for (let seq = 1; seq <= last; seq++) {
    const record = await recordOrWhy(log, seq)
    if (typeof record === 'string') yield record
    if (typeof record === 'string' || record === undefined) {
      seen.hasLost = true
      seen.brought.clear()
      if (record === undefined && (await log.store.size(recordName(seq))) === undefined) yield `record ${seq} is missing`
      else unread.push(seq)
      continue
    }
    tally.records++
    if (record.prev !== tally.head) {
      yield unread.length > 0 ? `record ${unread.join(', ')} is damaged: record ${seq} is chained to it` : `record ${seq} is not chained to the record before it`
    }
    unread = []
    tally.head = record.sum
    if (record.kind === 'edit') {
      for (const [set, bytes] of seen.brought) seen.brought.set(set, Math.max(0, bytes - freedBy(record.lines, set)))
    } else {
      yield* checkCatalog(log, record, seen, gone)
      if (!dropped.has(seq)) yield* checkNeeds(log, record, seen)
    }
  }
}

/* What edits have done, as far as the log can be read. */
async function editsOf(log: StoreLog): Promise<Pick<LogState, 'dropped' | 'doomedCatalogs'>> {
  try {
    return await readState(log)
  } catch (error) {
    whyBad(error)
    return {dropped: new Map(), doomedCatalogs: new Set()}
  }
}

/* A torn record is undefined, one that is damaged in another way is said why. */
async function recordOrWhy(log: StoreLog, seq: number): Promise<StoreRecord | undefined | string> {
  try {
    return await log.record(seq)
  } catch (error) {
    return whyBad(error)
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

async function* checkCatalog(log: StoreLog, record: SnapshotRecord, {catalogs, brought, hasLost}: Seen, gone: ReadonlySet<string>): AsyncGenerator<string> {
  const {seq, set, catalog, stored} = record
  let bytes = 0
  try {
    const isGone = catalog !== undefined && gone.has(catalog)
    const {packs, size} = catalog === undefined || isGone ? {packs: [], size: 0} : await readCatalog(log.store, catalog)
    // Without the ids: of all catalogs they would fill the memory.
    catalogs.set(seq, packs.map(({name, size: bytes}) => ({name, size: bytes})))
    bytes = isGone ? (stored?.bytes ?? 0) : packs.reduce((sum, pack) => sum + pack.size, size)
    if (stored !== undefined && stored.bytes !== bytes) yield `record ${seq} says that it brought ${stored.bytes} bytes, its catalog says ${bytes}`
  } catch (error) {
    catalogs.set(seq, undefined)
    bytes = stored?.bytes ?? 0
    yield `the catalog of record ${seq}: ${whyBad(error)} (${catalogName(catalog!)})`
  }
  const before = brought.get(set) ?? (hasLost ? undefined : 0)
  const total = before === undefined ? (stored?.total ?? 0) : before + bytes
  if (stored !== undefined && stored.total !== total) yield `record ${seq} says that set ${set} brought ${stored.total} bytes so far, its records say ${total}`
  brought.set(set, total + record.size)
}

async function* checkNeeds(log: StoreLog, record: SnapshotRecord, {catalogs}: Seen): AsyncGenerator<string> {
  try {
    for (const [at, numbers] of await log.labels(record)) {
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
