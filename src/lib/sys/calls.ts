// The one door to the system for whatever touches a store or a target. Everything there calls `calls.write(…)` and not node:fs, so
// that a test can put in its place a disk that is full after n bytes, an fsync that fails, or a process that dies before step n.
// What `calls` holds by default are node:fs's and libc.ts's own functions: the door costs the look-up of a property.
//
// Synchronous, but for the two that take long. Paths are bytes or UTF-8 strings. Stats are bigint: inode numbers and nanoseconds do not fit a double.
// A worker thread has its own `calls`.

import fs, {type BigIntStats} from 'node:fs'
import {promisify} from 'node:util'

import {BkError} from '../cli/errors.ts'
import * as at from './at.ts'
import type {Path} from './errno.ts'
import * as libc from './libc.ts'
import * as xattr from './xattr.ts'

const write = (fd: number, buffer: Uint8Array, offset: number, length: number, position: number | null): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.write(fd, buffer, offset, length, position, (error, written) => (error === null ? resolve(written) : reject(error)))
  })

const asBigint = {bigint: true} as const
const bigintOrNone = {bigint: true, throwIfNoEntry: false} as const

const system = {
  // files by descriptor
  open: fs.openSync as (path: Path, flags: number | string, mode?: number) => number,
  close: fs.closeSync as (fd: number) => void,
  /** Bytes read, 0 at the end; `position` null reads on from the file's offset. */
  read: fs.readSync as (fd: number, buffer: Uint8Array, offset: number, length: number, position: number | bigint | null) => number,
  /** Bytes written, which may be fewer than `length`: writeAll below. */
  write: fs.writeSync as (fd: number, buffer: Uint8Array, offset: number, length: number, position: number | null) => number,
  fsync: fs.fsyncSync as (fd: number) => void,
  /** The same while this thread goes on: for what takes long. */
  writeMeanwhile: (fd: number, buffer: Uint8Array, offset: number, length: number): Promise<number> => write(fd, buffer, offset, length, null),
  fsyncMeanwhile: promisify(fs.fsync) as (fd: number) => Promise<void>,
  fdatasync: fs.fdatasyncSync as (fd: number) => void,
  ftruncate: fs.ftruncateSync as (fd: number, length: number) => void,
  fstat: (fd: number): BigIntStats => fs.fstatSync(fd, asBigint),
  fchmod: fs.fchmodSync as (fd: number, mode: number) => void,
  fchown: fs.fchownSync as (fd: number, uid: number, gid: number) => void,
  futimens: libc.futimens,
  flock: libc.flock,
  getFlags: libc.getFlags,
  setFlags: libc.setFlags,
  dataExtents: libc.dataExtents,

  // names
  lstat: (path: Path): BigIntStats => fs.lstatSync(path, asBigint),
  stat: (path: Path): BigIntStats => fs.statSync(path, asBigint),
  /** lstat, or undefined where nothing has that name: much cheaper than to catch. */
  lstatOrNone: (path: Path): BigIntStats | undefined => fs.lstatSync(path, bigintOrNone),
  readdir: (path: Path): string[] => fs.readdirSync(path),
  readdirBytes: (path: Path): Buffer[] => fs.readdirSync(path, 'buffer'),
  readlink: (path: Path): Buffer => fs.readlinkSync(path, 'buffer'),
  link: fs.linkSync as (existing: Path, path: Path) => void,
  rename: fs.renameSync as (src: Path, dst: Path) => void,
  unlink: fs.unlinkSync as (path: Path) => void,
  mkdir: fs.mkdirSync as (path: Path, mode?: number) => void,
  rmdir: fs.rmdirSync as (path: Path) => void,
  symlink: fs.symlinkSync as (target: Path, path: Path) => void,
  chmod: fs.chmodSync as (path: Path, mode: number) => void,
  lchown: fs.lchownSync as (path: Path, uid: number, gid: number) => void,
  utimensat: libc.utimensat,
  hasNodump: libc.hasNodump,
  statfs: (path: Path): fs.BigIntStatsFs => fs.statfsSync(path, asBigint),

  // names in a held directory
  ...at.atCalls,

  // extended attributes
  ...xattr.xattrCalls,
}

/** The system calls of a store and a target. */
export type Calls = typeof system

/** Call through this, at the time of the call: `calls.fsync(fd)`. Do not take functions out of it. */
export const calls: Calls = {...system}

/** Replace some of the calls, for a test; the answer puts back what was there before. */
export function replaceCalls(custom: Partial<Calls>): () => void {
  const before = {...calls}
  Object.assign(calls, custom)
  return () => {
    Object.assign(calls, before)
  }
}

/** One call on its way to the system. `proceed` makes it, with other arguments if given. */
export interface Call {
  readonly name: keyof Calls
  readonly args: readonly unknown[]
  readonly proceed: (...args: unknown[]) => unknown
}

/**
 * Let `intercept` stand before every call, for a test: it may proceed, throw, change arguments or result, or end the process.
 * The answer puts back what was there before.
 */
export function interceptCalls(intercept: (call: Call) => unknown): () => void {
  const custom: Record<string, unknown> = {}
  for (const [key, original] of Object.entries(calls)) {
    const name = key as keyof Calls
    const make = original as (...args: unknown[]) => unknown
    custom[name] = (...args: unknown[]) =>
      intercept({name, args, proceed: (...changed) => make(...(changed.length > 0 ? changed : args))})
  }
  return replaceCalls(custom as Partial<Calls>)
}

function interrupted(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EINTR'
}

/** Write all of `bytes`, at `position` or at the file's offset, however many calls the system takes for it. */
export function writeAll(fd: number, bytes: Uint8Array, position?: number): void {
  let done = 0
  while (done < bytes.length) {
    try {
      const written = calls.write(fd, bytes, done, bytes.length - done, position === undefined ? null : position + done)
      // Never seen of a regular file, but it would turn us in a circle.
      if (written === 0) throw new Error('write of some bytes wrote none')
      done += written
    } catch (error) {
      if (!interrupted(error)) throw error
    }
  }
}

/** As `writeAll`, while this thread goes on. Nobody may touch the bytes meanwhile. */
export async function writeAllMeanwhile(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      const written = await calls.writeMeanwhile(fd, bytes, done, bytes.length - done)
      if (written === 0) throw new Error('write of some bytes wrote none')
      done += written
    } catch (error) {
      if (!interrupted(error)) throw error
    }
  }
}

/**
 * Read until `buffer` is full or the file ends; from `position` or the file's offset.
 * Answers how many bytes it holds now.
 */
export function readFull(fd: number, buffer: Uint8Array, position?: number): number {
  let done = 0
  while (done < buffer.length) {
    try {
      const got = calls.read(fd, buffer, done, buffer.length - done, position === undefined ? null : position + done)
      if (got === 0) break
      done += got
    } catch (error) {
      if (!interrupted(error)) throw error
    }
  }
  return done
}

/** Read exactly `length` bytes; undefined if the file ends before. */
export function readExactly(fd: number, length: number, position?: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(length)
  return readFull(fd, buffer, position) === length ? buffer : undefined
}

/** Read a whole open file from its offset on, in one piece: for texts and packs. Throws when it is longer than `limit` bytes. */
export function readAll(fd: number, limit: number): Buffer {
  const size = Math.min(Number(calls.fstat(fd).size), limit)
  // One byte more than it should have shows at once whether it is longer, without a second buffer.
  let buffer = Buffer.allocUnsafe(size + 1)
  for (let done = 0; ; ) {
    done += readFull(fd, done === 0 ? buffer : buffer.subarray(done))
    if (done < buffer.length) return buffer.subarray(0, done)
    if (done > limit) throw new BkError(`file is longer than ${limit} bytes`, {status: 65})
    // Grown since, or of a kind that has no size (/proc).
    const larger = Buffer.allocUnsafe(Math.min(2 * buffer.length + 65_536, limit + 1))
    buffer.copy(larger)
    buffer = larger
  }
}

/** Read a whole file by name, at most `limit` bytes. */
export function readFile(path: Path, limit = 2 ** 31): Buffer {
  const fd = calls.open(path, 'r')
  try {
    return readAll(fd, limit)
  } finally {
    calls.close(fd)
  }
}
