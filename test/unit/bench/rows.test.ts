// Raw rows must survive the way to disk and back, and nothing else may pass for them: a report is made from the file alone.

import {expect, it} from 'vitest'
import {type Row, parseResults, printHead, printRow, succeeded} from '../../../bench/rows.ts'

const row: Row = {
  when: '2026-11-22T08:30:05.000Z', corpus: 'small', peer: 'rsync', op: 'first', lap: 1,
  wall: 1.25, user: 0.5, system: 0.125, maxRss: 7000, sumRss: 15000, sync: 0.031,
  storeBytes: 12, storeDisk: 4096, storeFiles: 1, status: '0', proof: '-',
}
const facts = [{key: 'machine', value: '2 cores, 24 GiB'}, {key: 'corpus', value: 'small, 3 files'}]

it('reads back what it printed', () => {
  const text = printHead(facts) + printRow(row) + printRow({...row, op: 'restore', status: 'timeout'})
  const {facts: readFacts, rows} = parseResults(text)
  expect(readFacts).toEqual(facts)
  expect(rows).toEqual([row, {...row, op: 'restore', status: 'timeout'}])
  expect(printHead(readFacts) + rows.map(printRow).join('')).toBe(text)
})

it.for([
  ['a file that is something else', 'hello\n', /line 1: not the columns/],
  ['a cut line', (printHead(facts) + printRow(row)).slice(0, -1), /cut off/],
  ['a missing column', `${printHead(facts)}a\tb\n`, /line 4: 2 columns/],
  ['a word for a number', printHead(facts) + printRow(row).replace('1.250', 'soon'), /line 4: wall_s is not a number/],
] as const)('refuses %s', ([, text, message]) => {
  expect(() => parseResults(text)).toThrow(message)
})

it('counts a run only when it ended with 0 and restored what was there', () => {
  expect(succeeded(row)).toBe(true)
  expect(succeeded({...row, status: '3'})).toBe(false)
  expect(succeeded({...row, proof: 'differs'})).toBe(false)
})
