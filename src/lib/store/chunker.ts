/*
 * Cuts large files by their content, so that an insertion or a scattered write costs the chunks around it and not the rest
 * of the file. FastCDC (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication",
 * USENIX ATC 2016): a gear hash, no cut before the minimum, and a harder mask before the average than after it.
 *
 * The loop is shaped for V8: 32-bit integers only, no property access inside, one table lookup a byte, and four bytes a turn that are
 * loaded as one number, so that the processor looks up ahead of the tests: 0.27 ns a byte, where it was 1.04 with four loads.
 */
import {createHash} from 'node:crypto'

/** Files up to this size are one object. */
export const WHOLE_FILE = 512 * 1024

/** The table of the gear hash. A sealed store keys it; the plain one is the same everywhere. */
export function gearTable(key = 'bk gear 1'): Int32Array {
  const table = new Int32Array(256)
  for (let i = 0; i < 256; i += 8) {
    const digest = createHash('sha256').update(`${key} ${i}`).digest()
    for (let j = 0; j < 8; j++) table[i + j] = digest.readInt32LE(j * 4)
  }
  return table
}

/** Sizes of a class, in bytes. */
export interface ChunkSizes {
  readonly min: number
  readonly average: number
  readonly max: number
}

/** Chunk sizes for a class, log2 of the average. */
export function sizesOf(cut: number): ChunkSizes {
  return {min: 2 ** (cut - 2), average: 2 ** cut, max: 2 ** (cut + 2)}
}

const GIB = 2 ** 30
// Chunks of a larger one would not fit the frames of packs.
const LARGEST_CLASS = 21

/**
 * The class for a file of `size` bytes: 32 KiB on average up to 4 GiB, and four times that for each sixteenfold, so that a
 * scattered write costs tens of KiB in most files and a TiB has some two million chunks.
 * @param base the class the file's earlier version was cut with: kept as long as it is within 4x, since a changed class shares no chunk
 */
export function classFor(size: number, base?: number): number {
  const natural = size <= 4 * GIB ? 15 : size <= 64 * GIB ? 17 : size <= 1024 * GIB ? 19 : LARGEST_CLASS
  return base !== undefined && base <= LARGEST_CLASS && Math.abs(base - natural) <= 2 ? base : natural
}

/** Finds cuts for one class of sizes. */
export class Chunker {
  readonly #gear: Int32Array
  readonly #sizes: ChunkSizes
  readonly #hard: number
  readonly #easy: number
  #hash = 0
  #words: Int32Array = new Int32Array(0)

  constructor(gear: Int32Array, cut: number) {
    this.#gear = gear
    this.#sizes = sizesOf(cut)
    // The high bits of the hash depend on the most bytes. Two bits more before the average, two fewer behind it.
    this.#hard = maskOf(cut + 2)
    this.#easy = maskOf(cut - 2)
  }

  /** Bytes that must be at hand for `next` to find a cut for sure. */
  get max(): number {
    return this.#sizes.max
  }

  /**
   * Length of the chunk that begins at `start`. The bytes up to `end` must be all that is left of the file, or at least `max`.
   */
  next(bytes: Uint8Array, start: number, end: number): number {
    const {min, average, max} = this.#sizes
    if (end - start <= min) return end - start
    const stop = Math.min(end, start + max)
    const middle = Math.min(stop, start + average)
    this.#hash = 0
    const early = this.#scan(bytes, start + min, middle, this.#hard)
    const cut = early >= 0 ? early : this.#scan(bytes, middle, stop, this.#easy)
    return (cut >= 0 ? cut : stop) - start
  }

  /** Where the first chunk ends that the mask makes end behind `at`, or -1. Goes on from `#hash`. */
  #scan(bytes: Uint8Array, from: number, stop: number, mask: number): number {
    const gear = this.#gear
    let at = from
    let hash = this.#hash
    // Up to where a number of four bytes can begin.
    for (const even = Math.min(stop, from + (-(bytes.byteOffset + from) & 3)); at < even; at++) {
      hash = ((hash << 1) + gear[bytes[at]!]!) | 0
      if ((hash & mask) === 0) return at + 1
    }
    const words = this.#wordsOf(bytes)
    const offset = bytes.byteOffset
    const end = (offset + stop) >> 2
    for (let word = (offset + at) >> 2; word < end; word++) {
      const four = words[word]!
      const first = ((hash << 1) + gear[four & 255]!) | 0
      const second = ((first << 1) + gear[(four >>> 8) & 255]!) | 0
      const third = ((second << 1) + gear[(four >>> 16) & 255]!) | 0
      hash = ((third << 1) + gear[four >>> 24]!) | 0
      if ((first & mask) === 0) return word * 4 - offset + 1
      if ((second & mask) === 0) return word * 4 - offset + 2
      if ((third & mask) === 0) return word * 4 - offset + 3
      if ((hash & mask) === 0) return word * 4 - offset + 4
    }
    for (at = Math.max(at, end * 4 - offset); at < stop; at++) {
      hash = ((hash << 1) + gear[bytes[at]!]!) | 0
      if ((hash & mask) === 0) return at + 1
    }
    this.#hash = hash
    return -1
  }

  /* The memory that the bytes lie in, as numbers of four, the first byte lowest: all processors that bk runs on have it so. */
  #wordsOf({buffer}: Uint8Array): Int32Array {
    if (this.#words.buffer !== buffer) this.#words = new Int32Array(buffer, 0, buffer.byteLength >> 2)
    return this.#words
  }
}

function maskOf(bits: number): number {
  return -1 << (32 - bits)
}
