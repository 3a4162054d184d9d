// Ten years of hourly pushes: rotating after each of them leaves what rotating once does, and what the oracle says.

import {describe, expect, it} from 'vitest'
import {Calendar} from '../../../src/lib/retention/calendar.ts'
import {planSet, type Candidate} from '../../../src/lib/retention/plan.ts'
import {rulesOf} from '../../../src/lib/retention/rules.ts'
import {seeded} from '../../harness/faults.ts'
import {compare, expectSame, keptBy} from './compare.ts'
import {below, DAY, HOUR, oneOf, somewhere, type Chance} from './histories.ts'
import {WallClock} from './oracle.ts'
import {Rotation} from './rotating.ts'

const HISTORIES = 20
const RECEIPTS = 87_600
const RULES = [
  rulesOf({hourly: 24, daily: 7, weekly: 5, monthly: 12, yearly: 10}),
  rulesOf({daily: 14, monthly: 24, quarterly: 8, last: 3}),
  rulesOf({hourly: 6, weekly: 10, yearly: 2, within: DAY}),
  rulesOf({daily: 30}),
]

/** With junk, partial runs, and gaps of some days. */
function decade(chance: Chance, start: number): Candidate[] {
  const snapshots: Candidate[] = []
  for (let at = 0, received = start; at < RECEIPTS; at++) {
    const isJunk = chance() < 0.01
    snapshots.push({seq: at + 1, received, entries: isJunk ? below(chance, 5000) : 1000 + below(chance, 100), isComplete: chance() > 0.02})
    received += chance() < 0.0005 ? below(chance, 30 * DAY) : HOUR - 60 + below(chance, 120)
  }
  return snapshots
}

describe('ten hourly years', () => {
  it.each(Array.from({length: HISTORIES}, (_, number) => number))('history %i', (number) => {
    const chance = seeded(1_000_000 + number)
    const {zone, start} = somewhere(chance)
    const rules = oneOf(chance, RULES)
    const snapshots = decade(chance, start)
    const [calendar, clock, now] = [new Calendar(zone), new WallClock(zone), snapshots.at(-1)!.received]
    const once = planSet({snapshots, rules, calendar, now})
    compare(once, snapshots, rules, clock, now)
    const rotation = new Rotation(rules, calendar)
    for (const snapshot of snapshots) {
      rotation.receive(snapshot)
      rotation.rotate()
    }
    expectSame(rotation.kept, keptBy(once), 'rotating after each receipt')
    expect(rotation.kept.length).toBeGreaterThan(15)
  })
})
