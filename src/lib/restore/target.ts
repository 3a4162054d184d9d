/*
 * The directory that is restored into. Without --overwrite it is new or empty, and for the time of the restore nobody else may look
 * or write into it; its own mode comes last, as that of all directories does.
 */
import {constants} from 'node:fs'
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {calls} from '../sys/calls.ts'
import type {Path} from '../sys/errno.ts'

export interface RestoreTarget {
  readonly fd: number
  /** Whether things are there already, which are replaced. */
  readonly hasContent: boolean
}

/**
 * Says whether a directory may be restored into, without touching it.
 * @returns what is there
 * @throws BkError 2 for what is no directory, or is not empty and must be
 */
export function checkTarget(path: Path, overwrite: boolean): 'nothing' | 'empty' | 'content' {
  const name = escapeName(path)
  let names: readonly Buffer[]
  try {
    names = calls.readdirBytes(path)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return 'nothing'
    throw new BkError(`cannot restore into ${name}: ${reasonOf(error)}`, {cause: error})
  }
  if (names.length === 0) return 'empty'
  if (overwrite) return 'content'
  throw new BkError(`${name} is not empty`, {hint: 'give a directory that does not exist yet, or --overwrite to replace what is there (nothing is deleted)'})
}

/** Opens the directory, made if it is not there, with those above it. Throws BkError 2. */
export function openTarget(path: Path, overwrite: boolean): RestoreTarget {
  const there = checkTarget(path, overwrite)
  try {
    if (there === 'nothing') makeDirectories(Buffer.from(path as Buffer))
    const fd = calls.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    if (there !== 'content') shut(fd)
    return {fd, hasContent: there === 'content'}
  } catch (error) {
    throw new BkError(`cannot restore into ${escapeName(path)}: ${reasonOf(error)}`, {cause: error})
  }
}

function makeDirectories(path: Buffer): void {
  try {
    calls.mkdir(path, 0o700)
  } catch (error) {
    const slash = path.subarray(0, path.length - 1).lastIndexOf(0x2f)
    if (errorCode(error) !== 'ENOENT' || slash <= 0) throw error
    makeAbove(path.subarray(0, slash))
    calls.mkdir(path, 0o700)
  }
}

function makeAbove(path: Buffer): void {
  try {
    calls.mkdir(path, 0o777)
  } catch (error) {
    const slash = path.lastIndexOf(0x2f)
    if (errorCode(error) === 'EEXIST') return
    if (errorCode(error) !== 'ENOENT' || slash <= 0) throw error
    makeAbove(path.subarray(0, slash))
    calls.mkdir(path, 0o777)
  }
}

/*
 * Closes the directory to others and takes off what new files in it would inherit: group (set-group-id) and default ACL. Of an empty
 * directory of somebody else's that is not ours to do.
 */
function shut(fd: number): void {
  try {
    calls.fchmod(fd, 0o700)
    for (const {name} of calls.readXattrs(fd)) if (name.toString('latin1').startsWith('system.posix_acl_')) calls.fremovexattr(fd, name)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error
  }
}
