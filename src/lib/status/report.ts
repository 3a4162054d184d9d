/*
 * The status of a store: its sets with what was found, the limits that hold for them, and what is wrong.
 */
import {stricter} from '../store/limits.ts'
import {openLog} from '../store/open.ts'
import {readFacts, type SetFacts} from './facts.ts'
import {grantsOf, type Granted} from './granted.ts'
import {judge, type Problem} from './judge.ts'
import type {Limits} from '../store/settings.ts'

/** A set and how it is. */
export interface SetReport extends Omit<SetFacts, 'set'> {
  /** The store as typed. */
  readonly store: string
  /** undefined stands for a store that has no set at all. */
  readonly set: string | undefined
  readonly limits: Limits
  readonly problems: readonly Problem[]
}

export interface ReportOptions {
  /** The sets that are asked for; all where none is. */
  readonly sets: readonly string[] | undefined
  /** What keys may push to. */
  readonly granted: readonly Granted[]
  /** Seconds. */
  readonly maxAge: number
  /** Seconds since 1970. */
  readonly now: number
}

/**
 * Reports on the store at an address.
 * @throws BkError 2 where there is no store, 65 where it is damaged, 75 where it cannot be reached
 */
export async function reportOn(store: string, {sets, granted, maxAge, now}: ReportOptions): Promise<SetReport[]> {
  const log = await openLog(store)
  const grants = grantsOf(store, granted)
  const asked = sets === undefined ? undefined : new Set(sets)
  const found = await readFacts(log, {only: asked, now})
  const known = new Set(found.map(({set}) => set))
  const missing = asked === undefined ? [...grants.keys()].filter((set) => !known.has(set)) : []
  const all = [...found, ...missing.map(nothingOf)].sort((a, b) => (a.set < b.set ? -1 : 1))
  if (all.length === 0) {
    const facts = nothingOf('')
    const measure = {now, maxAge, limits: log.settings.limits, isExpected: true}
    return [{...facts, store, set: undefined, limits: log.settings.limits, problems: judge(facts, measure)}]
  }
  return all.map((facts) => {
    const limits = stricter(log.settings.limits, grants.get(facts.set) ?? {})
    const isExpected = asked !== undefined || grants.has(facts.set)
    return {...facts, store, limits, problems: judge(facts, {now, maxAge, limits, isExpected})}
  })
}

function nothingOf(set: string): SetFacts {
  return {set, newest: undefined, complete: undefined, before: undefined, today: [], used: 0, left: undefined}
}
