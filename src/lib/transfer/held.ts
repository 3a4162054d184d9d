/*
 * The objects that a snapshot may use: in which pack each lies, and how large it is. Sizes of what this session brought are known from
 * its packs, which were just checked. What the store had before is looked at only where the snapshot says something new about it: what
 * is said is noted, and in the end compared with the tables of contents of those packs and no others. Costs 50 bytes an object.
 */
import {BkError, isFailure} from '../cli/errors.ts'
import {IdTable} from '../store/id-table.ts'
import type {Frame, Member} from '../store/pack.ts'

/** No object is larger, and every size fits into 32 bits. */
const MAX_SIZE = 2 ** 32 - 1

interface HeldPack {
  readonly name: string
  /** Number of its first object. */
  readonly first: number
  /** Whether the sizes of its objects are known. */
  readonly isMeasured: boolean
}

export class Held {
  readonly #table = new IdTable()
  readonly #packs: HeldPack[] = []
  // By the numbers of objects: the size, or what it is said to be, or 0.
  #sizes = new Uint32Array(1024)
  readonly #asked = new Set<string>()

  /** Adds a pack of this session. */
  addMeasured(name: string, members: readonly Member[]): void {
    this.#packs.push({name, first: this.#table.size, isMeasured: true})
    for (const {id, size} of members) this.#add(id, size)
  }

  /** Adds a pack that the store has had. */
  addPack(name: string, ids: readonly string[]): void {
    this.#packs.push({name, first: this.#table.size, isMeasured: false})
    for (const id of ids) this.#add(id, 0)
  }

  #add(id: string, size: number): void {
    const number = this.#table.size
    if (!this.#table.add(id, number)) return
    if (number === this.#sizes.length) {
      const sizes = new Uint32Array(number * 2)
      sizes.set(this.#sizes)
      this.#sizes = sizes
    }
    this.#sizes[number] = size
  }

  /**
   * Name of the pack an object lies in; undefined when it is in none that the snapshot may use.
   * @param size what the snapshot says of its size, where that is to be checked
   * @throws BkError 65 where it has another
   */
  packOf(id: string, size?: number): string | undefined {
    const number = this.#table.get(id)
    if (number < 0) return undefined
    const pack = this.#packAt(number)
    if (size === undefined) return pack.name
    const known = this.#sizes[number]!
    if (size > MAX_SIZE || (known !== size && (known !== 0 || pack.isMeasured))) throw unlike(id, size)
    if (!pack.isMeasured) {
      this.#sizes[number] = size
      this.#asked.add(pack.name)
    }
    return pack.name
  }

  #packAt(number: number): HeldPack {
    let low = 0
    let high = this.#packs.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (this.#packs[middle]!.first <= number) low = middle
      else high = middle
    }
    return this.#packs[low]!
  }

  /**
   * Compares what was said of objects that the store has had with what they are.
   * @param toc reads a pack's table of contents. A pack that cannot be read is the store's damage and not the writer's lie: it says nothing
   * @throws BkError 65 where a size is another
   */
  async compare(toc: (pack: string) => Promise<readonly Frame[]>): Promise<void> {
    for (const pack of this.#asked) {
      for (const {members} of await readableToc(pack, toc)) {
        for (const {id, size} of members) {
          const number = this.#table.get(id)
          const said = number < 0 ? 0 : this.#sizes[number]!
          if (said !== 0 && said !== size) throw unlike(id, said)
        }
      }
    }
  }
}

async function readableToc(pack: string, toc: (pack: string) => Promise<readonly Frame[]>): Promise<readonly Frame[]> {
  try {
    return await toc(pack)
  } catch (error) {
    if (!isFailure(error)) throw error
    return []
  }
}

function unlike(id: string, size: number): BkError {
  return new BkError(`an object is of another size than the snapshot says: ${id} has not ${size} bytes`, {status: 65})
}
