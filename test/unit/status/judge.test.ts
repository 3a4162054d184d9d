// Each word of `bk status`, on both sides of its bound.

import {describe, expect, it} from 'vitest'
import {judge, type Measure} from '../../../src/lib/status/judge.ts'
import type {SetFacts, Snapshot} from '../../../src/lib/status/facts.ts'

const HOUR = 3600
const now = 1_763_800_000
const measure: Measure = {now, maxAge: 26 * HOUR, limits: {}, isExpected: false}

function snapshot(parts: Partial<Snapshot> = {}): Snapshot {
  return {seq: 18, set: 'web1', received: now - HOUR, receivedText: '', partial: 0, entries: 100, bytes: 1000, brought: 10, size: 500, isFirst: false, ...parts}
}

/** A set that is pushed to every night. */
function facts(parts: Partial<SetFacts> = {}): SetFacts {
  const newest = snapshot()
  return {set: 'web1', newest, complete: parts.newest ?? newest, before: snapshot({seq: 17, received: now - 30 * HOUR}), today: [newest], used: 1000, left: undefined, ...parts}
}

/** Snapshots of the last 24 hours, by their ages in seconds, newest first. */
function daily(ages: readonly number[]): Partial<SetFacts> {
  const today = ages.map((age, at) => snapshot({seq: 18 - at, received: now - age}))
  return {newest: today[0], before: today[1], today}
}

const none: Partial<SetFacts> = {newest: undefined, complete: undefined, before: undefined, today: [], used: 0}

type Case = readonly [what: string, facts: Partial<SetFacts>, measure: Partial<Measure>, words: readonly string[]]

const cases: readonly Case[] = [
  ['a set of every night is well', {}, {limits: {quota: 10_000, perDay: 1}}, []],

  ['a set that keys know and nobody has pushed to', none, {isExpected: true}, ['never: no snapshot has come yet']],
  ['one that nobody expects', none, {}, []],
  ['one that has come is not never', {}, {isExpected: true}, []],

  ['as old as it may be', {newest: snapshot({received: now - 26 * HOUR})}, {}, []],
  ['a second older', {newest: snapshot({received: now - 26 * HOUR - 1})}, {}, ['stale: the newest complete snapshot, 18, is 26h old, more than 26h']],
  ['--max-age counts', {}, {maxAge: HOUR - 1}, ['stale: the newest complete snapshot, 18, is 1h old, more than 59m']],
  [
    'a newer one that is partial does not help', {newest: snapshot({seq: 19, partial: 1}), complete: snapshot({received: now - 75 * HOUR})}, {},
    ['stale: the newest complete snapshot, 18, is 3D3h old, more than 26h', 'partial: snapshot 19 is partial: 1 path could not be read'],
  ],
  ['none was ever complete', {newest: snapshot({partial: 3}), complete: undefined}, {}, ['partial: snapshot 18 is partial: 3 paths could not be read']],
  [
    'and that is long ago', {newest: snapshot({partial: 3, received: now - 60 * HOUR}), complete: undefined, before: undefined}, {},
    ['stale: none is complete, and the newest, 18, is 2D12h old, more than 26h', 'partial: snapshot 18 is partial: 3 paths could not be read'],
  ],

  ['a session is at work', {left: {packs: 2, bytes: 16 << 20, time: now - 900}}, {}, []],
  ['a session was cut off', {left: {packs: 2, bytes: 16 << 20, time: now - 901}}, {}, ['cut: a session ended 15m ago without a snapshot, and left 16M']],
  ['the first of a set is at work', {...none, left: {packs: 1, bytes: 1, time: now}}, {}, []],
  [
    'the first of a set was cut off', {...none, left: {packs: 1, bytes: 5, time: now - 5 * HOUR}}, {isExpected: true},
    ['never: no snapshot has come yet', 'cut: a session ended 5h ago without a snapshot, and left 5'],
  ],

  ['as much is left as the last one took', {used: 9490}, {limits: {quota: 10_000}}, []],
  ['a byte less', {used: 9491}, {limits: {quota: 10_000}}, ['full: 509 of its quota of 9.8K is left, and the newest snapshots brought 510']],
  [
    'the one before took more', {before: snapshot({seq: 17, brought: 2000}), used: 7501}, {limits: {quota: 10_000}},
    ['full: 2.4K of its quota of 9.8K is left, and the newest snapshots brought 2.4K'],
  ],
  ['a first one brings everything, and is no measure', {before: snapshot({seq: 17, brought: 9000, isFirst: true}), used: 9400}, {limits: {quota: 10_000}}, []],
  ['more was brought than is allowed by now', {used: 20_000}, {limits: {quota: 10_000}}, ['full: nothing of its quota of 9.8K is left, and the newest snapshots brought 510']],
  ['no quota', {used: 1e15}, {}, []],

  ['once a day, and once is allowed', daily([HOUR]), {limits: {perDay: 1}}, []],
  ['every hour, and 24 are allowed', daily(Array.from({length: 24}, (_, at) => 60 + at * HOUR)), {limits: {perDay: 24}}, []],
  ['twice a day, not evenly, and two are allowed', daily([HOUR, 9 * HOUR]), {limits: {perDay: 2}}, []],
  [
    'all at once', daily([100, 110, 120]), {limits: {perDay: 3}},
    ['day-full: 3 snapshots in 24 hours, the limit is 3: the next is refused for 23h still'],
  ],
  ['all but one at once', daily([100, 110]), {limits: {perDay: 3}}, []],
  ['more than are allowed by now', daily([100, 110, 120, 130]), {limits: {perDay: 2}}, ['day-full: 4 snapshots in 24 hours, the limit is 2: the next is refused for 23h still']],
  ['every ten minutes, until it was refused', daily(Array.from({length: 48}, (_, at) => 60 + at * 600)), {limits: {perDay: 48}}, ['day-full: 48 snapshots in 24 hours, the limit is 48: the next is refused for 16h still']],
  ['none is allowed', {today: []}, {limits: {perDay: 0}}, ['day-full: no snapshot is allowed: the limit is 0 in 24 hours']],
  ['twice in a minute, one is allowed by now', {...daily([30]), before: snapshot({seq: 17, received: now - 60})}, {limits: {perDay: 1}}, ['day-full: 1 snapshot in 24 hours, the limit is 1: the next is refused for 23h still']],

  ['half the entries', {newest: snapshot({entries: 50})}, {}, []],
  ['fewer', {newest: snapshot({entries: 49})}, {}, ['shrunk: snapshot 18 has 49 entries, 17 had 100']],
  ['one entry', {newest: snapshot({entries: 1})}, {}, ['shrunk: snapshot 18 has 1 entry, 17 had 100']],
  [
    'it shrank twice in a day', {newest: snapshot({entries: 40}), before: snapshot({seq: 17, entries: 40}), today: [18, 17, 16].map((seq) => snapshot({seq, entries: seq === 16 ? 100 : 40}))}, {},
    ['shrunk: snapshot 18 has 40 entries, 16 had 100'],
  ],
  ['it grew', {newest: snapshot({entries: 1000})}, {}, []],
  ['there is none before', {before: undefined}, {}, []],

  ['clocks differ a little', {newest: snapshot({received: now + 300})}, {}, []],
  ['it is received later than now', {newest: snapshot({received: now + 301})}, {}, ['clock: snapshot 18 was received 5m later than now']],
  ['in the same second', {before: snapshot({seq: 17})}, {}, []],
  ['earlier than the one before', {before: snapshot({seq: 17, received: now - HOUR + 1})}, {}, ['clock: snapshot 18 was received 1s earlier than 17, the one before it']],
]

describe('a set', () => {
  it.for(cases)('%s', ([, parts, changes, words]) => {
    expect(judge(facts(parts), {...measure, ...changes}).map((problem) => `${problem.kind}: ${problem.words}`)).toEqual(words)
  })
})
