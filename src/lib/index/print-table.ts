/*
 * Remembers for many texts which value each had, by fingerprints: 12 bytes for one, where a Map of strings costs some 300. 64 bits of
 * the text and 32 of the value, so that a wrong answer is not to be expected among any number of files; it is no defence against
 * somebody who looks for one.
 */

const INTS = 3

export class PrintTable {
  #count = 0
  // Two halves of the text's print, and the value's. Zeros are free.
  #slots = new Int32Array(1024 * INTS)

  /** Remembers a text that was not there before. */
  add(text: string, value: string): void {
    if ((this.#count + 1) * 2 * INTS > this.#slots.length) this.#grow()
    this.#count++
    this.#put(print(text, FIRST), print(text, SECOND), print(value, FIRST))
  }

  /** Whether the text is there, with this value. */
  has(text: string, value: string): boolean {
    const [a, b, wanted] = [print(text, FIRST), print(text, SECOND), print(value, FIRST)]
    const slots = this.#slots
    for (let at = this.#start(a); slots[at] !== 0; at = (at + INTS) % slots.length) {
      if (slots[at] === a && slots[at + 1] === b) return slots[at + 2] === wanted
    }
    return false
  }

  #put(a: number, b: number, value: number): void {
    const slots = this.#slots
    let at = this.#start(a)
    while (slots[at] !== 0) at = (at + INTS) % slots.length
    slots[at] = a
    slots[at + 1] = b
    slots[at + 2] = value
  }

  #start(a: number): number {
    return ((a >>> 0) % (this.#slots.length / INTS)) * INTS
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    for (let at = 0; at < old.length; at += INTS) if (old[at] !== 0) this.#put(old[at]!, old[at + 1]!, old[at + 2]!)
  }
}

const FIRST = 0x811c9dc5
const SECOND = 0x9e3779b9

// FNV-1a over the characters, mixed at the end as murmur3 does; never 0.
function print(text: string, seed: number): number {
  let hash = seed | 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) || 1
}
