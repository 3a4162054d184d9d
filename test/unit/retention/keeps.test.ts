// What keeps a snapshot, and which of several is kept longest.

import {describe, expect, test} from 'vitest'
import {keptLongest, keepsOf, type Keep} from '../../../src/lib/retention/keeps.ts'
import {formatEditRecord, NO_RECORD, parseRecord, type SnapshotRecord} from '../../../src/lib/store/record.ts'
import {stateOf, type LogState} from '../../../src/lib/store/state.ts'
import type {StoreLog} from '../../../src/lib/store/log.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z') / 1000
const received = ['2026-11-18T08:00:00Z', '2026-11-22T08:00:00Z', '2026-11-23T08:00:00Z', '2026-11-23T09:00:00Z']

function stateWith(pins: ReadonlyMap<number, string>, rules?: string, times = received): LogState {
  const records = times.map((time, i): SnapshotRecord => ({
    kind: 'snapshot', seq: i + 1, set: 'a', received: time, claimed: time, partial: 0, entries: 10, bytes: 0, index: {id: '', level: 'full'}, tree: '', catalog: undefined,
    needs: {base: undefined, drop: new Map(), add: new Map()}, epoch: 1, saw: undefined, prev: '', sum: '', unknown: [], copied: [], size: 0,
  }))
  const lines = [...(rules === undefined ? [] : [`rules a UTC ${rules}`]), ...[...pins].map(([seq, until]) => `pin ${seq} ${until}`)]
  const edits = lines.length === 0 ? [] : [parseRecord(Buffer.from(formatEditRecord({seq: 5, lines, prev: NO_RECORD}).text))]
  return {...stateOf([...records, ...edits]), head: {seq: 5, sum: '', own: []}}
}

const log = {settings: {id: 'x'}, store: {where: 'store'}} as unknown as StoreLog
const words = (state: LogState): string[] => [...keepsOf(log, state, 'a', NOW).values()].map(({seq, verdict, until, why}) => `${seq} ${verdict} ${until === undefined ? '-' : new Date(until * 1000).toISOString().slice(0, 10)} ${why}`)

describe('what is said of snapshots', () => {
  test('without rules a pin counts as long as it lasts', () => {
    expect(words(stateWith(new Map([[2, '2027-01-01T00:00:00Z'], [3, '2026-11-23T11:00:00Z']])))).toEqual([
      '1 keep - never rotated', '2 keep 2027-01-01 pinned until 2027-01-01T00:00:00Z', '3 keep - never rotated', '4 keep - never rotated',
    ])
  })

  test('by rules, what the next rotation would say', () => {
    expect(words(stateWith(new Map([[1, '2027-01-01T00:00:00Z']]), 'daily=2'))).toEqual([
      '1 keep 2027-01-01 pinned until 2027-01-01T00:00:00Z', '2 keep 2026-11-24 daily 2026-11-22', '3 keep 2026-11-25 daily 2026-11-23', '4 keep - newest, newest-complete',
    ])
    expect(words(stateWith(new Map(), 'daily=2'))[0]).toBe('1 drop - no rule keeps it')
  })

  test('where a clock was wrong it cannot be said', () => {
    expect(() => keepsOf(log, stateWith(new Map(), 'daily=2', [...received].reverse()), 'a', NOW)).toThrow(expect.objectContaining({status: 77}))
  })
})

test('the longest is what is promised longest, then what is kept at all, then the newest', () => {
  const keep = (seq: number, verdict: Keep['verdict'], until?: number): Keep => ({seq, verdict, until, why: ''})
  expect(keptLongest([])).toBeUndefined()
  expect(keptLongest([keep(1, 'keep', 50), keep(2, 'keep', 40), keep(3, 'keep')])?.seq).toBe(1)
  expect(keptLongest([keep(1, 'keep', 50), keep(2, 'keep', 50)])?.seq).toBe(2)
  expect(keptLongest([keep(1, 'keep'), keep(2, 'drop')])?.seq).toBe(1)
})
