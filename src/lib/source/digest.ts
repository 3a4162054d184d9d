/*
 * Reads a file's content for its digest. What is in an index must have been true at one moment: the file's size and times
 * must be the same after the reading as before, else it is read once more, and what then is still changing is taken as it
 * was read, with a note. Never waits for fifos and devices that take a file's place, and leaves access times alone where it may.
 */
import {createHash, hash} from 'node:crypto'
import {closeSync, constants, fstatSync, openSync, type BigIntStats} from 'node:fs'
import {readFull} from '../sys/calls.ts'
import {errnoName, type Path} from '../sys/errno.ts'

export type DigestKind = 'sha256' | 'md5'

/** What came of reading. */
export interface Digested {
  /** In hex. */
  readonly digest: string
  /** The stats that go with it. */
  readonly stats: BigIntStats
  /** Bytes read. */
  readonly size: bigint
  /** It changed while it was read, twice. */
  readonly changed: boolean
}

/**
 * The digest of the regular file at `path`, for which lstat said `stats`; undefined when another thing has the name now.
 * Throws the errors of system calls.
 */
export type Digester = (path: Path, stats: BigIntStats) => Digested | undefined

/* A file up to this size is read in one go and hashed in one call, which is the fastest way; larger ones pass through in pieces of it. */
const pieceSize = 1024 * 1024

const {O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY} = constants
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
const asBigint = {bigint: true} as const

/** Reads files one at a time, through one buffer. */
export function createDigester(kind: DigestKind): Digester {
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
      const length = readFull(fd, buffer.subarray(0, Number(size)))
      return {digest: hash(kind, buffer.subarray(0, length)), length: BigInt(length)}
    }
    const sum = createHash(kind)
    let length = 0n
    while (length < size) {
      const rest = size - length
      const got = readFull(fd, rest < pieceSize ? buffer.subarray(0, Number(rest)) : buffer)
      if (got === 0) break
      sum.update(buffer.subarray(0, got))
      length += BigInt(got)
    }
    return {digest: sum.digest('hex'), length}
  }

  return (path, stats) => {
    if (stats.size === 0n) return {digest: empty, stats, size: 0n, changed: false}
    let before = stats
    for (let tries = 1; ; tries++) {
      const fd = open(path, before.uid)
      try {
        const {digest, length} = digestOf(fd, before.size)
        const after = fstatSync(fd, asBigint)
        const same = isUnchanged(before, after) && length === before.size
        // Asked only now: some FUSE file systems number the same file anew.
        if (!after.isFile() || (!same && (after.ino !== before.ino || after.dev !== before.dev))) return undefined
        if (same || tries === 2) return {digest, stats: before, size: length, changed: !same}
        before = after
      } finally {
        closeSync(fd)
      }
    }
  }
}

function isUnchanged(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}
