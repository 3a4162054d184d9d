// Over a tree that is there: files are replaced in one step, nothing is deleted, and no link leads anywhere.

import {spawnSync} from 'node:child_process'
import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {interceptCalls} from '../../../src/lib/sys/calls.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree, type TreeEntry} from '../../harness/tree.ts'
import {addSnapshot, makeStore, readTree} from './make-store.ts'
import {ofKind, runRestore} from './run-restore.ts'

const large = Buffer.from(Array.from({length: 700_000}, (_, i) => (i * i * 13 + (i >> 5)) & 255))

async function prepared(src: readonly TreeEntry[], out: readonly TreeEntry[]): Promise<{readonly dir: string; readonly src: string; readonly out: string; readonly store: string}> {
  const dir = tempDir('overwrite')
  makeTree(join(dir, 'src'), src)
  makeTree(join(dir, 'out'), out)
  const store = await makeStore(join(dir, 'store'))
  await addSnapshot(store, readTree(join(dir, 'src')))
  return {dir, src: join(dir, 'src'), out: join(dir, 'out'), store}
}

describe('over what is there', () => {
  it('everything odd, twice', async () => {
    const {src, out, store} = await prepared(oddTree(), [{path: 'names/a', type: 'file', content: 'old'}])
    for (let times = 0; times < 2; times++) {
      const outcome = await runRestore(store, out, {overwrite: true})
      expect(outcome.said).toEqual([])
      expect(sameTree(src, out, {ignoreSockets: true})).toEqual([])
    }
  })

  it('files are replaced and others stay', async () => {
    const {out, store} = await prepared(
      [{path: 'd/a', type: 'file', content: 'new', mode: 0o600}, {path: 'd/large', type: 'file', content: large}],
      [
        {path: 'd/a', type: 'file', content: 'old, and longer', xattrs: {'user.old': '1'}},
        {path: 'd/large', type: 'file', content: 'old'},
        {path: 'd/mine', type: 'file', content: 'mine'},
        {path: 'other/mine', type: 'file', content: 'mine too'},
      ],
    )
    const before = fs.statSync(join(out, 'd/a')).ino
    const opened = fs.openSync(join(out, 'd/a'), 'r')
    await runRestore(store, out, {overwrite: true})
    expect(fs.readdirSync(out, {recursive: true}).sort()).toEqual(['d', 'd/a', 'd/large', 'd/mine', 'other', 'other/mine'])
    expect(fs.readFileSync(join(out, 'd/a'), 'utf8')).toBe('new')
    expect(fs.readFileSync(join(out, 'd/large')).equals(large)).toBe(true)
    expect(fs.readFileSync(join(out, 'd/mine'), 'utf8')).toBe('mine')
    // Another inode: who has the old one open still reads it.
    expect(fs.statSync(join(out, 'd/a')).ino).not.toBe(before)
    expect(fs.readFileSync(opened, 'utf8')).toBe('old, and longer')
    fs.closeSync(opened)
    expect(spawnSync('getfattr', [join(out, 'd/a')], {encoding: 'utf8'}).stdout).toBe('')
  })

  it('directories that are only on the way keep what they have', async () => {
    const {out, store} = await prepared(
      [{path: 'd/e/a', type: 'file', content: 'new'}, {path: 'd', type: 'dir', mode: 0o755, time: '1000000000'}, {path: 'd/e', type: 'dir', mode: 0o711}],
      [{path: 'd', type: 'dir', mode: 0o700}],
    )
    await runRestore(store, out, {overwrite: true, paths: ['d/e/a']})
    expect(fs.statSync(join(out, 'd')).mode & 0o777).toBe(0o700)
    // One that had to be made is as it was.
    expect(fs.statSync(join(out, 'd/e')).mode & 0o777).toBe(0o711)
    await runRestore(store, out, {overwrite: true, paths: ['d']})
    expect([fs.statSync(join(out, 'd')).mode & 0o777, fs.statSync(join(out, 'd')).mtimeMs]).toEqual([0o755, 1_000_000_000_000])
  })

  it('a default ACL of what is there is not inherited', async () => {
    const {src, out, store} = await prepared(
      [{path: 'd/a', type: 'file', content: 'new', mode: 0o640}, {path: 'd/large', type: 'file', content: large}, {path: 'd/sub/x', type: 'file', content: 'x'}],
      [{path: 'd', type: 'dir', acl: 'd:u:1:rwx'}],
    )
    await runRestore(store, out, {overwrite: true})
    expect(sameTree(src, out)).toEqual([])
  })

  it('hard links that are there already, and some that are not', async () => {
    const tree: TreeEntry[] = [
      {path: 'a', type: 'file', content: 'one'},
      {path: 'b', type: 'hardlink', target: 'a'},
      {path: 'c', type: 'hardlink', target: 'a'},
    ]
    const {src, out, store} = await prepared(tree, [...tree.slice(0, 2), {path: 'c', type: 'file', content: 'alone'}])
    await runRestore(store, out, {overwrite: true})
    expect(sameTree(src, out)).toEqual([])
    await runRestore(store, out, {overwrite: true, paths: ['b', 'c']})
    expect(fs.readdirSync(out).sort()).toEqual(['a', 'b', 'c'])
    expect(fs.statSync(join(out, 'b')).nlink).toBe(2)
  })
})

describe('what is in the way', () => {
  it('a directory where a file was, a file where a directory was', async () => {
    const {out, store} = await prepared(
      [{path: 'a', type: 'file', content: 'a'}, {path: 'b/c', type: 'file', content: 'c'}, {path: 'l', type: 'link', target: 'a'}, {path: 'large', type: 'file', content: large}, {path: 'z', type: 'file', content: 'z'}],
      [{path: 'a/kept', type: 'file', content: 'kept'}, {path: 'b', type: 'file', content: 'kept too'}, {path: 'l/kept', type: 'file', content: 'k'}, {path: 'large/kept', type: 'file', content: 'k'}],
    )
    const outcome = await runRestore(store, out, {overwrite: true})
    expect(ofKind(outcome, 'problem').sort()).toEqual([
      './a: a directory is in its place',
      './b/c: the directory above it is none there',
      './b: something that is no directory is in its place',
      './l: a directory is in its place',
      './large: a directory is in its place',
    ])
    expect(fs.readdirSync(out, {recursive: true}).sort()).toEqual(['a', 'a/kept', 'b', 'l', 'l/kept', 'large', 'large/kept', 'z'])
    expect(outcome.restored).toMatchObject({files: 1, failed: 5})
  })

  it('links lead nowhere', async () => {
    const {dir, out, store} = await prepared(
      [
        {path: 'd/a', type: 'file', content: 'new'},
        {path: 'f', type: 'file', content: 'new'},
        {path: 'large', type: 'file', content: large},
        {path: 'e', type: 'dir', mode: 0o777},
      ],
      [],
    )
    makeTree(join(dir, 'outside'), [{path: 'victim', type: 'file', content: 'untouched'}, {path: 'dir/a', type: 'file', content: 'untouched'}])
    fs.writeFileSync(join(out, 'x'), '')
    fs.symlinkSync('../outside/dir', join(out, 'd'))
    fs.symlinkSync('../outside/dir', join(out, 'e'))
    fs.symlinkSync('../outside/victim', join(out, 'f'))
    fs.symlinkSync('../outside/victim', join(out, 'large'))
    const modes = (): number[] => ['dir', 'victim'].map((name) => fs.statSync(join(dir, 'outside', name)).mode)
    const before = modes()
    const outcome = await runRestore(store, out, {overwrite: true})
    expect(ofKind(outcome, 'problem').sort()).toEqual([
      './d/a: the directory above it is none there',
      './d: something that is no directory is in its place',
      './e: something that is no directory is in its place',
    ])
    expect(fs.readdirSync(join(dir, 'outside'), {recursive: true}).sort()).toEqual(['dir', 'dir/a', 'victim'])
    for (const name of ['victim', 'dir/a']) expect(fs.readFileSync(join(dir, 'outside', name), 'utf8')).toBe('untouched')
    expect(modes()).toEqual(before)
    // The links that stood where files were are files now.
    expect(fs.lstatSync(join(out, 'f')).isFile() && fs.lstatSync(join(out, 'large')).isFile()).toBe(true)
  })
})

describe('somebody else writes while we do', () => {
  it('a directory is exchanged for a link', async () => {
    const {dir, out, store} = await prepared(Array.from({length: 20}, (_, i) => ({path: `d${i}/a`, type: 'file' as const, content: `${i}`})), [])
    makeTree(join(dir, 'outside'), [{path: 'kept', type: 'file', content: 'kept'}])
    // As soon as the first file has been made.
    let done = false
    const stop = interceptCalls(({name, proceed}) => {
      if (name === 'futimens' && !done) {
        done = true
        for (let i = 0; i < 20; i++) {
          fs.renameSync(join(out, `d${i}`), join(out, `moved${i}`))
          fs.symlinkSync('../outside', join(out, `d${i}`))
        }
      }
      return proceed()
    })
    const outcome = await runRestore(store, out).finally(stop)
    expect(done).toBe(true)
    expect(ofKind(outcome, 'problem').length).toBeGreaterThan(18)
    expect(fs.readdirSync(join(dir, 'outside'))).toEqual(['kept'])
  })

  it('a link is there where a new file is to be', async () => {
    const {dir, out, store} = await prepared([{path: 'a', type: 'file', content: 'a'}, {path: 'b', type: 'file', content: 'b'}, {path: 'l', type: 'link', target: 'a'}, {path: 'large', type: 'file', content: large}], [])
    fs.writeFileSync(join(dir, 'victim'), 'untouched')
    const stop = interceptCalls(({name, proceed}) => {
      if ((name === 'openat' || name === 'symlinkat') && !fs.existsSync(join(out, 'l')) && !fs.readdirSync(out).includes('l')) for (const leaf of ['a', 'l', 'large']) fs.symlinkSync('../victim', join(out, leaf))
      return proceed()
    })
    const outcome = await runRestore(store, out).finally(stop)
    expect(ofKind(outcome, 'problem').sort()).toEqual(['./a', './l', './large'].map((path) => `${path}: something else is there already`))
    expect(fs.readFileSync(join(dir, 'victim'), 'utf8')).toBe('untouched')
    expect(fs.readdirSync(out).sort()).toEqual(['a', 'b', 'l', 'large'])
    // What they have put there is not ours to remove.
    expect(fs.readlinkSync(join(out, 'a'))).toBe('../victim')
  })

  it('a directory is there where a new one is to be', async () => {
    const {out, store} = await prepared([{path: 'd/a', type: 'file', content: 'a'}], [])
    const stop = interceptCalls(({name, proceed}) => {
      if (name === 'mkdirat') fs.mkdirSync(join(out, 'd'))
      return proceed()
    })
    await expect(runRestore(store, out).finally(stop)).rejects.toMatchObject({status: 2, message: expect.stringContaining('somebody else makes files') as string})
    expect(fs.readdirSync(join(out, 'd'))).toEqual([])
  })

  it('a file that is half written is exchanged for a name of another', async () => {
    const {dir, out, store} = await prepared([{path: 'large', type: 'file', content: large}], [{path: 'mine', type: 'file', content: 'x'}])
    fs.writeFileSync(join(dir, 'victim'), 'untouched')
    let exchanged = 0
    const stop = interceptCalls(({name, args, proceed}) => {
      const [, leaf, flags] = args as [number, Buffer, number]
      if (name === 'openat' && leaf.toString().startsWith('.bk.tmp.') && (flags & fs.constants.O_CREAT) === 0) {
        fs.unlinkSync(join(out, leaf.toString()))
        fs.linkSync(join(dir, 'victim'), join(out, leaf.toString()))
        exchanged++
      }
      return proceed()
    })
    const outcome = await runRestore(store, out, {overwrite: true}).finally(stop)
    expect(exchanged).toBeGreaterThan(0)
    expect(ofKind(outcome, 'problem')).toEqual(['./large: somebody else has exchanged the file while it was written'])
    expect(fs.readFileSync(join(dir, 'victim'), 'utf8')).toBe('untouched')
    expect(fs.existsSync(join(out, 'large'))).toBe(false)
  })
})
