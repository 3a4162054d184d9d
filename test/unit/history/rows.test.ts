// The versions of files as people see them on a terminal of 80 columns: a row each, and nothing that is the same in all of them.

import {expect, test} from 'vitest'
import {tableLines} from '../../../src/lib/cli/table.ts'
import {versionTable} from '../../../src/lib/history/rows.ts'
import {parseEntryLine} from '../../../src/lib/index/entry.ts'
import type {Keep} from '../../../src/lib/retention/keeps.ts'
import type {SnapshotRecord} from '../../../src/lib/store/record.ts'
import type {Version} from '../../../src/lib/history/versions.ts'

const snapshots = [11, 12, 13, 214].map((seq) => ({seq, set: 'web', received: `2026-11-22T08:30:0${seq % 10}Z`})) as unknown as SnapshotRecord[]
const entry = (path: string, size: number) => parseEntryLine(`${path} type=file mode=0644 uid=0 gid=0 size=${size} time=1763800000.000000000`)
const versionsOf = (path: string): Version[] => [
  {change: 'new', first: 0, last: 1, entry: entry(path, 221)},
  {change: 'content', first: 2, last: 2, entry: entry(path, 5_000_000)},
  {change: 'gone', first: 3, last: 3, entry: undefined},
]
const keeps = new Map<number, Keep>([
  [11, {seq: 11, verdict: 'keep', until: Date.parse('2026-11-29T00:00:00Z') / 1000, why: 'daily 2026-11-22, weekly 2026-W47'}],
  [12, {seq: 12, verdict: 'drop', until: undefined, why: '11 stays of daily 2026-11-22'}],
  [13, {seq: 13, verdict: 'keep', until: Date.parse('2027-06-30T23:59:59Z') / 1000, why: 'pinned until 2027-06-30T23:59:59Z, last'}],
])
const linesOf = async (...paths: readonly string[]): Promise<string[]> => {
  const all = paths.map((path) => ({history: {path, snapshots, versions: versionsOf(path)}, context: {set: 'web', keeps}}))
  const {columns, rows} = versionTable(all, 'UTC')
  return (await tableLines(columns, rows, 100, (text) => text)).map((line) => line.trimEnd())
}

test('of one path', async () => {
  expect(await linesOf('./etc/hosts')).toEqual([
    '   NO  CAME              CHANGE   SIZE  MODIFIED          KEPT BY',
    '11-12  2026-11-22 08:30  new       221  2025-11-22 08:26  11: daily 2026-11-22, weekly 2026-W47, until 2026-11-29',
    '   13  2026-11-22 08:30  content  4.8M  2025-11-22 08:26  13: pinned, last, until 2027-06-30',
    '  214  2026-11-22 08:30  gone        -  -',
  ])
})

test('of two, each with its name', async () => {
  const lines = await linesOf('./a', './b\\040c')
  expect(lines[0]).toMatch(/ PATH +KEPT BY$/)
  expect(lines.slice(1).map((line) => / (\.\/a|\.\/b c)(?: |$)/.exec(line)?.[1])).toEqual(['./a', './a', './a', './b c', './b c', './b c'])
})
