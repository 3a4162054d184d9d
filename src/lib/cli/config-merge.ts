/**
 * A command line, and what was set before it (config.ts), become one. Pure. A flag with one value is taken from the highest
 * place that has it, one that may be repeated from all of them, the lowest first. What is set never makes a command line
 * wrong: where flags exclude each other the higher place wins, and a flag that needs another is left out where that is not
 * there. Only what was typed is held against who typed it.
 *
 * What excludes and needs what is checked here, and not by oclif, for that reason, and because its parser takes the answer
 * to the first such question for the answer to all of them.
 */
import type {Setting} from './config.ts'
import {BkError, usageError} from './errors.ts'

/** What is looked at of a flag here. */
export type MergedFlag = {
  readonly type: 'boolean' | 'option'
  readonly multiple?: boolean
  readonly required?: boolean
  readonly dependsOn?: readonly string[]
  readonly exclusive?: readonly string[]
  readonly options?: readonly string[]
  readonly parse?: (text: string, context: never, flag: never) => Promise<unknown>
}

type Flags = Readonly<Record<string, MergedFlag>>

/**
 * Of `settings`, lowest first, those that count beside the flags `given` on the command line, in their order; a switch that
 * is turned off among them. Throws a usage error for flags given that do not go together, or for two in one file.
 */
export function mergeSettings(settings: readonly Setting[], given: ReadonlySet<string>, flags: Flags): Setting[] {
  const chosen = settings.filter((setting) => (flags[setting.flag]?.multiple ? true : !given.has(setting.flag) && setting === highest(setting.flag, settings)))
  const merged = dropUnmet(dropExcluded(dropUnmet(chosen, given, flags), given, flags), given, flags)
  checkGiven(given, merged, flags)
  return merged
}

/** The value that a command gets of a setting. Throws a usage error that says where a wrong one stands. */
export async function valueOf({flag, from, value}: Setting, {options, parse}: MergedFlag): Promise<unknown> {
  if (typeof value === 'boolean') return value
  if (options !== undefined && !options.includes(value)) throw usageError(`${from}: --${flag}: ${value} is not one of: ${options.join(', ')}`)
  try {
    return parse === undefined ? value : await parse(value, undefined as never, undefined as never)
  } catch (error) {
    if (!(error instanceof BkError)) throw error
    throw usageError(`${from}: --${flag}: ${error.message}`, error.hint)
  }
}

/* In one file the line for the command stands over that for all; else the last one counts. */
function highest(flag: string, settings: readonly Setting[]): Setting | undefined {
  let best: Setting | undefined
  for (const setting of settings) {
    if (setting.flag !== flag) continue
    if (best === undefined || setting.layer > best.layer || setting.scoped || !best.scoped) best = setting
  }
  return best
}

/* Until nothing changes, since what is left out may be needed by another. */
function dropUnmet(settings: readonly Setting[], given: ReadonlySet<string>, flags: Flags): Setting[] {
  const there = namesOf(settings, given)
  const kept = settings.filter(({flag, value}) => value === false || (flags[flag]?.dependsOn ?? []).every((other) => there.has(other)))
  return kept.length === settings.length ? kept : dropUnmet(kept, given, flags)
}

/* From the highest down, since what is left out itself leaves nothing out. */
function dropExcluded(settings: readonly Setting[], given: ReadonlySet<string>, flags: Flags): Setting[] {
  const kept: Setting[] = []
  for (const setting of settings.toReversed()) {
    const {flag, from, layer, value} = setting
    if (value !== false && [...given].some((other) => exclude(flag, other, flags))) continue
    const other = value === false ? undefined : kept.find((higher) => higher.value !== false && exclude(flag, higher.flag, flags))
    if (other !== undefined && other.layer === layer) throw usageError(`${other.from}: --${other.flag} does not go with --${flag} of ${from}`)
    if (other === undefined) kept.push(setting)
  }
  return kept.toReversed()
}

function checkGiven(given: ReadonlySet<string>, merged: readonly Setting[], flags: Flags): void {
  const there = namesOf(merged, given)
  for (const flag of given) {
    for (const other of given) if (exclude(flag, other, flags)) throw usageError(`--${flag} does not go with --${other}`)
    const missing = flags[flag]?.dependsOn?.find((other) => !there.has(other))
    if (missing !== undefined) throw usageError(`--${flag} goes with --${missing}`)
  }
  const missing = Object.keys(flags).find((name) => flags[name]?.required && !there.has(name))
  if (missing !== undefined) throw usageError(`missing option: --${missing}`)
}

function namesOf(settings: readonly Setting[], given: ReadonlySet<string>): Set<string> {
  return new Set([...given, ...settings.flatMap(({flag, value}) => (value === false ? [] : [flag]))])
}

/* Declared by either of the two. */
function exclude(one: string, other: string, flags: Flags): boolean {
  return one !== other && Boolean(flags[one]?.exclusive?.includes(other) || flags[other]?.exclusive?.includes(one))
}
