// The chunker: sizes within bounds, and cuts that depend on content alone, so that a change costs what is around it.

import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {Chunker, classFor, gearTable, sizesOf, WHOLE_FILE} from '../../../src/lib/store/chunker.ts'
import {seeded} from '../../harness/faults.ts'
import {law} from '../index/texts.ts'

const gear = gearTable()
const MIB = 1 << 20

function noise(size: number, seed: number): Buffer {
  // A cipher makes random bytes quickly.
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 32) createHash('sha256').update(`${seed} ${at}`).digest().copy(bytes, at)
  return bytes
}

/** Lines of a log, which repeat themselves. */
function text(size: number, seed: number): Buffer {
  const random = seeded(seed)
  const lines: string[] = []
  for (let length = 0; length < size; ) {
    const line = `2026-11-22T08:${String(lines.length % 60).padStart(2, '0')} host service[${Math.floor(random() * 1000)}]: request took ${Math.floor(random() * 90)} ms\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('').slice(0, size))
}

/** Lengths of the chunks of the whole. */
function cuts(bytes: Uint8Array, cut = 15): number[] {
  const chunker = new Chunker(gear, cut)
  const lengths: number[] = []
  for (let at = 0; at < bytes.length; at += lengths.at(-1)!) lengths.push(chunker.next(bytes, at, bytes.length))
  return lengths
}

/** Bytes in chunks of `after` that `before` does not have. */
function fresh(before: Buffer, after: Buffer, cut = 15): number {
  const names = (bytes: Buffer): Map<string, number> => {
    const all = new Map<string, number>()
    let at = 0
    for (const length of cuts(bytes, cut)) {
      all.set(createHash('sha256').update(bytes.subarray(at, at + length)).digest('hex'), length)
      at += length
    }
    return all
  }
  const old = names(before)
  return [...names(after)].reduce((sum, [name, length]) => (old.has(name) ? sum : sum + length), 0)
}

describe('classes', () => {
  test.each([
    [1, 15], [4 * 2 ** 30, 15], [4 * 2 ** 30 + 1, 17], [64 * 2 ** 30, 17], [64 * 2 ** 30 + 1, 19], [2 ** 40, 19], [2 ** 40 + 1, 21], [2 ** 53, 21],
  ])('a file of %d bytes has class %d', (size, cut) => {
    expect(classFor(size)).toBe(cut)
  })

  test('a class is kept while it is within four times', () => {
    const kept = Array.from({length: 25}, (_, base) => base).filter((base) => classFor(MIB, base) === base)
    expect(kept).toEqual([13, 14, 15, 16, 17])
    expect(classFor(MIB, 18)).toBe(15)
    expect(classFor(2 ** 36, 15)).toBe(15)
    expect(classFor(2 ** 39, 15)).toBe(19)
    expect([19, 20, 21, 22, 23].map((base) => classFor(2 ** 41, base))).toEqual([19, 20, 21, 21, 21])
  })

  test('sizes are a quarter and four times of the average', () => {
    expect(sizesOf(15)).toEqual({min: 8192, average: 32_768, max: 131_072})
    expect(new Chunker(gear, 15).max).toBe(131_072)
    expect(WHOLE_FILE).toBe(524_288)
  })

  test('a TiB has some two million chunks', () => {
    expect(2 ** 40 / sizesOf(classFor(2 ** 40)).average).toBe(2 ** 21)
  })
})

describe('chunks', () => {
  test.each([
    ['noise', noise(8 * MIB, 1), 15], ['noise', noise(8 * MIB, 2), 17], ['noise in small chunks', noise(MIB, 2), 10], ['text', text(8 * MIB, 1), 15], ['zeros', Buffer.alloc(4 * MIB), 15],
    ['one byte over and over', Buffer.alloc(4 * MIB, 0xff), 15], ['a pattern', Buffer.alloc(4 * MIB, 'abc'), 15],
  ])('of %s lie within their sizes and fill the file', (_, bytes, cut) => {
    const {min, average, max} = sizesOf(cut)
    const lengths = cuts(bytes, cut)
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(bytes.length)
    for (const length of lengths.slice(0, -1)) expect(length > min && length <= max).toBe(true)
    expect(lengths.at(-1)).toBeLessThanOrEqual(max)
    if (_ === 'noise') expect(bytes.length / lengths.length / average).toSatisfy((ratio: number) => ratio > 0.8 && ratio < 1.5)
  })

  test.each([1, 8191, 8192, 8193, 131_071, 131_072, 131_073])('of a file of %d bytes', (size) => {
    const lengths = cuts(noise(size, 3))
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(size)
    if (size <= 8192) expect(lengths).toEqual([size])
  })

  test('are the same in every run, since stores hold them for years', () => {
    expect(createHash('sha256').update(Buffer.from(gear.buffer)).digest('hex')).toBe('f9190365541a9c8acfc2a73d7e42a1e5da6d1850b076110cde70a138bfd000cf')
    expect(createHash('sha256').update(cuts(noise(4 * MIB, 4)).join(' ')).digest('hex')).toBe('63a47e4faa95f2a6a9220eac6a3d533c3d3ff165f96721e9874c0f5f4019b869')
    expect(cuts(noise(MIB, 4)).slice(0, 4)).toEqual([41065, 33093, 77044, 38958])
  })

  test('depend on the key of the table', () => {
    expect(gearTable('bk gear 1')).toEqual(gear)
    expect(gearTable('another')).not.toEqual(gear)
    expect(new Set(gear).size).toBe(256)
  })

  test('do not depend on how the bytes come', async () => {
    const bytes = Buffer.concat([noise(MIB, 5), Buffer.alloc(300_000), text(500_000, 5), noise(1234, 6)])
    const whole = cuts(bytes)
    await law(fc.property(fc.array(fc.integer({min: 1, max: 200_000}), {minLength: 1, maxLength: 8}), (pieces) => {
      // A window that is filled by pieces, and asked only when the longest chunk is in it or the file has ended.
      const chunker = new Chunker(gear, 15)
      const lengths: number[] = []
      let window = Buffer.alloc(0)
      let read = 0
      for (let turn = 0; read < bytes.length || window.length > 0; turn++) {
        const piece = bytes.subarray(read, read + pieces[turn % pieces.length]!)
        read += piece.length
        window = Buffer.concat([window, piece])
        while (window.length > 0 && (window.length >= chunker.max || read === bytes.length)) {
          lengths.push(chunker.next(window, 0, window.length))
          window = window.subarray(lengths.at(-1))
        }
      }
      expect(lengths).toEqual(whole)
    }), 30)
  })

  test('do not depend on where in a buffer they lie', () => {
    const bytes = noise(MIB, 7)
    const shifted = Buffer.concat([noise(999, 8), bytes, noise(999, 9)])
    const chunker = new Chunker(gear, 15)
    let at = 0
    for (const length of cuts(bytes)) {
      expect(chunker.next(shifted, 999 + at, 999 + bytes.length)).toBe(length)
      at += length
    }
  })
})

describe('a change costs what is around it', () => {
  const size = 64 * MIB
  const before = noise(size, 10)

  test('4 KiB written somewhere cost tens of KiB, wherever', () => {
    const random = seeded(1)
    let sum = 0
    for (let i = 0; i < 4; i++) {
      const after = Buffer.from(before)
      noise(4096, 100 + i).copy(after, Math.floor(random() * (size - 4096)))
      const cost = fresh(before, after)
      expect(cost).toBeLessThan(400_000)
      sum += cost
    }
    expect(sum / 4).toBeLessThan(160_000)
  })

  test('256 scattered writes of 4 KiB cost tens of KiB each', () => {
    const random = seeded(2)
    const after = Buffer.from(before)
    for (let i = 0; i < 256; i++) noise(4096, 200 + i).copy(after, Math.floor(random() * (size - 4096)))
    expect(fresh(before, after) / 256).toBeLessThan(100_000)
  })

  test('a MiB that is put in costs about a MiB', () => {
    for (const at of [0, 12_345_678, size]) {
      const cost = fresh(before, Buffer.concat([before.subarray(0, at), noise(MIB, 300), before.subarray(at)]))
      expect(cost).toBeGreaterThan(MIB - 131_072)
      expect(cost).toBeLessThan(MIB + 400_000)
    }
  })

  test('a byte that is put in or taken out costs a few chunks', () => {
    for (const at of [0, 1, 33_333_333]) {
      expect(fresh(before, Buffer.concat([before.subarray(0, at), Buffer.from('x'), before.subarray(at)]))).toBeLessThan(400_000)
      expect(fresh(before, Buffer.concat([before.subarray(0, at), before.subarray(at + 1)]))).toBeLessThan(400_000)
    }
  })

  test('what is appended costs itself', () => {
    expect(fresh(before, Buffer.concat([before, noise(100_000, 400)]))).toBeLessThan(400_000)
  })
})
