// The objects that a snapshot may use: where they lie, and that they are as large as is said.

import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {Held} from '../../../src/lib/transfer/held.ts'
import type {Frame} from '../../../src/lib/store/pack.ts'
import {refusal} from '../index/texts.ts'
import {sha256} from '../store/memory-store.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(sha256) as [string, string, string, string]
const unlike = /^an object is of another size than the snapshot says/

/** Tables of contents, and the packs that were asked for. */
function tocs(packs: Record<string, Record<string, number>>): {readonly toc: (pack: string) => Promise<readonly Frame[]>; readonly asked: string[]} {
  const asked: string[] = []
  const toc = async (pack: string): Promise<readonly Frame[]> => {
    asked.push(pack)
    const objects = packs[pack]
    if (objects === undefined) throw new BkError('the pack has no table of contents', {status: 65})
    return Object.entries(objects).map(([id, size]) => ({offset: 0, compressed: 0, size: 0, members: [{id, size}]}))
  }
  return {toc, asked}
}

test('each object lies in the first pack that has it, however many there are', () => {
  const held = new Held()
  held.addMeasured('new', [{id: a, size: 1}, {id: b, size: 2}])
  held.addPack('none of its own', [a, b])
  const ids = Array.from({length: 5000}, (_, n) => sha256(`${n}`))
  for (let n = 0; n < 5000; n += 2) held.addPack(`pack ${n}`, [b, ids[n]!, ids[n + 1]!])
  expect([a, b, c].map((id) => held.packOf(id))).toEqual(['new', 'new', undefined])
  expect(ids.map((id) => held.packOf(id))).toEqual(ids.map((_, n) => `pack ${n - (n % 2)}`))
})

describe('what this session brought', () => {
  test('is as large as is said', async () => {
    const held = new Held()
    held.addMeasured('new', [{id: a, size: 5}])
    expect(held.packOf(a, 5)).toBe('new')
    for (const size of [4, 6, 5 + 2 ** 32]) expect(await refusal(() => held.packOf(a, size))).toMatch(unlike)
    const {toc, asked} = tocs({})
    await held.compare(toc)
    expect(asked).toEqual([])
  })

  test('is not what the store says of it', async () => {
    const held = new Held()
    held.addMeasured('new', [{id: a, size: 5}])
    held.addPack('old', [a])
    expect(await refusal(() => held.packOf(a, 6))).toMatch(unlike)
  })
})

describe('what the store had', () => {
  const had = (): Held => {
    const held = new Held()
    held.addPack('p', [a, b])
    held.addPack('q', [c])
    held.addPack('r', [d])
    return held
  }

  test('is compared with the packs that something was said about, and no others', async () => {
    const held = had()
    expect([held.packOf(a, 5), held.packOf(c, 7), held.packOf(d), held.packOf(a, 5)]).toEqual(['p', 'q', 'r', 'p'])
    const {toc, asked} = tocs({p: {[a]: 5, [b]: 6}, q: {[c]: 7}})
    await held.compare(toc)
    expect(asked).toEqual(['p', 'q'])
  })

  test('is of another size than is said', async () => {
    const held = had()
    held.packOf(a, 5)
    held.packOf(c, 7)
    expect(await refusal(() => held.compare(tocs({p: {[a]: 5}, q: {[c]: 8}}).toc))).toMatch(unlike)
  })

  test('cannot have two sizes, nor one that no object has', async () => {
    const held = had()
    held.packOf(a, 5)
    expect(await refusal(() => held.packOf(a, 6))).toMatch(unlike)
    expect(await refusal(() => held.packOf(b, 2 ** 32))).toMatch(unlike)
  })

  test('and cannot be read any more is not the writer\'s fault', async () => {
    const held = had()
    held.packOf(a, 5)
    held.packOf(c, 7)
    const {toc, asked} = tocs({p: {[a]: 5}})
    await held.compare(toc)
    expect(asked).toEqual(['p', 'q'])
    await expect(held.compare(async () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug')
  })
})
