/*
 * Which snapshot somebody means: a number, an age, a date, a time, or the newest. Pure: the snapshots, the clock and the time
 * zone are arguments, so that every answer can be repeated.
 *
 * Only the time of receipt counts, since a writer's clock is a writer's word. A word for a stretch of time means its end: a date
 * what was there when that day ended here, hours and minutes what was there when that minute ended.
 */
import {BkError, usageError} from '../cli/errors.ts'
import type {SnapshotRecord} from './record.ts'

/** A WHEN as typed. */
export type When =
  | {readonly kind: 'latest'}
  | {readonly kind: 'number'; readonly seq: number}
  /** Calendar months back, then seconds. */
  | {readonly kind: 'age'; readonly months: number; readonly seconds: number}
  /** The last moment that counts, on a wall clock in `zone` (minutes east of Greenwich; undefined: here), as if it were UTC, in ms. */
  | {readonly kind: 'moment'; readonly wall: number; readonly zone: number | undefined}

const SECONDS: Readonly<Record<string, number>> = {s: 1, m: 60, min: 60, h: 3600, D: 86_400, d: 86_400, W: 604_800, w: 604_800}
const MONTHS: Readonly<Record<string, number>> = {M: 1, Y: 12, y: 12}
const DAY = 86_400_000

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/** Parses a WHEN; undefined for what is none. */
export function tryWhen(text: string): When | undefined {
  if (text === 'latest') return {kind: 'latest'}
  if (/^[1-9]\d{0,8}$/.test(text)) return {kind: 'number', seq: Number(text)}
  if (/^(?:\d+(?:min|[smhDdWwMYy]))+$/.test(text)) return parseAge(text)
  return parseMoment(text)
}

/** Parses a WHEN. Throws a usage error for what is none. */
export function parseWhen(text: string): When {
  const when = tryWhen(text)
  if (when === undefined) throw usageError(`not a time: ${text}`, 'a number (17), an age (3D, 2h, 6M), a date (2026-11-20), a time (2026-11-20T08:30), or latest')
  return when
}

function parseAge(text: string): When | undefined {
  let months = 0
  let seconds = 0
  for (const [, digits, letter] of text.matchAll(/(\d+)(\D+)/g)) {
    months += Number(digits) * (MONTHS[letter!] ?? 0)
    seconds += Number(digits) * (SECONDS[letter!] ?? 0)
  }
  return Number.isSafeInteger(months) && Number.isSafeInteger(seconds) ? {kind: 'age', months, seconds} : undefined
}

function parseMoment(text: string): When | undefined {
  const match = MOMENT.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => (digits === undefined ? undefined : Number(digits)))
  const start = Date.UTC(year!, month! - 1, day!)
  const isDay = new Date(start).toISOString().startsWith(text.slice(0, 10))
  if (!isDay || (hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return undefined
  const zone = zoneOf(match[8])
  if (zone === null) return undefined
  if (hour === undefined) return {kind: 'moment', wall: start + DAY - 1, zone}
  const wall = start + (hour * 60 + minute!) * 60_000
  if (second === undefined) return {kind: 'moment', wall: wall + 59_999, zone}
  // A whole second has all that was received in it; a fraction is taken at its word.
  const fraction = match[7] === undefined ? 999 : Number(`0.${match[7]}`) * 1000
  return {kind: 'moment', wall: wall + second * 1000 + Math.floor(fraction), zone}
}

function zoneOf(text: string | undefined): number | undefined | null {
  if (text === undefined) return undefined
  if (text === 'Z') return 0
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(text)!
  if (Number(hours) > 14 || Number(minutes) > 59) return null
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
}

/**
 * The last moment that a WHEN takes in, in milliseconds since 1970; undefined for numbers and `latest`.
 * @param now in nanoseconds since 1970
 * @param timeZone IANA name of the zone that dates, months and times without zone are in
 */
export function momentOf(when: When, now: bigint, timeZone: string): number | undefined {
  switch (when.kind) {
    case 'latest':
    case 'number':
      return undefined
    case 'moment':
      return when.zone === undefined ? fromWall(when.wall, timeZone) : when.wall - when.zone * 60_000
    case 'age': {
      const present = Number(now / 1_000_000n)
      const then = when.months === 0 ? present : fromWall(monthsBefore(toWall(present, timeZone), when.months), timeZone)
      return then - when.seconds * 1000
    }
  }
}

/* The same day of an earlier month; the last of the month where it has not so many. */
function monthsBefore(wall: number, months: number): number {
  const date = new Date(wall)
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth() - months
  // Before the year 1 there are no backups, and Date.UTC would take small years for those of 1900.
  if (month < 12 * 100) return Date.UTC(100, 0)
  const last = new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).getUTCDate()
  return Date.UTC(Math.floor(month / 12), month % 12, Math.min(date.getUTCDate(), last)) + (((wall % DAY) + DAY) % DAY)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** What a wall clock shows at a moment, as if it were UTC; both in milliseconds. */
export function toWall(moment: number, timeZone: string): number {
  let format = formats.get(timeZone)
  if (format === undefined) {
    const digits = {year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric'} as const
    format = new Intl.DateTimeFormat('en-US', {timeZone, hourCycle: 'h23', calendar: 'gregory', numberingSystem: 'latn', ...digits})
    formats.set(timeZone, format)
  }
  const parts = new Map(format.formatToParts(moment).map(({type, value}) => [type, Number(value)]))
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
  const whole = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return whole + (((moment % 1000) + 1000) % 1000)
}

/* The moment at which a wall clock shows this. Of two (clocks were set back) the later; in a gap, the moment of the change. */
function fromWall(wall: number, timeZone: string): number {
  const offset = (moment: number): number => toWall(moment, timeZone) - moment
  const [before, after] = [offset(wall - DAY), offset(wall + DAY)]
  const candidates = [wall - before, wall - after].filter((moment) => toWall(moment, timeZone) === wall)
  if (candidates.length > 0) return Math.max(...candidates)
  return wall - before
}

/** How a snapshot is chosen. */
export interface Choice {
  /** undefined is `latest`. */
  readonly when: When | undefined
  readonly set: string | undefined
  /** Nanoseconds since 1970. */
  readonly now: bigint
  readonly timeZone: string
  /** For messages: the store as typed. */
  readonly where: string
}

/**
 * Chooses a snapshot.
 * @param snapshots all of a store, oldest first
 * @throws BkError 64 when several sets are there and none is named, 2 when there is no such snapshot
 */
export function choose(snapshots: readonly SnapshotRecord[], choice: Choice): SnapshotRecord {
  const {when = {kind: 'latest'}, set, where} = choice
  if (snapshots.length === 0) throw new BkError(`${where} holds no snapshot yet`)
  const inSet = set === undefined ? snapshots : snapshots.filter((record) => record.set === set)
  if (inSet.length === 0) throw new BkError(`${where} has no set ${set}`, {hint: `the sets are: ${setsOf(snapshots).join(', ')}`})
  if (when.kind === 'number') return numbered(snapshots, inSet, when.seq, choice)
  const sets = setsOf(inSet)
  if (sets.length > 1) throw usageError(`${where} holds several sets: ${sets.join(', ')}`, `choose one: --set ${sets[0]}`)
  const moment = momentOf(when, choice.now, choice.timeZone)
  const chosen = moment === undefined ? inSet.at(-1) : newestAt(inSet, moment)
  if (chosen !== undefined) return chosen
  throw new BkError(`${where} holds no snapshot as old as that: the oldest is ${named(inSet[0]!)}`, {hint: whatIsThere(inSet, where)})
}

function numbered(all: readonly SnapshotRecord[], inSet: readonly SnapshotRecord[], seq: number, {set, where}: Choice): SnapshotRecord {
  const record = all.find((each) => each.seq === seq)
  if (record === undefined) throw new BkError(`${where} has no snapshot ${seq}`, {hint: whatIsThere(inSet, where)})
  if (set !== undefined && record.set !== set) throw new BkError(`snapshot ${seq} belongs to set ${record.set}`, {hint: whatIsThere(inSet, where)})
  return record
}

function newestAt(inSet: readonly SnapshotRecord[], moment: number): SnapshotRecord | undefined {
  let best: SnapshotRecord | undefined
  for (const record of inSet) {
    // A clock that was set back does not make an older receipt newer.
    if (Date.parse(record.received) <= moment && (best === undefined || record.received >= best.received)) best = record
  }
  return best
}

function setsOf(snapshots: readonly SnapshotRecord[]): string[] {
  return [...new Set(snapshots.map(({set}) => set))].sort()
}

function named({seq, received}: SnapshotRecord): string {
  return `${seq} of ${received}`
}

const MOST_NAMED = 6

/* All of them where they are few, else the newest. */
function whatIsThere(snapshots: readonly SnapshotRecord[], where: string): string {
  const shown = snapshots.slice(-MOST_NAMED).map(named).join(', ')
  return snapshots.length <= MOST_NAMED ? `there are ${shown}` : `the newest are ${shown}; 'bk log ${where}' shows all ${snapshots.length}`
}
