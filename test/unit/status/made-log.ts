// A store whose log is made by hand: records as they are, with nothing behind them.

import {formatSnapshot, type SnapshotDraft} from '../../../src/lib/store/record.ts'
import {recordName} from '../../../src/lib/store/store.ts'
import type {MemoryStore} from '../store/memory-store.ts'

const sums = new WeakMap<MemoryStore, string>()

/** Adds a snapshot of a set, received at a time as records write it; answers its number. */
export function addRecord(store: MemoryStore, set: string, received: string, parts: Partial<SnapshotDraft> = {}): number {
  const seq = [...store.files.keys()].filter((name) => name.startsWith('log/')).length + 1
  const {text, sum} = formatSnapshot({
    seq, set, received, claimed: received, partial: 0, entries: 100, bytes: 1000, index: {id: '1'.repeat(64), level: 'full'}, tree: '2'.repeat(64),
    catalog: '3'.repeat(64), stored: {bytes: 10, total: 10 * seq}, needs: {base: undefined, drop: new Map(), add: new Map([[seq, new Set([1])]])}, epoch: 1, saw: undefined,
    prev: sums.get(store) ?? '0'.repeat(64), ...parts,
  })
  sums.set(store, sum)
  store.files.set(recordName(seq), Buffer.from(text, 'latin1'))
  return seq
}

/** Seconds since 1970 of a time in ISO 8601. */
export function seconds(text: string): number {
  return Date.parse(text) / 1000
}
