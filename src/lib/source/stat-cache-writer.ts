/*
 * Writes the stat cache of a run while its lines go by, block after block, under a temporary name that becomes the cache's
 * at the end of a run that succeeded. As long as everything is as it was nothing is written at all; at the first difference
 * what went by before is copied from the old cache. That nothing can be written is no reason for a run to fail.
 */
import {crc32} from 'node:zlib'
import {beginFile, type OnTemp, type PendingFile} from '../sys/atomic.ts'
import {writeAll} from '../sys/calls.ts'
import type {Path} from '../sys/errno.ts'
import {COMPLETE, FIRST_NEW_ID, WITHOUT_DIGEST, type Records} from './job.ts'
import {blockHeaderSize, blockNodes, cacheHeader, cacheTrailer, headerSize, nodeSize, type LoadedCache} from './stat-cache-file.ts'
import {grown} from './tree-builder.ts'

export interface WriterOptions {
  readonly path: Path
  readonly key: string
  readonly stamp: string
  readonly old: LoadedCache | undefined
  readonly onTemp?: OnTemp | undefined
}

export class StatCacheWriter {
  readonly #options: WriterOptions
  readonly #header: Buffer
  readonly #block = new Block()
  #file: PendingFile | undefined
  // Nodes of the old cache that went by in their order before anything else did; -1 once something else has.
  #same: number
  #count = 0
  // From the nodes of the old cache, and from new directories' ids, to nodes of the new one.
  readonly #newOfOld: Uint32Array
  #newOfId = new Uint32Array(1024)
  #failed = false
  #withoutDigest = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.#header = cacheHeader(options.key, options.stamp)
    const {old} = options
    this.#newOfOld = new Uint32Array(old === undefined ? 1 : old.cache.shared.count + 1)
    // A cache whose lines do not hold is replaced in any case.
    this.#same = old?.cache.shared.linesHold === true ? 0 : -1
  }

  /** How many files went by whose lines have no digest. */
  get withoutDigest(): number {
    return this.#withoutDigest
  }

  /** Takes over neighbouring nodes of the old cache, with their lines as it gave them. */
  keep(first: number, count: number, lines: readonly Buffer[]): void {
    const {flags} = this.#options.old!.cache
    for (let node = first; node < first + count; node++) if ((flags[node]! & WITHOUT_DIGEST) !== 0) this.#withoutDigest++
    if (this.#same === first - 1) this.#same += count
    else this.#try(() => this.#copy(first, count, lines))
  }

  /** Takes entries that were made now: those from `from` to `to` of a job's records, with their lines. */
  make(records: Records, names: readonly string[], from: number, to: number, lines: Buffer): void {
    this.#try(() => {
      let at = 0
      for (let index = from; index < to; index++) {
        const [length = 0, id = 0, parent = 0, flags = 0, found = 0] = records.numbers.subarray(5 * index, 5 * index + 5)
        const block = this.#blockWithRoom()
        block.take(records.stats.subarray(4 * index, 4 * index + 4), Buffer.from(names[index]!, 'latin1'), lines.subarray(at, (at += length)))
        block.add(length, this.#nodeOf(parent), found, names[index]!.length, flags)
        if ((flags & WITHOUT_DIGEST) !== 0) this.#withoutDigest++
        this.#count++
        if (id !== 0) this.#remember(id, this.#count)
      }
    })
  }

  /** Takes over a node of the old cache with other lines, which have its digest. */
  mend(node: number, lines: Uint8Array): void {
    this.#try(() => {
      const {stats, found, flags, tree} = this.#options.old!.cache
      const {names, nameAt, parent} = tree
      const block = this.#blockWithRoom()
      const name = names.subarray(nameAt[node], nameAt[node + 1])
      block.take(stats.subarray(4 * node, 4 * node + 4), name, lines)
      block.add(lines.length, this.#newOfOld[parent[node]!]!, found[node]!, name.length, flags[node]! & ~(COMPLETE | WITHOUT_DIGEST))
      this.#newOfOld[node] = ++this.#count
    })
  }

  /** Gives the file its name, if there is anything new in it. */
  finish(): void {
    if (this.#same >= 0 && this.#same === this.#options.old?.cache.shared.count) return
    this.#try(() => {
      this.#flush()
      const file = this.#begin()
      writeAll(file.fd, cacheTrailer(this.#header, this.#count, this.#block.nameBytes))
      file.replace()
      this.#file = undefined
    })
  }

  /** Removes what is not finished. */
  discard(): void {
    this.#file?.discard()
    this.#file = undefined
  }

  #try(work: () => void): void {
    if (this.#failed) return
    try {
      const same = this.#same
      this.#same = -1
      if (same > 0) this.#copy(1, same, this.#options.old!.lines(1, same))
      work()
    } catch {
      this.#failed = true
      this.discard()
    }
  }

  /* Columns of neighbours are copied as a whole, as far as they lie in one block of the old cache and of the new one. */
  #copy(first: number, count: number, lines: readonly Buffer[]): void {
    const {stats, textAt, textLength, found, flags, tree} = this.#options.old!.cache
    const {names, nameAt, parent} = tree
    let node = first
    for (const piece of lines) {
      const pieceAt = textAt[node]!
      const pieceEnd = Math.min(first + count, Math.ceil(node / blockNodes) * blockNodes + 1)
      while (node < pieceEnd) {
        const block = this.#blockWithRoom()
        const end = Math.min(pieceEnd, node + blockNodes - block.count)
        const lines = piece.subarray(textAt[node]! - pieceAt, textAt[end - 1]! + textLength[end - 1]! - pieceAt)
        block.take(stats.subarray(4 * node, 4 * end), names.subarray(nameAt[node], nameAt[end]), lines)
        for (; node < end; node++) {
          block.add(textLength[node]!, this.#newOfOld[parent[node]!]!, found[node]!, nameAt[node + 1]! - nameAt[node]!, flags[node]! & ~COMPLETE)
          this.#newOfOld[node] = ++this.#count
        }
      }
    }
  }

  #nodeOf(id: number): number {
    return id < FIRST_NEW_ID ? this.#newOfOld[id]! : this.#newOfId[id - FIRST_NEW_ID]!
  }

  #remember(id: number, node: number): void {
    if (id < FIRST_NEW_ID) {
      this.#newOfOld[id] = node
      return
    }
    while (id - FIRST_NEW_ID >= this.#newOfId.length) this.#newOfId = grown(this.#newOfId)
    this.#newOfId[id - FIRST_NEW_ID] = node
  }

  #blockWithRoom(): Block {
    if (this.#block.count === blockNodes) this.#flush()
    return this.#block
  }

  #flush(): void {
    const file = this.#begin()
    for (const piece of this.#block.finish()) writeAll(file.fd, piece)
  }

  #begin(): PendingFile {
    if (this.#file !== undefined) return this.#file
    const {path, onTemp} = this.#options
    // A cache that a crash tears is recognised by its checksums: no need to wait for the disk.
    this.#file = beginFile(path, {mode: 0o600, sync: 'nothing', ...(onTemp === undefined ? {} : {onTemp})})
    writeAll(this.#file.fd, this.#header)
    return this.#file
  }
}

/* The nodes that are gathered for the next block: columns as in memory, and names and lines in pieces. */
class Block {
  count = 0
  /** Of all blocks so far. */
  nameBytes = 0
  // Where the block begins in the file.
  #fileAt = headerSize
  #blockNames = 0
  #blockText = 0
  #names: Uint8Array[] = []
  #text: Uint8Array[] = []
  readonly #stats = new BigInt64Array(4 * blockNodes)
  readonly #textAt = new Float64Array(blockNodes)
  readonly #lengths = new Uint32Array(blockNodes)
  readonly #parents = new Uint32Array(blockNodes)
  readonly #founds = new Uint32Array(blockNodes)
  readonly #nameAt = new Uint32Array(blockNodes)
  readonly #flags = new Uint8Array(blockNodes)

  /** Takes what of neighbouring nodes lies together; each is to be added then. */
  take(stats: BigInt64Array, names: Uint8Array, lines: Uint8Array): void {
    this.#stats.set(stats, 4 * this.count)
    this.#names.push(names)
    this.#text.push(lines)
  }

  add(length: number, parent: number, found: number, nameLength: number, flags: number): void {
    const at = this.count++
    // From the start of the block's lines, until it is known where that is.
    this.#textAt[at] = this.#blockText
    this.#lengths[at] = length
    this.#parents[at] = parent
    this.#founds[at] = found
    this.#nameAt[at] = this.nameBytes
    this.#flags[at] = flags
    this.#blockText += length
    this.#blockNames += nameLength
    this.nameBytes += nameLength
  }

  /** The block's bytes, none where it is empty. It is empty afterwards. */
  finish(): Uint8Array[] {
    const {count} = this
    if (count === 0) return []
    const linesAt = this.#fileAt + blockHeaderSize + nodeSize * count + this.#blockNames
    for (let at = 0; at < count; at++) this.#textAt[at]! += linesAt
    const columns = [this.#stats, this.#textAt, this.#lengths, this.#parents, this.#founds, this.#nameAt, this.#flags]
    const parts = columns.map((column) => bytesOf(column, (column.byteLength / blockNodes) * count))
    const body = Buffer.concat([...parts, ...this.#names, ...this.#text])
    const header = Buffer.alloc(blockHeaderSize)
    header.writeUInt32LE(count, 0)
    header.writeUInt32LE(this.#blockNames, 4)
    header.writeUInt32LE(this.#blockText, 8)
    header.writeUInt32LE(crc32(body), 12)
    this.#fileAt = linesAt + this.#blockText
    this.count = this.#blockNames = this.#blockText = 0
    this.#names = []
    this.#text = []
    return [header, body]
  }
}

function bytesOf(column: BigInt64Array | Float64Array | Uint32Array | Uint8Array, length: number): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, length)
}
