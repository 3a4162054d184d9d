/*
 * Reads a file's content for its digest. What is in an index must have been true at one moment: the file's size and times
 * must be the same after the reading as before, else it is read once more, and what then is still changing is taken as it
 * was read, with a note. Never waits for fifos and devices that take a file's place, and leaves access times alone where it may.
 */
import {createHash, hash} from 'node:crypto'
import {closeSync, constants, fstatSync, openSync, readSync, type BigIntStats} from 'node:fs'
import {errnoName, type Path} from '../sys/errno.ts'

export type DigestKind = 'sha256' | 'md5'

/** What came of reading: a digest and the stats that go with it, or `replaced` when another thing has the name now. */
export type Content = 'replaced' | {readonly digest: string; readonly stats: BigIntStats; readonly size: bigint; readonly changed: boolean}

/** Reads files, one at a time, through one buffer. */
export interface ContentReader {
  /** The digest of the regular file at `path`, for which lstat said `stats`. Throws the errors of system calls. */
  read(path: Path, stats: BigIntStats): Content
}

/* A file up to this size is read in one go and hashed in one call, which is the fastest way; larger ones pass through in pieces of it. */
const pieceSize = 1024 * 1024

const {O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY} = constants
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
const asBigint = {bigint: true} as const

export function createContentReader(kind: DigestKind): ContentReader {
  const empty = hash(kind, '')
  let buffer: Buffer | undefined
  // Only an owner may ask for O_NOATIME; who is refused once asks no more for that owner.
  const refused = new Set<bigint>()

  const open = (path: Path, owner: bigint): number => {
    if (!refused.has(owner)) {
      try {
        return openSync(path, readFlags | O_NOATIME)
      } catch (error) {
        if (errnoName(error) !== 'EPERM') throw error
        refused.add(owner)
      }
    }
    return openSync(path, readFlags)
  }

  /* Reads up to `size` bytes, no more: a file that grows as fast as it is read would have no end. */
  const digestOf = (fd: number, size: bigint): {readonly digest: string; readonly length: bigint} => {
    buffer ??= Buffer.allocUnsafeSlow(pieceSize)
    if (size <= pieceSize) {
      const length = fill(fd, buffer, Number(size))
      return {digest: hash(kind, buffer.subarray(0, length)), length: BigInt(length)}
    }
    const sum = createHash(kind)
    let length = 0n
    while (length < size) {
      const rest = size - length
      const got = readSync(fd, buffer, 0, rest < pieceSize ? Number(rest) : pieceSize, null)
      if (got === 0) break
      sum.update(buffer.subarray(0, got))
      length += BigInt(got)
    }
    return {digest: sum.digest('hex'), length}
  }

  return {
    read(path, stats) {
      if (stats.size === 0n) return {digest: empty, stats, size: 0n, changed: false}
      let before = stats
      for (let tries = 1; ; tries++) {
        const fd = open(path, before.uid)
        try {
          const {digest, length} = digestOf(fd, before.size)
          const after = fstatSync(fd, asBigint)
          if (after.ino !== before.ino || after.dev !== before.dev || !after.isFile()) return 'replaced'
          const same = isUnchanged(before, after) && length === before.size
          if (same || tries === 2) return {digest, stats: before, size: length, changed: !same}
          before = after
        } finally {
          closeSync(fd)
        }
      }
    },
  }
}

function fill(fd: number, buffer: Buffer, size: number): number {
  let length = 0
  while (length < size) {
    const got = readSync(fd, buffer, length, size - length, null)
    if (got === 0) break
    length += got
  }
  return length
}

function isUnchanged(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}
