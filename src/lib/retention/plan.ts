/*
 * What stays of a set, and why (docs/decisions/0009-retention.md, "What stays"). Pure: snapshots, rules, calendar and clock go in, a
 * decision on each snapshot comes out.
 *
 * It promises: rotating after each receipt or once leaves the same, and what goes by one plan goes by each later one; what is promised
 * until a moment stays until then by these rules, and by wider ones, whatever is received.
 */
import {bucketOfWall, END_OF_TIME, PERIODS, type Calendar, type Period} from './calendar.ts'
import type {Rules} from './rules.ts'

/** What is asked of a snapshot. Times are seconds since 1970. */
export interface Candidate {
  readonly seq: number
  /** When it counts as received: see receipts.ts. */
  readonly received: number
  readonly entries: number
  readonly isComplete: boolean
  readonly pinnedUntil?: number | undefined
}

/** How a snapshot of a bucket was chosen: as the first, as the first complete one, or for more than twice the entries of `over`. */
export type Choice = 'first' | 'first-complete' | {readonly over: number}

export type Reason =
  | {readonly kind: 'newest' | 'newest-complete' | 'last' | 'within'}
  | {readonly kind: 'pinned'; readonly until: number}
  | {readonly kind: 'bucket'; readonly period: Period; readonly bucket: number; readonly choice: Choice}

/** Why a snapshot goes although the bucket it is in counts: `seq` was chosen before it. */
export interface StandIn {
  readonly period: Period
  readonly bucket: number
  readonly seq: number
}

export interface Kept {
  readonly verdict: 'keep'
  readonly snapshot: Candidate
  readonly reasons: readonly Reason[]
  /** Stays at least as long as both clock and newest receipt are before this moment. Undefined: the next receipt may end it. */
  readonly until: number | undefined
}

export interface Dropped {
  readonly verdict: 'drop'
  readonly snapshot: Candidate
  /** In the finest bucket that counts; undefined where none that it is in does. */
  readonly standIn: StandIn | undefined
}

export type Decision = Kept | Dropped

export interface PlanInput {
  /** The snapshots of one set that are not dropped, by number; none received before the one before it. */
  readonly snapshots: readonly Candidate[]
  readonly rules: Rules
  readonly calendar: Calendar
  /** Ends pins, and nothing else. */
  readonly now: number
}

/** Decides on each snapshot of a set, in their order. */
export function planSet(input: PlanInput): Decision[] {
  const {snapshots} = input
  const newest = snapshots.at(-1)
  if (newest === undefined) return []
  checkOrder(snapshots)
  const drafts = new Drafts(snapshots)
  markAlways(drafts, input)
  const walls = snapshots.map(({received}) => input.calendar.wall(received))
  for (const period of PERIODS) markPeriod(drafts, walls, period, input)
  markRecent(drafts, input.rules)
  return drafts.decisions(newest.received)
}

function checkOrder(snapshots: readonly Candidate[]): void {
  for (let at = 1; at < snapshots.length; at++) {
    const [before, snapshot] = [snapshots[at - 1]!, snapshots[at]!]
    const isBehind = snapshot.seq > before.seq && snapshot.received >= before.received
    if (!isBehind) throw new Error(`snapshot ${snapshot.seq} is not behind ${before.seq}`)
  }
}

/** Decisions in the making, by place in the list. */
class Drafts {
  readonly snapshots: readonly Candidate[]
  readonly #reasons: (Reason[] | undefined)[]
  readonly #untils: number[]
  readonly #standIns: (StandIn | undefined)[]

  constructor(snapshots: readonly Candidate[]) {
    this.snapshots = snapshots
    this.#reasons = snapshots.map(() => undefined)
    this.#untils = snapshots.map(() => 0)
    this.#standIns = snapshots.map(() => undefined)
  }

  keep(at: number, reason: Reason, until = 0): void {
    const reasons = this.#reasons[at]
    if (reasons === undefined) this.#reasons[at] = [reason]
    else reasons.push(reason)
    if (until > this.#untils[at]!) this.#untils[at] = Math.min(until, END_OF_TIME)
  }

  stand(at: number, period: Period, bucket: number, seq: number): void {
    this.#standIns[at] ??= {period, bucket, seq}
  }

  decisions(newest: number): Decision[] {
    return this.snapshots.map((snapshot, at) => {
      const reasons = this.#reasons[at]
      if (reasons === undefined) return {verdict: 'drop', snapshot, standIn: this.#standIns[at]}
      const until = this.#untils[at]!
      return {verdict: 'keep', snapshot, reasons, until: until > newest ? until : undefined}
    })
  }
}

function markAlways(drafts: Drafts, {now}: PlanInput): void {
  const {snapshots} = drafts
  drafts.keep(snapshots.length - 1, {kind: 'newest'})
  const complete = snapshots.findLastIndex(({isComplete}) => isComplete)
  if (complete >= 0) drafts.keep(complete, {kind: 'newest-complete'})
  for (let at = 0; at < snapshots.length; at++) {
    const {pinnedUntil} = snapshots[at]!
    if (pinnedUntil !== undefined && now < pinnedUntil) drafts.keep(at, {kind: 'pinned', until: pinnedUntil}, pinnedUntil)
  }
}

function markRecent(drafts: Drafts, {within, last}: Rules): void {
  const {snapshots} = drafts
  const newest = snapshots.at(-1)!.received
  for (let at = snapshots.length - 1; at >= 0; at--) {
    const {received} = snapshots[at]!
    const isWithin = newest - received < within
    const isLast = snapshots.length - at <= last
    if (!isWithin && !isLast) return
    if (isWithin) drafts.keep(at, {kind: 'within'}, received + within)
    if (isLast) drafts.keep(at, {kind: 'last'})
  }
}

/* A bucket that does not count any more never counts again, since the newer ones only become more. */
function markPeriod(drafts: Drafts, walls: readonly number[], period: Period, {rules, calendar}: PlanInput): void {
  const count = rules[period]
  if (count === 0) return
  const buckets = walls.map((wall) => bucketOfWall(period, wall))
  const order = inOrder(buckets)
  // Where the clock is about to be set back, buckets that were passed over may yet be filled.
  const last = calendar.earliestFrom(period, drafts.snapshots.at(-1)!.received)
  let end = order.length
  for (let newer = 0; newer < count && end > 0; newer++) {
    const bucket = buckets[order[end - 1]!]!
    let start = end - 1
    while (start > 0 && buckets[order[start - 1]!] === bucket) start--
    // The soonest that as many more buckets can be filled as end it: one after the other, at the first moment of each.
    choose(drafts, {period, bucket, order, start, end, until: calendar.begin(period, last + count - newer)})
    end = start
  }
}

/** Places in the list by bucket, and in the order of receipt within one: as they are, but where a clock was set back. */
function inOrder(buckets: readonly number[]): number[] {
  const order = buckets.map((_, at) => at)
  const isSorted = buckets.every((bucket, at) => at === 0 || bucket >= buckets[at - 1]!)
  return isSorted ? order : order.sort((a, b) => buckets[a]! - buckets[b]! || a - b)
}

interface Bucket {
  readonly period: Period
  readonly bucket: number
  /** Places in the list; those of the bucket are from `start` to before `end`. */
  readonly order: readonly number[]
  readonly start: number
  readonly end: number
  readonly until: number
}

/*
 * Each choice depends only on those before it, which stay as long as the bucket counts: so what comes later, and what was let go of
 * meanwhile, changes none.
 */
function choose(drafts: Drafts, {period, bucket, order, start, end, until}: Bucket): void {
  let stays: Candidate | undefined
  let stayingComplete: Candidate | undefined
  for (let place = start; place < end; place++) {
    const at = order[place]!
    const snapshot = drafts.snapshots[at]!
    const choice = chosenAs(snapshot, stays, stayingComplete)
    if (choice === undefined) {
      const {seq} = (snapshot.isComplete ? stayingComplete : stays)!
      drafts.stand(at, period, bucket, seq)
      continue
    }
    if (outgrows(snapshot, stays)) stays = snapshot
    if (snapshot.isComplete && outgrows(snapshot, stayingComplete)) stayingComplete = snapshot
    drafts.keep(at, {kind: 'bucket', period, bucket, choice}, until)
  }
}

function chosenAs(snapshot: Candidate, stays: Candidate | undefined, stayingComplete: Candidate | undefined): Choice | undefined {
  if (stays === undefined) return 'first'
  if (snapshot.isComplete && stayingComplete === undefined) return 'first-complete'
  if (outgrows(snapshot, stays)) return {over: stays.seq}
  return snapshot.isComplete && outgrows(snapshot, stayingComplete) ? {over: stayingComplete!.seq} : undefined
}

function outgrows(snapshot: Candidate, other: Candidate | undefined): boolean {
  return other === undefined || snapshot.entries > 2 * other.entries
}
