// An index that changes into the next and back: at every step it is what a list of all its lines would be.

import {expect, test} from 'vitest'
import {IndexReader} from '../../../src/lib/index/read.ts'
import {IndexState, type Undo} from '../../../src/lib/history/index-state.ts'
import {seeded} from '../../harness/faults.ts'
import {indexText} from '../restore/make-store.ts'
import {sha256} from '../store/memory-store.ts'
import type {Change} from '../../../src/lib/index/changes.ts'
import type {Group} from '../../../src/lib/index/group.ts'

const directories = ['.', './a', './a-b', './a/x', './b', './b/c']

/* Some tree: names that sort in between each other's contents, comments, and paths that could not be read. */
function someTree(random: () => number): Group[] {
  const groups = new Map<string, Group>()
  for (const path of directories) if (path === '.' || path === './a' || path === './b' || random() < 0.8) groups.set(path, {path, line: `${path} type=dir mode=07${Math.floor(random() * 2)}5`, comments: []})
  for (const dir of directories.filter((each) => groups.has(each))) {
    for (const name of ['f', 'x-1', 'x.2', 'c0', 'zz']) {
      if (random() < 0.5) continue
      const path = `${dir}/${name}`
      const content = `${Math.floor(random() * 3)}`
      const line = `${path} type=file size=1 time=0.00000000${Math.floor(random() * 3)} sha256=${sha256(content)}`
      const kind = random()
      if (kind < 0.1) groups.set(path, {path, line: '', comments: [`#bk ${path} error=EACCES`]})
      else groups.set(path, {path, line, comments: kind < 0.3 ? [`#bk ${path} note=changed`] : kind < 0.4 ? [`#bk ${path} stale=EIO`] : []})
    }
  }
  return [...groups.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function changesBetween(a: Buffer, b: readonly Group[]): Promise<Change[]> {
  const old = new Map<string, Group>()
  for await (const batch of new IndexReader([a]).batches()) for (const group of batch) old.set(group.path, group)
  const next = new Map(b.map((group) => [group.path, group]))
  const changes: Change[] = []
  for (const path of [...new Set([...old.keys(), ...next.keys()])].sort()) {
    const [was, is] = [old.get(path), next.get(path)]
    if (is === undefined) changes.push({mark: '-', group: {path, line: '', comments: []}})
    else if (was === undefined) changes.push({mark: is.line === '' ? '!' : '+', group: is})
    else if (was.line !== is.line || was.comments.join() !== is.comments.join()) changes.push({mark: '~', group: is})
  }
  return changes
}

test('300 random chains, forth and back', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed)
    const trees = Array.from({length: 4}, () => someTree(random))
    const texts = trees.map((groups) => indexText({root: '/', groups}))
    const there = new Map<string, string>()
    const state = await IndexState.read(texts[0]!.bytes, {
      put: ({path, line}) => void there.set(path, line),
      remove: ({path, line}) => {
        expect(there.get(path)).toBe(line)
        there.delete(path)
      },
    })
    const expectTree = async (i: number): Promise<void> => {
      const groups = trees[i]!
      const {digest, entries} = await state.whole()
      expect({seed, i, digest, entries}).toEqual({seed, i, digest: texts[i]!.digest, entries: texts[i]!.entries})
      expect({entries: state.entries, bytes: state.bytes}).toEqual({entries, bytes: groups.filter(({line}) => line.includes('type=file')).length})
      expect(state.partial).toBe(groups.filter(({comments}) => comments.some((comment) => /error=|stale=/.test(comment))).length)
      expect([...there].sort()).toEqual(groups.map(({path, line}) => [path, line]).sort())
    }
    const undos: Undo[] = []
    for (let i = 1; i < trees.length; i++) {
      undos.push([])
      await state.apply(await changesBetween(texts[i - 1]!.bytes, trees[i]!), undos.at(-1)!)
      await expectTree(i)
    }
    for (let i = trees.length - 2; i >= 0; i--) {
      await state.revert(undos.pop()!)
      await expectTree(i)
    }
  }
})

test('changes that do not fit are refused, and can be taken back', async () => {
  const groups = someTree(seeded(7))
  const {bytes, digest} = indexText({root: '/', groups})
  const state = await IndexState.read(bytes, {put() {}, remove() {}})
  const line = (path: string): Group => ({path, line: `${path} type=file size=1 time=0.000000000 sha256=${sha256('x')}`, comments: []})
  for (const change of [
    {mark: '+', group: groups[1]!},
    {mark: '~', group: line('./not-there')},
    {mark: '-', group: line('./not-there')},
    {mark: '+', group: line('./no/directory')},
    {mark: '+', group: line(`${groups.find((group) => group.line.includes('type=file'))!.path}/below`)},
  ] as const) {
    const undo: Undo = []
    await expect(state.apply([change], undo)).rejects.toMatchObject({status: 65})
    await state.revert(undo)
    expect((await state.whole()).digest).toBe(digest)
  }
  // A directory that goes without what is in it shows when the whole is read.
  const undo: Undo = []
  await state.apply([{mark: '-', group: line('./a')}], undo)
  await expect(state.whole()).rejects.toMatchObject({status: 65})
})
