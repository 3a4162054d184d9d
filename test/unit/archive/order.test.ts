// The order of members: as find lists a tree, whose names are sorted.

import fc from 'fast-check'
import {expect, it} from 'vitest'
import {depthFirst} from '../../../src/lib/archive/order.ts'
import {EntryTable, KINDS} from '../../../src/lib/restore/entry-table.ts'

/** Files by their paths, with the directories above them, as an index has them. */
function tableOf(files: readonly string[]): EntryTable {
  const directories = new Set(['.'])
  for (const file of files) for (let at = file.indexOf('/', 2); at > 0; at = file.indexOf('/', at + 1)) directories.add(file.slice(0, at))
  const table = new EntryTable()
  for (const path of [...new Set([...directories, ...files])].sort()) table.add(`${path} type=file`, directories.has(path) ? KINDS.directory : KINDS.plain)
  return table
}

const ordered = (table: EntryTable): string[] => [...depthFirst(table)].map((number) => table.path(number))

it('lists a directory before what is in it, and nothing in between', () => {
  expect(ordered(tableOf(['./a/x', './a-b', './a/x.y/z', './a/x-', './a.b/c', './b', './a/x.y/']))).toEqual([
    '.', './a', './a/x', './a/x-', './a/x.y', './a/x.y/', './a/x.y/z', './a-b', './a.b', './a.b/c', './b',
  ])
  expect(ordered(new EntryTable())).toEqual([])
  expect(ordered(tableOf([]))).toEqual(['.'])
})

it('is that of paths whose slash comes before every other byte', () => {
  const name = fc.string({unit: fc.constantFrom('a', 'b', '-', '.', '!', '0'), minLength: 1, maxLength: 3}).filter((text) => !/^\.\.?$/.test(text))
  const path = fc.array(name, {minLength: 1, maxLength: 5}).map((names) => `./${names.join('/')}`)
  fc.assert(
    fc.property(fc.uniqueArray(path, {maxLength: 40}), (files) => {
      const table = tableOf(files)
      const key = (each: string): string => each.replaceAll('/', '\0')
      const wanted = Array.from({length: table.count}, (_, number) => table.path(number)).sort((a, b) => (key(a) < key(b) ? -1 : 1))
      expect(ordered(table)).toEqual(wanted)
    }),
  )
})
