/**
 * From what was asked for to lines of authorized_keys: paths made absolute and looked at, the set named. What is written here is run by
 * sshd for whoever has the key, long after; so nothing is guessed.
 */
import {realpathSync, statSync} from 'node:fs'
import {BkError, errorCode, reasonOf, usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {parseAddress} from '../store/address.ts'
import {StoreLog} from '../store/log.ts'
import {openStore} from '../store/open.ts'
import {isSetName} from '../store/record.ts'
import {nameOf, shownText} from './authorized-keys.ts'
import {grantWords, type KeyLimits} from './grants.ts'
import type {PublicKey} from './public-key.ts'
import type {RestrictedLine} from './restricted-line.ts'

/** What every one of the keys shall be able to do. Paths come from `storeForKeys`, `sourceForKeys` and `programForKeys`. */
export type Restriction = {
  readonly program: string
  /** `set` undefined is the comment of each key. */
  readonly receive: {readonly store: string; readonly set: string | undefined; readonly limits: KeyLimits} | undefined
  readonly browse: string | undefined
  readonly source: string | undefined
  readonly from: string | undefined
  readonly expires: string | undefined
}

/** The line for one key. Throws a usage error when no set is named and the key's comment is none. */
export function restrictKey(key: PublicKey, {program, receive, browse, source, from, expires}: Restriction): RestrictedLine {
  const words = grantWords({
    receive: receive === undefined ? undefined : {...receive, set: receive.set ?? setFromComment(key)},
    browse,
    source,
  })
  return {key, program, words, from, expires}
}

function setFromComment(key: PublicKey): string {
  if (isSetName(key.comment)) return key.comment
  const why = key.comment === '' ? 'it has no comment' : `its comment is no name of a set: ${escapeName(shownText(key.comment))}`
  throw usageError(`no set for ${nameOf({...key, comment: ''})}: ${why}`, 'name the set: --set NAME')
}

/** A store as a key may name it. */
export type KeyStore = {readonly path: string; readonly kind: 'plain' | 'sealed'}

/** The store at a path, by its absolute path without links. Throws 64 for a store elsewhere, 2 for what is no store. */
export async function storeForKeys(operand: string): Promise<KeyStore> {
  if (parseAddress(operand).kind !== 'local') throw usageError(`not a directory of this machine: ${operand}`, 'the line is for the host that has the store: run this there')
  const path = checkPath(realPath(operand))
  const {settings} = await StoreLog.open(openStore(operand))
  return {path, kind: settings.kind}
}

/** A directory that is to be sent, by its path without links. Throws 64 for one that is not absolute, 2 for what is no directory. */
export function sourceForKeys(operand: string): string {
  if (!operand.startsWith('/')) throw usageError(`--source: not an absolute path: ${escapeName(operand)}`, 'name the directory as the machine calls it that has it, and run this there')
  const real = realPath(operand)
  if (!statSync(real).isDirectory()) throw new BkError(`cannot use ${escapeName(operand)}: not a directory`)
  return checkPath(real)
}

function realPath(operand: string): Buffer {
  try {
    return realpathSync.native(operand, {encoding: 'buffer'})
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new BkError(`cannot use ${escapeName(operand)}: ${reasonOf(error)}`, {cause: error})
  }
}

/** The path of the program, as it goes into a line. Throws BkError 2 for one that cannot. */
export function programForKeys(path: string): string {
  return checkPath(Buffer.from(path))
}

/* A line has no room for a newline, and Node would run the command with other bytes than these if they were not UTF-8. */
function checkPath(path: Buffer): string {
  if (path.includes('\n') || path.includes(0)) throw new BkError(`${escapeName(path)}: a path with a newline cannot stand in authorized_keys`, {hint: 'rename it'})
  if (!Buffer.from(path.toString()).equals(path) || path.includes('\ufffd')) throw new BkError(`${escapeName(path)}: a path that is not UTF-8 cannot stand in authorized_keys`, {hint: 'rename it'})
  return path.toString('latin1')
}
