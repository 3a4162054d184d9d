// Rotates again and again while snapshots are received, and sees to it that no promise is broken.

import {BkError} from '../../../src/lib/cli/errors.ts'
import {planSet, type Candidate, type Decision} from '../../../src/lib/retention/plan.ts'
import type {Calendar} from '../../../src/lib/retention/calendar.ts'
import type {Rules} from '../../../src/lib/retention/rules.ts'

/** Somebody who rotates. */
export class Rotation {
  #rules: Rules
  readonly #calendar: Calendar
  /** What each snapshot was last promised at most, by number. */
  readonly #promises = new Map<number, number>()
  #kept: Candidate[] = []
  #now = 0

  constructor(rules: Rules, calendar: Calendar) {
    this.#rules = rules
    this.#calendar = calendar
  }

  get kept(): readonly Candidate[] {
    return this.#kept
  }

  receive(snapshot: Candidate): void {
    this.#kept.push(snapshot)
    this.#now = Math.max(this.#now, snapshot.received)
  }

  /** From now on by other rules, none of them narrower. */
  widen(wider: (rules: Rules) => Rules): void {
    this.#rules = wider(this.#rules)
  }

  /** Rotates at `now`, or as soon as the newest was received. Throws where a promise is broken. */
  rotate(now = this.#now): readonly Decision[] {
    this.#now = now
    const decisions = planSet({snapshots: this.#kept, rules: this.#rules, calendar: this.#calendar, now})
    const kept: Candidate[] = []
    for (const decision of decisions) {
      const {seq} = decision.snapshot
      if (decision.verdict === 'keep') {
        kept.push(decision.snapshot)
        if (decision.until !== undefined) this.#promises.set(seq, Math.max(decision.until, this.#promises.get(seq) ?? 0))
      } else {
        const until = this.#promises.get(seq) ?? 0
        if (until > now) throw new Error(`snapshot ${seq} was promised until ${until}, and dropped at ${now}`)
        this.#promises.delete(seq)
      }
    }
    this.#kept = kept
    return decisions
  }
}

export function numbersOf(snapshots: Iterable<Candidate>): number[] {
  return Array.from(snapshots, ({seq}) => seq)
}

/** What somebody throws who refuses. */
export function refusalOf(attempt: () => unknown): BkError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof BkError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
