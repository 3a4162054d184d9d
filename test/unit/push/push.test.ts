// What a push does while it connects, without a tree, a store or a machine.

import {expect, test} from 'vitest'
import {withChanges} from '../../../src/lib/push/push.ts'
import {memorySpill} from '../index/texts.ts'
import type {Sink} from '../../../src/lib/cli/send-sink.ts'
import type {LocalSource} from '../../../src/lib/source/local.ts'

const digest = '1'.repeat(64)
const chain = async () => ({links: [], full: Buffer.from('#mtree\n#bk index 1 root=/\n'), changes: [], root: '/'})

/** A tree without end, that knows whether somebody still walks it. */
function endlessTree(): LocalSource & {readonly walks: () => boolean} {
  let walks = false
  return {
    root: '/',
    directory: '/',
    async *batches() {
      walks = true
      try {
        for (let at = 0; ; at++) {
          await new Promise((done) => setImmediate(done))
          yield {text: Buffer.from(at === 0 ? '. type=dir\n' : `./${String(at).padStart(9, '0')} type=fifo\n`), entries: 1, unread: 0}
        }
      } finally {
        walks = false
      }
    },
    learn: async () => {},
    walks: () => walks,
  }
}

const refused = (): Promise<Sink> => new Promise((_, failed) => setTimeout(() => failed(new Error('nobody is there')), 20))
const use = (): Promise<never> => Promise.reject(new Error('not reached'))

test.each([
  ['known', {digest, chain}],
  ['not known', undefined],
])('a store that cannot be reached ends the walk at once, where what it has is %s', async (_, guess) => {
  const tree = endlessTree()
  await expect(withChanges(tree, {sink: refused(), guess}, {spill: memorySpill}, use)).rejects.toThrow('nobody is there')
  expect(tree.walks()).toBe(false)
})

test('a memory that is damaged is no guess', async () => {
  const tree = endlessTree()
  const guess = {digest, chain: () => Promise.reject(Object.assign(new Error('gone'), {code: 'ENOENT'}))}
  await expect(withChanges(tree, {sink: refused(), guess}, {spill: memorySpill}, use)).rejects.toThrow('nobody is there')
})
