/*
 * The status of sets in Prometheus' text exposition format, for the textfile collector of node_exporter. Names and labels are an
 * interface: they may only grow.
 */
import {PROBLEM_KINDS} from './judge.ts'
import type {SetReport} from './report.ts'

/** A store that was asked for; undefined reports where it could not be read. */
export interface Asked {
  readonly store: string
  readonly reports: readonly SetReport[] | undefined
}

type Sample = readonly [labels: Readonly<Record<string, string | undefined>>, value: number | undefined]
type Metric = readonly [name: string, help: string, samplesOf: (report: SetReport) => readonly Sample[]]

const one = (value: (report: SetReport) => number | undefined): Metric[2] => (report) => [[{}, value(report)]]

const METRICS: readonly Metric[] = [
  ['bk_healthy', 'Whether nothing is wrong with the set.', one(({problems}) => Number(problems.length === 0))],
  [
    'bk_problem', 'Whether this is wrong with the set; bk-status(1) lists the kinds.',
    ({problems}) => PROBLEM_KINDS.map((kind): Sample => [{kind}, Number(problems.some((each) => each.kind === kind))]),
  ],
  ['bk_newest_complete_timestamp_seconds', 'When the newest complete snapshot was received.', one(({complete}) => complete?.received)],
  ['bk_snapshot_bytes', 'Sum of the sizes of all files in the newest complete snapshot.', one(({complete}) => complete?.bytes)],
  ['bk_snapshot_entries', 'Entries of the newest complete snapshot.', one(({complete}) => complete?.entries)],
  ['bk_snapshot_new_bytes', 'Bytes that the newest snapshot brought into the store.', one(({newest}) => newest?.brought)],
  ['bk_snapshot_unread_paths', 'Paths that could not be read for the newest snapshot.', one(({newest}) => newest?.partial)],
  ['bk_snapshots_today', 'Snapshots that were received in the last 24 hours.', one(({today}) => today.length)],
  ['bk_snapshots_per_day', 'Snapshots that are allowed in 24 hours.', one(({limits}) => limits.perDay)],
  ['bk_used_bytes', 'Bytes that count in the quota of the set.', one(({used}) => used)],
  ['bk_quota_bytes', 'Quota of the set.', one(({limits}) => limits.quota)],
]

/** The whole text: samples of one metric stand together, as the format asks for. */
export function* prometheusLines(asked: readonly Asked[]): Generator<string> {
  yield* family('bk_store_readable', 'Whether the store could be read.', asked.map(({store, reports}) => [{store}, Number(reports !== undefined)]))
  const reports = asked.flatMap((each) => each.reports ?? [])
  for (const [name, help, samplesOf] of METRICS) {
    yield* family(name, help, reports.flatMap((report) => samplesOf(report).map(([labels, value]): Sample => [{store: report.store, set: report.set, ...labels}, value])))
  }
}

function* family(name: string, help: string, samples: readonly Sample[]): Generator<string> {
  const known = samples.filter(([, value]) => value !== undefined)
  if (known.length === 0) return
  yield `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`
  for (const [labels, value] of known) yield `${name}{${labelText(labels)}} ${value}\n`
}

function labelText(labels: Sample[0]): string {
  return Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${escaped(value)}"`])).join(',')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
