/*
 * What a set has brought into a store, counted from its records: for its quota, and for its snapshots per day. The newest record of the
 * set says the sum, so that one record is read and not every catalog; those of earlier versions, which do not say it, are counted.
 */
import {errorCode} from '../cli/errors.ts'
import {freedBy} from './edits.ts'
import {packLines, readPackLines} from './read-catalog.ts'
import {catalogName} from './store.ts'
import type {StoreLog} from './log.ts'
import type {SnapshotRecord, StoreRecord} from './record.ts'

/** Packs of a catalog, and what they and the catalog take. */
export interface Brought {
  readonly packs: number
  /** Bytes of the packs. */
  readonly bytes: number
  /** Bytes of the catalog. */
  readonly catalog: number
}

const NOTHING: Brought = {packs: 0, bytes: 0, catalog: 0}
const DAY = 24 * 3600

/** What came with a snapshot; undefined where the catalog that says so is gone. */
export async function broughtBy({store}: StoreLog, {catalog}: SnapshotRecord): Promise<Brought | undefined> {
  if (catalog === undefined) return NOTHING
  let text: Buffer
  try {
    text = await store.get(catalogName(catalog))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  let packs = 0
  let bytes = 0
  for (const {size} of packLines(text)) {
    packs++
    bytes += size
  }
  return {packs, bytes, catalog: text.length}
}

/** Names of the packs that came with a record. Throws where the catalog that says so cannot be read. */
export async function broughtNames({store}: StoreLog, {catalog}: StoreRecord): Promise<string[]> {
  return catalog === undefined ? [] : (await readPackLines(store, catalog)).packs.map(({name}) => name)
}

/**
 * Bytes of all that the set's records have brought: packs, catalogs, and the records themselves. What was dropped counts until an edit says
 * that it is gone.
 * @throws BkError 65 where the log is damaged
 */
export async function usedBy(log: StoreLog, set: string): Promise<number> {
  let bytes = 0
  for await (const record of log.backwards()) {
    if (record.kind === 'edit') bytes -= freedBy(record.lines, set)
    if (record.kind !== 'snapshot' || record.set !== set) continue
    bytes += record.size
    if (record.stored !== undefined) return Math.max(0, bytes + record.stored.total)
    const brought = await broughtBy(log, record)
    bytes += (brought?.bytes ?? 0) + (brought?.catalog ?? 0)
  }
  return Math.max(0, bytes)
}

/**
 * How many snapshots of a set were received in the 24 hours before `now`. What says it came later than now was received under a clock
 * that was wrong, and does not count: a set must not be shut out until that day comes.
 * @param now seconds since 1970
 */
export async function snapshotsOfDay(log: StoreLog, set: string, now: number): Promise<number> {
  let count = 0
  for await (const record of log.backwards()) {
    if (record.kind !== 'snapshot') continue
    const age = now - Date.parse(record.received) / 1000
    if (age >= DAY) break
    if (record.set === set && age >= 0) count++
  }
  return count
}
