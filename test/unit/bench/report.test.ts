// The figures of docs/performance.md come from these tables: a failed run that slipped into a median would be a lie in print.

import {expect, it} from 'vitest'
import {placeInto, report, spread} from '../../../bench/report.ts'
import type {Row} from '../../../bench/rows.ts'

const row = (peer: string, op: Row['op'], lap: number, wall: number, more: Partial<Row> = {}): Row => ({
  when: '2026-11-22T08:30:05.000Z', corpus: 'small', peer, op, lap, wall, user: wall, system: 0, maxRss: 2048, sumRss: 4096,
  sync: 0, storeBytes: 5_000_000, storeDisk: 5_000_000, storeFiles: 3, status: '0', proof: '-', ...more,
})
const rows = [
  row('rsync', 'again', 1, 2), row('rsync', 'again', 2, 1), row('rsync', 'again', 3, 4),
  row('bk-pipe', 'again', 1, 3.2), row('bk-pipe', 'again', 2, 2.8), row('bk-pipe', 'again', 3, 99, {status: '2'}),
  row('rsync', 'first', 1, 8), row('restic', 'first', 1, 10), row('bk-pipe', 'first', 1, 12),
]
const lines = report([{key: 'machine', value: 'a clock'}], rows).split('\n')

it.for([
  [[3], {median: 3, least: 3, greatest: 3, count: 1}],
  [[4, 1, 2], {median: 2, least: 1, greatest: 4, count: 3}],
  [[4, 1, 2, 10], {median: 3, least: 1, greatest: 10, count: 4}],
  [[], undefined],
] as const)('takes the median of %j', ([values, expected]) => {
  expect(spread(values)).toEqual(expected)
})

it('shows median, least and greatest, and leaves out what was not measured', () => {
  expect(lines).toContain('- machine: a clock')
  expect(lines).toContain('|  | first backup | nothing changed |')
  expect(lines).toContain('| rsync | 8.00 | 2.00 (1.00–4.00) |')
  expect(lines).toContain('| restic | 10.0 | - |')
})

it('keeps failed runs out of the median and names them', () => {
  expect(lines).toContain('| bk-pipe | 12.0 | 3.00 (2.80–3.20) 2 of 3 runs |')
  expect(lines).toContain('- small bk-pipe again, lap 3: 2')
})

it('compares the forms of bk with the others, and with the bounds', () => {
  expect(lines).toContain('|  | rsync | restic |')
  expect(lines).toContain('| bk-pipe, nothing changed | 1.50 | - |')
  expect(lines).toContain('| small | first backup: bk-pipe at most 1 x restic | 1.20 | does not hold |')
  expect(lines).toContain('| small | nothing changed: bk-pipe at most 1.5 x rsync | 1.50 | holds |')
  expect(lines).toContain('| small | first backup: bk-pipe at most 1 x borg-key-zstd | - | not measured |')
})

it('says so when a restored tree differs, and does not count its time', () => {
  const made = report([], [row('rsync', 'restore', 1, 5, {proof: 'differs'})])
  expect(made).toContain('- small rsync restore, lap 1: the restored tree differs')
  expect(made).not.toContain('5.00')
})

it('replaces the figures of a page and nothing else', () => {
  const page = 'a\n<!-- bench: figures begin -->\nold\n<!-- bench: figures end -->\nz\n'
  const once = placeInto(page, 'new\n')
  expect(once).toBe('a\n<!-- bench: figures begin -->\n\nnew\n\n<!-- bench: figures end -->\nz\n')
  expect(placeInto(once, 'new\n')).toBe(once)
  expect(() => placeInto('no marks', 'new\n')).toThrow('bench: figures begin')
})
