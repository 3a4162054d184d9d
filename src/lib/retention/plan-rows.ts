/*
 * Plans as rows: for people with local times, for programs as the plan's text has them, and as lines of JSON. Pure.
 */
import {localTime} from '../store/log-rows.ts'
import {timeText} from './calendar.ts'
import {formatRules} from './rules.ts'
import type {Column, Row} from '../cli/table.ts'
import type {PlanLine, SetPlan, StorePlan} from './plan-text.ts'

export const PLAN_COLUMNS: readonly Column[] = [
  {title: 'no', align: 'right'},
  {title: 'received'},
  {title: 'set'},
  {title: 'plan'},
  {title: 'until'},
  {title: 'why', overflow: true},
]

const UNKNOWN = '-'

/** The rows of a plan, set by set; in `timeZone` for people, else in UTC as records have it. */
export function* planRows({sets}: StorePlan, timeZone?: string): Generator<Row> {
  const time = timeZone === undefined ? timeText : (seconds: number) => localTime(seconds * 1000, timeZone)
  for (const {set, lines} of sets) {
    for (const {verdict, seq, received, until, why} of lines) {
      yield [String(seq), time(received), set, verdict, until === undefined ? UNKNOWN : time(until), why]
    }
  }
}

/** A plan as lines of JSON: of what it was made, then each set, and each snapshot behind its set. */
export function* planAsJson({store, head, sets}: StorePlan): Generator<string> {
  yield `${JSON.stringify({type: 'plan', store, head: head.seq, sum: head.sum})}\n`
  for (const plan of sets) {
    yield setAsJson(plan)
    for (const line of plan.lines) yield lineAsJson(plan.set, line)
  }
}

function setAsJson({set, zone, rules, lines}: SetPlan): string {
  const dropped = lines.filter(({verdict}) => verdict === 'drop').length
  return `${JSON.stringify({type: 'set', set, zone, rules: formatRules(rules), keep: lines.length - dropped, drop: dropped})}\n`
}

function lineAsJson(set: string, {verdict, seq, received, until, why}: PlanLine): string {
  const promise = until === undefined ? {} : {until: timeText(until)}
  return `${JSON.stringify({type: 'snapshot', seq, set, received: timeText(received), plan: verdict, ...promise, why: why.split(', ')})}\n`
}
