/*
 * Plans as text (docs/format.md, 10): printed for review, read again by `--apply PLAN`. Pure: parsing is strict, and what parses prints
 * back byte for byte.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from '../store/object-id.ts'
import {isSetName} from '../store/record.ts'
import {timeText} from './calendar.ts'
import {formatRules, parseRules, type Standing} from './rules.ts'
import {whyWords} from './why.ts'
import type {Decision} from './plan.ts'

/** What a plan says of a snapshot. Times are seconds since 1970. */
export interface PlanLine {
  readonly verdict: 'keep' | 'drop'
  readonly seq: number
  readonly received: number
  /** What it is promised until; undefined for nothing. */
  readonly until: number | undefined
  /** Words, with `, ` between reasons. */
  readonly why: string
}

/** The plan of a set: its snapshots, by number. */
export interface SetPlan extends Standing {
  readonly set: string
  readonly lines: readonly PlanLine[]
}

/** What a store's plan was made of, and says. */
export interface StorePlan {
  readonly store: string
  /** The last record; 0 and 64 zeros in an empty store. */
  readonly head: {readonly seq: number; readonly sum: string}
  /** By name. */
  readonly sets: readonly SetPlan[]
}

const NUMBER = '[1-9][0-9]{0,8}'
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
const STORE = /^store ([0-9a-f]{32})$/
const HEAD = /^head (0|[1-9][0-9]{0,8}) ([0-9a-f]{64})$/
const SET = /^set (\S{1,64}) ([A-Za-z0-9+:_/-]{1,64}) (\S+(?: \S+){0,7})$/
const LINE = new RegExp(`^(keep|drop) (${NUMBER}) (${TIME}) (-|${TIME}) ([!-~]+(?: [!-~]+)*)$`)
const END = /^#bk end snapshots=(0|[1-9][0-9]{0,9}) drop=(0|[1-9][0-9]{0,9}) sha256=([0-9a-f]{64})$/
/** A snapshot has at most a dozen reasons, of some forty characters. */
const MAX_LINE = 4096

/** A decision as a line. */
export function planLine(decision: Decision): PlanLine {
  const {verdict, snapshot: {seq, received}} = decision
  return {verdict, seq, received, until: verdict === 'keep' ? decision.until : undefined, why: whyWords(decision).join(', ')}
}

/** Prints a plan, a line for each snapshot. */
export function* formatPlan({store, head, sets}: StorePlan): Generator<string> {
  const lines: string[] = ['#bk plan 1', `store ${store}`, `head ${head.seq} ${head.sum}`]
  for (const {set, zone, rules, lines: snapshots} of sets) {
    lines.push(`set ${set} ${zone} ${formatRules(rules)}`)
    for (const {verdict, seq, received, until, why} of snapshots) {
      lines.push(`${verdict} ${seq} ${timeText(received)} ${until === undefined ? '-' : timeText(until)} ${why}`)
    }
  }
  for (const line of lines) yield `${line}\n`
  yield endLine(sets.flatMap((set) => set.lines), `${lines.join('\n')}\n`)
}

function endLine(lines: readonly PlanLine[], above: string): string {
  const dropped = lines.filter(({verdict}) => verdict === 'drop').length
  return `#bk end snapshots=${lines.length} drop=${dropped} sha256=${objectId(Buffer.from(above, 'latin1'))}\n`
}

/**
 * Parses a plan.
 * @param text one character per byte
 * @throws BkError 65 for one that is cut off, was changed, or is none
 */
export function parsePlan(text: string): StorePlan {
  if (!text.startsWith('#bk plan 1\n')) throw new BkError('not a plan of bk rotate, or of a later version', {status: 65})
  const lines = wholeLines(text)
  const store = STORE.exec(lines[1] ?? '')?.[1]
  if (store === undefined) throw atLine(2, lines[1])
  const head = HEAD.exec(lines[2] ?? '')
  if (head === null) throw atLine(3, lines[2])
  const plan = {store, head: {seq: Number(head[1]), sum: head[2]!}, sets: parseSets(lines)}
  // Catches what the patterns take and nobody prints: a day that no month has, a number of snapshots that is wrong.
  if ([...formatPlan(plan)].join('') !== text) throw new BkError('a plan that bk has not written', {status: 65})
  return plan
}

/** Cuts off the end line, which has to be right. */
function wholeLines(text: string): string[] {
  const at = text.lastIndexOf('\n', text.length - 2) + 1
  const end = text.endsWith('\n') ? END.exec(text.slice(at, -1)) : null
  if (end === null) throw new BkError('the plan is cut off: it has no end line', {status: 65})
  const above = text.slice(0, at)
  if (objectId(Buffer.from(above, 'latin1')) !== end[3]) {
    throw new BkError('the plan was changed: its sum is wrong', {status: 65, hint: 'a plan is applied as it is or not at all; make another'})
  }
  return above.slice(0, -1).split('\n')
}

function parseSets(lines: readonly string[]): SetPlan[] {
  const sets: (SetPlan & {readonly lines: PlanLine[]})[] = []
  for (let at = 3; at < lines.length; at++) {
    const line = lines[at]!
    const current = sets.at(-1)
    if (line.startsWith('set ')) sets.push(parseSet(line, current?.set, at + 1))
    else if (current === undefined) throw atLine(at + 1, line)
    else current.lines.push(parseLine(line, current.lines.at(-1)?.seq ?? 0, at + 1))
  }
  const all = sets.flatMap((set) => set.lines.map(({seq}) => seq))
  if (new Set(all).size !== all.length) throw new BkError('the plan has a snapshot twice', {status: 65})
  return sets
}

function parseSet(line: string, before: string | undefined, number: number): SetPlan & {readonly lines: PlanLine[]} {
  const match = line.length > MAX_LINE ? null : SET.exec(line)
  const set = match?.[1] ?? ''
  if (match === null || !isSetName(set) || (before !== undefined && set <= before)) throw atLine(number, line)
  return {set, zone: match[2]!, rules: parseRules(match[3]!), lines: []}
}

function parseLine(line: string, before: number, number: number): PlanLine {
  const match = line.length > MAX_LINE ? null : LINE.exec(line)
  if (match === null) throw atLine(number, line)
  const [verdict, seq, why] = [match[1] as PlanLine['verdict'], Number(match[2]), match[5]!]
  const received = Date.parse(match[3]!) / 1000
  const until = match[4] === '-' ? undefined : Date.parse(match[4]!) / 1000
  const isTime = !Number.isNaN(received) && !Number.isNaN(until)
  if (!isTime || seq <= before || (verdict === 'drop' && until !== undefined)) throw atLine(number, line)
  return {verdict, seq, received, until, why}
}

function atLine(number: number, line: string | undefined): BkError {
  const shown = (line ?? 'missing').slice(0, 80).replaceAll(/[^ -~]/g, '?')
  return new BkError(`line ${number}: not in the format of a plan: ${shown}`, {status: 65})
}
