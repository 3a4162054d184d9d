/*
 * What the last run saw, in shared memory for all workers: the tree of names, stats, and where the lines of each entry
 * are in the cache's file. An entry whose stats are the same has the same lines, so neither its content nor its attributes
 * are read again. The cache only ever saves time: any doubt about it makes it as if it were not there.
 */
import {readSync, type BigIntStats} from 'node:fs'
import {TRUSTED, WITHOUT_DIGEST} from './job.ts'
import {treeAt, treeSize, type NameTree} from './name-tree.ts'

/** A cache as it is sent to workers: threads share descriptors as they share memory. */
export interface SharedCache {
  readonly memory: SharedArrayBuffer
  readonly count: number
  readonly nameBytes: number
  readonly fd: number
  /** False when owners have other names than in the last run: then only digests are taken from its lines. */
  readonly linesHold: boolean
}

export interface StatCache {
  readonly shared: SharedCache
  readonly tree: NameTree
  /** Four for each node: inode, size, mtime and ctime in nanoseconds. */
  readonly stats: BigInt64Array
  /** Where a node's lines begin in the file. */
  readonly textAt: Float64Array
  readonly textLength: Uint32Array
  /** How many names a directory had; UNKNOWN for what is none, or was not read as a whole. */
  readonly found: Uint32Array
  readonly flags: Uint8Array
}

/** Bytes of memory for a cache. */
export function cacheSize(count: number, nameBytes: number): number {
  return 49 * (count + 1) + treeSize(count, nameBytes)
}

/** The columns in a cache's memory. */
export function viewCache(shared: SharedCache): StatCache {
  const {memory, count, nameBytes} = shared
  const nodes = count + 1
  return {
    shared,
    stats: new BigInt64Array(memory, 0, 4 * nodes),
    textAt: new Float64Array(memory, 32 * nodes, nodes),
    textLength: new Uint32Array(memory, 40 * nodes, nodes),
    found: new Uint32Array(memory, 44 * nodes, nodes),
    tree: treeAt(memory, 48 * nodes, count, nameBytes),
    flags: new Uint8Array(memory, 48 * nodes + treeSize(count, nameBytes), nodes),
  }
}

/** What has to agree for a node to count as unchanged. */
export interface Trust {
  /** False where a file system numbers its inodes anew (--ignore-inode). */
  readonly inode: boolean
  /** Are digests wanted? A line without one does then not do. */
  readonly digest: boolean
}

/** Whether what was seen of a node still holds. */
export function isUnchanged(cache: StatCache, node: number, {ino, size, mtimeNs, ctimeNs}: BigIntStats, trust: Trust): boolean {
  const flags = cache.flags[node]!
  if ((flags & TRUSTED) === 0 || (trust.digest && (flags & WITHOUT_DIGEST) !== 0)) return false
  const {stats} = cache
  const at = 4 * node
  return stats[at + 3] === ctimeNs && stats[at + 2] === wrapped(mtimeNs) && stats[at + 1] === size && (stats[at] === ino || !trust.inode)
}

/* Times of the year 2262 and later have more than 64 bits. */
const latest = 0x7fff_ffff_ffff_ffffn

function wrapped(nanoseconds: bigint): bigint {
  return nanoseconds > latest ? BigInt.asIntN(64, nanoseconds) : nanoseconds
}

/** The lines that the last run wrote for a node. */
export function linesOf(cache: StatCache, node: number): string {
  const bytes = Buffer.allocUnsafe(cache.textLength[node]!)
  const length = readSync(cache.shared.fd, bytes, 0, bytes.length, cache.textAt[node]!)
  return bytes.toString('latin1', 0, length)
}

/*
 * How old a change must be before an entry is trusted: a file that is written twice within one tick of the clock keeps its
 * times. A kernel's tick is up to 10 ms, but some file systems count in whole seconds, FAT in two.
 */
const settled = 2_100n * 1_000_000n
const day = 86_400n * 1_000_000_000n

/**
 * Whether stats that were taken at `now` or later can be trusted to change with the next change of the thing. A time of
 * modification in the future was set by hand and says nothing; a time of change there is a clock that went back.
 */
export function isSettled({mtimeNs, ctimeNs}: BigIntStats, now: bigint): boolean {
  const limit = now - settled
  return ctimeNs < limit && (mtimeNs < limit || mtimeNs > now + day)
}
