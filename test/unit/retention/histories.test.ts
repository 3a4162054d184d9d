// The laws of retention over histories that chance makes: the plan is that of a naive oracle, when one rotates does not matter, what is
// promised stays.

import {describe, it} from 'vitest'
import {Calendar} from '../../../src/lib/retention/calendar.ts'
import {planSet, type Candidate, type Decision} from '../../../src/lib/retention/plan.ts'
import {settleReceipts} from '../../../src/lib/retention/receipts.ts'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {seeded} from '../../harness/faults.ts'
import {below, DAY, oneOf, somewhere, someRules, someSnapshots, widerRules, type Chance} from './histories.ts'
import {compare, expectSame, keptBy} from './compare.ts'
import {WallClock} from './oracle.ts'
import {numbersOf, Rotation} from './rotating.ts'
import type {Rules} from '../../../src/lib/retention/rules.ts'

const HISTORIES = 10_000

/** What is known of a zone, asked once. */
const zones = new Map<string, {readonly calendar: Calendar; readonly clock: WallClock}>()

function inZone(zone: string): {readonly calendar: Calendar; readonly clock: WallClock} {
  const known = zones.get(zone) ?? {calendar: new Calendar(zone), clock: new WallClock(zone)}
  zones.set(zone, known)
  return known
}

/** The laws, over one set. */
function checkSet(chance: Chance, snapshots: readonly Candidate[], rules: Rules, zone: string): void {
  const {calendar, clock} = inZone(zone)
  const now = snapshots.at(-1)!.received + oneOf(chance, [0, 1, DAY])
  const plan = (list: readonly Candidate[], by = rules): Decision[] => planSet({snapshots: list, rules: by, calendar, now})
  const once = plan(snapshots)
  compare(once, snapshots, rules, clock, now)
  const kept = keptBy(once)
  if (kept.at(-1) !== snapshots.at(-1)) throw new Error('the newest is gone')
  if (kept.findLast(({isComplete}) => isComplete) !== snapshots.findLast(({isComplete}) => isComplete)) throw new Error('the newest complete one is gone')
  expectSame(keptBy(plan(kept)), kept, 'rotating twice')

  const [each, sometimes] = [new Rotation(rules, calendar), new Rotation(rules, calendar)]
  for (const snapshot of snapshots) {
    each.receive(snapshot)
    sometimes.receive(snapshot)
    each.rotate()
    if (chance() < 0.2) sometimes.rotate()
  }
  each.rotate(now)
  sometimes.rotate(now)
  expectSame(each.kept, kept, 'rotating after each receipt')
  expectSame(sometimes.kept, kept, 'rotating now and then')

  const wider = new Set(numbersOf(keptBy(plan(snapshots, widerRules(chance, rules)))))
  if (kept.some(({seq}) => !wider.has(seq))) throw new Error('more rules drop more')
}

/** Times as a clock had them that is set a little back now and then, and what becomes of them. */
function checkClock(chance: Chance, snapshots: readonly Candidate[]): void {
  const receipts = snapshots.map(({seq, received}) => ({seq, received: received - (chance() < 0.2 ? below(chance, 100) : 0)}))
  const last = snapshots.at(-1)!.received
  const clock = {now: last, maxGap: 400 * DAY}
  const settled = settleReceipts(receipts, clock)
  for (const [at, received] of settled.entries()) {
    if (received !== Math.max(...receipts.slice(0, at + 1).map((each) => each.received))) throw new Error('not the latest so far')
  }
  // A clock that is ahead for a while, and is set right before the last receipt or after it.
  const wrongAt = below(chance, receipts.length)
  const wrong = receipts.map((receipt, at) => (at === wrongAt ? {...receipt, received: last + 400 + below(chance, 1000 * DAY)} : receipt))
  let refusal: unknown
  try {
    settleReceipts(wrong, clock)
  } catch (error) {
    refusal = error
  }
  if (!(refusal instanceof BkError) || refusal.status !== 77 || !refusal.hint?.includes('--retime')) throw new Error('a wrong clock goes unseen')
  settleReceipts(wrong.map((receipt, at) => (at === wrongAt ? {...receipts[at]!, isSet: true} : receipt)), clock)
}

describe('random histories', () => {
  // In parts, so that a failure is soon seen, and with seeds, so that it comes again.
  it.each(Array.from({length: 10}, (_, part) => part))('part %i', (part) => {
    for (let number = part; number < HISTORIES; number += 10) {
      const chance = seeded(number)
      const {zone, start} = somewhere(chance)
      const rules = someRules(chance)
      const sets = oneOf(chance, [1, 1, 2, 3])
      const longest = Math.floor(oneOf(chance, [3, 20, 60, 300]) / sets)
      try {
        for (let set = 0; set < sets; set++) {
          let seq = 1 + set
          const snapshots = someSnapshots(chance, 1 + below(chance, longest), start, () => (seq += sets) - sets)
          checkClock(chance, snapshots)
          checkSet(chance, snapshots, rules, zone)
        }
      } catch (error) {
        throw new Error(`history ${number} (${zone}, ${JSON.stringify(rules)})`, {cause: error})
      }
    }
  })
})
