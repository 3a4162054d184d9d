/**
 * One push at a time for the same source and store. It saves the work of the second and nothing else depends on it, since
 * two would both be right: where it cannot be had at all, a push goes on without. The kernel drops the lock with the process,
 * however that ends. The file stays: to remove it would take it from under another that has just opened it.
 */
import {createHash} from 'node:crypto'
import {constants} from 'node:fs'
import {join} from 'node:path'
import {errorCode, reasonOf, isFailure} from '../cli/errors.ts'
import {makeFolders} from '../sys/atomic.ts'
import {calls, writeAll} from '../sys/calls.ts'
import {LOCK_EX, LOCK_NB} from '../sys/libc.ts'

/** What came of asking for the lock. */
export type Attempt =
  | {readonly kind: 'held'; readonly release: () => void}
  /** Another has it; its process number, for speech alone, if it has written it. */
  | {readonly kind: 'busy'; readonly pid: number | undefined}
  /** There can be none: the directory cannot be written, or its file system has no locks. */
  | {readonly kind: 'none'; readonly why: string}

export type WaitOptions = {
  /** Told once, when it is not to be had at once. */
  readonly onWait?: (pid: number | undefined) => void
  /** Milliseconds between two attempts. */
  readonly step?: number
}

/** Asks for the lock of what `identity` names, source and store for instance, in a directory that is made if it is missing. */
export function tryLock(directory: string, identity: readonly string[]): Attempt {
  const path = join(directory, lockName(identity))
  let fd: number | undefined
  try {
    makeFolders(directory)
    fd = calls.open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    if (!calls.flock(fd, LOCK_EX | LOCK_NB)) {
      const pid = readPid(fd)
      calls.close(fd)
      return {kind: 'busy', pid}
    }
  } catch (error) {
    if (fd !== undefined) calls.close(fd)
    // A BkError where koffi offers no flock.
    if (!isFailure(error)) throw error
    return {kind: 'none', why: reasonOf(error)}
  }
  writePid(fd)
  return {kind: 'held', release: once(fd)}
}

/** The same, waiting as long as another has it. */
export async function waitForLock(directory: string, identity: readonly string[], {onWait, step = 500}: WaitOptions = {}): Promise<Exclude<Attempt, {kind: 'busy'}>> {
  for (let told = false; ; told = true) {
    const attempt = tryLock(directory, identity)
    if (attempt.kind !== 'busy') return attempt
    if (!told) onWait?.(attempt.pid)
    await new Promise((done) => setTimeout(done, step))
  }
}

/* No word of it can be told from the name, and none runs into the next. */
function lockName(identity: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32)
}

function writePid(fd: number): void {
  try {
    calls.ftruncate(fd, 0)
    writeAll(fd, Buffer.from(`${process.pid}\n`))
  } catch (error) {
    // A full disk: the lock is held all the same.
    if (errorCode(error) === undefined) throw error
  }
}

function readPid(fd: number): number | undefined {
  const bytes = Buffer.alloc(16)
  const text = bytes.toString('latin1', 0, calls.read(fd, bytes, 0, bytes.length, 0))
  return /^[1-9]\d{0,9}\n$/.test(text) ? Number(text) : undefined
}

function once(fd: number): () => void {
  let held = true
  return () => {
    if (held) calls.close(fd)
    held = false
  }
}
