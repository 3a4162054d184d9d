/*
 * The file of a stat cache. Private to bk, this machine and this user, and binary, because it is read whole at the start
 * of every run. It is never trusted: whoever else could have written it, another layout, another tree, a checksum that is
 * wrong, a number out of range, and there is no cache, without an error. The worst is a run that takes longer.
 *
 *   header     magic, key (what the run is about), stamp (owners' names)
 *   blocks     of 4,096 nodes, with a CRC each: columns as they are in memory (stat-cache.ts), names, lines
 *   trailer    magic, number of nodes, bytes of names, CRC
 */
import {createHash} from 'node:crypto'
import {closeSync, constants, fstatSync, openSync, readSync} from 'node:fs'
import {crc32} from 'node:zlib'
import type {Path} from '../sys/errno.ts'
import {COMPLETE} from './job.ts'
import {linkChildren} from './name-tree.ts'
import {cacheSize, viewCache, type SharedCache, type StatCache} from './stat-cache.ts'

export const blockNodes = 4_096
export const headerSize = 96
export const blockHeaderSize = 32
export const trailerSize = 32
const magic = 'bk stat cache 1\n'
const trailerMagic = 'bk cache end 1\n\n'

/* Bytes of a node in a block, beside its name and lines. */
export const nodeSize = 57
/* Lines of a cache up to this size are kept in memory, those of a larger one are read when they are needed. */
const mostInMemory = 64 * 1024 * 1024

/** A cache's file whose size is known: workers can be started with its memory before it is read. */
export interface CacheFile {
  readonly shared: SharedCache
  /** Reads it; undefined when it is not whole after all. */
  load(): LoadedCache | undefined
  close(): void
}

/** A cache that was read, with the lines in it. */
export interface LoadedCache {
  readonly cache: StatCache
  /** The lines of neighbouring nodes, in pieces of one block each, which must not be changed. */
  lines(first: number, count: number): Buffer[]
}

/** What the first bytes of a cache for a run are. `key` and `stamp` are any texts. */
export function cacheHeader(key: string, stamp: string): Buffer {
  return Buffer.concat([Buffer.from(magic), digest(key), digest(stamp), Buffer.alloc(16)])
}

/** The last bytes of a cache. */
export function cacheTrailer(header: Buffer, count: number, nameBytes: number): Buffer {
  const trailer = Buffer.alloc(trailerSize)
  trailer.write(trailerMagic)
  trailer.writeUInt32LE(count, 16)
  trailer.writeUInt32LE(nameBytes, 20)
  trailer.writeUInt32LE(crc32(trailer.subarray(0, 28), crc32(header)), 28)
  return trailer
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest()
}

/** Opens the cache in a file, if it is there, of this user and about this run; undefined otherwise. */
export function openCacheFile(path: Path, key: string, stamp: string): CacheFile | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  const opened = orNothing(() => openCache(fd, cacheHeader(key, stamp)))
  if (opened === undefined) closeSync(fd)
  return opened
}

/* Whatever goes wrong with it, it is no cache of ours. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function openCache(fd: number, wanted: Buffer): CacheFile | undefined {
  const {size, uid, mode} = fstatSync(fd)
  const isOurs = (mode & constants.S_IFMT) === constants.S_IFREG && uid === process.geteuid?.() && (mode & 0o022) === 0
  if (!isOurs || size < headerSize + trailerSize) return undefined
  const header = readAt(fd, headerSize, 0)
  if (!header.subarray(0, 48).equals(wanted.subarray(0, 48))) return undefined
  const trailer = readAt(fd, trailerSize, size - trailerSize)
  const count = trailer.readUInt32LE(16)
  const nameBytes = trailer.readUInt32LE(20)
  if (!trailer.equals(cacheTrailer(header, count, nameBytes)) || nodeSize * count + nameBytes > size) return undefined
  const memory = new SharedArrayBuffer(cacheSize(count, nameBytes))
  const shared: SharedCache = {memory, count, nameBytes, fd, linesHold: header.equals(wanted)}
  return {shared, load: () => orNothing(() => readCache(shared, size)), close: () => closeSync(fd)}
}

function readCache(shared: SharedCache, size: number): LoadedCache | undefined {
  const {count, fd, nameBytes} = shared
  const cache = viewCache(shared)
  const end = size - trailerSize
  const texts: Buffer[] = []
  let at = headerSize
  for (let first = 1; first <= count; first += blockNodes) {
    const block = readBlock(fd, at, end, Math.min(blockNodes, count - first + 1))
    if (block === undefined || !takeBlock(cache, block, first, at)) return undefined
    at += block.bytes.length
    if (size <= mostInMemory) texts.push(block.bytes)
  }
  const children = linkChildren(cache.tree)
  if (at !== end || cache.tree.nameAt[count + 1] !== nameBytes || children === undefined) return undefined
  for (let node = 1; node <= count; node++) if (cache.found[node] === children[node]) cache.flags[node]! |= COMPLETE
  return {cache, lines: (first, number) => linesOf(cache, texts, first, number)}
}

interface Block {
  /** With its header, at an address that is a multiple of 8. */
  readonly bytes: Buffer
  readonly count: number
  readonly nameBytes: number
}

function readBlock(fd: number, at: number, end: number, count: number): Block | undefined {
  const header = readAt(fd, blockHeaderSize, at)
  const nameBytes = header.readUInt32LE(4)
  const size = blockHeaderSize + nodeSize * count + nameBytes + header.readUInt32LE(8)
  if (header.readUInt32LE(0) !== count || at + size > end) return undefined
  const bytes = readAt(fd, size, at)
  return crc32(bytes.subarray(blockHeaderSize)) === header.readUInt32LE(12) ? {bytes, count, nameBytes} : undefined
}

/* Puts a block into the columns; false where it does not follow the one before. */
function takeBlock({stats, textAt, textLength, found, flags, tree}: StatCache, {bytes, count, nameBytes}: Block, first: number, fileAt: number): boolean {
  const {buffer, byteOffset} = bytes
  let at = blockHeaderSize
  const next = (size: number): number => (at += size) - size
  stats.set(new BigInt64Array(buffer, byteOffset + next(32 * count), 4 * count), 4 * first)
  textAt.set(new Float64Array(buffer, byteOffset + next(8 * count), count), first)
  for (const column of [textLength, tree.parent, found, tree.nameAt]) column.set(new Uint32Array(buffer, byteOffset + next(4 * count), count), first)
  flags.set(bytes.subarray(next(count), at), first)
  const nameStart = tree.nameAt[first]!
  if (nameStart + nameBytes > tree.names.length) return false
  tree.names.set(bytes.subarray(next(nameBytes), at), nameStart)
  tree.nameAt[first + count] = nameStart + nameBytes
  const last = first + count - 1
  return textAt[first] === fileAt + at && textAt[last]! + textLength[last]! === fileAt + bytes.length
}

function linesOf({textAt, textLength, shared}: StatCache, texts: readonly Buffer[], first: number, count: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let node = first; node < first + count; ) {
    const block = Math.floor((node - 1) / blockNodes)
    const last = Math.min(first + count - 1, (block + 1) * blockNodes)
    const start = textAt[node]!
    const size = textAt[last]! + textLength[last]! - start
    const text = texts[block]
    // Lines stand at the end of their block, so that its start follows from its last line's end.
    if (text === undefined) pieces.push(readAt(shared.fd, size, start))
    else {
      const end = Math.min(shared.count, (block + 1) * blockNodes)
      const from = start - (textAt[end]! + textLength[end]! - text.length)
      pieces.push(text.subarray(from, from + size))
    }
    node = last + 1
  }
  return pieces
}

function readAt(fd: number, size: number, at: number): Buffer {
  // Slow, because memory of its own begins at a multiple of 8.
  const bytes = Buffer.allocUnsafeSlow(size)
  for (let done = 0; done < size; ) {
    const got = readSync(fd, bytes, done, size - done, at + done)
    if (got === 0) throw new Error('stat cache is shorter than it was')
    done += got
  }
  return bytes
}
