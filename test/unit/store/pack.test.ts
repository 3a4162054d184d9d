// Packs: others unpack them, and a reader takes nothing that is not exactly one.

import {execFileSync, spawnSync} from 'node:child_process'
import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import zlib from 'node:zlib'
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {checkEnds, contentOffsets, LEAD_SIZE, openFrame, PackBuilder, readToc, TAR_END_LENGTH, type Frame} from '../../../src/lib/store/pack.ts'
import {BLOCK, memberSize} from '../../../src/lib/store/member.ts'
import {compressFrameSync, frameContentSize, type Level} from '../../../src/lib/store/zstd.ts'
import {tempDir} from '../../harness/temp.ts'
import {law, outcome, refusal} from '../index/texts.ts'
import {compressedOf, frameOf, joined, noise, packBytes, packOf, sha256, tocOf, withToc} from './memory-store.ts'

/** Everything in a pack, checked as whoever receives one does, but for its name: by id. */
async function contentOf(bytes: Buffer): Promise<Map<string, Buffer>> {
  const frames = await readToc(packBytes(bytes))
  const last = frames.at(-1)
  const end = last === undefined ? LEAD_SIZE : last.offset + last.compressed
  checkEnds(bytes.subarray(0, LEAD_SIZE), bytes.subarray(end, end + TAR_END_LENGTH))
  const content = new Map<string, Buffer>()
  for (const frame of frames) {
    const tar = openFrame(frame, compressedOf(bytes, frame))
    const offsets = contentOffsets(frame)
    for (const [i, {id, size}] of frame.members.entries()) content.set(id, tar.subarray(offsets[i]!, offsets[i]! + size))
  }
  return content
}

const small = packOf([['hello\n', 'x'], [noise(600), 'y'.repeat(1025)]])

describe('a pack', () => {
  test('gives back what was put in', async () => {
    const contents = fc.array(fc.array(fc.uint8Array({minLength: 1, maxLength: 1500}), {minLength: 1, maxLength: 5}), {minLength: 1, maxLength: 5})
    await law(fc.asyncProperty(contents, fc.constantFrom<Level>(1, 3, 19, 'none'), async (frames, level) => {
      const seen = new Set<string>()
      const fresh = frames.map((frame) => frame.filter((bytes) => !seen.has(sha256(bytes)) && seen.add(sha256(bytes)))).filter((frame) => frame.length > 0)
      const pack = packOf(fresh, level)
      const bytes = joined(pack)
      expect(pack.name).toBe(sha256(bytes))
      expect(pack.size).toBe(bytes.length)
      const content = await contentOf(bytes)
      expect([...content].map(([id, object]) => [id, object.toString('hex')])).toEqual(fresh.flat().map((object) => [sha256(object), Buffer.from(object).toString('hex')]))
      expect(pack.ids).toEqual([...content.keys()].sort())
    }), 60)
  })

  test.each<Level>([1, 19, 'none'])('at level %s is unpacked by zstd and tar, each member named by its sha256', (level) => {
    const dir = tempDir('pack')
    const frames = [['hello\n', 'x'.repeat(512), 'x'.repeat(513)], [noise(300_000), 'z'.repeat(2 << 20)], ['\0']]
    writeFileSync(join(dir, 'pack.tar.zst'), joined(packOf(frames, level)))
    execFileSync('sh', ['-c', 'zstd -dcq pack.tar.zst | tar -xf - && rm pack.tar.zst && sha256sum -- * | awk \'$1 != $2 {exit 1}\''], {cwd: dir})
    expect(readdirSync(dir).sort()).toEqual(frames.flat().map(sha256).sort())
    expect(readFileSync(join(dir, sha256('hello\n')), 'latin1')).toBe('hello\n')
  })

  test('is tested by zstd and listed by bsdtar', () => {
    const bytes = joined(small)
    expect(spawnSync('zstd', ['-tq'], {input: bytes}).status).toBe(0)
    const {stdout, status} = spawnSync('bsdtar', ['-tf', '-'], {input: bytes, encoding: 'latin1'})
    expect([status, stdout.trimEnd().split('\n').sort()]).toEqual([0, [...small.ids]])
  })

  test('never has the same name under another lead', () => {
    const names = [1, 2].map((byte) => packOf([['hello\n']], 1, Buffer.alloc(16, byte)).name)
    expect(new Set(names).size).toBe(2)
  })

  test('is laid out as the format says', async () => {
    const bytes = joined(small)
    expect(bytes.readUInt32LE(0)).toBe(0x184d2a50)
    expect(bytes.readUInt32LE(4)).toBe(16)
    const {text, start} = tocOf(bytes)
    expect(bytes.readUInt32LE(start)).toBe(0x184d2a51)
    expect(bytes.readUInt32LE(start + 4)).toBe(bytes.length - start - 8)
    const frames = await readToc(packBytes(bytes))
    expect(frames[0]!.offset).toBe(24)
    expect(text).toBe(
      ['#bk toc 1', ...frames.flatMap(({compressed, size, members}) => [`frame ${compressed} ${size}`, ...members.map(({id, size: length}) => `${id} ${length}`)]), ''].join('\n'),
    )
    // The end of the tar is the same bytes in every pack, whichever zstd made them.
    const end = bytes.subarray(start - TAR_END_LENGTH, start)
    expect(end.toString('hex')).toBe('28b52ffd6400034d00001000000100fb2b8005cdac85f0')
    expect(zlib.zstdDecompressSync(end)).toEqual(Buffer.alloc(1024))
  })

  test('says how large it is before it is finished', () => {
    const builder = new PackBuilder(Buffer.alloc(16))
    expect(builder.size).toBe(24)
    const {tar, members} = frameOf(['hello\n'])
    const compressed = compressFrameSync(tar, 1)
    builder.add(compressed, tar.length, members)
    expect(builder.size).toBe(24 + compressed.length)
  })
})

test('a frame that no reader would open is not packed', () => {
  const one = {id: sha256('1'), size: 1}
  const add = (compressed: number, size: number, members: number) => () => new PackBuilder(Buffer.alloc(16)).add(Buffer.alloc(compressed), size, Array(members).fill(one))
  expect(add(100_000, 16 << 20, 2)).not.toThrow()
  expect(add(100_000, 30 << 20, 1)).not.toThrow()
  for (const far of [add(100_000, (16 << 20) + 1, 2), add(100, 30 << 20, 1), add(100_000_000, 2 ** 30 + 1, 1)]) expect(far).toThrow(/too large for a pack/)
})

describe('a reader', () => {
  test('sees every flip of a bit that could matter, and is never given other bytes', async () => {
    const bytes = joined(small)
    const before = await contentOf(bytes)
    const unseen: number[] = []
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const flipped = Buffer.from(bytes)
        flipped[at]! ^= bit
        const content = await outcome(() => contentOf(flipped))
        if ('refused' in content) continue
        unseen.push(at)
        for (const [id, object] of content) expect([id, sha256(object), before.get(id)?.equals(object)]).toEqual([id, id, true])
      }
    }
    // What shows only in the pack's name: the random bytes at the front, and blocks of zstd that say the same in other words.
    const isBlock = (at: number, {offset, compressed}: Frame): boolean => at >= offset + 6 && at < offset + compressed - 4
    const frames = await readToc(packBytes(bytes))
    expect(unseen.filter((at) => !(at >= 8 && at < 24) && !frames.some((frame) => isBlock(at, frame)))).toEqual([])
    expect(unseen.length).toBeLessThan(200)
  })

  test('sees every cut, and every byte too much', async () => {
    const bytes = joined(small)
    for (let length = 0; length < bytes.length; length++) await refusal(() => contentOf(bytes.subarray(0, length)))
    for (let at = 0; at <= bytes.length; at++) await refusal(() => contentOf(Buffer.concat([bytes.subarray(0, at), Buffer.from('0'), bytes.subarray(at)])))
    for (let at = 0; at < bytes.length; at++) await refusal(() => contentOf(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])))
  })

  test('asks for a small table of contents once, and for a large one twice', async () => {
    const pack = packBytes(joined(small))
    await readToc(pack)
    expect(pack.most).toBe(pack.size)
    const many = packBytes(joined(packOf([Array.from({length: 1500}, (_, i) => `object ${i}`)])))
    expect((await readToc(many))[0]!.members).toHaveLength(1500)
    expect(many.most).toBe(tocOf(joined(packOf([Array.from({length: 1500}, (_, i) => `object ${i}`)]))).text.length + 24)
  })
})

describe('a table of contents is refused', () => {
  const bytes = joined(small)
  const {text, start} = tocOf(bytes)
  const lines = text.split('\n')
  const [id] = lines[2]!.split(' ')
  const replaced = (at: number, line: string): string => lines.map((it, i) => (i === at ? line : it)).join('\n')

  test.each([
    ['another version', text.replace('toc 1', 'toc 2'), /another version/],
    ['no header', lines.slice(1).join('\n'), /another version/],
    ['a frame that is longer', replaced(1, lines[1]!.replace(/^frame (\d+)/, (_, n: string) => `frame ${Number(n) + 1}`)), /not filled by its frames/],
    ['a frame that is shorter', replaced(1, lines[1]!.replace(/^frame (\d+)/, (_, n: string) => `frame ${Number(n) - 1}`)), /not filled by its frames/],
    ['a frame of nothing', replaced(1, 'frame 0 0'), /not in the format/],
    ['zeros in front', replaced(1, lines[1]!.replace(' ', ' 0')), /not in the format/],
    ['a member that is larger', replaced(2, `${id} 513`), /members overflow/],
    ['a member of nothing', replaced(2, `${id} 0`), /not in the format/],
    ['a member too few', lines.filter((_, i) => i !== 2).join('\n'), /members do not fill/],
    ['a member twice', replaced(3, lines[2]!), /not in the format/],
    ['members that belong to no frame', lines.filter((_, i) => i !== 1).join('\n'), /members overflow/],
    ['a member without a number', replaced(2, `${id}`), /not in the format/],
    ['upper case', replaced(2, lines[2]!.toUpperCase()), /not in the format/],
    ['an empty line', replaced(2, ''), /not in the format/],
    ['no last LF', text.slice(0, -1), /./],
    ['a last frame without members', `${text}frame 1 1\n`, /members do not fill/],
    ['a frame that is larger than memory', `#bk toc 1\nframe ${start - 24 - TAR_END_LENGTH} 4294967296\n${id} 4294966784\n`, /too large/],
  ])('%s', async (_, toc, why) => {
    expect(await refusal(() => readToc(packBytes(withToc(bytes, toc, start))))).toMatch(why)
  })

  test('that says it is longer than it, than the pack, or than anybody reads', async () => {
    for (const length of ['00000000', '00000023', '99999999', String(bytes.length + 1).padStart(8, '0'), '0000031x']) {
      const changed = Buffer.from(bytes)
      changed.write(length, bytes.length - 9, 'latin1')
      const pack = packBytes(changed)
      expect(await refusal(() => readToc(pack))).toMatch(/has no table of contents/)
      expect(pack.most).toBeLessThanOrEqual(bytes.length)
    }
    const huge = packBytes(Buffer.from('length 67108865\n'))
    expect(await refusal(() => readToc({...huge, size: 2 ** 40, read: async (offset, length) => Buffer.concat([Buffer.alloc(length - 16), Buffer.from('length 67108865\n')])}))).toMatch(/has no table of contents/)
  })

  test('of no pack at all', async () => {
    for (const other of [Buffer.alloc(0), Buffer.alloc(15), Buffer.from('hello\n'), Buffer.alloc(100_000), TAR]) await refusal(() => readToc(packBytes(other)))
  })
})

const TAR = frameOf(['hello\n']).tar

describe('a frame is refused', () => {
  const {tar, members} = frameOf(['hello\n', 'x'.repeat(700)])
  const right = compressFrameSync(tar, 1)
  const frame: Frame = {offset: 24, compressed: right.length, size: tar.length, members}
  const plain = {level: 1, checksum: true, size: true}

  function compressed(bytes: Uint8Array, options: Partial<typeof plain> & {readonly window?: number} = {}): Buffer {
    const {level, checksum, size} = {...plain, ...options}
    const {constants} = zlib
    const params = {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
      [constants.ZSTD_c_contentSizeFlag]: size ? 1 : 0,
      ...(options.window === undefined ? {} : {[constants.ZSTD_c_windowLog]: options.window}),
    }
    return zlib.zstdCompressSync(bytes, {params, ...(size ? {pledgedSrcSize: bytes.length} : {})} as zlib.ZstdOptions)
  }

  function changed(change: (tar: Buffer) => void): Buffer {
    const copy = Buffer.from(tar)
    change(copy)
    return compressFrameSync(copy, 1)
  }

  test('but not the right one, however it was compressed', () => {
    expect(openFrame(frame, right)).toEqual(tar)
    for (const level of [-5, 3, 9, 19]) expect(openFrame(frame, compressed(tar, {level}))).toEqual(tar)
  })

  test.each<[name: string, bytes: () => Buffer, why: RegExp]>([
    ['no checksum', () => compressed(tar, {checksum: false}), /does not declare its size and checksum/],
    ['no size', () => compressed(tar, {size: false}), /does not declare its size and checksum/],
    ['another size', () => compressed(Buffer.concat([tar, Buffer.alloc(512)])), /does not declare its size and checksum/],
    ['a window above 8 MiB', () => compressed(noise(9 << 20), {window: 24}), /does not declare its size and checksum/],
    ['something behind it', () => Buffer.concat([right, Buffer.from('x')]), /is not one frame/],
    ['a skippable frame behind it', () => Buffer.concat([right, Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0])]), /is not one frame/],
    ['an empty frame behind it', () => Buffer.concat([right, compressed(Buffer.alloc(0))]), /is not one frame/],
    ['another frame behind it', () => Buffer.concat([right, right]), /is not one frame/],
    ['a skippable frame before it', () => Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), right]), /does not declare its size and checksum/],
    ['nothing', () => Buffer.alloc(0), /does not declare its size and checksum/],
    ['no zstd', () => tar, /does not declare its size and checksum/],
    ['another name', () => changed((copy) => copy.write('0', 0)), /not in its table of contents/],
    ['another name with its checksum', () => changed((copy) => frameOf(['hallo\n']).tar.copy(copy, 0, 0, 512)), /not in its table of contents/],
    ['another mode', () => changed((copy) => copy.write('7', 104)), /not in its table of contents/],
    ['a set-id bit', () => changed((copy) => copy.write('4', 103)), /not in its table of contents/],
    ['a link', () => changed((copy) => copy.write('2', 156)), /not in its table of contents/],
    ['padding that is not zero', () => changed((copy) => copy.write('x', 512 + 6)), /padding that is not zero/],
    ['members in another order', () => compressFrameSync(frameOf(['x'.repeat(700), 'hello\n']).tar, 1), /not in its table of contents/],
  ])('%s', async (_, bytes, why) => {
    expect(await refusal(() => openFrame({...frame, size: _.includes('8 MiB') ? 9 << 20 : frame.size}, bytes()))).toMatch(why)
  })

  test('wherever it is cut off', async () => {
    for (let length = 0; length < right.length; length++) await refusal(() => openFrame(frame, right.subarray(0, length)))
  })

  test('when other bytes come out than the id says, by whoever checks it', () => {
    const bytes = openFrame(frame, changed((copy) => copy.write('j', 512)))
    expect(sha256(bytes.subarray(512, 518))).not.toBe(members[0]!.id)
  })

  test('when it declares little and holds much: it takes no memory', async () => {
    const bomb = compressed(Buffer.alloc(256 << 20))
    const declared = compressed(Buffer.alloc(4096))
    // The header of the small one before the blocks of the large one.
    const header = (bytes: Buffer): number => 5 + (bytes[4]! & 0x20 ? 0 : 1) + ([bytes[4]! & 0x20 ? 1 : 0, 2, 4, 8][bytes[4]! >> 6] ?? 0)
    const lying = Buffer.concat([declared.subarray(0, header(declared)), bomb.subarray(header(bomb))])
    expect(frameContentSize(lying)).toBe(4096)
    const before = process.memoryUsage().rss
    await refusal(() => openFrame({...frame, compressed: lying.length, size: 4096, members: [{id: members[0]!.id, size: 4096 - BLOCK}]}, lying))
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20)
  })

  test('when it declares much and holds little: it takes no memory either', async () => {
    const size = memberSize(2 ** 31)
    const little = compressed(Buffer.alloc(1 << 20))
    const lying = Buffer.concat([little.subarray(0, 4), Buffer.from([0xc4 | 0x00, (13 << 3) & 0xff]), Buffer.alloc(8), little.subarray(little.length - 11)])
    lying.writeBigUInt64LE(BigInt(size), 6)
    expect(frameContentSize(lying)).toBe(size)
    const before = process.memoryUsage().rss
    await refusal(() => openFrame({offset: 24, compressed: lying.length, size, members: [{id: members[0]!.id, size: 2 ** 31}]}, lying))
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20)
  })
})
