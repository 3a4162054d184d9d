// Plans against the oracle. Throws errors of its own, since a million calls of expect() take minutes.

import {whyWords} from '../../../src/lib/retention/why.ts'
import {countingBuckets, whoStays, type WallClock} from './oracle.ts'
import {numbersOf} from './rotating.ts'
import type {Candidate, Decision} from '../../../src/lib/retention/plan.ts'
import type {Rules} from '../../../src/lib/retention/rules.ts'

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'quarterly', 'yearly'] as const

export function keptBy(decisions: readonly Decision[]): Candidate[] {
  return decisions.filter(({verdict}) => verdict === 'keep').map(({snapshot}) => snapshot)
}

/** The reasons as the oracle gives them, without which of a bucket it is. */
function plainReasons(decision: Decision): string[] {
  return whyWords(decision).map((words) => words.replace(/^pinned .*/, 'pinned').replace(/^(\S+ \S+) .*/, '$1')).sort()
}

/** A plan against the oracle: throws where they differ. */
export function compare(decisions: readonly Decision[], snapshots: readonly Candidate[], rules: Rules, clock: WallClock, now: number): void {
  const stays = whoStays(snapshots, rules, clock, now)
  const counting = new Map(PERIODS.map((period) => [period, new Set(countingBuckets(snapshots, rules[period], period, clock))]))
  const bySeq = new Map(snapshots.map((snapshot) => [snapshot.seq, snapshot]))
  if (decisions.length !== snapshots.length) throw new Error('a snapshot without a decision')
  for (const [at, decision] of decisions.entries()) {
    const {snapshot} = decision
    const expected = stays.get(snapshot.seq)
    if (snapshot !== snapshots[at]) throw new Error(`decision ${at} is on another snapshot`)
    if (decision.verdict === 'keep') {
      const [found, wanted] = [plainReasons(decision).join(', '), [...(expected ?? [])].sort().join(', ')]
      if (found !== wanted) throw new Error(`${snapshot.seq} stays for ${found}, not for ${wanted}`)
    } else {
      if (expected !== undefined) throw new Error(`${snapshot.seq} is dropped, and stays for ${[...expected].join(', ')}`)
      const period = PERIODS.find((each) => counting.get(each)!.has(clock.name(each, snapshot.received)))
      if (decision.standIn?.period !== period) throw new Error(`${snapshot.seq} is of ${period}, not of ${decision.standIn?.period}`)
      if (decision.standIn !== undefined) checkStandIn(snapshot, bySeq.get(decision.standIn.seq), stays)
    }
  }
}

/** Who stands in for a snapshot stays, came before, is complete if it is, and has half its entries at least. */
function checkStandIn(snapshot: Candidate, standIn: Candidate | undefined, stays: ReadonlyMap<number, unknown>): void {
  const isGood = standIn !== undefined && stays.has(standIn.seq) && standIn.seq < snapshot.seq && (standIn.isComplete || !snapshot.isComplete)
  if (!isGood || 2 * standIn.entries < snapshot.entries) throw new Error(`${standIn?.seq} does not stand in for ${snapshot.seq}`)
}

export function expectSame(found: readonly Candidate[], wanted: readonly Candidate[], what: string): void {
  if (numbersOf(found).join() !== numbersOf(wanted).join()) throw new Error(`${what}: ${numbersOf(found).join()} and not ${numbersOf(wanted).join()}`)
}
