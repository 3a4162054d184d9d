// Everything comes back by recover.sh alone, with the shells that machines have.

import {spawnSync} from 'node:child_process'
import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {makeLists} from '../../../src/lib/store/chunk-list.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {chainOf} from './chained-store.ts'
import {addSnapshot, group, makeStore, readTree} from './make-store.ts'
import {runRestore} from './run-restore.ts'

const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(([program]) => spawnSync(program!, ['-c', ':']).status === 0)

function recover(store: string, args: readonly string[], shell: readonly string[] = ['sh'], cwd = '/'): {readonly status: number | null; readonly stdout: string; readonly stderr: string} {
  const env = {PATH: '/usr/bin:/bin:/usr/sbin:/sbin'}
  return spawnSync(shell[0]!, [...shell.slice(1), join(store, 'recover.sh'), ...args], {cwd, env, encoding: 'utf8'})
}

describe.for(shells)('%s', (shell) => {
  it('gets odd names, types, modes, times, links and attributes back', async () => {
    const dir = tempDir('recover')
    makeTree(join(dir, 'src'), oddTree({socket: false}))
    fs.writeFileSync(join(dir, 'src/large'), Buffer.from(Array.from({length: 1_200_000}, (_, i) => (i * i * 7 + (i >> 4)) & 255)))
    fs.linkSync(join(dir, 'src/large'), join(dir, 'src/names/large'))
    const store = await makeStore(join(dir, 'a store'))
    await addSnapshot(store, readTree(join(dir, 'src')), {frame: 50_000, pack: 400_000})
    const {status, stdout, stderr} = recover(store, [join(dir, 'out dir')], shell)
    expect([stdout, stderr.split('\n')[0]]).toEqual(['', 'recover: snapshot 1 of set test, received 2026-11-22T08:30:05Z'])
    expect(status, stderr).toBe(0)
    expect(sameTree(join(dir, 'src'), join(dir, 'out dir'))).toEqual([])
  })

  it('gets each snapshot back, from changes against changes', async () => {
    const dir = tempDir('recover')
    const {store, trees} = await chainOf(dir)
    expect(recover(store, [], shell).stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(['1', '2', '3', '4', ''])
    for (const [i, tree] of trees.entries()) {
      const {status, stderr} = recover(store, [String(i + 1), `out${i}`], shell, dir)
      expect(status, stderr).toBe(0)
      expect(sameTree(tree, join(dir, `out${i}`))).toEqual([])
      await runRestore(`${store}@${i + 1}`, join(dir, `bk${i}`))
      expect(sameTree(join(dir, `bk${i}`), join(dir, `out${i}`))).toEqual([])
    }
    // The newest, if none is named.
    expect(recover(store, ['newest'], shell, dir).status).toBe(0)
    expect(sameTree(trees.at(-1)!, join(dir, 'newest'))).toEqual([])
  })
})

it('follows lists of lists, and takes long attributes from their objects', async () => {
  const dir = tempDir('recover')
  const pieces = Array.from({length: 2000}, (_, i) => Buffer.from(`piece ${i % 700}\n`.repeat(3)))
  const {id, objects} = makeLists(pieces.map((bytes) => ({id: objectId(bytes), size: bytes.length})))
  expect(objects.length).toBeGreaterThan(2)
  const whole = Buffer.concat(pieces)
  const value = Buffer.from('a long value\n')
  const store = await makeStore(join(dir, 'store'))
  await addSnapshot(store, {
    root: '/',
    groups: [
      group('. type=dir mode=0755'),
      group(`./f type=file mode=0644 size=${whole.length} time=1.500000000 sha256=${objectId(whole)}`, `chunks=${id}`, 'cut=15', `xattr.user.long=@${objectId(value)}`),
    ],
    objects: new Map([...pieces, ...objects.map(({bytes}) => bytes), value].map((bytes) => [objectId(bytes), bytes])),
  })
  const {status, stderr} = recover(store, [join(dir, 'out')])
  expect(status, stderr).toBe(0)
  expect(fs.readFileSync(join(dir, 'out/f')).equals(whole)).toBe(true)
  expect(spawnSync('getfattr', ['--only-values', '-n', 'user.long', join(dir, 'out/f')], {encoding: 'utf8'}).stdout).toBe('a long value\n')
})

describe('a damaged store', () => {
  async function damaged(): Promise<{readonly dir: string; readonly src: string; readonly store: string; readonly packs: string[]}> {
    const dir = tempDir('recover')
    makeTree(join(dir, 'src'), Array.from({length: 30}, (_, i) => ({path: `f${i}`, type: 'file' as const, content: `file ${i} `.repeat(i * 40)})))
    const store = await makeStore(join(dir, 'store'))
    await addSnapshot(store, readTree(join(dir, 'src')), {frame: 4000, pack: 300})
    const index = /^index (\S+)/m.exec(fs.readFileSync(join(store, 'log/000001'), 'utf8'))![1]!
    const all = fs.readdirSync(join(store, 'packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).map((name) => join(store, 'packs', name))
    return {dir, src: join(dir, 'src'), store, packs: all.filter((pack) => !fs.readFileSync(pack, 'latin1').includes(index))}
  }

  it('names what is lost and gets all the rest', async () => {
    const {dir, src, store, packs} = await damaged()
    fs.rmSync(packs[0]!)
    const bytes = fs.readFileSync(packs[1]!)
    fs.rmSync(packs[1]!)
    fs.writeFileSync(packs[1]!, bytes.subarray(0, bytes.length >> 1))
    const {status, stderr} = recover(store, [join(dir, 'out')])
    expect(status).toBe(3)
    expect(stderr).toContain(`recover: missing: ${packs[0]!}`)
    expect(stderr).toContain(`recover: damaged: ${packs[1]!}`)
    const lost = [...stderr.matchAll(/^recover: lost: \.\/(\S+)$/gm)].map(([, name]) => name!)
    expect(lost.length).toBeGreaterThan(0)
    expect(fs.readdirSync(join(dir, 'out')).sort()).toEqual(fs.readdirSync(src).filter((name) => !lost.includes(name)).sort())
    for (const name of fs.readdirSync(join(dir, 'out'))) expect(fs.readFileSync(join(dir, 'out', name)).equals(fs.readFileSync(join(src, name)))).toBe(true)
  })

  it('takes another copy where there is one', async () => {
    const {dir, src, store, packs} = await damaged()
    await addSnapshot(store, readTree(src), {frame: 1 << 20})
    fs.rmSync(packs[0]!)
    const {status, stderr} = recover(store, ['1', join(dir, 'out')])
    expect(status, stderr).toBe(0)
    expect(sameTree(src, join(dir, 'out'))).toEqual([])
  })

  it('does not take a record or an index that was altered', async () => {
    const {dir, store} = await damaged()
    const record = join(store, 'log/000001')
    const text = fs.readFileSync(record, 'utf8')
    fs.rmSync(record)
    fs.writeFileSync(record, text.replace('set test', 'set evil'))
    expect(recover(store, ['1', join(dir, 'out')])).toMatchObject({status: 2, stderr: expect.stringContaining('there is no whole snapshot 1') as string})
    expect(recover(store, [join(dir, 'out')])).toMatchObject({status: 2})
    expect(fs.existsSync(join(dir, 'out'))).toBe(false)
  })
})

it('refuses a directory that is not empty, and one that is no store', async () => {
  const dir = tempDir('recover')
  makeTree(join(dir, 'src'), [{path: 'a', type: 'file', content: 'a'}])
  const store = await makeStore(join(dir, 'store'))
  await addSnapshot(store, readTree(join(dir, 'src')))
  expect(recover(store, [join(dir, 'src')])).toMatchObject({status: 2, stderr: expect.stringContaining('is not empty') as string})
  expect(fs.readdirSync(join(dir, 'src'))).toEqual(['a'])
  fs.copyFileSync(join(store, 'recover.sh'), join(dir, 'src/recover.sh'))
  expect(recover(join(dir, 'src'), [join(dir, 'out')])).toMatchObject({status: 2, stderr: expect.stringContaining('is not a store') as string})
})
