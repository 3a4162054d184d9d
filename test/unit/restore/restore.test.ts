// A tree goes into a store and comes back, and programs that know nothing of bk find no difference.

import {spawnSync} from 'node:child_process'
import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree, manyFiles} from '../../harness/tree.ts'
import {chainOf} from './chained-store.ts'
import {addSnapshot, group, makeStore, readTree} from './make-store.ts'
import {ofKind, runRestore} from './run-restore.ts'

/** Bytes that neither compress nor repeat, the same each time. */
function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size)
  let state = seed
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

async function storeOf(tree: string, options = {}): Promise<string> {
  const store = await makeStore(`${tree}.store`)
  await addSnapshot(store, readTree(tree), options)
  return store
}

describe('everything comes back', () => {
  it('odd names, types, modes, times, links, holes and attributes', async () => {
    const dir = tempDir('restore')
    makeTree(join(dir, 'src'), oddTree())
    const store = await storeOf(join(dir, 'src'), {frame: 20_000, pack: 100_000})
    const {restored, said} = await runRestore(store, join(dir, 'out'))
    expect(said).toEqual([])
    expect(restored.failed).toBe(0)
    expect(sameTree(join(dir, 'src'), join(dir, 'out'), {ignoreSockets: true})).toEqual([])
    // rsync is of the same opinion.
    const rsync = spawnSync('rsync', ['-aHAXnc', '--delete', '--no-specials', '--itemize-changes', `${join(dir, 'src')}/`, `${join(dir, 'out')}/`], {encoding: 'latin1'})
    expect([rsync.status, rsync.stdout.replaceAll(/^\.?.*types\/socket\n|^skipping .*\n/gm, '')]).toEqual([0, ''])
  })

  it('in threads, with files in pieces all over the packs', async () => {
    const dir = tempDir('restore')
    const src = join(dir, 'src')
    manyFiles(src, 400)
    fs.writeFileSync(join(src, 'large'), noise(9 << 20))
    // The same chunks at other places, and a chunk many times in one file.
    fs.writeFileSync(join(src, 'moved'), Buffer.concat([noise(600_000, 7), noise(9 << 20).subarray(1 << 20), noise(700_000, 9)]))
    fs.writeFileSync(join(src, 'repeated'), Buffer.concat([noise(300_000, 3), Buffer.alloc(4 << 20), noise(300_000, 3)]))
    fs.writeFileSync(join(src, 'same'), noise(9 << 20))
    const contents = readTree(src)
    const store = await makeStore(join(dir, 'store'))
    // Backwards, so that no piece comes in the order of the file.
    await addSnapshot(store, {...contents, objects: new Map([...contents.objects].reverse())}, {frame: 300_000, pack: 1_000_000})
    const progress: number[] = []
    const {restored, said} = await runRestore(store, join(dir, 'out'), {onProgress: ({bytes}) => progress.push(bytes)})
    expect(said).toEqual([])
    expect(restored).toMatchObject({files: 404, failed: 0, bytes: contents.groups.reduce((sum, {line}) => sum + Number(/ size=(\d+)/.exec(line)?.[1] ?? 0), 0)})
    expect(sameTree(src, join(dir, 'out'))).toEqual([])
    expect(progress.length).toBeGreaterThan(3)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(fs.readdirSync(join(dir, 'out')).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('each snapshot as it was, with indexes that are changes against changes', async () => {
    const dir = tempDir('restore')
    const {store, trees} = await chainOf(dir)
    for (const [i, tree] of trees.entries()) {
      await runRestore(`${store}@${i + 1}`, join(dir, `out${i}`))
      expect(sameTree(tree, join(dir, `out${i}`))).toEqual([])
    }
  })

  it('with holes where there were none, if asked', async () => {
    const dir = tempDir('restore')
    const src = join(dir, 'src')
    fs.mkdirSync(src)
    fs.writeFileSync(join(src, 'zeros'), Buffer.concat([Buffer.from('begin'), Buffer.alloc(3 << 20), Buffer.from('end')]))
    fs.writeFileSync(join(src, 'small'), Buffer.alloc(100_000))
    const store = await storeOf(src)
    await runRestore(store, join(dir, 'full'))
    await runRestore(store, join(dir, 'holes'), {sparse: true})
    for (const name of ['zeros', 'small']) {
      const blocks = (at: string): number => fs.statSync(join(dir, at, name)).blocks * 512
      expect(blocks('full')).toBeGreaterThanOrEqual(fs.statSync(join(src, name)).size)
      expect(blocks('holes')).toBeLessThan(20_000)
    }
    expect(sameTree(src, join(dir, 'holes'))).toEqual([])
  })

  it('holes as they were, and data that is zeros as data', async () => {
    const dir = tempDir('restore')
    const src = join(dir, 'src')
    makeTree(src, [{path: 'holed', type: 'file', offset: 2 << 20, content: Buffer.concat([Buffer.alloc(65_536), Buffer.from('x')]), size: 5 << 20}])
    const before = fs.statSync(join(src, 'holed')).blocks
    const store = await storeOf(src)
    await runRestore(store, join(dir, 'out'))
    expect(sameTree(src, join(dir, 'out'))).toEqual([])
    expect(fs.statSync(join(dir, 'out/holed')).blocks).toBe(before)
  })

  it('attributes that are too long for a line', async () => {
    const dir = tempDir('restore')
    const src = join(dir, 'src')
    makeTree(src, [{path: 'f', type: 'file', content: 'x', xattrs: {'user.a': 'short', 'user.long': noise(900).toString('hex')}}])
    const contents = readTree(src)
    const value = Buffer.from(noise(900).toString('hex'))
    const id = objectId(value)
    const groups = contents.groups.map((each) => ({...each, comments: each.comments.map((line) => line.replace(/(xattr\.user\.long=).*/, `$1@${id}`))}))
    const store = await makeStore(join(dir, 'store'))
    await addSnapshot(store, {...contents, groups, objects: new Map([...contents.objects, [id, value]])})
    await runRestore(store, join(dir, 'out'))
    expect(sameTree(src, join(dir, 'out'))).toEqual([])
  })
})

describe('paths', () => {
  const tree = [
    {path: 'etc/hosts', type: 'file', content: 'hosts\n'},
    {path: 'etc/deep/er/file', type: 'file', content: 'deep\n', mode: 0o600},
    {path: 'etc', type: 'dir', mode: 0o750, time: '1000000000.5'},
    {path: 'srv/x', type: 'file', content: 'x\n'},
    {path: 'srv/y', type: 'hardlink', target: 'srv/x'},
    {path: 'srv/z', type: 'hardlink', target: 'srv/x'},
  ] as const

  async function prepared(root?: string): Promise<{readonly dir: string; readonly store: string}> {
    const dir = tempDir('restore')
    makeTree(join(dir, 'src'), tree)
    const store = await makeStore(join(dir, 'store'))
    const contents = readTree(join(dir, 'src'))
    await addSnapshot(store, root === undefined ? contents : {...contents, root})
    return {dir, store}
  }

  const found = (dir: string): string[] => fs.readdirSync(dir, {recursive: true, encoding: 'utf8'}).sort()

  it.for(['/etc/hosts', 'etc/hosts', './etc/hosts', 'etc//./hosts/'])('%s', async (path) => {
    const {dir, store} = await prepared('/')
    await runRestore(store, join(dir, 'out'), {paths: [path]})
    expect(found(join(dir, 'out'))).toEqual(['etc', 'etc/hosts'])
    // What leads there is as it was.
    const stat = fs.statSync(join(dir, 'out/etc'), {bigint: true})
    expect([stat.mode & 0o777n, stat.mtimeNs]).toEqual([0o750n, 1_000_000_000_500_000_000n])
  })

  it('relative to the root of the index, or as it was on the machine', async () => {
    const {dir, store} = await prepared('/home/me')
    await runRestore(store, join(dir, 'a'), {paths: ['/home/me/etc/hosts', '/srv/x']})
    expect(found(join(dir, 'a'))).toEqual(['etc', 'etc/hosts', 'srv', 'srv/x'])
  })

  it('a directory with all below it, and a second name without the first', async () => {
    const {dir, store} = await prepared('/')
    await runRestore(store, join(dir, 'out'), {paths: ['etc/deep', 'srv/y', 'srv/z']})
    expect(found(join(dir, 'out'))).toEqual(['etc', 'etc/deep', 'etc/deep/er', 'etc/deep/er/file', 'srv', 'srv/y', 'srv/z'])
    expect(fs.statSync(join(dir, 'out/srv/y')).ino).toBe(fs.statSync(join(dir, 'out/srv/z')).ino)
    expect(fs.readFileSync(join(dir, 'out/srv/z'), 'utf8')).toBe('x\n')
  })

  it('one that is not there is an error, and nothing is made', async () => {
    const {dir, store} = await prepared('/')
    await expect(runRestore(store, join(dir, 'out'), {paths: ['etc/hosts', 'etc/nothing', 'nor/this']})).rejects.toMatchObject({
      status: 2,
      message: 'not in the snapshot: etc/nothing, nor/this',
    })
    await expect(runRestore(store, join(dir, 'out'), {paths: ['etc/../etc/hosts']})).rejects.toMatchObject({status: 64})
    expect(fs.existsSync(join(dir, 'out'))).toBe(false)
  })

  it('one that could not be read when the snapshot was made', async () => {
    const {dir, store} = await prepared('/')
    const contents = readTree(join(dir, 'src'))
    const unread = {path: './srv/w', line: '', comments: ['#bk ./srv/w error=EACCES']}
    await addSnapshot(store, {...contents, groups: [...contents.groups, unread].sort((a, b) => (a.path < b.path ? -1 : 1))}, {partial: 1})
    await expect(runRestore(store, join(dir, 'a'), {paths: ['srv/w']})).rejects.toThrow('could not be read when that was made')
    const outcome = await runRestore(store, join(dir, 'b'))
    expect(outcome.restored).toMatchObject({unread: 1, failed: 0})
    expect(ofKind(outcome, 'detail')).toEqual(['./srv/w could not be read when the snapshot was made (EACCES)'])
  })
})

describe('where to', () => {
  it('a directory that is not empty is refused, one that is empty is taken', async () => {
    const dir = tempDir('restore')
    makeTree(join(dir, 'src'), [{path: 'a', type: 'file', content: 'a'}])
    const store = await storeOf(join(dir, 'src'))
    makeTree(join(dir, 'full'), [{path: 'b', type: 'file', content: 'b'}])
    await expect(runRestore(store, join(dir, 'full'))).rejects.toMatchObject({status: 2, hint: expect.stringContaining('--overwrite') as string})
    await expect(runRestore(store, join(dir, 'full/b'))).rejects.toMatchObject({status: 2, message: expect.stringContaining('not a directory') as string})
    fs.mkdirSync(join(dir, 'empty'), {mode: 0o777})
    await runRestore(store, join(dir, 'empty'))
    await runRestore(store, join(dir, 'not/there/yet'))
    for (const out of ['empty', 'not/there/yet']) expect(sameTree(join(dir, 'src'), join(dir, out))).toEqual([])
  })

  it('what new files would inherit from where they are made is taken off first', async () => {
    const dir = tempDir('restore')
    makeTree(join(dir, 'src'), [{path: 'd/a', type: 'file', content: 'a', mode: 0o640}])
    const store = await storeOf(join(dir, 'src'))
    fs.mkdirSync(join(dir, 'parent'))
    expect(spawnSync('sh', ['-c', `chgrp 1 ${dir}/parent && chmod 2755 ${dir}/parent && setfacl -d -m u:1:rwx ${dir}/parent`]).status).toBe(0)
    await runRestore(store, join(dir, 'parent/out'))
    expect(sameTree(join(dir, 'src'), join(dir, 'parent/out'))).toEqual([])
  })
})

describe('not as root', () => {
  it('owners stay, set-id bits and protected attributes are dropped and counted, devices are named', async () => {
    const dir = tempDir('restore')
    makeTree(join(dir, 'src'), [
      {path: 'set', type: 'file', content: 'x', owner: '1:2', mode: 0o6755},
      {path: 'sticky', type: 'dir', mode: 0o1777},
      {path: 'null', type: 'char', device: [1, 3], mode: 0o666},
      {path: 'trusted', type: 'file', content: 'y', xattrs: {'trusted.a': '1', 'user.b': '2'}},
    ])
    const store = await storeOf(join(dir, 'src'))
    const outcome = await runRestore(store, join(dir, 'out'), {asRoot: false})
    const stat = fs.statSync(join(dir, 'out/set'))
    expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o755, 0, 0])
    expect(fs.statSync(join(dir, 'out/sticky')).mode & 0o7777).toBe(0o1777)
    expect(spawnSync('getfattr', ['-m', '-', '-d', join(dir, 'out/trusted')], {encoding: 'utf8'}).stdout).not.toContain('trusted.a')
    expect(ofKind(outcome, 'problem')).toEqual(['./null: only root can make a device'])
    expect(ofKind(outcome, 'note')).toEqual(['1 set-id bit was dropped: only root can set them', '1 extended attribute was dropped: only root can set them'])
    expect(outcome.restored).toMatchObject({files: 2, failed: 1})
  })
})

describe('owners', () => {
  it('by name, by number where the name is unknown here, and by number if asked', async () => {
    const dir = tempDir('restore')
    const store = await makeStore(join(dir, 'store'))
    const dirLine = '. type=dir mode=0755 uid=0 gid=0 uname=root gname=root time=1000000000.000000000'
    const empty = 'size=0 time=1000000000.000000000 sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    await addSnapshot(store, {root: '/', objects: new Map(), groups: [
      group(dirLine),
      group(`./known type=file mode=0644 uid=4321 gid=4322 uname=daemon gname=bin ${empty}`),
      group(`./odd type=file mode=0644 uid=7 gid=8 ${empty}`, 'gname=no\\040such', 'uname=no\\040body'),
      group(`./unknown type=file mode=0644 uid=4321 gid=4322 uname=nobody-here gname=none-here ${empty}`),
    ]})
    const owners = (out: string): string[] => ['known', 'odd', 'unknown'].map((name) => {
      const {uid, gid} = fs.statSync(join(dir, out, name))
      return `${uid}:${gid}`
    })
    await runRestore(store, join(dir, 'names'))
    expect(owners('names')).toEqual(['1:2', '7:8', '4321:4322'])
    await runRestore(store, join(dir, 'numbers'), {numericOwner: true})
    expect(owners('numbers')).toEqual(['4321:4322', '7:8', '4321:4322'])
  })
})
