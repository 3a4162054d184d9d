// From raw rows to the tables of docs/performance.md: medians with the least and the greatest value beside them, ratios of medians, and
// whether the bounds hold. Pure: the same rows give the same page.

import {type Bound, type Op, type Peer, bounds, peers, yardsticks} from './peers.ts'
import {type Fact, type Row, succeeded} from './rows.ts'

/** The operations in the order of a cycle, and what they are called in tables. */
export const operations: readonly (readonly [Op, string])[] = [
  ['first', 'first backup'],
  ['again', 'nothing changed'],
  ['mutated', 'after a day\'s change'],
  ['restore', 'restore'],
]

type Figure = (row: Row) => number

export interface Spread {
  readonly median: number
  readonly least: number
  readonly greatest: number
  readonly count: number
}

/** The whole section as Markdown, from the facts of the preamble to the failed runs. */
export function report(facts: readonly Fact[], rows: readonly Row[]): string {
  const corpora = [...new Set(rows.map((row) => row.corpus))]
  const sections = [
    preamble(facts, rows),
    ...corpora.flatMap((corpus) => [`### ${corpus}`, ...corpusTables(rows.filter((row) => row.corpus === corpus))]),
    '### Bounds',
    boundsTable(rows, corpora),
    failures(rows),
  ]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

/** Median, least and greatest of one figure over the runs that ended well; undefined when there are none. */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const half = sorted.length / 2
  const median = (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2
  return {median, least: sorted[0]!, greatest: sorted.at(-1)!, count: sorted.length}
}

function preamble(facts: readonly Fact[], rows: readonly Row[]): string {
  const laps = Math.max(0, ...rows.map((row) => row.lap))
  const lines = facts.map(({key, value}) => `- ${key}: ${value}`)
  const used = peersOf(rows).map(({name, about}) => `- \`${name}\`: ${about}`)
  const count = `Medians of ${laps} ${laps === 1 ? 'lap' : 'laps'}, ${rows.length} runs.`
  return [count, lines.join('\n'), used.join('\n')].filter(Boolean).join('\n\n')
}

function corpusTables(rows: readonly Row[]): string[] {
  const cpu = (row: Row): number => row.user + row.system
  const mebibytes = (kib: number): string => (kib / 1024).toFixed(0)
  const table = (title: string, figure: Figure, print: (x: number) => string): string[] => [title, figureTable(rows, figure, print)]
  return [
    ...table('Wall time in seconds, median (least–greatest):', (row) => row.wall, seconds),
    ...ratios(rows, 'Wall time of bk as a multiple of', (row) => row.wall),
    ...table('Processor time in seconds, user and system of all processes:', cpu, seconds),
    ...ratios(rows, 'Processor time of bk as a multiple of', cpu),
    ...table('Peak memory of the largest process in MiB:', (row) => row.maxRss, mebibytes),
    ...table('Peak memory of all processes together in MiB (pages they share count for each):', (row) => row.sumRss, mebibytes),
    ...table('Store in MB, bytes of its files:', (row) => row.storeBytes, (bytes) => (bytes / 1e6).toFixed(1)),
    ...table('Files in the store:', (row) => row.storeFiles, (files) => files.toFixed(0)),
    ...table('Seconds of `sync` still owed after the run:', (row) => row.sync, (x) => x.toFixed(2)),
  ]
}

function figureTable(rows: readonly Row[], figure: Figure, print: (x: number) => string): string {
  const used = operations.filter(([op]) => rows.some((row) => row.op === op))
  const body = peersOf(rows).map(({name}) => [name, ...used.map(([op]) => cell(rows, name, op, figure, print))])
  return markdown(['', ...used.map(([, title]) => title)], body)
}

function cell(rows: readonly Row[], peer: string, op: Op, figure: Figure, print: (x: number) => string): string {
  const runs = rows.filter((row) => row.peer === peer && row.op === op)
  const found = spread(runs.filter(succeeded).map(figure))
  if (!found) return runs[0] ? `failed: ${runs[0].status}` : '-'
  const range = [print(found.least), print(found.greatest)]
  const failed = runs.length > found.count ? ` ${found.count} of ${runs.length} runs` : ''
  return `${print(found.median)}${range[0] === range[1] ? '' : ` (${range.join('–')})`}${failed}`
}

function ratios(rows: readonly Row[], title: string, figure: Figure): string[] {
  const present = peersOf(rows).map(({name}) => name)
  const forms = present.filter((name) => name.startsWith('bk-'))
  const others = yardsticks.filter((name) => present.includes(name))
  if (forms.length === 0 || others.length === 0) return []
  const used = operations.filter(([op]) => rows.some((row) => row.op === op))
  const body = used.flatMap(([op, what]) =>
    forms.map((form) => [`${form}, ${what}`, ...others.map((other) => twoDigits(ratio(rows, op, form, other, figure)))]),
  )
  return [`${title}:`, markdown(['', ...others], body)]
}

function ratio(rows: readonly Row[], op: Op, peer: string, than: string, figure: Figure): number | undefined {
  const median = (name: string): number | undefined =>
    spread(rows.filter((row) => row.peer === name && row.op === op && succeeded(row)).map(figure))?.median
  const [mine, theirs] = [median(peer), median(than)]
  return mine === undefined || theirs === undefined || theirs === 0 ? undefined : mine / theirs
}

function boundsTable(rows: readonly Row[], corpora: readonly string[]): string {
  const titles = new Map(operations)
  const line = (corpus: string, {op, peer, than, limit}: Bound): string[] => {
    const found = ratio(rows.filter((row) => row.corpus === corpus), op, peer, than, (row) => row.wall)
    const verdict = found === undefined ? 'not measured' : found <= limit ? 'holds' : 'does not hold'
    return [corpus, `${titles.get(op)}: ${peer} at most ${limit} x ${than}`, twoDigits(found), verdict]
  }
  const body = corpora.flatMap((corpus) => bounds.map((bound) => line(corpus, bound)))
  return markdown(['corpus', 'bound on medians of wall time', 'measured', ''], body)
}

function failures(rows: readonly Row[]): string {
  const bad = rows.filter((row) => !succeeded(row))
  if (bad.length === 0) return 'Every run ended with 0, and every restore was proven equal to its source.'
  const why = ({status, proof}: Row): string => (proof === 'differs' ? 'the restored tree differs' : status)
  return `Runs that failed:\n\n${bad.map((row) => `- ${row.corpus} ${row.peer} ${row.op}, lap ${row.lap}: ${why(row)}`).join('\n')}`
}

const peersOf = (rows: readonly Row[]): Peer[] => peers.filter(({name}) => rows.some((row) => row.peer === name))
const seconds = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2))
const twoDigits = (x: number | undefined): string => (x === undefined ? '-' : x.toFixed(2))

function markdown(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`
  return [line(head), rule, ...body.map(line)].join('\n')
}

const [begin, end] = ['<!-- bench: figures begin -->', '<!-- bench: figures end -->']

/** The page with the report in place of what stood between its two marks; throws when it has no such marks. */
export function placeInto(page: string, made: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no lines ${begin} and ${end}`)
  return `${page.slice(0, from + begin.length)}\n\n${made}\n${page.slice(to)}`
}
