// Which packs a run reads: by the date alone, everything in a month.

import {describe, expect, it, test} from 'vitest'
import {packsToRead, parseSubset} from '../../../src/lib/verify/subset.ts'
import {sha256} from '../store/memory-store.ts'

const packs = Array.from({length: 2000}, (_, i) => ({name: sha256(`pack ${i}`)}))
const names = (some: readonly {readonly name: string}[]): string[] => some.map(({name}) => name).sort()

describe('parts', () => {
  it.for([
    ['5%', {part: undefined, parts: 20}],
    ['100%', {part: undefined, parts: 1}],
    ['30%', {part: undefined, parts: 3}],
    ['3.3%', {part: undefined, parts: 30}],
    ['1/20', {part: 0, parts: 20}],
    ['20/20', {part: 19, parts: 20}],
  ] as const)('%s', ([text, subset]) => expect(parseSubset(text)).toEqual(subset))

  it.for(['', '0%', '101%', '5', '0/3', '4/3', '1/0', '-1%', '1/2/3', '5 %'])('refuses %s', (text) => {
    expect(() => parseSubset(text)).toThrow(expect.objectContaining({status: 64}))
  })
})

test('a share turns with the day: so many days read everything once, whichever day they begin', () => {
  for (const begin of [0, 20_415]) {
    const read = Array.from({length: 20}, (_, i) => packsToRead(packs, parseSubset('5%'), begin + i, false))
    expect(names(read.flat())).toEqual(names(packs))
    // By names, which are sums: no day has much more than another.
    for (const some of read) expect(some.length).toBeLessThan(160)
  }
})

test('a part that is named is the same on every day', () => {
  expect(packsToRead(packs, parseSubset('3/7'), 5, false)).toEqual(packsToRead(packs, parseSubset('3/7'), 6, false))
  expect(names([1, 2, 3, 4, 5, 6, 7].flatMap((part) => packsToRead(packs, parseSubset(`${part}/7`), 5, false)))).toEqual(names(packs))
})

test('runs that are cut off begin elsewhere each day, and read everything together', () => {
  for (const share of [0.5, 0.2, 0.1]) {
    for (const begin of [0, 777, 20_415]) {
      const seen = new Set<string>()
      let days = 0
      for (; seen.size < packs.length; days++) for (const {name} of packsToRead(packs, undefined, begin + days, true).slice(0, packs.length * share)) seen.add(name)
      // As even as days can lie on a circle: less than three times the days that it would take without any overlap.
      expect(days * share).toBeLessThan(3)
    }
  }
})

test('cut off and a share: all of the share are there, in another order', () => {
  const share = parseSubset('10%')
  expect(names(packsToRead(packs, share, 20_415, true))).toEqual(names(packsToRead(packs, share, 20_415, false)))
  expect(packsToRead([], share, 1, true)).toEqual([])
})
