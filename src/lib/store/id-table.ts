/*
 * A table from ids to small numbers (which pack holds an object). A Map of hex strings costs some 150 bytes an id; this costs
 * 48, which decides whether a store of millions of objects can be written within a fixed memory. Open addressing over the
 * first bytes of the id, which are as good as random.
 */

import {freeBuffer} from '../sys/memory.ts'

const WORDS = 32 / 4

export class IdTable {
  #count = 0
  // Eight words an id. A call of Buffer.compare would cost more than all else that is done for an id.
  #ids = new Uint32Array(WORDS * 1024)
  #values = new Uint32Array(1024)
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
    return index === 0 ? -1 : this.#values[index - 1]!
  }

  /** Adds an id that is not there yet. False, and the old value stays, when it is. */
  add(id: string, value: number): boolean {
    this.#aim(id)
    if (this.#count * 2 >= this.#slots.length) this.#grow()
    const slot = this.#find(this.#probe)
    if (this.#slots[slot] !== 0) return false
    if (this.#count === this.#values.length) this.#widen()
    this.#ids.set(this.#probe, this.#count * WORDS)
    this.#values[this.#count] = value
    this.#slots[slot] = ++this.#count
    return true
  }

  /** Sets the value of an id, there or not. */
  set(id: string, value: number): void {
    if (this.add(id, value)) return
    this.#values[this.#slots[this.#find(this.#probe)]! - 1] = value
  }

  /** Gives the memory back: there is nothing in the table any more. */
  clear(): void {
    freeBuffer(this.#ids)
    freeBuffer(this.#slots)
    this.#count = 0
    this.#ids = new Uint32Array(WORDS * 1024)
    this.#values = new Uint32Array(1024)
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
      if (index === 0 || this.#isAt(id, (index - 1) * WORDS)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(id: Uint32Array, at: number): boolean {
    for (let word = 0; word < WORDS; word++) if (this.#ids[at + word] !== id[word]) return false
    return true
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let index = 0; index < this.#count; index++) {
      let slot = this.#ids[index * WORDS]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = index + 1
    }
    this.#slots = slots
  }

  #widen(): void {
    // By a quarter: of a million ids a half that is not used yet would be as much memory as a whole index.
    const room = Math.ceil(this.#values.length * 1.25)
    const values = new Uint32Array(room)
    values.set(this.#values)
    this.#values = values
    const ids = new Uint32Array(room * WORDS)
    ids.set(this.#ids)
    freeBuffer(this.#ids)
    this.#ids = ids
  }
}
