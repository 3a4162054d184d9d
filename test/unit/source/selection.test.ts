// Which paths a run is about: what is below a wanted path is wanted, its ancestors are directories without anything else.

import {expect, test} from 'vitest'
import {nameOf} from '../../../src/lib/source/name-tree.ts'
import {selectPaths, viewSelection} from '../../../src/lib/source/selection.ts'

/** `path` for an ancestor, `path *` for what is wanted as a whole; in order. */
function selected(paths: readonly string[]): string[] | undefined {
  const shared = selectPaths(paths)
  if (shared === undefined) return undefined
  const {tree, whole} = viewSelection(shared)
  const full: string[] = ['']
  return Array.from({length: tree.count}, (_, index) => {
    const node = index + 1
    const path = node === 1 ? '.' : `${full[tree.parent[node]!]}/${nameOf(tree, node)}`
    full[node] = path
    return whole[node] === 1 ? `${path} *` : path
  })
}

test.for([
  ['one', ['a'], ['.', './a *']],
  ['deep', ['a/b/c'], ['.', './a', './a/b', './a/b/c *']],
  ['in any order, twice', ['b', 'a', 'b'], ['.', './a *', './b *']],
  ['below a wanted one', ['a/b/c', 'a', 'a/d'], ['.', './a *']],
  ['in the order of an index', ['a/x', 'a-b', 'a b/c'], ['.', './a', './a-b *', './a/x *', './a b', './a b/c *']],
  ['any bytes', ['\xff/new\nline'], ['.', './\xff', './\xff/new\nline *']],
  ['everything', ['a', ''], undefined],
] as const)('%s', ([, paths, wanted]) => {
  expect(selected(paths)).toEqual(wanted)
})
