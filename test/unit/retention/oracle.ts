// What stays, from the words of docs/decisions/0009-retention.md and nothing else: slow, obvious, and with dates of its own, which ask
// Intl for each moment. Shares only types with the planner.

import type {Candidate} from '../../../src/lib/retention/plan.ts'
import type {Rules} from '../../../src/lib/retention/rules.ts'

const periods = ['hourly', 'daily', 'weekly', 'monthly', 'quarterly', 'yearly'] as const

type Period = (typeof periods)[number]

/** Names of buckets, as they are sorted: `2026-11-22T08`, `2026-W47`. */
export class WallClock {
  readonly zone: string
  readonly #format: Intl.DateTimeFormat
  readonly #shown = new Map<number, string>()
  readonly #weeks = new Map<string, string>()

  constructor(zone: string) {
    this.zone = zone
    this.#format = new Intl.DateTimeFormat('sv-SE', {timeZone: zone, dateStyle: 'short', timeStyle: 'medium'})
  }

  name(period: Period, time: number): string {
    const shown = this.#show(time)
    const [year, month] = [shown.slice(0, 4), shown.slice(5, 7)]
    if (period === 'hourly') return `${shown.slice(0, 10)}T${shown.slice(11, 13)}`
    if (period === 'daily') return shown.slice(0, 10)
    if (period === 'weekly') return this.#week(shown.slice(0, 10))
    if (period === 'monthly') return `${year}-${month}`
    if (period === 'quarterly') return `${year}-Q${Math.ceil(Number(month) / 3)}`
    return year
  }

  /** `2026-11-22 08:30:05`. */
  #show(time: number): string {
    const shown = this.#shown.get(time) ?? this.#format.format(time * 1000)
    this.#shown.set(time, shown)
    return shown
  }

  #week(date: string): string {
    const week = this.#weeks.get(date) ?? isoWeek(date)
    this.#weeks.set(date, week)
    return week
  }
}

/* The year of a week is that of its Thursday; its number, how many Thursdays the year has had. */
function isoWeek(date: string): string {
  const thursday = new Date(`${date}T00:00:00Z`)
  while (thursday.getUTCDay() !== 1) thursday.setUTCDate(thursday.getUTCDate() - 1)
  thursday.setUTCDate(thursday.getUTCDate() + 3)
  const year = thursday.getUTCFullYear()
  let number = 0
  for (; thursday.getUTCFullYear() === year; thursday.setUTCDate(thursday.getUTCDate() - 7)) number++
  return `${year}-W${String(number).padStart(2, '0')}`
}

/** Who stays, by number, each with the reasons: `newest`, `daily 2026-11-22`. */
export function whoStays(snapshots: readonly Candidate[], rules: Rules, clock: WallClock, now: number): Map<number, Set<string>> {
  const stays = new Map<number, Set<string>>()
  const keep = (snapshot: Candidate | undefined, reason: string): void => {
    if (snapshot !== undefined) stays.set(snapshot.seq, (stays.get(snapshot.seq) ?? new Set<string>()).add(reason))
  }
  const newest = snapshots.at(-1)
  keep(newest, 'newest')
  keep(snapshots.filter(({isComplete}) => isComplete).at(-1), 'newest-complete')
  for (const snapshot of snapshots) {
    if (now < (snapshot.pinnedUntil ?? 0)) keep(snapshot, 'pinned')
    if (newest!.received - snapshot.received < rules.within) keep(snapshot, 'within')
  }
  if (rules.last > 0) for (const snapshot of snapshots.slice(-rules.last)) keep(snapshot, 'last')
  for (const period of periods) {
    for (const name of countingBuckets(snapshots, rules[period], period, clock)) {
      const members = snapshots.filter(({received}) => clock.name(period, received) === name)
      for (const each of [...chain(members), ...chain(members.filter(({isComplete}) => isComplete))]) keep(each, `${period} ${name}`)
    }
  }
  return stays
}

/** The newest buckets in which something was received. */
export function countingBuckets(snapshots: readonly Candidate[], count: number, period: Period, clock: WallClock): string[] {
  if (count === 0) return []
  return [...new Set(snapshots.map(({received}) => clock.name(period, received)))].sort().slice(-count)
}

/** The first, then the next that has more than twice the entries of the last one that stayed for this reason, and so on. */
function chain(members: readonly Candidate[]): Candidate[] {
  const stays: Candidate[] = []
  for (let next = members[0]; next !== undefined; ) {
    const last = next
    stays.push(last)
    next = members.find(({seq, entries}) => seq > last.seq && entries > 2 * last.entries)
  }
  return stays
}
