/*
 * The entries that are to be restored, as columns: their lines of text in large pieces outside the heap, and where each begins. An
 * object per entry would cost five times as much, and a million entries must fit.
 */
import {pathOfText} from './item.ts'

/** What has to be done for an entry. */
export const KINDS = {
  directory: 0,
  /** Everything without content: links, fifos, devices, empty files. */
  plain: 1,
  /** A file whose content is one object. */
  whole: 2,
  /** A file whose content is a list of chunks. */
  chunked: 3,
  /** A further name of a file that is restored. */
  hardLink: 4,
} as const

export type Kind = (typeof KINDS)[keyof typeof KINDS]

const PIECE = 1 << 20
// 4,096 bytes, each escaped, and the space behind them.
const LONGEST_PATH = 4 * 4096 + 1

export class EntryTable {
  #count = 0
  readonly #pieces: Buffer[] = []
  #used = 0
  // Of each entry: piece, offset in it, length of its text.
  #places = new Uint32Array(3 * 1024)
  #kinds = new Uint8Array(1024)

  get count(): number {
    return this.#count
  }

  /** Adds an entry by its text (latin1) and answers its number, from 0. Entries come in the order of their paths. */
  add(text: string, kind: Kind): number {
    const number = this.#count++
    if (number === this.#kinds.length) this.#grow()
    const last = this.#pieces.at(-1)
    if (last === undefined || this.#used + text.length > last.length) {
      this.#pieces.push(Buffer.allocUnsafeSlow(Math.max(PIECE, text.length)))
      this.#used = 0
    }
    this.#pieces.at(-1)!.write(text, this.#used, 'latin1')
    this.#places.set([this.#pieces.length - 1, this.#used, text.length], 3 * number)
    this.#used += text.length
    this.#kinds[number] = kind
    return number
  }

  kind(number: number): Kind {
    return this.#kinds[number] as Kind
  }

  /** The lines of an entry. */
  text(number: number): string {
    const [piece, offset, length] = this.#places.subarray(3 * number, 3 * number + 3)
    return this.#pieces[piece!]!.toString('latin1', offset, offset! + length!)
  }

  /** The escaped path of an entry. */
  path(number: number): string {
    const [piece, offset, length] = this.#places.subarray(3 * number, 3 * number + 3)
    return pathOfText(this.#pieces[piece!]!.toString('latin1', offset, offset! + Math.min(length!, LONGEST_PATH)))
  }

  /** Number of the entry with this path, or -1. */
  find(path: string): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.path(middle) < path) low = middle + 1
      else high = middle
    }
    return low < this.#count && this.path(low) === path ? low : -1
  }

  #grow(): void {
    const kinds = new Uint8Array(this.#kinds.length * 2)
    kinds.set(this.#kinds)
    this.#kinds = kinds
    const places = new Uint32Array(this.#places.length * 2)
    places.set(this.#places)
    this.#places = places
  }
}
