/**
 * Reads and changes authorized_keys on disk. sshd may read it at any moment, and a half-written one locks everybody out: so it is
 * replaced as a whole, with its mode and owner; and since a change is read, edit, write, two bk that change the same file take turns.
 */
import {constants, realpathSync} from 'node:fs'
import {basename, dirname} from 'node:path'
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {exitStatus} from '../cli/exit.ts'
import {beginFile, type OnTemp} from '../sys/atomic.ts'
import {calls, readAll, writeAll} from '../sys/calls.ts'
import {LARGEST_AUTHORIZED_KEYS} from './reading.ts'
import {LOCK_EX, LOCK_NB} from '../sys/libc.ts'

export type ChangeOptions = {
  /** Makes the file, and a directory .ssh for it, where they are not there yet. */
  readonly create: boolean
  readonly onTemp?: OnTemp
  /** Told of the file that is changed when `path` is a link to it. */
  readonly onLink?: (target: string) => void
  /** Milliseconds to wait for another process that changes the file; ten seconds when absent. */
  readonly patience?: number
}

const LOCK_STEP = 50
const ROOT = 0n

/** The text of the file, one character per byte. Throws BkError 2 when it cannot be read. */
export function readAuthorizedKeys(path: string): string {
  try {
    return readText(path)
  } catch (error) {
    throw failure('read', path, error)
  }
}

/**
 * Changes the file. `change` is given its text, empty when there is none, and returns the new one; an equal one is not written.
 * @returns what `change` returned beside the text
 * @throws BkError 2 when it cannot be read or written, 75 when another process keeps it locked, 77 for a link by somebody else
 */
export function changeAuthorizedKeys<Result>(
  path: string,
  change: (text: string) => {readonly text: string; readonly result: Result},
  {create, onTemp, onLink, patience = 10_000}: ChangeOptions,
): Result {
  try {
    const target = targetOf(path)
    if (target !== path) onLink?.(target)
    const directory = dirname(target)
    if (create) makeSshDirectory(directory)
    const lock = lockDirectory(directory, path, patience)
    try {
      const there = calls.lstatOrNone(target)
      const text = there === undefined && create ? '' : readText(target)
      const changed = change(text)
      if (changed.text !== text) replace(target, changed.text, onTemp)
      return changed.result
    } finally {
      calls.close(lock)
    }
  } catch (error) {
    throw failure('change', path, error)
  }
}

/*
 * A link is followed, as sshd does, and stays. But whoever owns the directory could have planted it to have root change another file:
 * so it has to belong to root, or to the owner of the file.
 */
function targetOf(path: string): string {
  const link = calls.lstatOrNone(path)
  if (link === undefined || !link.isSymbolicLink()) return path
  const target = realpathSync(path)
  if (link.uid === ROOT || link.uid === calls.lstat(target).uid) return target
  throw new BkError(`${escapeName(path)} is a link by another than the owner of ${escapeName(target)}`, {
    status: exitStatus.refused,
    hint: `name the file itself: --file ${escapeName(target)}`,
  })
}

/* Only .ssh: another directory that is not there is a slip of the pen. */
function makeSshDirectory(directory: string): void {
  if (basename(directory) !== '.ssh' || calls.lstatOrNone(directory) !== undefined) return
  try {
    calls.mkdir(directory, 0o700)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    return
  }
  const fd = calls.open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    giveToOwnerOf(dirname(directory), fd)
  } finally {
    calls.close(fd)
  }
}

/* The directory and not the file, which another inode replaces. */
function lockDirectory(directory: string, path: string, patience: number): number {
  const fd = calls.open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  for (let waited = 0; !calls.flock(fd, LOCK_EX | LOCK_NB); waited += LOCK_STEP) {
    if (waited >= patience) {
      calls.close(fd)
      throw new BkError(`${escapeName(path)} is locked by another process`, {status: exitStatus.tryLater, hint: 'try again when it has ended'})
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_STEP)
  }
  return fd
}

function readText(path: string): string {
  // Without O_NONBLOCK a fifo would be waited for.
  const fd = calls.open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!calls.fstat(fd).isFile()) throw new BkError(`${escapeName(path)} is no regular file`)
    return readAll(fd, LARGEST_AUTHORIZED_KEYS).toString('latin1')
  } finally {
    calls.close(fd)
  }
}

function replace(target: string, text: string, onTemp: OnTemp | undefined): void {
  const there = calls.lstatOrNone(target)
  const mode = there === undefined ? 0o600 : Number(there.mode & 0o7777n)
  const file = beginFile(target, {mode, ...(onTemp === undefined ? {} : {onTemp})})
  try {
    writeAll(file.fd, Buffer.from(text, 'latin1'))
    if (there === undefined) giveToOwnerOf(dirname(target), file.fd)
    else {
      const mine = calls.fstat(file.fd)
      if (mine.uid !== there.uid || mine.gid !== there.gid) calls.fchown(file.fd, Number(there.uid), Number(there.gid))
    }
  } catch (error) {
    file.discard()
    throw error
  }
  file.replace()
}

/* What root makes in a user's home has to be that user's, or sshd, which reads it as him, cannot. */
function giveToOwnerOf(directory: string, fd: number): void {
  const {uid, gid} = calls.stat(directory)
  if (calls.fstat(fd).uid === ROOT && uid !== ROOT) calls.fchown(fd, Number(uid), Number(gid))
}

function failure(what: 'read' | 'change', path: string, error: unknown): unknown {
  if (errorCode(error) === undefined) return error
  return new BkError(`cannot ${what} ${escapeName(path)}: ${reasonOf(error)}`, {cause: error})
}
