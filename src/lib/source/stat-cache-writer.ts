/*
 * Writes the stat cache of a run while its lines go by, block after block, under a temporary name that becomes the cache's
 * at the end of a run that succeeded. As long as everything is as it was nothing is written at all; at the first difference
 * what went by before is copied from the old cache. That nothing can be written is no reason for a run to fail.
 */
import {crc32} from 'node:zlib'
import {beginFile, type OnTemp, type PendingFile} from '../sys/atomic.ts'
import {writeAll} from '../sys/calls.ts'
import type {Path} from '../sys/errno.ts'
import {COMPLETE, FIRST_NEW_ID, type Records} from './job.ts'
import {blockHeaderSize, blockNodes, cacheHeader, cacheTrailer, type LoadedCache} from './stat-cache-file.ts'
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

  constructor(options: WriterOptions) {
    this.#options = options
    this.#header = cacheHeader(options.key, options.stamp)
    const {old} = options
    this.#newOfOld = new Uint32Array(old === undefined ? 1 : old.cache.shared.count + 1)
    // A cache whose lines do not hold is replaced in any case.
    this.#same = old?.cache.shared.linesHold === true ? 0 : -1
  }

  /** Takes over neighbouring nodes of the old cache, with their lines as it gave them. */
  keep(first: number, count: number, lines: readonly Buffer[]): void {
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
        block.names.push(Buffer.from(names[index]!, 'latin1'))
        block.text.push(lines.subarray(at, (at += length)))
        block.stats.set(records.stats.subarray(4 * index, 4 * index + 4), 4 * block.count)
        block.add(length, this.#nodeOf(parent), found, names[index]!.length, flags)
        this.#count++
        if (id !== 0) this.#remember(id, this.#count)
      }
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
        block.text.push(piece.subarray(textAt[node]! - pieceAt, textAt[end - 1]! + textLength[end - 1]! - pieceAt))
        block.names.push(names.subarray(nameAt[node], nameAt[end]))
        block.stats.set(stats.subarray(4 * node, 4 * end), 4 * block.count)
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
    for (const piece of this.#block.take()) writeAll(file.fd, piece)
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

/* The nodes that are gathered for the next block: columns, and names and lines in pieces. */
class Block {
  count = 0
  /** Of all blocks so far. */
  nameBytes = 0
  readonly stats = new BigInt64Array(4 * blockNodes)
  names: Uint8Array[] = []
  text: Uint8Array[] = []
  readonly #numbers = [0, 1, 2].map(() => new Uint32Array(blockNodes))
  readonly #nameLengths = new Uint8Array(blockNodes)
  readonly #flags = new Uint8Array(blockNodes)

  /** Adds a node whose stats, name and lines are there already. */
  add(length: number, parent: number, found: number, nameLength: number, flags: number): void {
    const at = this.count++
    const [lengths, parents, founds] = this.#numbers
    lengths![at] = length
    parents![at] = parent
    founds![at] = found
    this.#nameLengths[at] = nameLength
    this.#flags[at] = flags
  }

  /** The block as bytes in pieces, none where it is empty; it is empty afterwards. The pieces hold until the next node is added. */
  take(): Uint8Array[] {
    const {count} = this
    if (count === 0) return []
    const names = Buffer.concat(this.names)
    this.nameBytes += names.length
    const text = Buffer.concat(this.text)
    const columns = [
      bytesOf(this.stats, 32 * count),
      ...this.#numbers.map((column) => bytesOf(column, 4 * count)),
      this.#nameLengths.subarray(0, count),
      this.#flags.subarray(0, count),
      names,
      text,
    ]
    const header = Buffer.alloc(blockHeaderSize)
    header.writeUInt32LE(count, 0)
    header.writeUInt32LE(names.length, 4)
    header.writeUInt32LE(text.length, 8)
    header.writeUInt32LE(columns.reduce((sum, column) => crc32(column, sum), 0), 12)
    this.count = 0
    this.names = []
    this.text = []
    return [header, ...columns]
  }
}

function bytesOf(column: BigInt64Array | Uint32Array, length: number): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, length)
}
