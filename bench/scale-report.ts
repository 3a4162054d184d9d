// From what was measured to the tables of docs/performance.md, and to whether the bounds hold. Pure.

import type {IndexBytes} from './scale-stores.ts'
import type {Spread} from './report.ts'
import type {Took} from './scale-runs.ts'

/** All that was measured. */
export interface Measured {
  readonly took: readonly Took[]
  /** Files that a push added when nothing had changed, and their bytes. */
  readonly same: ReadonlyMap<string, number>
  readonly indexes: IndexBytes
}

/** The larger store against the smaller one. */
const MOST_TIMES = 3
const MOST_KIB = Math.floor(300e6 / 1024)
/** Bytes of indexes against those of changes. */
const MOST_INDEX = 3
const MOST_RECORD = 2048

/** What is beyond its bound, a line each. */
export function excesses({took, same, indexes}: Measured): string[] {
  const records = [...same].filter(([file]) => file.startsWith('log/'))
  const [size = Infinity] = records.map(([, bytes]) => bytes)
  return [
    ...took.filter((one) => (timesOf(one) ?? 0) > MOST_TIMES).map((one) => `${one.name}: ${timesOf(one)!.toFixed(2)} times as long`),
    ...took.filter(({peak}) => peak > MOST_KIB).map(({name, peak}) => `${name}: ${mebibytes(peak)} MiB`),
    ...(indexes.stored >= MOST_INDEX * indexes.later ? [`indexes: ${ratioOf(indexes)} times the changes`] : []),
    ...(same.size !== 1 || size >= MOST_RECORD ? [`nothing changed: ${addedBy(same)}`] : []),
  ]
}

/** The tables as Markdown. */
export function scaleReport({took, same, indexes}: Measured): string {
  const rows = took.map((one) => `| ${one.name} | ${one.small === undefined ? '' : times(one.small)} | ${times(one.large)} | ${timesOf(one)?.toFixed(2) ?? ''} | ${mebibytes(one.peak)} |`)
  const {snapshots, stored, changes, later} = indexes
  return [
    '| | seconds, smaller store | seconds, larger store | times | peak MiB, larger store |',
    '|---|---:|---:|---:|---:|',
    ...rows,
    '',
    `Indexes of ${snapshots} snapshots: ${stored} bytes; their changes compressed one by one: ${later} bytes, ${changes} with the first day's. ${ratioOf(indexes)} times, ${(stored / changes).toFixed(2)} with the first.`,
    `A push when nothing had changed added ${addedBy(same)}.`,
    '',
  ].join('\n')
}

function timesOf({small, large}: Took): number | undefined {
  return small === undefined ? undefined : large.median / small.median
}

function ratioOf({stored, later}: IndexBytes): string {
  return (stored / later).toFixed(2)
}

function times({median, least, greatest, count}: Spread): string {
  return count === 1 ? median.toFixed(2) : `${median.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`
}

function mebibytes(kibibytes: number): string {
  return (kibibytes / 1024).toFixed(0)
}

function addedBy(files: ReadonlyMap<string, number>): string {
  return [...files].map(([file, bytes]) => `${file} (${bytes} bytes)`).join(', ') || 'nothing'
}
