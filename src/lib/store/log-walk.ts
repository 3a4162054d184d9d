/*
 * Goes through the log of a store from its first record to its last, as far as the chain holds: for listings, which stream.
 */
import {BkError} from '../cli/errors.ts'
import {NO_RECORD, type StoreRecord} from './record.ts'
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
