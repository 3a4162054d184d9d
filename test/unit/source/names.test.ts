// Names in a directory: their order, which of them an index can hold, and chunks that can be visited one after the other.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {chunksOf, fittingNames, sortNames, splitNames} from '../../../src/lib/source/names.ts'
import {byteString, escaped, name} from '../index/arbitrary.ts'
import {law} from '../index/texts.ts'

const names = fc.uniqueArray(name, {maxLength: 30})

test('the order is that of the escaped names, as bytes', async () => {
  await law(fc.property(names, (some) => {
    const wanted = [...some].sort((a, b) => Buffer.compare(Buffer.from(escaped(a)), Buffer.from(escaped(b))))
    expect(sortNames([...some])).toEqual({names: wanted, plain: some.every((each) => escaped(each) === each)})
  }), 300)
})

test('joined names are split again', () => {
  expect(splitNames('')).toEqual([])
  expect(splitNames('a/b\n/c')).toEqual(['a', 'b\n', 'c'])
})

describe('what an index can hold', () => {
  const room = (directory: string): number => 4096 - './'.length - directory.length

  test('names up to 255 bytes', () => {
    expect(fittingNames('', ['n'.repeat(255), 'n'.repeat(256), 'a'])).toEqual(['n'.repeat(255), 'a'])
  })

  test('paths up to 4,096 bytes', () => {
    const directory = `${'d'.repeat(200)}/`.repeat(20)
    const longest = 'n'.repeat(room(directory))
    expect(fittingNames(directory, [longest, `${longest}n`])).toEqual([longest])
    expect(`./${directory}${longest}`).toHaveLength(4096)
  })

  test('1,000 components', () => {
    // With the first dot and the name itself.
    expect(fittingNames('d/'.repeat(998), ['n'])).toEqual(['n'])
    expect(fittingNames('d/'.repeat(999), ['n'])).toEqual([])
  })

  test('all of them nearly always, in the same array', () => {
    const all = ['a', 'b']
    expect(fittingNames('d/', all)).toBe(all)
  })
})

describe('chunks', () => {
  const many = (count: number, each: (index: number) => string): string[] => sortNames(Array.from({length: count}, (_, index) => each(index))).names

  test('few names are one chunk', () => {
    const some = many(3000, String)
    expect(chunksOf(some, [])).toEqual([some])
  })

  test.for([
    ['plain names', (index: number) => `f${index}`],
    ['names with bytes before the slash', (index: number) => `1763800000.M${index}P.host`],
    ['some are the beginning of others', (index: number) => (index % 7 === 0 ? `d${index}` : `d${index - (index % 7)}-${index}`)],
  ] as const)('no directory is cut off from what sorts before its content: %s', ([, each]) => {
    const all = many(9000, each)
    const chunks = chunksOf(all, [])
    expect(chunks.flat()).toEqual(all)
    expect(chunks.length).toBeGreaterThan(2)
    for (const [index, chunk] of chunks.entries()) {
      const next = chunks[index + 1]?.[0]
      if (next !== undefined) expect(chunk.every((name) => `${escaped(name)}/` < escaped(next))).toBe(true)
    }
  })

  test('a directory that is still to come keeps what sorts before its content', () => {
    const all = many(5000, (index) => `a-${index}`)
    expect(chunksOf(all, ['a'])).toEqual([all])
    expect(chunksOf(all, ['b']).length).toBeGreaterThan(1)
  })

  test('any bytes', async () => {
    const long = byteString(1, {minLength: 1, maxLength: 3}).filter((text) => !text.includes('/'))
    await law(fc.property(fc.uniqueArray(long, {minLength: 3200, maxLength: 3400}), (some) => {
      const {names: all} = sortNames(some)
      const chunks = chunksOf(all, [])
      expect(chunks.flat()).toEqual(all)
      for (const [index, chunk] of chunks.slice(0, -1).entries()) {
        const next = escaped(chunks[index + 1]![0]!)
        expect(chunk.filter((each) => `${escaped(each)}/` >= next)).toEqual([])
      }
    }), 5)
  })
})
