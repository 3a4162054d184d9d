// What a command hands to treeSource beside its flags: what is to be left out is asked for once it is known what is wanted.

import {realpathSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, expect, test} from 'vitest'
import {createSpeech} from '../../../src/lib/cli/speech.ts'
import {leftOutOf} from '../../../src/lib/source/left-out.ts'
import type {Wanted} from '../../../src/lib/source/operands.ts'
import {indexText} from '../../../src/lib/source/source.ts'
import {treeSource, type TreeContext, type TreeFlags} from '../../../src/lib/source/tree-flags.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'

const dir = realpathSync(tempDir('flags'))
makeTree(dir, [
  {path: 'a/x', type: 'file', content: 'x'},
  {path: 'a/store/log', type: 'file', content: 'log'},
  {path: 'b', type: 'file', content: 'b'},
])
const cwd = process.cwd()
afterEach(() => process.chdir(cwd))

const noFlags: TreeFlags = {
  directory: dir, 'exclude-caches': false, 'exclude-nodump': false, 'ignore-inode': false, 'keep-going': false,
  'no-cache': true, 'no-digest': true, null: false, 'one-file-system': false,
}

async function listed(words: readonly string[], flags: TreeFlags, leftOut?: TreeContext['leftOut']): Promise<readonly string[]> {
  const speech = createSpeech('bk test', {write: () => {}})
  const tree = await treeSource(words, flags, {kind: 'sha256', speech, workers: 1, env: {}, leftOut})
  let text = ''
  for await (const piece of indexText(tree)) text += piece.toString('latin1')
  return text.split('\n').filter((line) => line.startsWith('.')).map((line) => line.split(' ')[0]!)
}

test('what is left out depends on what is wanted', async () => {
  const asked: Wanted[] = []
  const leftOut = (wanted: Wanted): ReturnType<typeof leftOutOf> => {
    asked.push(wanted)
    return leftOutOf(wanted, join(dir, 'a/store'))
  }
  expect(await listed(['a', 'b'], noFlags)).toEqual(['.', './a', './a/store', './a/store/log', './a/x', './b'])
  expect(await listed(['a', 'b'], noFlags, leftOut)).toEqual(['.', './a', './a/x', './b'])
  expect(await listed(['.'], {...noFlags, as: '/srv'}, leftOut)).toEqual(['.', './a', './a/x', './b'])
  expect(await listed([join(dir, 'a')], noFlags, leftOut)).toEqual(['.', ...ancestors(dir), `.${dir}/a`, `.${dir}/a/x`])
  expect(asked).toEqual([{root: dir, paths: ['a', 'b']}, {root: dir, paths: ['']}, {root: '/', paths: [`${dir}/a`.slice(1)]}])
})

test('what must not be wanted ends it before anything is read', async () => {
  await expect(listed(['b', 'a/store'], noFlags, (wanted) => leftOutOf(wanted, join(dir, 'a/store')))).rejects.toMatchObject({status: 64})
})

function ancestors(path: string): string[] {
  const names = path.split('/').slice(1)
  return names.map((_, index) => `./${names.slice(0, index + 1).join('/')}`)
}
