// The status of sets as they are written: to the character, since programs read it.

import {describe, expect, it, test} from 'vitest'
import {folded} from '../../../src/lib/cli/fold.ts'
import {tableLines} from '../../../src/lib/cli/table.ts'
import {formatAge} from '../../../src/lib/status/age.ts'
import {PROBLEM_KINDS} from '../../../src/lib/status/judge.ts'
import {prometheusLines} from '../../../src/lib/status/prometheus.ts'
import {exactRow, problemLines, readableRow, reportAsJson, statusColumns} from '../../../src/lib/status/rows.ts'
import {worst} from '../../../src/lib/status/worst.ts'
import type {Snapshot} from '../../../src/lib/status/facts.ts'
import type {SetReport} from '../../../src/lib/status/report.ts'

const now = Date.parse('2026-11-22T20:00:00Z') / 1000
const newest: Snapshot = {
  seq: 1218, set: 'web1', received: now - 41_400, receivedText: '2026-11-22T08:30:00Z', partial: 0, entries: 118_532, bytes: 957_680_012, brought: 35_651_584, size: 700, isFirst: false,
}
const well: SetReport = {
  store: '/backup/store', set: 'web1', newest, complete: newest, before: {...newest, seq: 1217, bytes: 957_000_000}, today: [newest], used: 26_843_545_600, left: undefined,
  limits: {quota: 214_748_364_800, perDay: 48}, problems: [],
}
const ill: SetReport = {
  ...well, set: 'db', newest: {...newest, seq: 1219, partial: 3, brought: undefined}, before: undefined, limits: {}, left: {packs: 2, bytes: 99, time: now},
  problems: [{kind: 'stale', words: 'too old'}, {kind: 'partial', words: 'not all'}],
}
const nothing: SetReport = {
  ...well, set: undefined, newest: undefined, complete: undefined, before: undefined, today: [], used: 0, limits: {}, problems: [{kind: 'never', words: 'none yet'}],
}
const bold = (text: string): string => text
const readable = {stores: 1, now, timeZone: 'Asia/Tokyo'}

describe('for people', () => {
  test('it has room in 80 columns, also with long names and two words', async () => {
    const old = {...ill, set: 'mail.example', complete: {...newest, received: newest.received - 365 * 86_400}}
    const lines = await tableLines(statusColumns(1), [well, old].map((report) => readableRow(report, readable)), 80, bold)
    expect(lines.join('')).toBe(
      'SET           NEWEST             AGE  SIZE  NEW  TODAY     QUOTA  STATE\n' +
        'web1          1218 11-22 17:30   11h  913M  34M   1/48  25G/200G  ok\n' +
        'mail.example  1218 2025-11-22   365D  913M    -      1       25G  stale +1\n',
    )
  })

  test('in 40 it is blocks, none of whose lines is longer', async () => {
    const lines = await tableLines(statusColumns(2), [well, ill, nothing].map((report) => readableRow(report, {...readable, stores: 2})), 40, bold)
    expect(lines.length).toBe(3 * 9 + 2)
    expect(Math.max(...lines.map((line) => line.length - 1))).toBeLessThanOrEqual(40)
    expect(lines.slice(-9).join('')).toBe('store   /backup/store\nset     -\nnewest  -\nage     -\nsize    -\nnew     -\ntoday   0\nquota   0\nstate   never\n')
  })

  test('what is wrong is said of a set, or of a store', () => {
    expect(problemLines(ill, 1)).toEqual(['db: stale: too old', 'db: partial: not all'])
    expect(problemLines(ill, 2)[0]).toBe('/backup/store db: stale: too old')
    expect(problemLines({...nothing, store: 'a\nb'}, 1)).toEqual(['a\\012b: never: none yet'])
  })

  it.for<[width: number, lines: string[]]>([
    [80, ['db: stale: too old']],
    [18, ['db: stale: too old']],
    [17, ['db: stale: too', '  old']],
    [10, ['db: stale:', '  too old']],
    [3, ['db:', '  stale:', '  too', '  old']],
  ])('sentences are broken between words: %d columns', ([width, lines]) => {
    expect(folded('db: stale: too old', width)).toEqual(lines)
  })

  it.for<[seconds: number, text: string]>([
    [-5, '0s'], [0, '0s'], [59.9, '59s'], [60, '1m'], [3599, '59m'], [3600, '1h'], [3660, '1h1m'], [35_999, '9h59m'], [36_000, '10h'], [93_600, '26h'],
    [172_799, '47h'], [172_800, '2D'], [176_400, '2D1h'], [863_999, '9D23h'], [864_000, '10D'], [86_400_000, '1000D'],
  ])('an age of %d s is %s', ([seconds, text]) => {
    expect(formatAge(seconds)).toBe(text)
  })
})

describe('for programs', () => {
  test('rows are exact', () => {
    expect(exactRow(well, {stores: 1, now}).join(' ')).toBe('web1 1218 2026-11-22T08:30:00Z 41400 118532 957680012 35651584 680012 1 48 26843545600 214748364800 ok')
    expect(exactRow(ill, {stores: 1, now}).join(' ')).toBe('db 1218 2026-11-22T08:30:00Z 41400 118532 957680012 - - 1 - 26843545600 - stale,partial')
    expect(exactRow({...nothing, store: 'a\tb'}, {stores: 2, now}).join(' ')).toBe('a\\011b - - - - - - - - 0 - 0 - never')
  })

  test('JSON has what is known', () => {
    expect(reportAsJson(well, now)).toBe(
      '{"type":"set","store":"/backup/store","set":"web1","healthy":true,"complete":1218,"received":"2026-11-22T08:30:00Z","age":41400,"entries":118532,"bytes":957680012,' +
        '"newest":1218,"unread":0,"new_bytes":35651584,"bytes_change":680012,"today":1,"per_day":48,"used":26843545600,"quota":214748364800,"problems":[]}\n',
    )
    expect(JSON.parse(reportAsJson(ill, now))).toMatchObject({
      healthy: false, newest: 1219, unread: 3, left_packs: 2, left_bytes: 99, problems: [{kind: 'stale', message: 'too old'}, {kind: 'partial', message: 'not all'}],
    })
    expect(reportAsJson(nothing, now)).toBe('{"type":"set","store":"/backup/store","healthy":false,"today":0,"used":0,"problems":[{"kind":"never","message":"none yet"}]}\n')
  })

  test('metrics stand together, and labels are escaped', () => {
    const store = 'a "b" \\ \n'
    const text = [...prometheusLines([{store, reports: [well, ill].map((report) => ({...report, store}))}, {store: 'gone', reports: undefined}])].join('')
    const label = 'store="a \\"b\\" \\\\ \\n"'
    expect(text).toContain(`# HELP bk_store_readable Whether the store could be read.\n# TYPE bk_store_readable gauge\nbk_store_readable{${label}} 1\nbk_store_readable{store="gone"} 0\n`)
    expect(text).toContain(`# TYPE bk_healthy gauge\nbk_healthy{${label},set="web1"} 1\nbk_healthy{${label},set="db"} 0\n`)
    expect(text).toContain(`bk_problem{${label},set="db",kind="stale"} 1\n`)
    expect(text).toContain(`bk_problem{${label},set="db",kind="cut"} 0\n`)
    expect(text).toContain(`bk_newest_complete_timestamp_seconds{${label},set="web1"} 1795336200\n`)
    expect(text).toContain(`# TYPE bk_quota_bytes gauge\nbk_quota_bytes{${label},set="web1"} 214748364800\n`)
    expect(text.match(/bk_problem\{/g)?.length).toBe(2 * PROBLEM_KINDS.length)
    // Each line in the grammar, and each family in one piece.
    const samples = text.split('\n').filter((line) => !/^(?:# (?:HELP|TYPE) bk_[a-z_]+ \S.*)?$/.test(line))
    for (const line of samples) expect(line).toMatch(/^bk_[a-z_]+\{store="(?:[^"\\]|\\["\\n])*"(?:,set="[\w.-]+")?(?:,kind="[a-z-]+")?\} -?\d+$/)
    const names = samples.map((line) => line.slice(0, line.indexOf('{')))
    expect(names.filter((name, at) => name !== names[at - 1]).length).toBe(new Set(names).size)
  })

  test('a store without sets has no label for one', () => {
    expect([...prometheusLines([{store: 's', reports: [{...nothing, store: 's'}]}])].join('')).toContain('bk_problem{store="s",kind="never"} 1\n')
  })
})

test('of several statuses the gravest is taken', () => {
  expect(worst([])).toBe(0)
  expect([worst([0, 1, 0]), worst([1, 75, 1]), worst([77, 75]), worst([2, 77]), worst([65, 2, 0]), worst([3, 75, 0]), worst([0, 3])]).toEqual([1, 75, 77, 2, 65, 75, 3])
})
