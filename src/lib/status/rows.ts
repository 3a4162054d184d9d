/*
 * The status of sets as rows and JSON: for people with local times and short numbers, narrow enough for 80 columns; for programs with
 * everything, exact.
 */
import {escapeName} from '../cli/escape.ts'
import {formatSize} from '../cli/units.ts'
import {localTime} from '../store/log-rows.ts'
import {formatAge} from './age.ts'
import type {Column, Row} from '../cli/table.ts'
import type {SetReport} from './report.ts'

const NONE = '-'
const WELL = 'ok'
const HALF_A_YEAR = 183 * 24 * 3600

const COLUMNS: readonly Column[] = [
  {title: 'set'},
  {title: 'newest'},
  {title: 'age', align: 'right'},
  {title: 'size', align: 'right'},
  {title: 'new', align: 'right'},
  {title: 'today', align: 'right'},
  {title: 'quota', align: 'right'},
  {title: 'state'},
]

/** Columns for people; `store` only where there are several. */
export function statusColumns(stores: number): readonly Column[] {
  return stores > 1 ? [{title: 'store'}, ...COLUMNS] : COLUMNS
}

export interface RowOptions {
  /** How many stores were asked for. */
  readonly stores: number
  /** Seconds since 1970. */
  readonly now: number
  /** IANA name. */
  readonly timeZone: string
}

/** A row for people. */
export function readableRow({store, set, newest, complete, today, used, limits, problems}: SetReport, {stores, now, timeZone}: RowOptions): Row {
  return [
    ...(stores > 1 ? [escapeName(store)] : []),
    set ?? NONE,
    complete === undefined ? NONE : `${complete.seq} ${shortTime(complete.received, now, timeZone)}`,
    complete === undefined ? NONE : formatAge(now - complete.received),
    complete === undefined ? NONE : formatSize(complete.bytes),
    newest?.brought === undefined ? NONE : formatSize(newest.brought),
    limits.perDay === undefined ? String(today.length) : `${today.length}/${limits.perDay}`,
    limits.quota === undefined ? formatSize(used) : `${formatSize(used)}/${formatSize(limits.quota)}`,
    shortState(problems),
  ]
}

/* As ls -l has it: without the year where it was lately, without the hour where it was not. Every column less is room for the words. */
function shortTime(received: number, now: number, timeZone: string): string {
  const [date = '', hour = ''] = localTime(received * 1000, timeZone).split(' ')
  return Math.abs(now - received) < HALF_A_YEAR ? `${date.slice(5)} ${hour.slice(0, 5)}` : date
}

/* The first, and how many more there are: the sentences below the table say all. */
function shortState(problems: SetReport['problems']): string {
  const [first, ...others] = problems
  if (first === undefined) return WELL
  return others.length === 0 ? first.kind : `${first.kind} +${others.length}`
}

/** A row with everything exact: fields as the manual page lists them. */
export function exactRow(report: SetReport, {stores, now}: Omit<RowOptions, 'timeZone'>): Row {
  const {store, set, newest, complete, today, used, limits, problems} = report
  const values = [
    set, complete?.seq, complete?.receivedText, complete && now - complete.received, complete?.entries, complete?.bytes,
    newest?.brought, bytesChange(report), today.length, limits.perDay, used, limits.quota,
  ]
  return [...(stores > 1 ? [escapeName(store)] : []), ...values.map((value) => String(value ?? NONE)), problems.map(({kind}) => kind).join(',') || WELL]
}

/* By what the tree has grown since the snapshot before. */
function bytesChange({newest, before}: SetReport): number | undefined {
  return newest === undefined || before === undefined ? undefined : newest.bytes - before.bytes
}

/** A set as one line of JSON. What is not known, or not limited, has no field. */
export function reportAsJson(report: SetReport, now: number): string {
  const {store, set, newest, complete, today, used, left, limits, problems} = report
  return `${JSON.stringify({
    type: 'set', store, set, healthy: problems.length === 0,
    complete: complete?.seq, received: complete?.receivedText, age: complete && now - complete.received, entries: complete?.entries, bytes: complete?.bytes,
    newest: newest?.seq, unread: newest?.partial, new_bytes: newest?.brought, bytes_change: bytesChange(report),
    today: today.length, per_day: limits.perDay, used, quota: limits.quota, left_packs: left?.packs, left_bytes: left?.bytes,
    problems: problems.map(({kind, words}) => ({kind, message: words})),
  })}\n`
}

/** What is wrong, a line each: `web1: stale: …`. */
export function problemLines({store, set, problems}: SetReport, stores: number): string[] {
  const whose = [...(stores > 1 || set === undefined ? [escapeName(store)] : []), ...(set === undefined ? [] : [set])].join(' ')
  return problems.map(({kind, words}) => `${whose}: ${kind}: ${words}`)
}
