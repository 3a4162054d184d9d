/*
 * What keeps the snapshots of a set by the rules of its last rotation, and which of some is kept longest. Pure.
 */
import {planStore} from './rotate.ts'
import {timeText} from './calendar.ts'
import type {StoreLog} from '../store/log.ts'
import type {LogState} from '../store/state.ts'
import type {PlanLine} from './plan-text.ts'

/** What is said of a snapshot. Times are seconds since 1970. */
export type Keep = Pick<PlanLine, 'verdict' | 'seq' | 'until' | 'why'>

/**
 * What is said of each snapshot of a set, by number.
 * @param now in seconds since 1970
 * @throws BkError 77 where a clock must have been wrong
 */
export function keepsOf(log: StoreLog, state: LogState, set: string, now: number): ReadonlyMap<number, Keep> {
  if (state.rules.has(set)) {
    const plan = planStore(log, state, {set, standing: undefined, now, maxGap: Infinity})
    return new Map(plan.sets.flatMap(({lines}) => lines.map((line) => [line.seq, line])))
  }
  const kept = state.kept.filter(({record}) => record.set === set)
  return new Map(kept.map(({record: {seq}, pin}) => [seq, unruled(seq, pin === undefined ? 0 : Date.parse(pin.until) / 1000, now)]))
}

function unruled(seq: number, until: number, now: number): Keep {
  const isPinned = now < until
  return {verdict: 'keep', seq, until: isPinned ? until : undefined, why: isPinned ? `pinned until ${timeText(until)}` : 'never rotated'}
}

/** The one that is kept longest; of several, the newest. */
export function keptLongest(keeps: Iterable<Keep>): Keep | undefined {
  let longest: Keep | undefined
  for (const keep of keeps) if (longest === undefined || rank(keep) >= rank(longest)) longest = keep
  return longest
}

function rank({verdict, until}: Keep): number {
  return verdict === 'drop' ? -1 : (until ?? 0)
}
