/*
 * Rotation: a plan is made of what a store's log says, and carried out by an edit under the head that it was made of. Who has committed
 * meanwhile is seen, and the plan made again, or the one that was reviewed held against what is there now.
 */
import {BkError} from '../cli/errors.ts'
import {formatEdit} from '../store/edits.ts'
import {commitEdit} from '../store/commit.ts'
import {Calendar} from './calendar.ts'
import {planSet, type Candidate} from './plan.ts'
import {planLine, type SetPlan, type StorePlan} from './plan-text.ts'
import {settleReceipts, type Clock} from './receipts.ts'
import {formatRules, isNarrower, parseRules, type Standing} from './rules.ts'
import type {Edit} from '../store/edits.ts'
import type {StoreLog} from '../store/log.ts'
import type {LogState} from '../store/state.ts'

export interface RotateOptions extends Clock {
  /** The one set that is meant; undefined for all. */
  readonly set: string | undefined
  /** What was asked for; undefined for the rules by which each set was rotated last. */
  readonly standing: Standing | undefined
}

/** Plans every set. Throws BkError 77 where a clock must have been wrong, 64 for a set without rules. */
export function planStore(log: StoreLog, state: LogState, options: RotateOptions): StorePlan {
  const names = [...new Set(state.kept.map(({record}) => record.set))].sort()
  const {set} = options
  if (set !== undefined && !names.includes(set)) throw new BkError(`${log.store.where} has no snapshot of set ${set}`, {hint: `the sets are: ${names.join(', ')}`})
  const sets = names.filter((name) => set === undefined || name === set).map((name) => planOne(state, name, options))
  return {store: log.settings.id, head: state.head, sets}
}

function planOne(state: LogState, set: string, {standing, now, maxGap}: RotateOptions): SetPlan {
  const {zone, rules} = standing ?? standingOf(state, set)
  const receipts = state.receipts.filter(({record}) => record.set === set)
  const settled = settleReceipts(receipts.map(({record: {seq}, received, isSet}) => ({seq, received: secondsOf(received), isSet})), {now, maxGap})
  const times = new Map(receipts.map(({record}, at) => [record.seq, settled[at]!]))
  const snapshots = state.kept.filter(({record}) => record.set === set).map(({record: {seq, entries, partial}, pin}): Candidate => ({
    seq, received: times.get(seq)!, entries, isComplete: partial === 0, pinnedUntil: pin === undefined ? undefined : secondsOf(pin.until),
  }))
  const decisions = planSet({snapshots, rules, calendar: new Calendar(zone), now})
  return {set, zone, rules, lines: decisions.map(planLine)}
}

function standingOf(state: LogState, set: string): Standing {
  const known = state.rules.get(set)
  if (known === undefined) throw new BkError(`set ${set} was never rotated: nothing says what to keep`, {status: 64, hint: 'for instance --keep-daily 7 --keep-weekly 5 --keep-monthly 12'})
  return {zone: known.zone, rules: parseRules(known.words)}
}

function secondsOf(time: string): number {
  return Date.parse(time) / 1000
}

/** What came of it. */
export interface Rotated {
  readonly dropped: number
  readonly kept: number
}

/**
 * Makes a plan and carries it out.
 * @param force takes also rules that keep less than those before
 */
export async function rotate(log: StoreLog, options: RotateOptions & {readonly force: boolean}): Promise<Rotated> {
  let rotated: Rotated = {dropped: 0, kept: 0}
  await commitEdit(log, async (state) => {
    const {sets} = planStore(log, state, options)
    rotated = tally(sets)
    return linesOf(state, sets, options.force)
  })
  return rotated
}

/**
 * Carries out a plan that somebody has reviewed: what goes is what it drops, and what its rules would drop now, too. So what was received since it was
 * made stays, and what was pinned since.
 * @throws BkError 77 for a plan of another store, or of another past of this one
 */
export async function applyPlan(log: StoreLog, plan: StorePlan, {force, ...clock}: Clock & {readonly force: boolean}): Promise<Rotated> {
  if (plan.store !== log.settings.id) throw new BkError(`the plan is of another store (${plan.store})`, {status: 77})
  const {seq, sum} = plan.head
  if (seq > 0 && (await log.record(seq))?.sum !== sum) throw new BkError(`the plan was made when record ${seq} was another`, {status: 77, hint: 'make another plan'})
  let rotated: Rotated = {dropped: 0, kept: 0}
  await commitEdit(log, async (state) => {
    const sets = plan.sets.map((each): SetPlan => {
      const {lines} = planOne(state, each.set, {...clock, set: each.set, standing: each})
      const dropped = new Set(lines.filter(({verdict}) => verdict === 'drop').map(({seq}) => seq))
      return {...each, lines: each.lines.filter(({seq, verdict}) => verdict === 'drop' && dropped.has(seq))}
    })
    rotated = {dropped: tally(sets).dropped, kept: state.kept.length - tally(sets).dropped}
    return linesOf(state, sets, force)
  })
  return rotated
}

function tally(sets: readonly SetPlan[]): Rotated {
  const all = sets.flatMap(({lines}) => lines)
  const dropped = all.filter(({verdict}) => verdict === 'drop').length
  return {dropped, kept: all.length - dropped}
}

function linesOf(state: LogState, sets: readonly SetPlan[], force: boolean): string[] {
  return sets.flatMap(({set, zone, rules, lines}) => {
    const words = formatRules(rules)
    const before = state.rules.get(set)
    if (!force && before !== undefined && isNarrower({zone: before.zone, rules: parseRules(before.words)}, {zone, rules})) {
      throw new BkError(`the rules of set ${set} were wider before: ${before.words} in ${before.zone}`, {status: 77, hint: 'look at the plan, and then --force takes narrower ones'})
    }
    const edits: Edit[] = []
    if (before?.zone !== zone || before.words !== words) edits.push({verb: 'rules', set, zone, words})
    // One line for each reason: a store has few.
    const byWhy = new Map<string, number[]>()
    for (const {verdict, seq, why} of lines) if (verdict === 'drop') byWhy.set(shortWhy(why), [...(byWhy.get(shortWhy(why)) ?? []), seq])
    for (const [why, numbers] of byWhy) edits.push({verb: 'drop', numbers, why})
    return edits.flatMap(formatEdit)
  })
}

/* `12 stays of daily 2026-11-22` is as many reasons as there are days. */
function shortWhy(why: string): string {
  return why.replace(/^\d+ stays of (\w+) \S+$/, 'another stays of its $1 time')
}

/** Drops snapshots by number. Throws BkError 2 for one that is not there. */
export async function dropSnapshots(log: StoreLog, numbers: readonly number[]): Promise<Rotated> {
  let rotated: Rotated = {dropped: 0, kept: 0}
  await commitEdit(log, async ({kept, dropped}) => {
    const there = new Set(kept.map(({record}) => record.seq))
    const missing = numbers.find((seq) => !there.has(seq))
    if (missing !== undefined) throw new BkError(dropped.has(missing) ? `snapshot ${missing} is dropped already` : `there is no snapshot ${missing}`)
    const pinned = kept.find(({record, pin}) => pin !== undefined && numbers.includes(record.seq))
    if (pinned !== undefined) throw new BkError(`snapshot ${pinned.record.seq} is kept until ${pinned.pin!.until}`, {status: 77, hint: `bk keep STORE@${pinned.record.seq} --until none`})
    rotated = {dropped: numbers.length, kept: kept.length - numbers.length}
    return formatEdit({verb: 'drop', numbers, why: 'by hand'})
  })
  return rotated
}

/** Corrects when snapshots were received. Throws BkError 2 for one that is not there. */
export async function retime(log: StoreLog, times: readonly {readonly seq: number; readonly time: string}[]): Promise<void> {
  await commitEdit(log, async ({receipts}) => {
    const missing = times.find(({seq}) => !receipts.some(({record}) => record.seq === seq))
    if (missing !== undefined) throw new BkError(`there is no snapshot ${missing.seq}`)
    return times.flatMap(({seq, time}) => formatEdit({verb: 'time', seq, time}))
  })
}

/** Keeps a snapshot until a time, whatever the rules say; until undefined takes it back. Throws BkError 2 for one that is not there. */
export async function pinSnapshot(log: StoreLog, seq: number, until: string | undefined, note: string | undefined): Promise<void> {
  await commitEdit(log, async ({kept}) => {
    if (!kept.some(({record}) => record.seq === seq)) throw new BkError(`there is no snapshot ${seq}`)
    return formatEdit({verb: 'pin', seq, until, note})
  })
}
