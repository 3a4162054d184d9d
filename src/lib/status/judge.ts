/*
 * Whether a set is well. Pure: facts, limits, the hour and how old a backup may be go in, words come out. Each of the words turns the
 * answer of `bk status` to no, so none of them may be said of a host on which all goes as it does every night.
 */
import {formatSize} from '../cli/units.ts'
import {formatAge} from './age.ts'
import type {Head} from './heads.ts'
import type {SetFacts, Snapshot} from './facts.ts'
import type {Limits} from '../store/settings.ts'

/** What can be wrong, in the order in which it is said. */
export const PROBLEM_KINDS = ['never', 'stale', 'partial', 'cut', 'full', 'day-full', 'shrunk', 'clock'] as const

export type ProblemKind = (typeof PROBLEM_KINDS)[number]

export interface Problem {
  readonly kind: ProblemKind
  /** What it is, in a few words, without the name of the set. */
  readonly words: string
}

export interface Measure {
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds that the newest complete snapshot may be old. */
  readonly maxAge: number
  readonly limits: Pick<Limits, 'quota' | 'perDay'>
  /** Whether there should be snapshots: a key may push to the set, or it was named. */
  readonly isExpected: boolean
}

const DAY = 24 * 3600
/** The list of a session that is at work is not older, however slow its line. */
const AT_WORK_SECONDS = 900
/** What clocks of two machines may differ by, and what is received while this one looks. */
const CLOCK_SECONDS = 300

/** What is wrong with a set; nothing where all is well. */
export function judge(facts: SetFacts, measure: Measure): Problem[] {
  const found: Record<ProblemKind, string | undefined> = {
    never: never(facts, measure),
    stale: stale(facts, measure),
    partial: partial(facts),
    cut: cut(facts, measure),
    full: full(facts, measure),
    'day-full': dayFull(facts, measure),
    shrunk: shrunk(facts),
    clock: clock(facts, measure),
  }
  return PROBLEM_KINDS.flatMap((kind) => (found[kind] === undefined ? [] : [{kind, words: found[kind]}]))
}

function never({newest}: SetFacts, {isExpected}: Measure): string | undefined {
  return newest === undefined && isExpected ? 'no snapshot has come yet' : undefined
}

function stale({newest, complete}: SetFacts, {now, maxAge}: Measure): string | undefined {
  const counted = complete ?? newest
  if (counted === undefined || now - counted.received <= maxAge) return undefined
  const what = complete === undefined ? `none is complete, and the newest, ${counted.seq}` : `the newest complete snapshot, ${counted.seq}`
  return `${what}, is ${formatAge(now - counted.received)} old, more than ${formatAge(maxAge)}`
}

function partial({newest}: SetFacts): string | undefined {
  if (newest === undefined || newest.partial === 0) return undefined
  return `snapshot ${newest.seq} is partial: ${newest.partial} ${newest.partial === 1 ? 'path' : 'paths'} could not be read`
}

function cut({left}: SetFacts, {now}: Measure): string | undefined {
  if (left === undefined || Math.abs(now - left.time) <= AT_WORK_SECONDS) return undefined
  return `a session ended ${formatAge(now - left.time)} ago without a snapshot, and left ${formatSize(left.bytes)}`
}

/*
 * Against the larger of what the newest two have brought: but for the set's first, which brings everything and is no measure for the next.
 */
function full({newest, before, used}: SetFacts, {limits: {quota}}: Measure): string | undefined {
  if (quota === undefined || newest === undefined) return undefined
  const needed = Math.max(newest.size, ...[newest, before].map((each) => (each === undefined || each.isFirst ? 0 : (each.brought ?? 0) + each.size)))
  if (quota - used >= needed) return undefined
  const left = quota - used
  return `${left > 0 ? formatSize(left) : 'nothing'} of its quota of ${formatSize(quota)} is left, and the newest snapshots brought ${formatSize(needed)}`
}

/*
 * A host that pushes as often as it may has used up its day at each moment, and is well: by the time its next snapshot is due, the oldest
 * is no longer of the day. So it is asked whether that one would be refused if they go on to come as they did; one interval late is not.
 */
function dayFull({newest, before, today}: SetFacts, {now, limits: {perDay}}: Measure): string | undefined {
  if (perDay === 0) return 'no snapshot is allowed: the limit is 0 in 24 hours'
  const last = today[0]
  const first = perDay === undefined ? undefined : today[perDay - 1]
  if (perDay === undefined || last === undefined || first === undefined) return undefined
  const span = last.received - first.received
  const interval = perDay > 1 ? span / (perDay - 1) : before === undefined || newest === undefined ? DAY : newest.received - before.received
  if (DAY - span <= 2 * interval) return undefined
  return `${today.length} ${today.length === 1 ? 'snapshot' : 'snapshots'} in 24 hours, the limit is ${perDay}: the next is refused for ${formatAge(first.received + DAY - now)} still`
}

function shrunk({newest, before, today}: SetFacts): string | undefined {
  if (newest === undefined) return undefined
  // Of a day, since whoever looks once a day would not see what an hourly push does to the one before.
  const others = [...(before === undefined ? [] : [before]), ...today].filter(({seq}) => seq < newest.seq)
  const largest = others.reduce<Head | undefined>((most, each) => (most === undefined || each.entries > most.entries ? each : most), undefined)
  if (largest === undefined || newest.entries * 2 >= largest.entries) return undefined
  return `snapshot ${newest.seq} has ${entries(newest)}, ${largest.seq} had ${largest.entries}`
}

function entries({entries: count}: Snapshot): string {
  return `${count} ${count === 1 ? 'entry' : 'entries'}`
}

function clock({newest, before}: SetFacts, {now}: Measure): string | undefined {
  if (newest === undefined) return undefined
  const ahead = newest.received - now
  if (ahead > CLOCK_SECONDS) return `snapshot ${newest.seq} was received ${formatAge(ahead)} later than now`
  if (before === undefined || newest.received >= before.received) return undefined
  return `snapshot ${newest.seq} was received ${formatAge(before.received - newest.received)} earlier than ${before.seq}, the one before it`
}
