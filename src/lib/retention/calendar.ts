/*
 * Hours, days, ISO weeks, months, quarters and years as a wall clock in some time zone shows them, as numbers that count up: the buckets
 * of retention. Times are whole seconds since 1970. Pure; what Intl says of a zone is asked twice a day of that zone at most, and kept.
 *
 * An hour that comes twice because a clock is set back is one bucket, and what a clock skips is none.
 */
import {usageError} from '../cli/errors.ts'

/** Stretches of the calendar, the finest first. */
export const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'quarterly', 'yearly'] as const

export type Period = (typeof PERIODS)[number]

const HOUR = 3600
const DAY = 24 * HOUR
const MONTHS: Readonly<Partial<Record<Period, number>>> = {monthly: 1, quarterly: 3, yearly: 12}
/** 1970-01-01 was a Thursday. */
const THURSDAY = 3

/** The last moment that four digits of a year can say: what is promised for longer is promised until then. */
export const END_OF_TIME = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000

/** How far a zone is ahead of UTC in one day of UTC, in seconds: until `change`, and from then on. */
interface Stretch {
  readonly before: number
  readonly change: number
  readonly after: number
}

/** The calendar of a time zone. */
export class Calendar {
  /** As it was given. */
  readonly zone: string
  readonly #format: Intl.DateTimeFormat | undefined
  readonly #stretches = new Map<number, Stretch>()

  /** Throws a usage error for a zone that Intl does not know. */
  constructor(zone: string) {
    this.zone = zone
    this.#format = zone === 'UTC' ? undefined : wallFormat(zone)
  }

  /** What a clock on the wall shows at a moment, as if it were UTC. */
  wall(time: number): number {
    const {before, change, after} = this.#stretch(Math.floor(time / DAY))
    return time + (time < change ? before : after)
  }

  /** The first moment at which the clock shows `bucket` or a later one, after it had never done so; END_OF_TIME if that is later. */
  begin(period: Period, bucket: number): number {
    const wall = beginningOf(period, bucket)
    if (wall >= END_OF_TIME - 2 * DAY) return END_OF_TIME
    // No zone is two days from UTC.
    for (let day = Math.floor(wall / DAY) - 2; ; day++) {
      const {before, change, after} = this.#stretch(day)
      if (wall - before < change) return Math.max(wall - before, day * DAY)
      if (change + after >= wall) return change
      if (wall - after < (day + 1) * DAY) return wall - after
    }
  }

  /** The earliest bucket that the clock shows from a moment on: earlier than at the moment itself where it is about to be set back. */
  earliestFrom(period: Period, time: number): number {
    let wall = this.wall(time)
    const today = Math.floor(time / DAY)
    for (let day = today; day <= today + 2; day++) {
      const {change, after} = this.#stretch(day)
      if (change > time && change < (day + 1) * DAY) wall = Math.min(wall, change + after)
    }
    return bucketOfWall(period, wall)
  }

  #stretch(day: number): Stretch {
    const known = this.#stretches.get(day)
    if (known !== undefined) return known
    const [start, end] = [day * DAY, (day + 1) * DAY]
    const before = this.#ahead(start)
    const after = this.#ahead(end)
    const stretch = {before, after, change: before === after ? end : this.#changeBetween(start, end, before)}
    this.#stretches.set(day, stretch)
    return stretch
  }

  /* No zone changes twice in a day. */
  #changeBetween(start: number, end: number, before: number): number {
    let [low, high] = [start, end]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.#ahead(middle) === before) low = middle
      else high = middle
    }
    return high
  }

  #ahead(time: number): number {
    if (this.#format === undefined) return 0
    const [month, day, year, hour, minute, second] = (this.#format.format(time * 1000).match(/\d+/g) ?? []).map(Number)
    return Date.UTC(year!, month! - 1, day, hour, minute, second) / 1000 - time
  }
}

function wallFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    const digits = {year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric'} as const
    return new Intl.DateTimeFormat('en-US', {timeZone, ...digits, hourCycle: 'h23', calendar: 'gregory', numberingSystem: 'latn'})
  } catch (error) {
    if (error instanceof RangeError) throw usageError(`not a time zone: ${timeZone}`, 'such as UTC or Europe/Berlin')
    throw error
  }
}

/** The bucket that a clock on the wall shows. */
export function bucketOfWall(period: Period, wall: number): number {
  if (period === 'hourly') return Math.floor(wall / HOUR)
  if (period === 'daily') return Math.floor(wall / DAY)
  // Days since Monday, 1969-12-29.
  if (period === 'weekly') return Math.floor((wall / DAY + THURSDAY) / 7)
  return Math.floor(monthOf(wall) / MONTHS[period]!)
}

/* Months since the year 0, in which March is the first so that leap days come last: 1970-01-01 is day 719,468 of them. */
function monthOf(wall: number): number {
  const days = Math.floor(wall / DAY) + 719_468
  const era = Math.floor(days / 146_097)
  const day = days - era * 146_097
  const year = Math.floor((day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365)
  const month = Math.floor((5 * (day - 365 * year - Math.floor(year / 4) + Math.floor(year / 100)) + 2) / 153)
  return (era * 400 + year) * 12 + month + 2
}

function beginningOf(period: Period, bucket: number): number {
  if (period === 'hourly') return bucket * HOUR
  if (period === 'daily') return bucket * DAY
  if (period === 'weekly') return (bucket * 7 - THURSDAY) * DAY
  const month = bucket * MONTHS[period]!
  return Date.UTC(Math.floor(month / 12), month % 12) / 1000
}

/** The name of a bucket: 2026-11-22T08, 2026-11-22, 2026-W47, 2026-11, 2026-Q4, 2026. */
export function bucketName(period: Period, bucket: number): string {
  const first = new Date(beginningOf(period, bucket) * 1000)
  if (period === 'weekly') return weekName(bucket)
  if (period === 'quarterly') return `${first.getUTCFullYear()}-Q${first.getUTCMonth() / 3 + 1}`
  const length = {hourly: 13, daily: 10, monthly: 7, yearly: 4}[period]
  return first.toISOString().slice(0, length)
}

/* A week belongs to the year that its Thursday is in. */
function weekName(week: number): string {
  const thursday = week * 7
  const year = new Date(thursday * DAY * 1000).getUTCFullYear()
  const number = Math.floor((thursday - Date.UTC(year, 0) / DAY / 1000) / 7) + 1
  return `${year}-W${String(number).padStart(2, '0')}`
}

/** A moment as records have it: UTC, whole seconds. */
export function timeText(time: number): string {
  return new Date(time * 1000).toISOString().replace('.000Z', 'Z')
}
