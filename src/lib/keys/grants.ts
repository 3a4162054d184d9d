/**
 * What a restricted key may do, and the words of `bk forced` that say so. The line in authorized_keys is the only place that says it,
 * so the words must read back to what was granted. Pure.
 */
import type {Limits} from '../store/settings.ts'

export type Grants = {
  /** Adding snapshots. Sizes are in bytes; a limit that is undefined is left to the store. */
  readonly receive: {readonly store: string; readonly set: string; readonly limits: Limits} | undefined
  /** Reading a store. */
  readonly browse: string | undefined
}

/** The limits in the order in which they are written, and their options, which bk forced, bk receive and bk keys restrict share. */
export const LIMIT_OPTIONS = {quota: 'quota', perDay: 'per-day', maxFile: 'max-file', maxEntries: 'max-entries', reserve: 'reserve'} as const

const LIMITS = Object.entries(LIMIT_OPTIONS) as [keyof typeof LIMIT_OPTIONS, string][]

/** The words behind `bk forced`. */
export function grantWords({receive, browse}: Grants): string[] {
  const words = receive === undefined ? [] : ['--receive', receive.store, '--set', receive.set, ...limitWords(receive.limits)]
  return browse === undefined ? words : [...words, '--browse', browse]
}

/** Limits as options with values; those that are undefined are left out. */
export function limitWords(limits: Limits): string[] {
  return LIMITS.flatMap(([key, option]) => (limits[key] === undefined ? [] : [`--${option}`, String(limits[key])]))
}

/** What words grant; undefined for those that this version would not have written. */
export function parseGrants(words: readonly string[]): Grants | undefined {
  const values = new Map<string, string>()
  for (let at = 0; at + 1 < words.length; at += 2) values.set(words[at] ?? '', words[at + 1] ?? '')
  const [store, set] = [values.get('--receive'), values.get('--set')]
  const limits = Object.fromEntries(
    LIMITS.flatMap(([key, option]) => {
      const value = values.get(`--${option}`)
      return value === undefined ? [] : [[key, Number(value)]]
    }),
  )
  const grants = {receive: store === undefined || set === undefined ? undefined : {store, set, limits}, browse: values.get('--browse')}
  const written = grantWords(grants)
  return written.length > 0 && written.length === words.length && written.every((word, at) => word === words[at]) ? grants : undefined
}

/** A command that a restricted key may ask for. */
export type GrantedCommand = 'receive' | 'browse'

/**
 * Which of the granted commands a client gets. It asks by the whole text of its command, which is compared and never taken apart; who
 * asks for nothing gets the first. Undefined is a refusal.
 * @param asked what sshd was asked to run; undefined or empty for nothing
 */
export function chooseCommand(asked: string | undefined, granted: readonly GrantedCommand[]): GrantedCommand | undefined {
  if (asked === undefined || asked === '') return granted[0]
  return granted.find((command) => asked === `bk ${command}`)
}
