/**
 * How commands ask for a snapshot and say which one they took: the same flags and the same words for restore, log and all others.
 */
import {valueFlag} from './flags.ts'
import {systemClock} from '../sys/clock.ts'
import {openSnapshot, type OpenSnapshot, type SnapshotRequest} from '../store/open.ts'
import type {Reporter} from './speech.ts'

/** The flags that choose a snapshot. */
export const whenFlags = {
  at: valueFlag('the snapshot of that time: says the same as @WHEN behind the store', {helpValue: 'WHEN'}),
  set: valueFlag('the set whose snapshots are meant, in a store with several', {helpValue: 'NAME'}),
}

/** What was asked for, with the machine's clock and time zone. */
export function askedFor(operand: string, flags: {readonly at?: string | undefined; readonly set?: string | undefined}): SnapshotRequest {
  return {operand, at: flags.at, set: flags.set, now: systemClock.now(), timeZone: localTimeZone()}
}

/** The time zone that TZ or the system says. */
export function localTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** Finds the snapshot that was asked for and says which it is. Of a log that is damaged, what is whole is there to choose from. */
export async function openAndTell(request: SnapshotRequest, reporter: Reporter): Promise<OpenSnapshot> {
  const snapshot = await openSnapshot(request, ({message}) => reporter.warn(message))
  tellSnapshot(snapshot, reporter)
  return snapshot
}

/** Says which snapshot was taken, and warns when it looks as if something was lost before it. */
export function tellSnapshot({record, before}: OpenSnapshot, reporter: Reporter): void {
  const {seq, set, received, partial, entries} = record
  const state = partial === 0 ? '' : `, partial: ${partial} ${partial === 1 ? 'path' : 'paths'} could not be read`
  reporter.note(`snapshot ${seq} of set ${set}, received ${received}${state}`)
  if (before !== undefined && entries * 2 < before.entries) {
    reporter.warn(`snapshot ${seq} has ${entries} entries, the one before it (${before.seq}) had ${before.entries}`)
  }
}
