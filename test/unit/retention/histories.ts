// Histories that chance makes: regular pushes with gaps, junk and partial runs around the moments at which clocks are changed.

import {rulesOf, type Rules} from '../../../src/lib/retention/rules.ts'
import type {Candidate} from '../../../src/lib/retention/plan.ts'

export type Chance = () => number

export const MINUTE = 60
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Zones, with moments at which something odd happens there. */
const oddities: readonly (readonly [zone: string, ...moments: readonly string[]])[] = [
  ['UTC', '2025-12-31T23:59:59Z', '2024-02-29T00:00:00Z', '1971-01-01T00:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z', '2026-03-29T01:00:00Z', '2020-12-31T23:00:00Z'],
  // A day that there was not.
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  // Set back by two hours, and at a minute after midnight: buckets come again after others.
  ['Antarctica/Troll', '2025-10-26T01:00:00Z', '2026-03-29T01:00:00Z'],
  ['America/St_Johns', '2010-11-07T02:31:00Z', '2026-11-01T04:30:00Z'],
  // By half an hour.
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z', '2026-10-03T15:30:00Z'],
  // Days that begin at one.
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z', '2018-02-18T02:00:00Z'],
  ['Africa/Cairo', '2026-04-23T22:00:00Z', '2026-10-29T21:00:00Z'],
  ['America/Havana', '2026-11-01T05:00:00Z'],
  ['Asia/Kathmandu', '1985-12-31T18:30:00Z'],
  ['Pacific/Chatham', '2026-04-04T14:00:00Z', '2026-09-26T14:00:00Z'],
  ['America/Nuuk', '2026-10-25T00:00:00Z', '2023-03-26T01:00:00Z'],
]

export function below(chance: Chance, limit: number): number {
  return Math.floor(chance() * limit)
}

export function oneOf<T>(chance: Chance, list: readonly T[]): T {
  return list[below(chance, list.length)]!
}

/** A zone, and a moment a little before something odd. */
export function somewhere(chance: Chance): {readonly zone: string; readonly start: number} {
  const [zone, ...moments] = oneOf(chance, oddities)
  const before = oneOf(chance, [2 * HOUR, DAY, 10 * DAY, 60 * DAY, 400 * DAY])
  return {zone, start: Math.max(0, Date.parse(oneOf(chance, moments)) / 1000 - below(chance, before))}
}

const counts: readonly (readonly [keyof Rules, number])[] = [
  ['hourly', 30], ['daily', 10], ['weekly', 6], ['monthly', 13], ['quarterly', 5], ['yearly', 5], ['within', 20 * DAY], ['last', 5],
]

export function someRules(chance: Chance): Rules {
  const asked: Partial<Record<keyof Rules, number>> = {}
  const wanted = 1 + below(chance, 4)
  for (let each = 0; each < wanted; each++) {
    const [name, most] = oneOf(chance, counts)
    asked[name] = 1 + below(chance, most)
  }
  if (Object.keys(asked).every((name) => name === 'last')) asked.daily = 1 + below(chance, 10)
  return rulesOf(asked)
}

/** Seconds to the next receipt of somebody who pushes every `interval`, more or less. */
function wait(chance: Chance, time: number, interval: number): number {
  const kind = chance()
  if (kind < 0.1) return 0
  if (kind < 0.15) return 1
  // The first second of something, or the last, wherever zones are ahead by quarters of an hour.
  if (kind < 0.3) {
    const step = oneOf(chance, [15 * MINUTE, HOUR, DAY])
    return step - (time % step)
  }
  if (kind < 0.35) return Math.max(0, 15 * MINUTE - (time % (15 * MINUTE)) - 1)
  if (kind < 0.38) return below(chance, 390 * DAY)
  return Math.floor(interval * (0.5 + chance()))
}

function entriesAfter(chance: Chance, usual: number, last: number): number {
  const kind = chance()
  if (kind < 0.6) return Math.floor(usual * (0.9 + 0.2 * chance()))
  if (kind < 0.7) return below(chance, 3)
  if (kind < 0.8) return 2 * last + below(chance, 2)
  return Math.floor(usual * 2 ** (6 * chance() - 3))
}

/** The snapshots of a set, by number; `seqs` says which numbers are left for it. */
export function someSnapshots(chance: Chance, length: number, start: number, seqs: () => number): Candidate[] {
  const interval = oneOf(chance, [10 * MINUTE, HOUR, 6 * HOUR, DAY, DAY, 7 * DAY])
  const usual = 1 + below(chance, 1000)
  const [partial, pinned] = [oneOf(chance, [0, 0.1, 0.5, 0.95]), oneOf(chance, [0, 0.02])]
  const snapshots: Candidate[] = []
  let received = start
  let entries = usual
  for (let at = 0; at < length; at++) {
    entries = entriesAfter(chance, usual, entries)
    const pinnedUntil = chance() < pinned ? received + below(chance, 100 * DAY) : undefined
    snapshots.push({seq: seqs(), received, entries, isComplete: chance() >= partial, pinnedUntil})
    received += wait(chance, received, interval)
  }
  return snapshots
}

/** Rules none of which is narrower than one of `rules`. */
export function widerRules(chance: Chance, rules: Rules): Rules {
  const more = someRules(chance)
  return rulesOf(Object.fromEntries(Object.entries(rules).map(([name, value]) => [name, Math.max(value, more[name as keyof Rules])])))
}
