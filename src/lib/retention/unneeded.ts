/*
 * Which packs nobody needs any more. Labels are enough for that: which packs they are is looked up only for those that go, so that a
 * store of many snapshots costs hardly more than one of few.
 */
import {applyNeeds, changeLabels, minus, type Labels, type Needs} from '../store/needs.ts'
import type {LogState} from '../store/state.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** A sender may be at work for so many seconds, and an hour: it counts on what was the newest of its set when it began. */
const SENDER = 25 * 3600

const NOTHING: Needs = {base: undefined, drop: new Map(), add: new Map()}

/** By record: numbers of packs in its catalog. */
type Numbers = Map<number, Set<number>>

export interface Unneeded {
  /** Labels that nobody needs. */
  readonly labels: Labels
  /** What kept snapshots need now, and those that senders may count on. */
  readonly needed: Labels
  /** The same, and what senders may count on though others are in its place. */
  readonly inUse: Labels
  /** The snapshots that are kept, and those that senders may count on. */
  readonly counted: readonly SnapshotRecord[]
}

/**
 * Labels that no kept snapshot needs, and no sender counts on.
 * @param now seconds since 1970; undefined for letting go also of what a sender may count on
 */
export async function unneededLabels(log: StoreLog, state: LogState, now: number | undefined): Promise<Unneeded> {
  const staying: Numbers = new Map()
  const dropped: Numbers = new Map()
  const counted: SnapshotRecord[] = []
  const kept = new Set(state.kept.map(({record}) => record.seq))
  const records = [...state.kept.map(({record}) => record), ...state.droppedRecords].sort((a, b) => a.seq - b.seq)
  for (const ofSet of Map.groupBy(records, ({set}) => set).values()) {
    let before: {readonly seq: number; readonly labels: Numbers; readonly to: Numbers} | undefined
    for (const [at, record] of ofSet.entries()) {
      const next = ofSet[at + 1]
      const isCounted = now !== undefined && (next === undefined || now - Date.parse(next.received) / 1000 < SENDER)
      const stays = kept.has(record.seq) || isCounted
      if (stays) counted.push(record)
      const to = stays ? staying : dropped
      // Nearly always a difference to the one before. Taken as that, a thousand snapshots of a thousand packs are no million labels.
      const follows = before !== undefined && record.needs.base === before.seq
      const labels = follows ? before!.labels : applyNeeds(await log.labels(record), NOTHING)
      if (follows) changeLabels(labels, record.needs)
      addAll(to, follows && before!.to === to ? record.needs.add : labels)
      before = {seq: record.seq, labels, to}
    }
  }
  const needed = state.replaced.resolve(staying)
  // Whoever began to send before packs were replaced counts on those that were there then.
  const held = state.replacements.filter(({time}) => now !== undefined && Math.abs(now - Date.parse(time) / 1000) < SENDER)
  const inUse = union([needed, ...held.map(({old}) => old)])
  const all = union([dropped, staying, ...state.replacements.flatMap(({old, fresh}) => [old, fresh])])
  return {labels: minus(all, inUse), needed, inUse, counted}
}

function union(several: readonly Labels[]): Labels {
  const all: Numbers = new Map()
  for (const labels of several) addAll(all, labels)
  return all
}

function addAll(to: Numbers, labels: Labels): void {
  for (const [seq, numbers] of labels) {
    const have = to.get(seq)
    if (have === undefined) to.set(seq, new Set(numbers))
    else if (have.size < numbers.size || [...numbers].some((n) => !have.has(n))) for (const n of numbers) have.add(n)
  }
}
