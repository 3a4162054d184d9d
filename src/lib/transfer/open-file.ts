/*
 * Opens files for the reading workers: nothing but regular files, and no link is followed, because a tree may change into anything
 * between the index and this moment. Paths are latin1, a character per byte.
 */
import fs, {type BigIntStats} from 'node:fs'
import {errorCode} from '../cli/errors.ts'
import {formatTime} from '../index/entry.ts'
import type {FileAnswer, FileStat} from './content.ts'

const {O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY} = fs.constants
const OPEN = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
// Not in node:fs. A directory needs no right to be listed for a file in it to be opened.
const O_PATH = 0x200000

class NotAFile extends Error {}

/**
 * Opens a file. No link is followed in the last component (O_NOFOLLOW), and the kernel says where the rest has led: a directory that
 * was replaced by a link since the index would let whoever owns it have anybody's files in his backup. (openat2 could refuse it at
 * once, but takes twice as long from here.) Throws what `failure` explains.
 */
export function openFile(path: string): number {
  const fd = fs.openSync(asPath(path), OPEN)
  const seen = placeOf(fd)
  if (seen === undefined || seen === path || seen === `${path} (deleted)`) return fd
  fs.closeSync(fd)
  throw new NotAFile()
}

// eslint-disable-next-line no-control-regex
const asPath = (path: string): string | Buffer => (/^[\x00-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1'))

/** The directory that the files of a batch lie in, most of them: where it lies is asked once, and the rest of the path not walked again. */
interface Held {
  readonly path: string
  readonly fd: number
}

let held: Held | undefined

/** Closes what `openNext` holds. */
export function letGo(): void {
  if (held !== undefined) fs.closeSync(held.fd)
  held = undefined
}

/** As `openFile`, for one file after the other. Ends with `letGo`. */
export function openNext(path: string): number {
  const slash = path.lastIndexOf('/')
  const directory = path.slice(0, slash)
  if (directory === '') return openFile(path)
  if (held?.path !== directory) {
    letGo()
    const fd = fs.openSync(asPath(directory), O_PATH | O_DIRECTORY)
    const seen = placeOf(fd)
    if (seen !== directory) {
      fs.closeSync(fd)
      if (seen === undefined) return openFile(path)
      throw new NotAFile()
    }
    held = {path: directory, fd}
  }
  return fs.openSync(asPath(`/proc/self/fd/${held.fd}${path.slice(slash)}`), OPEN)
}

/** Where an open file lies, as latin1; undefined where there is no /proc to tell. */
function placeOf(fd: number): string | undefined {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`, 'latin1')
  } catch {
    return undefined
  }
}

/** What is known of an open file; throws for what is none. */
export function statOf(fd: number): BigIntStats {
  const stat = fs.fstatSync(fd, {bigint: true})
  if (!stat.isFile()) throw new NotAFile()
  return stat
}

/** The part of it that an index has. */
export function describe(stat: BigIntStats): FileStat {
  return {mode: Number(stat.mode & 0o7777n), uid: Number(stat.uid), gid: Number(stat.gid), size: Number(stat.size), time: formatTime(stat.mtimeNs)}
}

/** Whether nothing was done to a file between two looks at it. */
export function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}

/** What a file that could not be opened or read has come to. Other errors are thrown again. */
export function failure(error: unknown): FileAnswer {
  if (error instanceof NotAFile) return {status: 'vanished', why: 'not a file'}
  const code = errorCode(error)
  if (code === undefined) throw error
  if (code === 'ENOENT' || code === 'ENOTDIR') return {status: 'vanished', why: 'gone'}
  // A link where the file was (ELOOP), a socket or device without driver (ENXIO): something else stands there now.
  if (code === 'ELOOP' || code === 'ENXIO') return {status: 'vanished', why: 'not a file'}
  return {status: 'failed', code}
}
