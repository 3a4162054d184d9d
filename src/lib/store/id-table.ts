/*
 * A table from ids to small numbers (which pack holds an object). A Map of hex strings costs some 150 bytes an id; this costs
 * 44 to 52, which decides whether a store of millions of objects can be written within a fixed memory. Open addressing over the
 * first bytes of the id, which are as good as random. Ids lie in blocks that never move: growing one array would need half as much
 * memory again as all of them for the moment in which they are copied, and that moment is the most that a push ever takes.
 */

import {freeBuffer} from '../sys/memory.ts'

/** Words of an id. */
const WORDS = 32 / 4
/** Words of an id and its value. */
const STRIDE = WORDS + 1
/** Ids in a block, as a power of two: 144 KiB, which go back to the system when they are freed. */
const SHIFT = 12
const IN_BLOCK = (1 << SHIFT) - 1

export class IdTable {
  #count = 0
  // A call of Buffer.compare would cost more than all else that is done for an id: words are compared.
  #blocks: Uint32Array[] = []
  // Index of the id plus one; 0 is free.
  #slots = new Uint32Array(4096)
  readonly #probe = new Uint32Array(WORDS)
  readonly #probeBytes = Buffer.from(this.#probe.buffer)

  get size(): number {
    return this.#count
  }

  /** The value of an id given as 64 hex digits, or -1. */
  get(id: string): number {
    this.#aim(id)
    const slot = this.#find(this.#probe)
    const index = this.#slots[slot]!
    return index === 0 ? -1 : this.#blocks[(index - 1) >> SHIFT]![((index - 1) & IN_BLOCK) * STRIDE + WORDS]!
  }

  /** Adds an id that is not there yet. False, and the old value stays, when it is. */
  add(id: string, value: number): boolean {
    this.#aim(id)
    if (this.#count * 2 >= this.#slots.length) this.#grow()
    const slot = this.#find(this.#probe)
    if (this.#slots[slot] !== 0) return false
    if ((this.#count & IN_BLOCK) === 0) this.#blocks.push(new Uint32Array((IN_BLOCK + 1) * STRIDE))
    const block = this.#blocks[this.#count >> SHIFT]!
    const at = (this.#count & IN_BLOCK) * STRIDE
    block.set(this.#probe, at)
    block[at + WORDS] = value
    this.#slots[slot] = ++this.#count
    return true
  }

  /** Sets the value of an id, there or not. */
  set(id: string, value: number): void {
    if (this.add(id, value)) return
    const index = this.#slots[this.#find(this.#probe)]! - 1
    this.#blocks[index >> SHIFT]![(index & IN_BLOCK) * STRIDE + WORDS] = value
  }

  /** Gives the memory back: there is nothing in the table any more. */
  clear(): void {
    for (const block of this.#blocks) freeBuffer(block)
    freeBuffer(this.#slots)
    this.#count = 0
    this.#blocks = []
    this.#slots = new Uint32Array(4096)
  }

  #aim(id: string): void {
    // Anything else would leave bytes of the id before in place, and find that.
    if (id.length !== 64 || this.#probeBytes.write(id, 'hex') !== 32) throw new Error(`not an id: ${id.slice(0, 80)}`)
  }

  #find(id: Uint32Array): number {
    const mask = this.#slots.length - 1
    let slot = id[0]! & mask
    for (;;) {
      const index = this.#slots[slot]!
      if (index === 0 || this.#isAt(id, index - 1)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(id: Uint32Array, index: number): boolean {
    const block = this.#blocks[index >> SHIFT]!
    const at = (index & IN_BLOCK) * STRIDE
    for (let word = 0; word < WORDS; word++) if (block[at + word] !== id[word]) return false
    return true
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let index = 0; index < this.#count; index++) {
      let slot = this.#blocks[index >> SHIFT]![(index & IN_BLOCK) * STRIDE]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = index + 1
    }
    freeBuffer(this.#slots)
    this.#slots = slots
  }
}
