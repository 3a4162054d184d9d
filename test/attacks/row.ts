// A row of the table of attacks: what somebody does who has taken the client's key, which defence stops him, and for many rows what
// takes just that defence away, upon which the same attack must succeed.

import type {Result} from '../harness/bk.ts'
import {readStore} from '../harness/read-store.ts'

/** A defence taken out of a copy of the source: `find` stands there exactly once. */
export type Patch = {readonly file: string; readonly find: string; readonly replace: string}

/** A line of authorized_keys, or options of sshd, as somebody might have written them who knew no better. */
export type Careless = {
  readonly line?: (command: string, key: string) => string
  readonly sshd?: readonly string[]
}

/** What an attack may use. */
export type Thief = {
  /** a shell script with `ssh vault` for the stolen key, `$LOOT` for a file to make and `$STORE` for the path of the store, which is no secret */
  readonly sh: (script: string, stdin?: Uint8Array) => Promise<Result>
  /** `ssh vault WORDS` with these bytes on its stdin */
  readonly send: (bytes: Uint8Array, words?: string) => Promise<Result>
}

/** What came of an attack. */
export type Shot = {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  readonly store: string
  /** a file that the thief wants to make on the store's host */
  readonly loot: string
  /** names of the store's files that are new */
  readonly grown: readonly string[]
  /** names of the store's files that are gone or different, but for sessions/ */
  readonly harmed: readonly string[]
  /** seconds since 1970, before and after */
  readonly span: readonly [number, number]
  /** the largest any process of bk became, in MiB; only under `watched` */
  readonly mebibytes: number
}

export type Row = {
  readonly name: string
  readonly group: string
  /** bytes for the forced command, a shell script, or a function */
  readonly attack: Uint8Array | string | ((thief: Thief) => Promise<Result>)
  /** the rule, and where it is kept: a file, and a word in it; or sshd's own */
  readonly defence: {readonly rule: string; readonly at: string}
  /** whether the attack succeeded; by default whether the store took anything but packs that nobody names */
  readonly harm?: (shot: Shot) => boolean | Promise<boolean>
  /** exit statuses that the attack may end with; 65 and 77 by default */
  readonly ends?: readonly number[]
  /** options of receive on the key's line, behind `--set web1`; a function of the store's path where they depend on what is in it */
  readonly options?: string | ((store: string) => string)
  /** the key's line is one of `bk keys restrict`, which runs bk forced */
  readonly forced?: boolean
  /** as `forced`, and the key may read the store as well */
  readonly browse?: boolean
  /** the store is the row's own, on a disk of so many MiB where a number is given */
  readonly fresh?: true | number
  /** what the key's line runs instead of receive, to see what reaches it */
  readonly command?: string
  /** options that sshd is started with */
  readonly sshd?: readonly string[]
  /** it uses up what the key may leave behind: the next honest stream has to wait a minute */
  readonly exhausts?: true
  /** the memory of bk is looked at */
  readonly watched?: boolean
  readonly without?: Patch | Careless
}

/** Whether the store took anything in: a name that means something is new, or a file has changed. */
export function took({grown, harmed}: Shot): boolean {
  return harmed.length > 0 || grown.some((name) => !/^(?:packs|sessions)\//.test(name))
}

/** Whether there is a record more. */
export function recorded({grown}: Shot): boolean {
  return grown.some((name) => name.startsWith('log/'))
}

/** Whether the store does not read any more as docs/format.md says. */
export function broken({store}: Shot): boolean {
  try {
    readStore(store)
    return false
  } catch {
    return true
  }
}

/** Rows that have a group and a defence in common. */
export function rows(common: Pick<Row, 'group' | 'defence'> & Partial<Row>, each: readonly (Partial<Row> & Pick<Row, 'name' | 'attack'>)[]): Row[] {
  return each.map((row) => ({...common, ...row}))
}
