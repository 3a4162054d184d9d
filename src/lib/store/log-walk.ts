/*
 * Goes through the log of a store from its first record to its last: for listings, which stream, and for a check, which goes on
 * where a listing has to stop.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {parseCatalog} from './catalog.ts'
import {objectId} from './object-id.ts'
import {NO_RECORD, type SnapshotRecord, type StoreRecord} from './record.ts'
import {catalogName, recordName} from './store.ts'
import type {StoreLog} from './log.ts'

/**
 * All records, oldest first, each checked to be chained to the one before it.
 * @throws BkError 65 where the chain is broken
 */
export async function* recordsForward(log: StoreLog): AsyncGenerator<StoreRecord> {
  let sum = NO_RECORD
  const last = await log.last()
  for (let seq = 1; seq <= last; seq++) {
    const record = await log.record(seq)
    // Torn when it was written: it means nothing, and the next was chained to the one before.
    if (record === undefined) continue
    if (record.prev !== sum) throw broken(seq, log.store.where)
    yield record
    sum = record.sum
  }
}

function broken(seq: number, where: string): BkError {
  return new BkError(`the log is damaged before record ${seq}`, {status: 65, hint: `'bk log --check ${where}' says more`})
}

/** What was checked. */
export interface CheckTally {
  records: number
  catalogs: number
}

/**
 * Checks the sums and the chain of all records, the sums of all catalogs, that every pack a snapshot needs is in one, and the files
 * that stand beside the log.
 * @returns what is wrong, a line each
 */
export async function* checkLog(log: StoreLog, tally: CheckTally): AsyncGenerator<string> {
  yield* checkFiles(log)
  const packs = new Map<number, number>()
  let sum = NO_RECORD
  let unread: number[] = []
  const last = await log.last()
  for (let seq = 1; seq <= last; seq++) {
    const record = await recordOrWhy(log, seq)
    if (typeof record === 'string') yield record
    if (typeof record === 'string' || record === undefined) {
      if (record === undefined && (await log.store.size(recordName(seq))) === undefined) yield `record ${seq} is missing`
      else unread.push(seq)
      continue
    }
    tally.records++
    if (record.prev !== sum) {
      yield unread.length > 0 ? `record ${unread.join(', ')} is damaged: record ${seq} is chained to it` : `record ${seq} is not chained to the record before it`
    }
    unread = []
    sum = record.sum
    if (record.kind === 'snapshot') yield* checkSnapshot(log, record, packs, tally)
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

async function* checkSnapshot(log: StoreLog, record: SnapshotRecord, packs: Map<number, number>, tally: CheckTally): AsyncGenerator<string> {
  const {seq, catalog} = record
  if (catalog !== undefined) {
    try {
      packs.set(seq, await packsIn(log, catalog))
      tally.catalogs++
    } catch (error) {
      yield `the catalog of record ${seq}: ${whyBad(error)} (${catalogName(catalog)})`
    }
  }
  try {
    for (const [at, numbers] of await log.labels(record)) {
      const count = packs.get(at)
      // A damaged catalog has been told of already.
      if (count === undefined && (await isSnapshotWithCatalog(log, at))) continue
      for (const n of numbers) if (n > (count ?? 0)) yield `record ${seq} needs pack ${at}.${n}, which no catalog has`
    }
  } catch (error) {
    yield whyBad(error)
  }
}

async function isSnapshotWithCatalog(log: StoreLog, seq: number): Promise<boolean> {
  const record = await recordOrWhy(log, seq)
  return typeof record === 'object' && record.kind === 'snapshot' && record.catalog !== undefined
}

/* Read by hand and not kept: a log remembers every catalog that it is asked for. */
async function packsIn(log: StoreLog, catalog: string): Promise<number> {
  const bytes = await log.store.get(catalogName(catalog))
  if (objectId(bytes) !== catalog) throw new BkError('its sum is wrong', {status: 65})
  return parseCatalog(bytes).length
}

function whyBad(error: unknown): string {
  if (errorCode(error) === 'ENOENT') return 'is missing'
  if (error instanceof BkError || errorCode(error) !== undefined) return reasonOf(error)
  throw error
}
