/**
 * What a restricted key may do, and the words of `bk forced` that say so. The line in authorized_keys is the only place that says it,
 * so the words must read back to what was granted. Pure.
 */
import {LIMIT_WORDS, type Limits} from '../store/settings.ts'

/** Limits of a key: those that a store can have too, and one that only a session has. */
export type KeyLimits = Limits & {
  /** Seconds that a session may take. */
  readonly deadline?: number | undefined
}

export type Grants = {
  /** Adding snapshots. Sizes are in bytes; a limit that is undefined is left to the store. */
  readonly receive: {readonly store: string; readonly set: string; readonly limits: KeyLimits} | undefined
  /** Reading a store. */
  readonly browse: string | undefined
  /** Having a directory sent, with all that is below it. */
  readonly source: string | undefined
}

/** The limits in the order in which they are written, and their options, which bk forced, bk receive and bk keys restrict share. */
export const LIMIT_OPTIONS = {...LIMIT_WORDS, deadline: 'deadline'} as const

const LIMITS = Object.entries(LIMIT_OPTIONS) as [keyof KeyLimits, string][]

/* What an age needs behind its number, and nothing else takes. */
const unitOf = (limit: keyof KeyLimits): string => (limit === 'deadline' ? 's' : '')

/** The words behind `bk forced`. */
export function grantWords({receive, browse, source}: Grants): string[] {
  return [
    ...(receive === undefined ? [] : ['--receive', receive.store, '--set', receive.set, ...limitWords(receive.limits)]),
    ...(browse === undefined ? [] : ['--browse', browse]),
    ...(source === undefined ? [] : ['--source', source]),
  ]
}

/** Limits as options with values; those that are undefined are left out. */
export function limitWords(limits: KeyLimits): string[] {
  return definedLimits(limits).flatMap(([key, value]) => [`--${LIMIT_OPTIONS[key]}`, `${value}${unitOf(key)}`])
}

/** The limits that there are, in the order in which they are written. */
export function definedLimits(limits: KeyLimits): [limit: keyof KeyLimits, value: number][] {
  return LIMITS.flatMap(([key]) => {
    const value = limits[key]
    return value === undefined ? [] : [[key, value]]
  })
}

/** What words grant; undefined for those that this version would not have written. */
export function parseGrants(words: readonly string[]): Grants | undefined {
  const values = new Map<string, string>()
  for (let at = 0; at + 1 < words.length; at += 2) values.set(words[at] ?? '', words[at + 1] ?? '')
  const [store, set] = [values.get('--receive'), values.get('--set')]
  const limits = Object.fromEntries(
    LIMITS.flatMap(([key, option]) => {
      const value = values.get(`--${option}`)
      return value === undefined ? [] : [[key, Number(value.slice(0, value.length - unitOf(key).length))]]
    }),
  )
  const receive = store === undefined || set === undefined ? undefined : {store, set, limits}
  const grants = {receive, browse: values.get('--browse'), source: values.get('--source')}
  const written = grantWords(grants)
  return written.length > 0 && written.length === words.length && written.every((word, at) => word === words[at]) ? grants : undefined
}

/** A command that a restricted key may ask for. */
export type GrantedCommand = 'receive' | 'browse' | 'offer'

/*
 * What sshd says for its subsystem sftp, which sftp(1), scp(1) and sshfs(1) ask for: the words behind `Subsystem sftp` in its
 * configuration, that is one of two programs and what options it has there. None of it is ever run. A client may ask for the same text
 * by itself, and gets what it could have had by name.
 */
const SFTP_SUBSYSTEM = /^(?:internal-sftp|\/(?:[\w.+-]+\/)*sftp-server)(?: [\w%.,/:=@+-]+)*$/

/**
 * Which of the granted commands a client gets. It asks by the whole text of its command, which is compared and never taken apart; who
 * asks for nothing gets the first, and who asks for SFTP gets browse. Undefined is a refusal.
 * @param asked what sshd was asked to run; undefined or empty for nothing
 */
export function chooseCommand(asked: string | undefined, granted: readonly GrantedCommand[]): GrantedCommand | undefined {
  if (asked === undefined || asked === '') return granted[0]
  const command = SFTP_SUBSYSTEM.test(asked) ? 'bk browse' : asked
  return granted.find((each) => command === `bk ${each}`)
}
