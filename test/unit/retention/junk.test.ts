// A thief who has the client's key pushes at will: any entries, complete or not, whenever it serves him. He does not choose the server's
// time, nor when it rotates. What was promised at any moment is there.

import {describe, expect, it} from 'vitest'
import {Calendar} from '../../../src/lib/retention/calendar.ts'
import {seeded} from '../../harness/faults.ts'
import {below, DAY, HOUR, MINUTE, oneOf, somewhere, someRules, someSnapshots, widerRules, type Chance} from './histories.ts'
import {countingBuckets, WallClock} from './oracle.ts'
import {Rotation} from './rotating.ts'
import type {Candidate} from '../../../src/lib/retention/plan.ts'
import type {Rules} from '../../../src/lib/retention/rules.ts'

const ATTACKS = 10_000

/** Junk, from `start` on: floods, one push in each bucket at its first second, and whatever else comes to mind. */
function attack(chance: Chance, start: number, seq: number): Candidate[] {
  const step = oneOf(chance, [0, 1, 15 * MINUTE, HOUR, HOUR, DAY, DAY, 7 * DAY, 31 * DAY, 366 * DAY])
  const isPunctual = step >= 15 * MINUTE && chance() < 0.7
  const [complete, most] = [oneOf(chance, [0, 0.5, 1]), oneOf(chance, [1, 100, 1_000_000, 10 ** 12])]
  const doubles = chance() < 0.2
  const length = 1 + below(chance, 80)
  let received = start
  return Array.from({length}, (_, at) => {
    received += step
    if (isPunctual) received -= received % Math.min(step, DAY)
    received = Math.max(received, start)
    return {seq: seq + at, received, entries: doubles ? 2 ** Math.min(at, 40) + at : below(chance, most), isComplete: chance() < complete}
  })
}

/** Those that the words of the manual promise: the first complete one of each of the newest days, as long as that day is one of them. */
function wordOfTheManual(kept: readonly Candidate[], {daily}: Rules, clock: WallClock): {readonly snapshot: Candidate; readonly day: string}[] {
  return countingBuckets(kept, daily, 'daily', clock).flatMap((day) => {
    const snapshot = kept.find((each) => each.isComplete && clock.name('daily', each.received) === day)
    return snapshot === undefined ? [] : [{snapshot, day}]
  })
}

function daysBetween(first: string, last: string): number {
  return (Date.parse(last) - Date.parse(first)) / 86_400_000
}

describe('junk', () => {
  it(`${ATTACKS} attacks break no promise`, () => {
    const clocks = new Map<string, readonly [Calendar, WallClock]>()
    let promised = 0
    let gone = 0
    for (let number = 0; number < ATTACKS; number++) {
      const chance = seeded(2_000_000 + number)
      const {zone, start} = somewhere(chance)
      const [calendar, clock] = clocks.get(zone) ?? [new Calendar(zone), new WallClock(zone)]
      clocks.set(zone, [calendar, clock])
      const rules = someRules(chance)
      const rotation = new Rotation(rules, calendar)
      let seq = 1
      for (const snapshot of someSnapshots(chance, 1 + below(chance, 40), start, () => seq++)) rotation.receive(snapshot)
      // Broken promises throw in here.
      rotation.rotate()
      const words = wordOfTheManual(rotation.kept, rules, clock)
      promised += words.length
      const often = chance()
      for (const junk of attack(chance, rotation.kept.at(-1)!.received, seq)) {
        rotation.receive(junk)
        if (chance() < often) rotation.rotate()
        if (chance() < 0.01) rotation.widen((present) => widerRules(chance, present))
      }
      rotation.rotate()
      const today = clock.name('daily', rotation.kept.at(-1)!.received)
      for (const {snapshot, day} of words) {
        if (rotation.kept.includes(snapshot)) continue
        gone++
        if (daysBetween(day, today) < rules.daily) throw new Error(`attack ${number} in ${zone}: ${snapshot.seq} of ${day} is gone on ${today}, ${JSON.stringify(rules)}`)
      }
    }
    expect(promised).toBeGreaterThan(3000)
    expect(gone).toBeGreaterThan(300)
  })
})
