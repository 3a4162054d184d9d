/*
 * A table from ids to small numbers (which pack holds an object). A Map of hex strings costs some 150 bytes an id; this costs
 * 48, which decides whether a store of millions of objects can be written within a fixed memory. Open addressing over the
 * first bytes of the id, which are as good as random.
 */

export class IdTable {
  #count = 0
  #ids = Buffer.allocUnsafe(32 * 1024)
  #values = new Uint32Array(1024)
  // Index of the id plus one; 0 is free.
  #slots = new Uint32Array(4096)
  readonly #probe = Buffer.allocUnsafe(32)

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
    this.#probe.copy(this.#ids, this.#count * 32)
    this.#values[this.#count] = value
    this.#slots[slot] = ++this.#count
    return true
  }

  /** Sets the value of an id, there or not. */
  set(id: string, value: number): void {
    if (this.add(id, value)) return
    this.#values[this.#slots[this.#find(this.#probe)]! - 1] = value
  }

  #aim(id: string): void {
    // Anything else would leave bytes of the id before in place, and find that.
    if (id.length !== 64 || this.#probe.write(id, 'hex') !== 32) throw new Error(`not an id: ${id.slice(0, 80)}`)
  }

  #find(id: Buffer): number {
    const mask = this.#slots.length - 1
    let slot = id.readUInt32LE(0) & mask
    for (;;) {
      const index = this.#slots[slot]!
      if (index === 0) return slot
      const at = (index - 1) * 32
      if (this.#ids.compare(id, 0, 32, at, at + 32) === 0) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let index = 0; index < this.#count; index++) {
      let slot = this.#ids.readUInt32LE(index * 32) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = index + 1
    }
    this.#slots = slots
  }

  #widen(): void {
    const values = new Uint32Array(this.#values.length * 2)
    values.set(this.#values)
    this.#values = values
    const ids = Buffer.allocUnsafe(this.#ids.length * 2)
    this.#ids.copy(ids)
    this.#ids = ids
  }
}
