// A store whose snapshots have indexes of all three levels.

import fs from 'node:fs'
import {join} from 'node:path'
import {Diff} from '../../../src/lib/index/diff.ts'
import {changesEndLine, changesHeader, formatChange, linesOf, type Change} from '../../../src/lib/index/changes.ts'
import {NO_COMMENTS} from '../../../src/lib/index/group.ts'
import {commentValue, withComments} from '../../../src/lib/index/group.ts'
import {IndexReader} from '../../../src/lib/index/read.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {makeTree} from '../../harness/tree.ts'
import {oddNames} from '../../harness/odd-tree.ts'
import {addSnapshot, indexText, makeStore, readTree} from './make-store.ts'
import {createSpill} from '../../../src/lib/sys/spill.ts'

/** Makes the trees and the store; snapshot i + 1 is of tree i. */
export async function chainOf(dir: string): Promise<{readonly store: string; readonly trees: readonly string[]}> {
  const names = oddNames.map((name, i) => ({path: Buffer.concat([Buffer.from('names/'), Buffer.from(name)]), type: 'file' as const, content: `name ${i}\n`}))
  const trees = ['first', 'second', 'third', 'fourth'].map((name) => join(dir, name))
  const [first, second, third, fourth] = trees as [string, string, string, string]
  makeTree(first, [...names, {path: 'big', type: 'file', content: Buffer.alloc(1 << 20, 'first ')}, {path: 'gone/away', type: 'file', content: 'gone\n'}])
  makeTree(second, [
    ...names.slice(3),
    {path: 'names/a', type: 'file', content: 'changed\n'},
    {path: 'big', type: 'file', content: Buffer.concat([Buffer.alloc(700_000, 'first '), Buffer.alloc(500_000, 'second ')])},
    {path: 'new/below', type: 'file', content: 'new\n'},
  ])
  makeTree(third, [
    ...names.slice(5),
    {path: 'big', type: 'link', target: 'names'},
    {path: 'new/below', type: 'file', content: 'new\n', mode: 0o600},
    {path: 'gone/away', type: 'file', content: 'back again\n'},
  ])
  makeTree(fourth, [...names.slice(5), {path: 'new', type: 'file', content: 'no directory any more\n'}])
  const store = await makeStore(join(dir, 'store'))
  const contents = trees.map((tree) => ({...readTree(tree), root: '/srv'}))
  const full = indexText(contents[0]!).bytes
  await addSnapshot(store, contents[0]!)
  const far = await changesBetween(full, indexText(contents[1]!).bytes, full)
  await addSnapshot(store, contents[1]!, {index: {bytes: far, level: 'far'}})
  const near = await changesBetween(indexText(contents[1]!).bytes, indexText(contents[2]!).bytes, far)
  await addSnapshot(store, contents[2]!, {index: {bytes: near, level: 'near'}})
  const nearer = await changesBetween(indexText(contents[2]!).bytes, indexText(contents[3]!).bytes, near)
  await addSnapshot(store, contents[3]!, {index: {bytes: nearer, level: 'near'}})
  for (const tree of trees) fs.accessSync(tree)
  return {store, trees}
}

/* Stored changes: against an object, and with moves taken apart. */
async function changesBetween(old: Buffer, next: Buffer, object: Buffer): Promise<Buffer> {
  const diff = new Diff(new IndexReader([old]), new IndexReader([next]), {spill: createSpill})
  const changes: Change[] = []
  for await (const batch of diff.batches()) {
    for (const change of batch) {
      const from = commentValue(change.group, 'from')
      if (change.mark !== '>' || from === undefined) {
        changes.push(change)
        continue
      }
      changes.push({mark: '+', group: withComments(change.group, {from: undefined})}, {mark: '-', group: {path: from, line: '', comments: NO_COMMENTS}})
    }
  }
  changes.sort((a, b) => (a.group.path < b.group.path ? -1 : 1))
  const lines = changes.reduce((sum, change) => sum + linesOf(change), 0)
  const {base, target} = diff.end!
  const text = changesHeader({root: diff.root, object: objectId(object)}) + changes.map(formatChange).join('') + changesEndLine({base, target, lines, partial: 0})
  return Buffer.from(text, 'latin1')
}
