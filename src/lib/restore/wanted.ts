/*
 * Which objects are wanted, and for what: an object may be the whole of a file, of many files, or a chunk at many places. Columns
 * again, because a large tree has millions of uses.
 */
import {IdTable} from '../store/id-table.ts'

/** One place where an object's bytes belong. */
export interface Use {
  /** Number of the entry. */
  readonly file: number
  /** Where in the file. */
  readonly offset: number
}

export class Wanted {
  /** Objects that no pack is known to hold. */
  readonly nowhere: string[] = []
  readonly #isHeld: (id: string) => boolean
  #count = 0
  // From an id to its first use; the others follow by #next. Uses count from 1, 0 ends a chain.
  readonly #first = new IdTable()
  #files = new Uint32Array(1024)
  #offsets = new Float64Array(1024)
  #next = new Uint32Array(1024)
  #taken = new Uint8Array(1024)

  /** `isHeld` says whether some pack is known to hold an object. */
  constructor(isHeld: (id: string) => boolean) {
    this.#isHeld = isHeld
  }

  add(id: string, file: number, offset: number): void {
    const use = ++this.#count
    if (use === this.#files.length) this.#grow()
    this.#files[use] = file
    this.#offsets[use] = offset
    const first = this.#first.get(id)
    if (first < 0 && !this.#isHeld(id)) this.nowhere.push(id)
    this.#next[use] = first < 0 ? 0 : first
    if (first < 0) this.#first.add(id, use)
    else this.#first.set(id, use)
  }

  /** Whether an object is wanted and nobody has taken it yet. */
  has(id: string): boolean {
    const first = this.#first.get(id)
    return first >= 0 && this.#taken[first] === 0
  }

  /** The uses of an object that nobody has taken, which is taken now; undefined where there is none. */
  take(id: string): Use[] | undefined {
    const first = this.#first.get(id)
    if (first < 0 || this.#taken[first] !== 0) return undefined
    this.#taken[first] = 1
    return this.#chain(first)
  }

  /** The uses of an object, taken or not. */
  uses(id: string): Use[] {
    const first = this.#first.get(id)
    return first < 0 ? [] : this.#chain(first)
  }

  #chain(first: number): Use[] {
    const uses: Use[] = []
    for (let use = first; use !== 0; use = this.#next[use]!) uses.push({file: this.#files[use]!, offset: this.#offsets[use]!})
    return uses.reverse()
  }

  #grow(): void {
    const size = this.#files.length * 2
    this.#files = copied(new Uint32Array(size), this.#files)
    this.#offsets = copied(new Float64Array(size), this.#offsets)
    this.#next = copied(new Uint32Array(size), this.#next)
    this.#taken = copied(new Uint8Array(size), this.#taken)
  }
}

function copied<Column extends {set(from: Column): void}>(to: Column, from: Column): Column {
  to.set(from)
  return to
}
