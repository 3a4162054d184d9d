// Trees of names: a cursor finds what is there and nothing else, whatever was added or removed since.

import fc from 'fast-check'
import {expect, test} from 'vitest'
import {childrenOf, linkChildren, nameOf, TreeCursor, type viewTree} from '../../../src/lib/source/name-tree.ts'
import {sortNames} from '../../../src/lib/source/names.ts'
import {TreeBuilder} from '../../../src/lib/source/tree-builder.ts'
import {escaped, name} from '../index/arbitrary.ts'
import {law} from '../index/texts.ts'

/** A tree of paths like `a/b`, with their ancestors. */
function treeOf(paths: Iterable<string>): {tree: ReturnType<typeof viewTree>; nodes: Map<string, number>} {
  const all = new Set(['.'])
  for (const path of paths) {
    const parts = path.split('/')
    for (let count = 1; count <= parts.length; count++) all.add(`./${parts.slice(0, count).join('/')}`)
  }
  const builder = new TreeBuilder()
  const nodes = new Map<string, number>()
  const spelled = [...all].map((path) => [path.split('/').map(escaped).join('/'), path] as const)
  for (const [text, path] of spelled.sort(([a], [b]) => (a < b ? -1 : 1))) nodes.set(path, builder.add(text))
  return {tree: builder.finish().tree, nodes}
}

const paths = fc.uniqueArray(fc.array(name, {minLength: 1, maxLength: 3}).map((parts) => parts.join('/')), {maxLength: 40})

test('names and children come back in order', async () => {
  await law(fc.property(paths, (some) => {
    const {tree, nodes} = treeOf(some)
    for (const [path, node] of nodes) {
      const below = [...nodes.keys()].filter((other) => other.startsWith(`${path}/`) && !other.slice(path.length + 1).includes('/'))
      expect(childrenOf(tree, node)).toEqual(sortNames(below.map((other) => other.slice(path.length + 1))).names)
      expect(nameOf(tree, node)).toBe(path.slice(path.lastIndexOf('/') + 1))
    }
  }), 100)
})

test('a cursor finds what is there and nothing else', async () => {
  await law(fc.property(paths, fc.uniqueArray(name, {maxLength: 30}), (some, asked) => {
    const {tree, nodes} = treeOf(some)
    for (const [path, node] of nodes) {
      const cursor = new TreeCursor(tree, node)
      for (const each of sortNames([...asked]).names) {
        expect(cursor.find(each, escaped(each))).toBe(nodes.get(`${path}/${each}`) ?? 0)
      }
    }
  }), 200)
})

test('far away among very many, with directories on the way', () => {
  const all = Array.from({length: 3000}, (_, index) => [`f${index}`, ...(index % 5 === 0 ? [`f${index}/x`, `f${index}/y/z`, `f${index}-a`] : [])]).flat()
  const {tree, nodes} = treeOf(all)
  const top = sortNames([...new Set(all.map((path) => path.split('/')[0]!))]).names
  for (const step of [1, 7, 300, 2999]) {
    const cursor = new TreeCursor(tree, 1)
    for (let index = 0; index < top.length; index += step) {
      expect(cursor.find(`${top[index]!}#`, escaped(`${top[index]!}#`))).toBe(0)
    }
    const again = new TreeCursor(tree, 1)
    for (let index = step - 1; index < top.length; index += step) expect(again.find(top[index]!, top[index]!)).toBe(nodes.get(`./${top[index]!}`))
  }
})

test('an asked name that is not there costs nothing behind it', () => {
  const {tree, nodes} = treeOf(['a', 'c'])
  const cursor = new TreeCursor(tree, 1)
  expect(cursor.find('b', 'b')).toBe(0)
  expect(cursor.find('c', 'c')).toBe(nodes.get('./c'))
  expect(cursor.find('d', 'd')).toBe(0)
})

test.for([
  ['a parent behind its child', [0, 2, 1]],
  ['a second top', [0, 1, 0]],
  ['no top', [1, 1, 1]],
  ['its own parent', [0, 2, 2]],
])('columns that are no tree are refused: %s', ([, parents]) => {
  const {tree} = treeOf(['a', 'b'])
  tree.parent.set(parents as number[], 1)
  expect(linkChildren(tree)).toBeUndefined()
})
