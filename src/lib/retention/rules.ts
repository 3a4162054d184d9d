/*
 * The rules by which `rotate` keeps snapshots, as words: `daily=7 weekly=5 within=30d`. Pure: strict, with one spelling for each.
 */
import {BkError, usageError} from '../cli/errors.ts'
import {parseAge} from '../cli/units.ts'
import {PERIODS, type Period} from './calendar.ts'

/** How many buckets of each kind count, newest first; 0 is none. */
export interface Rules extends Readonly<Record<Period, number>> {
  /** What was received less than so many seconds before the newest is kept. */
  readonly within: number
  /** So many of the newest are kept. */
  readonly last: number
}

/** Rules in force for a set, and the time zone of their calendar. */
export interface Standing {
  readonly zone: string
  readonly rules: Rules
}

/** Hours of eleven years; nobody means more. */
export const MAX_COUNT = 100_000
/** Seconds of three hundred years. */
export const MAX_WITHIN = 300 * 365 * 86_400

const NAMES = [...PERIODS, 'within', 'last'] as const

/**
 * Rules from what was asked for: counts, and `within` in seconds; what is absent or 0 keeps nothing.
 * @throws BkError 64 for rules that keep nothing, or that leave the choice to whoever pushes
 */
export function rulesOf(asked: {readonly [Name in keyof Rules]?: number | undefined}): Rules {
  const rules = Object.fromEntries(NAMES.map((name) => [name, asked[name] ?? 0])) as Record<keyof Rules, number>
  for (const name of NAMES) {
    const [value, most] = [rules[name], mostOf(name)]
    if (Number.isSafeInteger(value) && value >= 0 && value <= most) continue
    throw usageError(`--keep-${name} is more than ${name === 'within' ? '300Y' : most}, or no whole number`)
  }
  const kept = NAMES.filter((name) => rules[name] > 0)
  if (kept.length === 0) throw usageError('no rule says what to keep', 'for instance --keep-daily 7 --keep-weekly 5 --keep-monthly 12')
  if (kept.every((name) => name === 'last')) {
    const hint = 'add --keep-daily 7 or --keep-within 30d: such rules go by the calendar'
    throw usageError('--keep-last alone lets whoever pushes often choose what stays', hint)
  }
  return rules
}

/** Rules as words, in one order. */
export function formatRules(rules: Rules): string {
  const words = NAMES.filter((name) => rules[name] > 0)
  return words.map((name) => `${name}=${name === 'within' ? exactAge(rules.within) : rules[name]}`).join(' ')
}

/**
 * Parses what `formatRules` prints.
 * @throws BkError 65 for anything else
 */
export function parseRules(text: string): Rules {
  const asked: Partial<Record<keyof Rules, number>> = {}
  for (const word of text.split(' ')) {
    const match = /^([a-z]+)=(\d[\dhdms]*)$/.exec(word)
    const name = NAMES.find((each) => each === match?.[1])
    if (name === undefined) throw notRules(text)
    asked[name] = name === 'within' ? ageOf(match![2]!, text) : Number(match![2])
  }
  const rules = checkedRules(asked, text)
  if (formatRules(rules) !== text) throw notRules(text)
  return rules
}

/**
 * Whether `after` may let go of what `before` keeps. Another zone may: what are two days in one can be one day in another.
 */
export function isNarrower(before: Standing, after: Standing): boolean {
  return before.zone !== after.zone || NAMES.some((name) => after.rules[name] < before.rules[name])
}

function mostOf(name: keyof Rules): number {
  return name === 'within' ? MAX_WITHIN : MAX_COUNT
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
] as const

/* Nothing is rounded: this is read again. */
function exactAge(seconds: number): string {
  let rest = seconds
  let text = ''
  for (const [unit, letter] of UNITS) {
    if (rest >= unit) text += `${Math.floor(rest / unit)}${letter}`
    rest %= unit
  }
  return text
}

function ageOf(age: string, text: string): number {
  try {
    return parseAge(age)
  } catch (cause) {
    throw notRules(text, cause)
  }
}

function checkedRules(asked: Partial<Rules>, text: string): Rules {
  try {
    return rulesOf(asked)
  } catch (cause) {
    throw notRules(text, cause)
  }
}

function notRules(text: string, cause?: unknown): BkError {
  return new BkError(`not rules of retention: ${text.slice(0, 80).replaceAll(/[^ -~]/g, '?')}`, {status: 65, cause})
}
