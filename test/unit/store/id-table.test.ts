// The table of ids says what a Map would say.

import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {expect, test} from 'vitest'
import {IdTable} from '../../../src/lib/store/id-table.ts'
import {law} from '../index/texts.ts'

const id = (n: number): string => createHash('sha256').update(String(n)).digest('hex')

test('it says what a Map says, whatever is done to it', async () => {
  const number = fc.integer({min: 0, max: 30})
  const value = fc.constantFrom(0, 1, 7, 2 ** 31, 2 ** 32 - 1)
  const act = fc.record({kind: fc.constantFrom('add', 'set', 'get'), number, value})
  await law(fc.property(fc.array(act, {maxLength: 60}), (acts) => {
    const table = new IdTable()
    const map = new Map<string, number>()
    for (const {kind, number: n, value: v} of acts) {
      if (kind === 'get') expect(table.get(id(n))).toBe(map.get(id(n)) ?? -1)
      else if (kind === 'set') {
        table.set(id(n), v)
        map.set(id(n), v)
      } else {
        expect(table.add(id(n), v)).toBe(!map.has(id(n)))
        if (!map.has(id(n))) map.set(id(n), v)
      }
      expect(table.size).toBe(map.size)
    }
  }), 300)
})

test('it grows, and keeps all that is in it', () => {
  const table = new IdTable()
  const count = 50_000
  const ids = Array.from({length: count}, (_, n) => id(n))
  for (const [n, one] of ids.entries()) expect(table.add(one, n)).toBe(true)
  expect(table.size).toBe(count)
  for (const [n, one] of ids.entries()) if (table.get(one) !== n) throw new Error(`lost ${n}`)
  for (let n = count; n < count + 1000; n++) expect(table.get(id(n))).toBe(-1)
})

test('it tells ids apart that begin alike', () => {
  const table = new IdTable()
  const alike = Array.from({length: 500}, (_, n) => 'deadbeef'.repeat(7) + n.toString(16).padStart(8, '0'))
  for (const [n, one] of alike.entries()) expect(table.add(one, n)).toBe(true)
  for (const [n, one] of alike.entries()) expect(table.get(one)).toBe(n)
  expect(table.get('deadbeef'.repeat(8))).toBe(-1)
})

test('it takes nothing for an id that is none', () => {
  const table = new IdTable()
  table.add(id(1), 1)
  for (const other of ['', 'x', id(1).slice(1), `${id(1)}00`, 'g'.repeat(64), `${id(1).slice(0, 63)}x`]) {
    table.get(id(1))
    expect(() => table.get(other)).toThrow(/not an id/)
    expect(() => table.add(other, 2)).toThrow(/not an id/)
    expect(() => table.set(other, 2)).toThrow(/not an id/)
  }
  expect(table.size).toBe(1)
})

test('it is empty when it was cleared, and can be filled again', () => {
  const table = new IdTable()
  for (let i = 0; i < 20_000; i++) table.add(id(i), i)
  table.clear()
  expect([table.size, table.get(id(7))]).toEqual([0, -1])
  expect(table.add(id(7), 3)).toBe(true)
  expect([table.size, table.get(id(7)), table.get(id(8))]).toEqual([1, 3, -1])
})
