// What `npm run scale` says of what it measured, and what it takes for too much.

import {describe, expect, test} from 'vitest'
import {excesses, scaleReport, type Measured} from '../../../bench/scale-report.ts'

const once = (median: number) => ({median, least: median, greatest: median, count: 1})
const good: Measured = {
  took: [
    {name: 'rotate', small: {median: 0.2, least: 0.1, greatest: 0.3, count: 5}, large: {median: 0.6, least: 0.5, greatest: 0.7, count: 5}, peak: 292_968},
    {name: 'log', large: once(0.4), peak: 80 * 1024},
  ],
  same: new Map([['log/001001', 2047]]),
  indexes: {snapshots: 200, stored: 2999, changes: 2000, later: 1000},
}

test('a report has a row for each command, and the indexes', () => {
  expect(scaleReport(good)).toBe(`\
| | seconds, smaller store | seconds, larger store | times | peak MiB, larger store |
|---|---:|---:|---:|---:|
| rotate | 0.20 (0.10–0.30) | 0.60 (0.50–0.70) | 3.00 | 286 |
| log |  | 0.40 |  | 80 |

Indexes of 200 snapshots: 2999 bytes; their changes compressed one by one: 1000 bytes, 2000 with the first day's. 3.00 times, 1.50 with the first.
A push when nothing had changed added log/001001 (2047 bytes).
`)
})

describe('within the bounds is', () => {
  test('what is at them', () => expect(excesses({...good, took: [{...good.took[0]!, small: once(0.25), large: once(0.75)}]})).toEqual([]))

  test.each<[string, Partial<Measured>, string]>([
    ['a rotation that takes longer', {took: [{...good.took[0]!, large: once(0.61)}]}, 'rotate: 3.05 times as long'],
    ['memory', {took: [{...good.took[1]!, peak: 292_969}]}, 'log: 286 MiB'],
    ['indexes', {indexes: {...good.indexes, stored: 3000}}, 'indexes: 3.00 times the changes'],
    ['a record', {same: new Map([['log/001001', 2048]])}, 'nothing changed: log/001001 (2048 bytes)'],
    ['another file', {same: new Map([['log/001001', 400], ['packs/a', 1]])}, 'nothing changed: log/001001 (400 bytes), packs/a (1 bytes)'],
    ['nothing at all', {same: new Map()}, 'nothing changed: nothing'],
  ])('not %s', (_, worse, said) => {
    const took = [{...good.took[0]!, small: once(0.2), large: once(0.2)}]
    expect(excesses({...good, took, ...worse})).toEqual([said])
  })
})
