/**
 * The two files of a key pair. A key that is lost cannot be had again, so nothing is ever overwritten; and no moment leaves a public key
 * without its private one, or a private one that others can read.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {createFile, type OnTemp} from '../sys/atomic.ts'
import {calls} from '../sys/calls.ts'
import type {KeyPair} from './ssh2.ts'

const PRIVATE_MODE = 0o600
const PUBLIC_MODE = 0o644

/** Throws BkError 2 when one of the two files is there, so that nobody is asked for a passphrase in vain. */
export function checkAbsent(path: Buffer): void {
  for (const each of [path, publicPath(path)]) {
    try {
      if (calls.lstatOrNone(each) !== undefined) throw alreadyThere(path, each)
    } catch (error) {
      throw writeError(each, error)
    }
  }
}

/** Writes the private key to `path`, mode 0600, and the public key to `path`.pub. Throws BkError 2 when one of them is there already. */
export function writeKeyPair(path: Buffer, pair: KeyPair, onTemp?: OnTemp): void {
  checkAbsent(path)
  writeNew(path, path, pair.private, PRIVATE_MODE, onTemp)
  try {
    writeNew(path, publicPath(path), pair.public, PUBLIC_MODE, onTemp)
  } catch (error) {
    calls.unlink(path)
    throw error
  }
}

function writeNew(path: Buffer, file: Buffer, text: string, mode: number, onTemp: OnTemp | undefined): void {
  let created: boolean
  try {
    created = createFile(file, Buffer.from(text), {mode, ...(onTemp === undefined ? {} : {onTemp})})
  } catch (error) {
    throw writeError(file, error)
  }
  if (!created) throw alreadyThere(path, file)
}

function publicPath(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.from('.pub')])
}

function alreadyThere(path: Buffer, file: Buffer): BkError {
  return new BkError(`${escapeName(file)} exists already: a key is never overwritten`, {hint: `take another name: 'bk keys generate ${escapeName(path)}-2'`})
}

function writeError(file: Buffer, error: unknown): unknown {
  if (errorCode(error) === undefined) return error
  const hint = errorCode(error) === 'ENOENT' ? {hint: `make the directory first: 'install -d -m 700 ${escapeName(file.subarray(0, file.lastIndexOf('/')))}'`} : {}
  return new BkError(`cannot write ${escapeName(file)}: ${reasonOf(error)}`, {cause: error, ...hint})
}
