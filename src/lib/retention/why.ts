/*
 * The reasons of a plan in words, for people and programs. Pure.
 */
import {bucketName, timeText} from './calendar.ts'
import type {Choice, Decision, Reason} from './plan.ts'

/** Why a snapshot stays or goes: `daily 2026-11-22`, `newest`; at least one. Printable ASCII, without commas. */
export function whyWords(decision: Decision): string[] {
  if (decision.verdict === 'keep') return decision.reasons.map(reasonWords)
  const {standIn} = decision
  if (standIn === undefined) return ['no rule keeps it']
  return [`${standIn.seq} stays of ${standIn.period} ${bucketName(standIn.period, standIn.bucket)}`]
}

function reasonWords(reason: Reason): string {
  if (reason.kind === 'pinned') return `pinned until ${timeText(reason.until)}`
  if (reason.kind !== 'bucket') return reason.kind
  return `${reason.period} ${bucketName(reason.period, reason.bucket)}${choiceWords(reason.choice)}`
}

function choiceWords(choice: Choice): string {
  if (choice === 'first') return ''
  return choice === 'first-complete' ? ' first complete' : ` over twice ${choice.over}`
}
