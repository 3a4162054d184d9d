// Frames of zstd as packs need them, and where they end.

import zlib from 'node:zlib'
import {describe, expect, test} from 'vitest'
import {compressFrame, compressFrameSync, frameContentSize, frameLength} from '../../../src/lib/store/zstd.ts'
import {noise} from './memory-store.ts'

describe('frames of zstd', () => {
  test.each([1, 2, 255, 256, 257, 65_535, 65_536, 70_000, 300_000, 1 << 20, (1 << 20) + 1])('of %d bytes declare their size and end where they end', async (size) => {
    for (const bytes of [Buffer.alloc(size), noise(size)]) {
      for (const level of [1, 'none', 19] as const) {
        const frame = compressFrameSync(bytes, level)
        expect([frameContentSize(frame), frameLength(frame)]).toEqual([size, frame.length])
        expect(frameLength(Buffer.concat([frame, frame]))).toBe(frame.length)
        expect(zlib.zstdDecompressSync(frame).equals(bytes)).toBe(true)
      }
    }
    const pooled = await compressFrame(noise(size), 1)
    expect([frameContentSize(pooled), frameLength(pooled), zlib.zstdDecompressSync(pooled).equals(noise(size))]).toEqual([size, pooled.length, true])
  })

  test('have windows of at most 8 MiB, at every level', () => {
    const bytes = Buffer.alloc(9 << 20, noise(100_000))
    for (const level of ['none', 1, 9, 15, 16, 19, 22] as const) expect(frameContentSize(compressFrameSync(bytes, level))).toBe(bytes.length)
  })

  test('that do not compress are hardly larger than their content', () => {
    for (const level of ['none', 1] as const) expect(compressFrameSync(noise(1 << 20), level).length).toBeLessThan((1 << 20) + 100)
  })

  test.each([
    ['noise', noise(1 << 20), 1 << 20],
    ['noise with some text behind it', Buffer.concat([noise(7 << 17), Buffer.alloc(1 << 17, 'some text, and more of it; ')]), 7 << 17],
    ['text with some noise behind it', Buffer.concat([Buffer.alloc(7 << 17, 'some text, and more of it; '), noise(1 << 17)]), 1 << 17],
    ['noise in the members of a tar', Buffer.concat(Array.from({length: 32}, (_, i) => Buffer.concat([Buffer.alloc(512), noise(32_256, i)]))), 32 * 32_256],
  ])('a frame of %s takes no more room than what cannot be made smaller', async (_, bytes, least) => {
    for (const level of [1, 3, 4]) {
      const frame = compressFrameSync(bytes, level)
      expect(frame.length).toBeLessThan(least * 1.02 + 20_000)
      expect(zlib.zstdDecompressSync(frame).equals(bytes)).toBe(true)
      expect((await compressFrame(bytes, level)).length).toBeLessThan(least * 1.02 + 20_000)
    }
  })

  test('without an end have no length', () => {
    const frame = compressFrameSync(noise(1000), 1)
    for (let length = 0; length < frame.length; length++) expect(frameLength(frame.subarray(0, length))).toBeUndefined()
  })
})
