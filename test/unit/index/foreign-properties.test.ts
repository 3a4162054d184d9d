// Laws of reading foreign lists, for any tree and any bytes: a tree is the same index in whatever style it was listed; no order, no
// cut into pieces and no lack of memory changes it; and whatever comes in, out comes an index or a refusal.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {formatTime, type Entry, type EntryType} from '../../../src/lib/index/entry.ts'
import {escapeBytes} from '../../../src/lib/index/escape.ts'
import {normalise} from '../../../src/lib/index/foreign.ts'
import {createSpill} from '../../../src/lib/sys/spill.ts'
import {ancestors, bsdtarStyle, bytes, checksumStyle, countingSpills, indexLines, judge, linesOf, netbsdStyle, normalised} from './foreign-lists.ts'

const numRuns = process.env['SLOW'] === undefined ? 150 : 5000

// Bytes that mean something to one of the programs come up often.
const byte = fc.oneof(
  {weight: 3, arbitrary: fc.constantFrom(...'ab. #\\=*?[]\n\r\t-M^s0')},
  {weight: 1, arbitrary: fc.integer({min: 1, max: 255}).map((code) => String.fromCharCode(code)).filter((char) => char !== '/')},
)
const name = fc.oneof(
  {weight: 20, arbitrary: fc.string({unit: byte, minLength: 1, maxLength: 6})},
  {weight: 2, arbitrary: fc.constantFrom('x\nx type=dir', 'x\n..', 'set type=file', '\n', 'x\n# .', '...', 'set', '..\n..')},
  {weight: 1, arbitrary: fc.string({unit: byte, minLength: 255, maxLength: 255})},
).filter((text) => text !== '.' && text !== '..')

const hex = (digits: number): fc.Arbitrary<string> => fc.string({unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits})
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(arbitrary, {nil: undefined})
const number = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 0xff, 0x100, 0xfff, 0x1000, 0xffff_ffff))

const metadata = fc.record({
  mode: maybe(fc.integer({min: 0, max: 0o7777})),
  uid: maybe(number),
  gid: maybe(number),
  size: maybe(fc.nat({max: Number.MAX_SAFE_INTEGER})),
  time: maybe(fc.bigInt({min: -(10n ** 19n), max: 10n ** 19n}).map(formatTime)),
  link: fc.string({unit: byte, minLength: 1, maxLength: 20}).map(escapeBytes),
  device: fc.record({major: number, minor: number}),
  md5: maybe(hex(32)),
  sha256: maybe(hex(64)),
})

const type = fc.constantFrom<EntryType>('file', 'file', 'dir', 'link', 'fifo', 'char', 'block')
const item = fc.tuple(fc.array(name, {minLength: 1, maxLength: 4}), type, metadata)

/* A tree without contradictions; what would stand below a file is left out. */
const tree = fc.array(item, {maxLength: 8}).map((items) => {
  const entries = new Map<string, Entry>([['.', {path: '.', type: 'dir'}]])
  for (const [names, type, {mode, uid, gid, size, time, link, device, md5, sha256}] of items) {
    const path = ['.', ...names.map(escapeBytes)].join('/')
    if (entries.has(path) || ancestors(path).some((above) => (entries.get(above)?.type ?? 'dir') !== 'dir')) continue
    for (const above of ancestors(path)) if (!entries.has(above)) entries.set(above, {path: above, type: 'dir'})
    const own = type === 'file' ? {size, md5, sha256} : type === 'link' ? {link} : type === 'char' || type === 'block' ? {device} : {}
    entries.set(path, {path, type, mode, uid, gid, time, ...own})
  }
  return [...entries.values()]
})

describe('a tree becomes the same index', () => {
  test('in the styles of bsdtar and NetBSD', async () => {
    await fc.assert(fc.asyncProperty(tree, async (entries) => {
      const expected = indexLines(entries)
      expect(await linesOf(bsdtarStyle(entries))).toEqual(expected)
      expect(await linesOf(netbsdStyle(entries))).toEqual(expected)
      // The lines of an index itself are an mtree list that any program reads.
      expect(await linesOf(expected.join('\n') + '\n')).toEqual(expected)
    }), {numRuns})
  })

  test('in the styles of md5sum and sha256sum', async () => {
    await fc.assert(fc.asyncProperty(tree, async (entries) => {
      for (const key of ['md5', 'sha256'] as const) {
        const files = entries.filter((entry) => entry[key] !== undefined).map((entry): Entry => ({path: entry.path, type: 'file', [key]: entry[key]}))
        if (files.length === 0) continue
        for (const style of ['text', 'binary', 'tag', 'zero', 'upper'] as const) {
          expect(await linesOf(checksumStyle(entries, key, style))).toEqual(indexLines(files))
        }
      }
    }), {numRuns})
  })

  test('in any order, in any pieces, with any memory, and when lines are there twice', async () => {
    const sizes = fc.record({size: fc.integer({min: 1, max: 100}), memory: fc.integer({min: 1, max: 2000})})
    await fc.assert(fc.asyncProperty(tree, sizes, fc.infiniteStream(fc.nat()), async (entries, {size, memory}, random) => {
      const list = bsdtarStyle(entries)
      const lines = list.split('\n').slice(1, -1)
      const ranked = [...lines, ...lines].map((line) => ({line, rank: random.next().value!}))
      const shuffled = ranked.sort((a, b) => a.rank - b.rank).map(({line}) => line)
      const expected = await normalised(list)
      const spills = countingSpills()
      expect(await normalised(list, {size})).toBe(expected)
      expect(await normalised(netbsdStyle(entries), {size})).toBe(expected)
      expect(await normalised(`#mtree\n${shuffled.join('\n')}\n`, {size, memory, spill: spills.spill})).toBe(expected)
      expect(spills.open()).toBe(0)
    }), {numRuns})
  })

  test('with absolute paths, but for the root', async () => {
    await fc.assert(fc.asyncProperty(tree, async (entries) => {
      // These two are words of the format.
      fc.pre(entries.every(({path}) => path !== './set' && path !== './unset'))
      const absolute = bsdtarStyle(entries).replaceAll(/^\.(?=\/)/gm, '').replaceAll(/^\. /gm, '/ ')
      expect((await normalised(absolute)).split('\n').slice(1, -2)).toEqual(['#bk index 1 root=/', ...indexLines(entries)])
    }), {numRuns})
  })
})

/* Normalises, and says what came of it; anything but an index or a refusal with status 65 is thrown. */
async function outcome(list: Uint8Array): Promise<'index' | 'refused'> {
  const spills = countingSpills()
  try {
    await judge(await normalised(list, {memory: 500, spill: spills.spill}))
    return 'index'
  } catch (error) {
    if (!(error instanceof BkError) || error.status !== 65 || !/^[ -~]+$/.test(error.message)) throw error
    return 'refused'
  } finally {
    expect(spills.open()).toBe(0)
  }
}

describe('whatever comes in', () => {
  test('any bytes are refused or an index', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({maxLength: 300}), async (list) => void (await outcome(list))), {numRuns: numRuns * 5})
  })

  test('so are words of lists in any order', async () => {
    const words = [
      '#mtree\n', '. type=dir', './a', './b/c', 'a', '..', '/set ', '/unset ', '/x', ' type=file', ' type=dir', ' type=link', ' link=b', ' mode=644',
      ' size=1', ' time=1.5', ' uname=a\\sb', ' flags=schg', '\n', '\n', '\n', ' \\\n', '# ./a', '# .', '#', '\\', '\\n', '\\M-#', ' ', '\t', '\r\n',
      ` md5=${'0'.repeat(32)}`, `${'0'.repeat(32)}  `, `SHA256 (a) = ${'0'.repeat(64)}`, '\0', '\xff',
    ]
    const list = fc.array(fc.constantFrom(...words), {maxLength: 25}).map((some) => bytes(some.join('')))
    const seen = new Set<string>()
    await fc.assert(fc.asyncProperty(list, async (text) => void seen.add(await outcome(text))), {numRuns: numRuns * 20})
    expect(seen.size).toBe(2)
  })

  test('so are lists with mutations', async () => {
    const what = fc.oneof(fc.string({unit: byte, maxLength: 3}), fc.constantFrom('\0', '\n..\n', '../', '/', ' type=dir', '\n# ./', ' \\\n'))
    const mutation = fc.record({at: fc.nat(), length: fc.nat({max: 20}), what})
    const md5Style = (entries: readonly Entry[]): string => checksumStyle(entries, 'md5', 'text')
    const zeroStyle = (entries: readonly Entry[]): string => checksumStyle(entries, 'sha256', 'zero')
    const style = fc.constantFrom(bsdtarStyle, netbsdStyle, md5Style, zeroStyle)
    const seen = new Set<string>()
    await fc.assert(fc.asyncProperty(tree, style, fc.array(mutation, {minLength: 1, maxLength: 3}), async (entries, write, mutations) => {
      let list = write(entries)
      for (const {at, length, what} of mutations) {
        const start = at % (list.length + 1)
        list = list.slice(0, start) + what + list.slice(start + length)
      }
      seen.add(await outcome(bytes(list)))
    }), {numRuns: numRuns * 5})
    expect(seen.size).toBe(2)
  })

  test('a list cut off anywhere in a line is refused', async () => {
    await fc.assert(fc.asyncProperty(tree, fc.nat(), async (entries, at) => {
      for (const list of [bsdtarStyle(entries), netbsdStyle(entries), checksumStyle(entries, 'md5', 'zero')]) {
        const cut = bytes(list.slice(0, at % (list.length + 1)))
        if (cut.length === list.length || cut.at(-1) === 10 || cut.at(-1) === 0) continue
        expect(await outcome(cut)).toBe('refused')
      }
    }), {numRuns})
  })

  test('a reader that leaves and a list that fails close what is spilled', async () => {
    const spills = countingSpills()
    async function* endless(): AsyncGenerator<Buffer> {
      for (let index = 0; index < 1000; index++) yield bytes(`./${index} type=file\n`)
      throw new Error('the disk is gone')
    }
    const run = async (): Promise<void> => {
      for await (const piece of normalise(endless(), {memory: 1000, spill: spills.spill})) expect(piece.length).toBe(0)
    }
    await expect(run()).rejects.toThrow('the disk is gone')
    expect([spills.made() > 1, spills.open()]).toEqual([true, 0])
    const pieces = normalise((async function* () { yield bytes('./a type=file\n'.repeat(5000)) })(), {memory: 1000, spill: () => createSpill(0)})
    expect((await pieces.next()).value?.toString('latin1')).toMatch(/^#mtree\n/)
    expect(await pieces.return(undefined)).toEqual({done: true, value: undefined})
  })
})
