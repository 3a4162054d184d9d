/*
 * bk-store: what a store is (docs/format.md, 6.1). Written once, at init.
 */
import {BkError} from '../cli/errors.ts'
import {LineTaker} from './line-taker.ts'
import {summedLines, withSum} from './sum.ts'

/** Limits that a store sets for everybody; undefined is none. Sizes in bytes. */
export interface Limits {
  readonly quota?: number | undefined
  readonly perDay?: number | undefined
  readonly maxFile?: number | undefined
  readonly maxEntries?: number | undefined
  readonly reserve?: number | undefined
}

export interface Settings {
  /** 32 hex digits. */
  readonly id: string
  readonly kind: 'plain' | 'sealed'
  readonly limits: Limits
  /** sha256 of what stands beside it, by name. */
  readonly files: ReadonlyMap<string, string>
  /** Lines of later versions, kept. */
  readonly unknown: readonly string[]
}

/** What the limits are called, in bk-store and as options, in the order in which they are written. */
export const LIMIT_WORDS = {quota: 'quota', perDay: 'per-day', maxFile: 'max-file', maxEntries: 'max-entries', reserve: 'reserve'} as const
const LIMITS = Object.entries(LIMIT_WORDS) as [keyof Limits, string][]
const FILE = /^file ([A-Za-z0-9][A-Za-z0-9._-]*) ([0-9a-f]{64})$/
// What this version has a word for is never a line of a later one.
const LATER = new RegExp(`^((?!(?:id|kind|file|sum|${Object.values(LIMIT_WORDS).join('|')}) )[a-z][a-z-]*(?: [!-~]+)*)$`)

/** Prints bk-store. Throws BkError 2 for a limit that no reader would take. */
export function formatSettings(settings: Settings): Buffer {
  const lines = ['#bk store 1', `id ${settings.id}`, `kind ${settings.kind}`]
  for (const [key, word] of LIMITS) {
    const value = settings.limits[key]
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || value < 0) throw new BkError(`${word} is not a number that a store can keep: ${value}`)
    lines.push(`${word} ${value}`)
  }
  for (const [name, digest] of settings.files) lines.push(`file ${name} ${digest}`)
  lines.push(...settings.unknown)
  return withSum(lines.join('\n') + '\n')
}

/** Parses bk-store; throws BkError 65. */
export function parseSettings(bytes: Buffer): Settings {
  const text = bytes.toString('latin1')
  const version = /^#bk store (\d+)\n/.exec(text)
  if (version === null) throw new BkError('bk-store is not in the format', {status: 65})
  if (version[1] !== '1') throw new BkError(`the store is from version ${version[1]}, this is version 1`, {status: 65, hint: 'update bk'})
  const take = new LineTaker(summedLines(text).lines)
  take.must(/^#/)
  const id = take.must(/^id ([0-9a-f]{32})$/)[0]!
  const kind = take.must(/^kind (plain|sealed)$/)[0] as Settings['kind']
  const limits: {-readonly [Limit in keyof Limits]: number} = {}
  for (const [key, word] of LIMITS) {
    const value = take.maybe(new RegExp(`^${word} (0|[1-9][0-9]{0,15})$`))?.[0]
    if (value === undefined) continue
    if (Number(value) > Number.MAX_SAFE_INTEGER) throw new BkError(`bk-store has a limit that is too large: ${value}`, {status: 65})
    limits[key] = Number(value)
  }
  const files = new Map<string, string>()
  for (let file = take.maybe(FILE); file !== undefined; file = take.maybe(FILE)) {
    if (files.has(file[0]!)) throw new BkError(`bk-store names ${file[0]} twice`, {status: 65})
    files.set(file[0]!, file[1]!)
  }
  const unknown: string[] = []
  while (!take.done) unknown.push(take.must(LATER)[0]!)
  return {id, kind, limits, files, unknown}
}
