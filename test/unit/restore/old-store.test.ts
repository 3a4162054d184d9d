// The layout `old` of stores with large files, long attributes and damage: what is lost of the past never keeps the rest from coming back.

import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {withComments} from '../../../src/lib/index/group.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {addSnapshot, group, indexText, makeStore, readTree, type Contents} from './make-store.ts'
import {contentsOf, storedChanges, type Node, type Tree} from './old-histories.ts'
import {needsItsOwn, planned} from './old-stores.ts'
import {ofKind, runRestore, type Outcome} from './run-restore.ts'

const file = (content: string): Node => ({kind: 'file', mode: 0o644, content})
const folder: Node = {kind: 'dir', mode: 0o755, content: ''}
const received = (day: number): string => `2026-11-${day}T08:30:05Z`

function packsOf(store: string): string[] {
  return fs.readdirSync(join(store, 'packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).map((name) => join(store, 'packs', name))
}

/** The packs whose tables of contents name an object. */
function packsWith(store: string, id: string): string[] {
  return packsOf(store).filter((pack) => fs.readFileSync(pack, 'latin1').includes(`\n${id} `))
}

function recordOf(store: string, seq: number): string {
  return fs.readFileSync(join(store, `log/00000${seq}`), 'latin1')
}

async function restoreOld(store: string): Promise<Outcome & {readonly out: string}> {
  const out = join(tempDir('old-out'), 'out')
  return {...(await runRestore(store, out, {layout: 'old'})), out}
}

describe('content that only earlier snapshots need', () => {
  it('in pieces, with lists of them, with attributes that are objects, in threads', async () => {
    const dir = tempDir('old-store')
    const src = join(dir, 'src')
    const large = (seed: number): Buffer => Buffer.from(Array.from({length: 900_000}, (_, i) => (i * i * seed + (i >> 7)) & 255))
    const store = await makeStore(join(dir, 'store'))
    const value = Buffer.alloc(2000, 'a long attribute')
    for (const [i, seed] of [31, 37, 31, 41].entries()) {
      makeTree(src, [{path: 'd/large', type: 'file', content: large(seed)}, {path: 'd/small', type: 'file', content: `small ${i}\n`}])
      const {groups, objects, root} = readTree(src)
      const withLong = groups.map((each) => (each.path === './d/small' ? withComments(each, {'xattr.user.long': `@${objectId(value)}`}) : each))
      await addSnapshot(store, {root, objects: new Map([...objects, [objectId(value), value]]), groups: withLong}, {received: received(18 + i), draft: needsItsOwn, frame: 100_000, pack: 300_000})
    }
    const {said, restored, out} = await restoreOld(store)
    expect([said.filter(({kind}) => kind !== 'detail'), restored.versions]).toEqual([[], 6])
    for (const [i, seed] of [31, 37, 31].entries()) {
      expect(fs.readFileSync(join(out, `d/.old/large.202611${18 + i}T083005Z`)).equals(large(seed))).toBe(true)
      expect(fs.readFileSync(join(out, `d/.old/small.202611${18 + i}T083005Z`), 'utf8')).toBe(`small ${i}\n`)
    }
    expect(fs.readFileSync(join(out, 'd/large')).equals(large(41))).toBe(true)
  })
})

describe('damage', () => {
  /** Four days: a file in four versions, another in two; the index of the third day is changes against that of the second. */
  async function prepared(): Promise<string> {
    const store = await makeStore(join(tempDir('old-damage'), 'store'))
    const trees: Tree[] = [1, 2, 3, 4].map((day) => new Map([['', folder], ['a', file(`a on day ${day}\n`)], ['b', file(`b until day ${day < 4 ? 3 : 4}\n`)]]))
    const contents = trees.map(contentsOf)
    const second = indexText(contents[1]!).bytes
    for (const [i, each] of contents.entries()) {
      const index = i === 2 ? {index: {bytes: storedChanges(contents[1]!, each, second), level: 'near' as const}} : {draft: needsItsOwn}
      await addSnapshot(store, each, {received: received(18 + i), ...index})
    }
    return store
  }

  const idOf = (text: string): string => objectId(Buffer.from(text))
  const indexOf = (store: string, seq: number): string => /^index (\S+)/m.exec(recordOf(store, seq))![1]!
  const names = (out: string): string[] => fs.readdirSync(join(out, '.old')).sort()

  it('a version whose pack is gone is named; one that another pack has is there', async () => {
    const store = await prepared()
    for (const pack of packsWith(store, idOf('a on day 1\n'))) fs.rmSync(pack)
    const outcome = await restoreOld(store)
    expect(ofKind(outcome, 'problem')).toEqual([expect.stringMatching(/^\.\/\.old\/a\.20261118T083005Z: its content is lost: pack \w{64} is missing$/)])
    expect([outcome.restored.failed, names(outcome.out)]).toEqual([1, ['a.20261119T083005Z', 'a.20261120T083005Z', 'b.20261118T083005Z']])
    expect(ofKind(outcome, 'warning')).toEqual([])
  })

  it('an attribute of versions whose pack is gone is taken from another', async () => {
    const store = await makeStore(join(tempDir('old-damage'), 'store'))
    const value = Buffer.from('a value of an attribute')
    for (const [i, text] of ['one\n', 'two\n', 'three\n'].entries()) {
      const contents = contentsOf(new Map([['', folder], ['a', file(text)]]))
      const groups = contents.groups.map((each) => (i < 2 && each.path === './a' ? withComments(each, {'xattr.user.long': `@${objectId(value)}`}) : each))
      const objects = i < 2 ? new Map([...contents.objects, [objectId(value), value]]) : contents.objects
      // In a pack of its own, since each is closed at once.
      await addSnapshot(store, {...contents, groups, objects}, {received: received(18 + i), draft: needsItsOwn, frame: 1, pack: 1})
    }
    const [first] = packsWith(store, objectId(value)).filter((pack) => fs.readFileSync(join(store, 'catalogs', /^catalog (\S+)/m.exec(recordOf(store, 1))![1]!), 'latin1').includes(pack.split('/').at(-1)!.slice(0, 64)))
    fs.rmSync(first!)
    const outcome = await restoreOld(store)
    expect([ofKind(outcome, 'problem'), names(outcome.out)]).toEqual([[], ['a.20261118T083005Z', 'a.20261119T083005Z']])
    expect(ofKind(outcome, 'warning')).toEqual([expect.stringMatching(/^pack \w{64} is missing; 2 objects were taken from other packs$/)])
  })

  it('an index that is gone costs what only its snapshot has, and it is said', async () => {
    const store = await prepared()
    for (const pack of packsWith(store, indexOf(store, 2))) fs.rmSync(pack)
    const outcome = await restoreOld(store)
    expect(ofKind(outcome, 'warning')).toEqual([2, 3].map((seq) => expect.stringMatching(new RegExp(`^the index of snapshot ${seq} cannot be read, and what only that snapshot has is missing: object \\w{64} is lost: `))))
    expect([outcome.restored.failed, names(outcome.out)]).toEqual([0, ['a.20261118T083005Z', 'b.20261118T083005Z']])
  })

  it('the oldest, or all but the newest', async () => {
    const store = await prepared()
    for (const pack of packsWith(store, indexOf(store, 1))) fs.rmSync(pack)
    const withoutOne = await restoreOld(store)
    expect(names(withoutOne.out)).toEqual(['a.20261119T083005Z', 'a.20261120T083005Z', 'b.20261119T083005Z'])
    for (const pack of packsWith(store, indexOf(store, 2))) fs.rmSync(pack)
    const alone = await restoreOld(store)
    expect([ofKind(alone, 'warning').length, fs.readdirSync(alone.out).sort()]).toEqual([3, ['a', 'b']])
    for (const pack of packsWith(store, indexOf(store, 4))) fs.rmSync(pack)
    await expect(restoreOld(store)).rejects.toMatchObject({status: 65})
  })

  it('a catalog that is gone costs nothing: its packs say what they hold', async () => {
    const store = await prepared()
    fs.rmSync(join(store, 'catalogs', /^catalog (\S+)/m.exec(recordOf(store, 1))![1]!))
    const outcome = await restoreOld(store)
    expect(ofKind(outcome, 'warning')).not.toEqual([])
    expect([outcome.restored.failed, names(outcome.out)]).toEqual([0, names((await restoreOld(await prepared())).out)])
  })
})

describe('an earlier index that no program of ours has written', () => {
  const now: Contents = contentsOf(new Map([['', folder], ['a', file('now\n')]]))

  async function after(groups: Contents['groups']): Promise<string> {
    const store = await makeStore(join(tempDir('old-hostile'), 'store'))
    await addSnapshot(store, {root: '/srv', groups, objects: new Map([[objectId(Buffer.from('x\n')), Buffer.from('x\n')]])}, {received: received(18)})
    await addSnapshot(store, now, {received: received(19)})
    return store
  }

  const digest = objectId(Buffer.from('x\n'))
  const whole = `type=file mode=0644 size=2 time=1.000000000 sha256=${digest}`
  const top = group('. type=dir mode=0755')

  it.for([
    ['no size', [top, group(`./a type=file mode=0644 sha256=${digest}`)], 'size or sha256 is missing'],
    ['a size of nothing', [top, group(`./a type=file mode=0644 size=0 time=1.000000000 sha256=${digest}`)], 'a file of no bytes has the digest of some'],
    ['a line that is none', [top, group(`./a type=file mode=9999 size=2 sha256=${digest}`)], 'not an entry'],
    ['a comment that is none', [top, group(`./a ${whole}`, 'chunks=x')], 'chunks'],
  ] as const)('%s: the version is named, the tree comes back', async ([, groups, why]) => {
    const {said, problems} = await planned(await after(groups)).then(({said}) => ({said, problems: said.filter((text) => text.includes('.old/a.20261118T083005Z'))}))
    expect(problems.length).toBe(1)
    expect(problems[0]).toContain(why)
    expect(said.length).toBe(1)
  })

  it.for([2, 20, -1, -10, -90])('cut off at byte %i', async (at) => {
    const store = await makeStore(join(tempDir('old-hostile'), 'store'))
    const old = contentsOf(new Map([['', folder], ...Array.from({length: 3000}, (_, i) => [`f${i}`, file('x\n')] as const)]))
    await addSnapshot(store, old, {received: received(17), index: {bytes: indexText(old).bytes.subarray(0, at), level: 'full'}})
    await addSnapshot(store, contentsOf(new Map([['', folder], ['a', file('x\n')]])), {received: received(18)})
    await addSnapshot(store, old, {received: received(19), index: {bytes: indexText(old).bytes.subarray(0, at), level: 'full'}})
    await addSnapshot(store, now, {received: received(20)})
    const outcome = await restoreOld(store)
    expect(ofKind(outcome, 'warning')).toEqual([1, 3].map((seq) => expect.stringMatching(`^the index of snapshot ${seq} cannot be read`)))
    expect(outcome.restored.failed).toBe(0)
    expect(fs.readdirSync(join(outcome.out, '.old'))).toContain('a.20261118T083005Z')
    expect(fs.readFileSync(join(outcome.out, 'a'), 'utf8')).toBe('now\n')
  })

  it('a directory whose line is none is made again, for its owner alone', async () => {
    const {out, said} = await restoreOld(await after([top, group('./d type=dir mode=09'), group(`./d/f ${whole}`)]))
    expect(said.filter(({kind}) => kind !== 'detail')).toEqual([])
    expect([fs.statSync(join(out, 'd')).mode & 0o777, fs.statSync(join(out, 'd/.old')).mode & 0o777, fs.readFileSync(join(out, 'd/.old/f.20261118T083005Z'), 'utf8')]).toEqual([0o700, 0o700, 'x\n'])
  })

  it('changes that do not fit what they are against', async () => {
    const store = await makeStore(join(tempDir('old-hostile'), 'store'))
    const [one, two, three] = ['one\n', 'two\n', 'three\n'].map((text) => contentsOf(new Map([['', folder], ['a', file(text)], ['b', file('x\n')]])))
    await addSnapshot(store, one!, {received: received(17)})
    const misfit = String(storedChanges(one!, two!, indexText(one!).bytes)).replace(/^(#bk end .*lines=)1 /m, '- ./nothing\n$12 ')
    await addSnapshot(store, two!, {received: received(18), index: {bytes: Buffer.from(misfit), level: 'near'}})
    await addSnapshot(store, three!, {received: received(19)})
    const outcome = await restoreOld(store)
    expect(ofKind(outcome, 'warning')).toEqual([expect.stringMatching(/^the index of snapshot 2 cannot be read, .*: the changes do not fit their base/)])
    expect([fs.readFileSync(join(outcome.out, 'a'), 'utf8'), fs.readdirSync(join(outcome.out, '.old')).sort()]).toEqual(['three\n', ['a.20261117T083005Z', 'a.20261118T083005Z']])
  })

  it('a hard link that is a directory, a path without its directory: nothing of it is followed', async () => {
    const store = await after([top, group('./d type=dir mode=0755', 'hardlink=.'), group(`./d/f ${whole}`, 'hardlink=./a'), group(`./z ${whole}`)])
    const {restored, out} = await restoreOld(store)
    expect([restored.failed, restored.versions]).toEqual([0, 2])
    expect(fs.readFileSync(join(out, 'd/.old/f.20261118T083005Z'), 'utf8')).toBe('x\n')
    expect(fs.statSync(join(out, 'd/.old/f.20261118T083005Z')).nlink).toBe(1)
  })
})
