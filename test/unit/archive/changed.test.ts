// What is new or changed between two indexes, and what is gone.

import {expect, it} from 'vitest'
import {changedBetween} from '../../../src/lib/archive/changed.ts'
import {batchOf} from '../../../src/lib/index/cursor.ts'
import {EVERYTHING, selectionOf, type Selection} from '../../../src/lib/restore/selection.ts'
import {group} from '../restore/make-store.ts'
import type {Group} from '../../../src/lib/index/group.ts'

const dir = (path: string): Group => group(`${path} type=dir mode=0755`)
const file = (path: string, content: string, ...comments: string[]): Group => group(`${path} type=file mode=0644 size=1 sha256=${content.repeat(64)}`, ...comments)

async function between(before: Group[], after: Group[], selection: Selection = EVERYTHING): Promise<Record<string, string[]>> {
  const changed = await changedBetween(batchOf(before), () => batchOf(after), selection)
  const found: Record<string, string[]> = {wanted: [], 'on-the-way': [], 'left-out': [], gone: [...changed.gone]}
  for (const {path} of after) found[changed.selection.partOf(path)]!.push(path)
  return found
}

const before = [dir('.'), dir('./a'), file('./a/changed', '1'), file('./a/gone', '1'), file('./a/same', '1'), dir('./b'), file('./b/chmod', '1')]

it('is what is not as it was, with the directories above', async () => {
  const chmod = group('./b/chmod type=file mode=0600 size=1 sha256=' + '1'.repeat(64))
  const after = [dir('.'), dir('./a'), file('./a/changed', '2'), file('./a/new', '1'), file('./a/same', '1'), dir('./b'), chmod, dir('./c')]
  expect(await between(before, after)).toEqual({
    wanted: ['./a/changed', './a/new', './b/chmod', './c'], 'on-the-way': ['.', './a', './b'], 'left-out': ['./a/same'], gone: ['./a/gone'],
  })
  expect(await between(before, after, selectionOf(['./b']))).toMatchObject({wanted: ['./b/chmod'], gone: []})
})

it('is not how something is stored, or whether it could be read', async () => {
  const after = [dir('.'), dir('./a'), file('./a/changed', '1', `chunks=${'1'.repeat(64)}`, 'cut=15'), group('./a/gone', 'error=EACCES'), file('./a/same', '1', 'stale=EIO'), dir('./b'), file('./b/chmod', '1', 'note=changed')]
  after[3] = {...after[3]!, line: ''}
  expect(await between(before, after)).toMatchObject({wanted: [], 'on-the-way': ['.'], gone: []})
})

it('is gone where there is something else that is not stored', async () => {
  const socket = {...group('./a/gone', 'left-out=socket'), line: ''}
  expect(await between(before, [...before.slice(0, 3), socket, ...before.slice(4)])).toMatchObject({wanted: [], gone: ['./a/gone']})
})

it('is all names of a file that has another one', async () => {
  const names = [dir('.'), file('./1', '1'), file('./2', '1', 'hardlink=./1'), file('./other', '2')]
  expect(await between(names, [...names, file('./z', '1', 'hardlink=./1')])).toMatchObject({wanted: ['./1', './2', './z'], 'left-out': ['./other']})
})
