// The random numbers of the corpora and of the day's change: CPython's Mersenne Twister, seeded as `random.Random(seed)` seeds it, so that
// a corpus and a change made here are those of the figures published before the harness was rewritten in TypeScript.

import {createHash} from 'node:crypto'

const size = 624
const middle = 397

export interface Random {
  /** a number in [0, 1) with 53 bits */
  next(): number
  /** an integer in [0, limit); limit at most 2^32 - 1 */
  below(limit: number): number
  /** shuffles the list in place */
  shuffle<T>(list: T[]): void
}

/** Random numbers from a seed, a whole number from 0 to 2^32 - 1 or the bytes of a text; the same everywhere for the same seed. */
export function seeded(seed: number | Uint8Array): Random {
  const state = initialise(typeof seed === 'number' ? [seed] : wordsOf(seed))
  let at = size

  const word = (): number => {
    if (at === size) {
      twist(state)
      at = 0
    }
    let y = state[at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  const below = (limit: number): number => {
    const bits = 32 - Math.clz32(limit)
    let value = word() >>> (32 - bits)
    while (value >= limit) value = word() >>> (32 - bits)
    return value
  }

  return {
    next: () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992,
    below,
    shuffle(list) {
      for (let i = list.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const held = list[i]!
        list[i] = list[j]!
        list[j] = held
      }
    },
  }
}

/** A text seed is the text followed by its sha512, read as one big-endian number and given in 32-bit words, the lowest first. */
function wordsOf(text: Uint8Array): number[] {
  const bytes = Buffer.concat([text, createHash('sha512').update(text).digest()])
  const padded = Buffer.concat([Buffer.alloc((4 - (bytes.length % 4)) % 4), bytes])
  const words: number[] = []
  for (let at = padded.length - 4; at >= 0; at -= 4) words.push(padded.readUInt32BE(at))
  while (words.length > 1 && words.at(-1) === 0) words.pop()
  return words
}

function initialise(key: readonly number[]): Uint32Array {
  const state = new Uint32Array(size)
  state[0] = 19650218
  for (let i = 1; i < size; i++) state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i
  let i = 1
  const step = (): void => {
    if (++i < size) return
    state[0] = state[size - 1]!
    i = 1
  }
  for (let n = 0, j = 0; n < Math.max(size, key.length); n++, j = (j + 1) % key.length) {
    state[i] = (state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1664525)) + key[j]! + j
    step()
  }
  for (let n = 0; n < size - 1; n++) {
    state[i] = (state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1566083941)) - i
    step()
  }
  state[0] = 0x80000000
  return state
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < size; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff)
    state[i] = state[(i + middle) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
  }
}
