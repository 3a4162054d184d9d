/*
 * What a STORE operand says: where the store is and, behind the last `@`, which snapshot. Pure: whether something of that name
 * exists is asked by open.ts.
 */
import {tryWhen} from './when.ts'

/** Where a store is. */
export type Address =
  | {readonly kind: 'local'; readonly path: string}
  /** Somewhere else: `how` is the scheme, `ssh` also for `user@host:path`. */
  | {readonly kind: 'remote'; readonly how: string; readonly text: string}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//
// As rsync and scp take it: a colon before the first slash.
const HOST = /^[^/]*:/

/** Takes an address apart. A path with a colon in it is written `./a:b`. */
export function parseAddress(text: string): Address {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined) return {kind: 'remote', how: scheme, text}
  return HOST.test(text) ? {kind: 'remote', how: 'ssh', text} : {kind: 'local', path: text}
}

/** STORE@WHEN, cut at the last `@`. */
export interface Cut {
  readonly store: string
  readonly when: string
  /** Whether `when` is in the grammar: `user@host:path` has an `@` too. */
  readonly isWhen: boolean
}

/** Cuts an operand at its last `@`; undefined where there is none, or nothing on one side of it. */
export function cutAtWhen(text: string): Cut | undefined {
  const at = text.lastIndexOf('@')
  if (at <= 0 || at === text.length - 1) return undefined
  const when = text.slice(at + 1)
  return {store: text.slice(0, at), when, isWhen: tryWhen(when) !== undefined}
}
