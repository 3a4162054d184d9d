// What stays, why, and until when it is promised, by example; and how fast.

import {describe, expect, it} from 'vitest'
import {Calendar, timeText} from '../../../src/lib/retention/calendar.ts'
import {planSet, type Candidate, type Decision} from '../../../src/lib/retention/plan.ts'
import {planLine} from '../../../src/lib/retention/plan-text.ts'
import {settleReceipts, type Receipt} from '../../../src/lib/retention/receipts.ts'
import {rulesOf, type Rules} from '../../../src/lib/retention/rules.ts'
import {DAY, HOUR} from './histories.ts'
import {refusalOf, Rotation} from './rotating.ts'

const at = (text: string): number => Date.parse(text) / 1000
const NOW = at('2026-11-22T12:00:00Z')

/** `17 11-22T08:30 100 partial`: number, time in 2026, entries, and what else there is. */
function snapshot(line: string): Candidate {
  const [seq, time, entries, ...more] = line.split(' ')
  const pin = more.find((word) => word.startsWith('pin='))
  return {
    seq: Number(seq), received: at(`2026-${time}Z`), entries: Number(entries ?? 100), isComplete: !more.includes('partial'),
    pinnedUntil: pin === undefined ? undefined : at(pin.slice(4)),
  }
}

function plan(lines: readonly string[], rules: Partial<Rules>, zone = 'UTC', now = NOW): Decision[] {
  return planSet({snapshots: lines.map(snapshot), rules: rulesOf(rules), calendar: new Calendar(zone), now})
}

function words(decisions: readonly Decision[]): string[] {
  return decisions.map(planLine).map(({verdict, seq, until, why}) => `${verdict} ${seq} ${until === undefined ? '-' : timeText(until)} ${why}`)
}

describe('a plan', () => {
  it.each<[string, Partial<Rules>, readonly string[], readonly string[]]>([
    ['of nothing', {daily: 7}, [], []],
    ['of one', {daily: 7}, ['1 11-22T08:30'], ['keep 1 2026-11-29T00:00:00Z newest, newest-complete, daily 2026-11-22']],
    [
      'the first of a day', {daily: 2}, ['1 11-19T09:00', '2 11-20T09:00', '3 11-22T08:00', '4 11-22T09:00', '5 11-22T10:00'],
      [
        'drop 1 - no rule keeps it', 'keep 2 2026-11-23T00:00:00Z daily 2026-11-20', 'keep 3 2026-11-24T00:00:00Z daily 2026-11-22', 'drop 4 - 3 stays of daily 2026-11-22',
        'keep 5 - newest, newest-complete',
      ],
    ],
    [
      'the first complete one, too', {daily: 7}, ['1 11-22T06:00 100 partial', '2 11-22T07:00 100 partial', '3 11-22T08:00 100', '4 11-22T09:00 100', '5 11-22T10:00 100 partial'],
      [
        'keep 1 2026-11-29T00:00:00Z daily 2026-11-22', 'drop 2 - 1 stays of daily 2026-11-22', 'keep 3 2026-11-29T00:00:00Z daily 2026-11-22 first complete',
        'keep 4 - newest-complete', 'keep 5 - newest',
      ],
    ],
    [
      'what has more than twice the entries', {daily: 7}, ['1 11-22T05:00 60', '2 11-22T06:00 120', '3 11-22T07:00 121', '4 11-22T08:00 130', '5 11-22T09:00 243', '6 11-22T10:00 9'],
      [
        'keep 1 2026-11-29T00:00:00Z daily 2026-11-22', 'drop 2 - 1 stays of daily 2026-11-22', 'keep 3 2026-11-29T00:00:00Z daily 2026-11-22 over twice 1', 'drop 4 - 3 stays of daily 2026-11-22',
        'keep 5 2026-11-29T00:00:00Z daily 2026-11-22 over twice 3', 'keep 6 - newest, newest-complete',
      ],
    ],
    [
      'a complete one that a larger partial one does not stand for', {daily: 7}, ['1 11-22T05:00 10', '2 11-22T06:00 100 partial', '3 11-22T07:00 30', '4 11-22T08:00 5'],
      [
        'keep 1 2026-11-29T00:00:00Z daily 2026-11-22', 'keep 2 2026-11-29T00:00:00Z daily 2026-11-22 over twice 1', 'keep 3 2026-11-29T00:00:00Z daily 2026-11-22 over twice 1',
        'keep 4 - newest, newest-complete',
      ],
    ],
    [
      'within counts back from the newest', {within: HOUR, last: 2}, ['1 11-22T08:00', '2 11-22T08:01', '3 11-22T08:59:59', '4 11-22T09:00'],
      [
        'drop 1 - no rule keeps it', 'keep 2 2026-11-22T09:01:00Z within', 'keep 3 2026-11-22T09:59:59Z within, last', 'keep 4 2026-11-22T10:00:00Z newest, newest-complete, within, last',
      ],
    ],
    [
      'pins, until they end', {daily: 1}, ['1 11-01T08:00 100 pin=2026-11-22T12:00:01Z', '2 11-02T08:00 100 pin=2026-11-22T12:00:00Z', '3 11-22T08:00'],
      ['keep 1 2026-11-22T12:00:01Z pinned until 2026-11-22T12:00:01Z', 'drop 2 - no rule keeps it', 'keep 3 2026-11-23T00:00:00Z newest, newest-complete, daily 2026-11-22'],
    ],
    [
      'each bucket in turn', {hourly: 2, weekly: 2, monthly: 2, quarterly: 2, yearly: 1}, ['1 07-31T08:00', '2 10-02T08:00', '3 11-15T08:00', '4 11-22T08:00', '5 11-22T09:00'],
      [
        'keep 1 2027-01-01T00:00:00Z quarterly 2026-Q3, yearly 2026', 'keep 2 2027-04-01T00:00:00Z monthly 2026-10, quarterly 2026-Q4', 'keep 3 2027-01-01T00:00:00Z weekly 2026-W46, monthly 2026-11',
        'keep 4 2026-11-30T00:00:00Z hourly 2026-11-22T08, weekly 2026-W47', 'keep 5 2026-11-22T11:00:00Z newest, newest-complete, hourly 2026-11-22T09',
      ],
    ],
  ])('%s', (_, rules, snapshots, expected) => {
    expect(words(plan(snapshots, rules))).toEqual(expected)
  })

  it('goes by the days of its zone', () => {
    const snapshots = ['1 11-22T22:59', '2 11-22T23:00', '3 11-23T22:59']
    expect(words(plan(snapshots, {daily: 2}, 'Europe/Berlin')).slice(0, 2)).toEqual(['keep 1 2026-11-23T23:00:00Z daily 2026-11-22', 'keep 2 2026-11-24T23:00:00Z daily 2026-11-23'])
  })

  it('promises nothing that a clock about to be set back would break', () => {
    // At 03:00 the clock in Troll is set back to 01:00: an hour that was passed over comes again.
    const troll = new Calendar('Antarctica/Troll')
    const rotation = new Rotation(rulesOf({hourly: 2}), troll)
    for (const [index, time] of ['2025-10-25T22:30:00Z', '2025-10-26T00:30:00Z', '2025-10-26T01:10:00Z'].entries()) {
      rotation.receive({seq: index + 1, received: at(time), entries: 1, isComplete: true})
      rotation.rotate()
    }
    expect(rotation.kept.map(({seq}) => seq)).toEqual([2, 3])
  })

  it('is not made of snapshots out of order', () => {
    expect(() => plan(['1 11-22T09:00', '2 11-22T08:00'], {daily: 1})).toThrow('snapshot 2 is not behind 1')
    expect(() => plan(['2 11-22T09:00', '2 11-22T09:00'], {daily: 1})).toThrow('snapshot 2 is not behind 2')
  })
})

describe('a promise', () => {
  it.each<[Partial<Rules>, number, string]>([
    [{daily: 7}, DAY, '2026-11-29T00:00:00Z'],
    [{daily: 1}, DAY, '2026-11-23T00:00:00Z'],
    [{hourly: 24}, HOUR, '2026-11-23T08:00:00Z'],
    [{weekly: 5}, 7 * DAY, '2026-12-21T00:00:00Z'],
    [{monthly: 12}, 28 * DAY, '2027-11-01T00:00:00Z'],
    [{yearly: 2}, 365 * DAY, '2028-01-01T00:00:00Z'],
    [{within: 3 * DAY}, HOUR, '2026-11-25T08:30:00Z'],
  ])('%j is kept to the second, and no longer', (asked, step, until) => {
    const [rules, calendar, received] = [rulesOf(asked), new Calendar('UTC'), at('2026-11-22T08:30:00Z')]
    const rotation = new Rotation(rules, calendar)
    rotation.receive({seq: 1, received, entries: 100, isComplete: true})
    expect(timeText((rotation.rotate()[0] as {readonly until: number}).until)).toBe(until)
    // Whoever pushes in each bucket, and at its last second.
    const times: number[] = []
    for (let time = received; time < at(until); time += step / 2) times.push(time)
    for (const [index, time] of [...times, at(until) - 1].entries()) {
      rotation.receive({seq: index + 2, received: time, entries: 90, isComplete: true})
      rotation.rotate()
      expect(rotation.kept[0]!.seq).toBe(1)
    }
    rotation.receive({seq: times.length + 3, received: at(until), entries: 90, isComplete: true})
    rotation.rotate()
    expect(rotation.kept[0]!.seq).not.toBe(1)
  })
})

describe('receipts', () => {
  const clock = {now: 10_000_000, maxGap: 1_000_000}
  const receipts = (...times: readonly number[]): Receipt[] => times.map((received, index) => ({seq: index + 1, received}))

  it.each<[string, readonly number[], readonly number[]]>([
    ['none', [], []],
    ['as they are', [5, 5, 1_000_005], [5, 5, 1_000_005]],
    ['a clock that was set a little back', [1000, 700, 900, 1001], [1000, 1000, 1000, 1001]],
    ['a clock that was a little ahead', [9_900_000, 10_000_300], [9_900_000, 10_000_300]],
  ])('%s', (_, times, settled) => {
    expect(settleReceipts(receipts(...times), clock)).toEqual(settled)
  })

  it.each<[string, readonly number[], string]>([
    ['back', [1000, 699], 'snapshot 2 was received 5m earlier than 1, the one before it: a clock was wrong'],
    ['back, little by little', [1000, 800, 699], 'snapshot 3 was received 5m earlier than 2, the one before it: a clock was wrong'],
    ['a gap', [1000, 1_001_001], 'snapshot 2 was received 11D later than 1, the one before it: a clock was wrong'],
    ['ahead', [9_900_000, 10_000_301], 'snapshot 2 was received 5m later than now: a clock was wrong'],
  ])('%s is refused', (_, times, message) => {
    const refusal = refusalOf(() => settleReceipts(receipts(...times), clock))
    expect(refusal).toMatchObject({status: 77, message})
    expect(refusal.hint).toContain('--retime')
  })

  it('a gap before a time that somebody has set is meant', () => {
    expect(settleReceipts([{seq: 1, received: 0}, {seq: 2, received: 5_000_000, isSet: true}], clock)).toEqual([0, 5_000_000])
  })
})

it('plans 100,000 snapshots at once', () => {
  const snapshots = Array.from({length: 100_000}, (_, index) => ({seq: index + 1, received: 1_500_000_000 + index * HOUR, entries: 1000 + (index % 50), isComplete: true}))
  const started = performance.now()
  const decisions = planSet({snapshots, rules: rulesOf({hourly: 100_000, daily: 4000, yearly: 100, within: 400 * DAY}), calendar: new Calendar('Europe/Berlin'), now: NOW})
  expect(decisions.filter(({verdict}) => verdict === 'keep').length).toBeGreaterThan(99_000)
  expect(performance.now() - started).toBeLessThan(5000)
})
