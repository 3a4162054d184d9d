// What a store has lost is marked by `bk verify --repair`, and comes again with the next push of it, whichever way that takes: locally,
// through a real sshd, in a pipe. Old snapshots are whole again then. Bytes are counted on the wire.

import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {startProxy, type Proxy} from '../harness/proxy.ts'
import {sha256} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {countingServer} from '../harness/sftp-counter.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {shWithoutRights} from '../harness/without-rights.ts'

let dir: string
let store: string
let tree: string
let state: string
let sshd: Sshd
let proxy: Proxy

const SMALL = 60
const small = (at: number): Buffer => noise(at, 5000)
const large = noise(1000, 4_000_000)
const options = () => ({cwd: dir, env: {...proxy.env, XDG_STATE_HOME: state}})
const run = (script: string): Promise<Result> => sh(script, options())
const said = ({status, stdout, stderr}: Result) => ({status, stdout: String(stdout), stderr})
const committed = (seq: number, stderr: unknown = '') => ({status: 0, stdout: expect.stringMatching(new RegExp(`^committed ${seq} \\w{64}\\n$`)), stderr})
const healed = expect.stringMatching(/^bk (push|send): the store had lost content of \d+ (entry|entries): it was sent again\n$/)
const record = (seq: number): string => readFileSync(join(store, 'log', String(seq).padStart(6, '0')), 'latin1')
const marksOf = (seq: number): string | undefined => /^damaged (.*)$/m.exec(record(seq))?.[1]
const indexOf = (seq: number): string => /^index (\w{64})/m.exec(record(seq))![1]!

const push = 'bk push -C tree --set web1 . store'
const vault = 'bk push -C tree . vault:'
const pipe = 'bk index -C tree . | bk diff -q remote.idx | bk send --to vault: --index-out remote.idx'

/** The file of the pack that has an object, by the catalogs. */
function packWith(id: string): string {
  for (const catalog of readdirSync(join(store, 'catalogs'))) {
    let pack = ''
    for (const line of readFileSync(join(store, 'catalogs', catalog), 'latin1').split('\n')) {
      pack = /^pack (\w{64})/.exec(line)?.[1] ?? pack
      if (line === id) return join(store, 'packs', pack.slice(0, 2), `${pack}.tar.zst`)
    }
  }
  throw new Error(`no catalog lists ${id}`)
}

const damages = {
  missing: (file: string) => unlinkSync(file),
  'cut off': (file: string) => {
    chmodSync(file, 0o600)
    truncateSync(file, readFileSync(file).length - 3)
  },
  flipped: (file: string) => {
    chmodSync(file, 0o600)
    const bytes = readFileSync(file)
    bytes[100]! ^= 1
    writeFileSync(file, bytes)
  },
}

/** Damages the pack of an object, and marks what is lost. Returns the number of the record that says so. */
async function damage(how: keyof typeof damages, id: string): Promise<number> {
  damages[how](packWith(id))
  const {status, stdout, stderr} = said(await run('bk verify --read-data --repair store'))
  expect(status).toBe(1)
  expect(stdout).toMatch(/^pack\t/)
  expect(stderr).toMatch(/^bk verify: \d+ objects? marked as damaged: the next push that has the content heals (it|them)$/m)
  const seq = readdirSync(join(store, 'log')).length
  expect(record(seq)).toContain(id)
  const again = await run('bk verify -q --read-data --repair store')
  expect([again.status, readdirSync(join(store, 'log')).length]).toEqual([1, seq])
  return seq
}

/** Restores a snapshot; returns how it differs from a tree. */
async function restored(seq: number, like: string): Promise<{readonly status: number; readonly differences: string[]}> {
  const out = join(dir, 'out')
  rmSync(out, {recursive: true, force: true})
  const {status} = await bk(['restore', '-q', `store@${seq}`, '--to', 'out'], {cwd: dir})
  return {status, differences: existsSync(out) ? sameTree(out, join(dir, like)) : ['nothing']}
}

async function expectHealed(seqs: readonly (readonly [seq: number, like: string])[]): Promise<void> {
  const {status, stdout} = said(await run('bk verify -q --read-data store'))
  // The pack is as it was, and snapshots of before need it.
  expect({status, stdout}).toEqual({status: 1, stdout: expect.stringMatching(/^pack\t[^\n]*\n$/)})
  for (const [seq, like] of seqs) expect({seq, ...(await restored(seq, like))}).toEqual({seq, status: expect.any(Number), differences: []})
  // The newest needs good packs only.
  expect((await restored(seqs.at(-1)![0], 'tree')).status).toBe(0)
}

beforeEach(async () => {
  dir = tempDir('healing')
  store = join(dir, 'store')
  tree = join(dir, 'tree')
  state = join(newHome(join(dir, 'home')), 'state')
  sshd = await startSshd({hosts: ['vault', 'web1', 'account'], sftp: countingServer(join(dir, 'asked')).command})
  proxy = await startProxy(sshd)
  sshd.authorize([
    `restrict,command="${root}/bin/bk receive ${store} --set web1" ${sshd.publicKeys['vault']}`,
    `restrict,command="XDG_STATE_HOME=${state} ${root}/bin/bk offer -- ${tree}" ${sshd.publicKeys['web1']}`,
    sshd.publicKeys['account']!,
  ])
  mkdirSync(tree)
  for (let at = 0; at < SMALL; at++) writeFileSync(join(tree, `f${at}`), small(at))
  writeFileSync(join(tree, 'large'), large)
  await bk(['init', '-q', store])
})

/** Two snapshots; the tree of the first lies in `first`. */
async function twoSnapshots(way: string): Promise<void> {
  expect(said(await run(way))).toEqual(committed(1))
  await sh('cp -a tree first', {cwd: dir})
  writeFileSync(join(tree, 'new'), 'new\n')
  expect(said(await run(way))).toEqual(committed(2))
}

describe.each([
  ['locally', push, ['missing', 'cut off', 'flipped']],
  ['by a push behind a key', vault, ['missing', 'flipped']],
  ['by index, diff and send', pipe, ['missing']],
] as const)('%s', (_, way, hows) => {
  test.each(hows)('a pack of content that is %s', async (how) => {
    await twoSnapshots(way)
    const mark = await damage(how, sha256(small(7)))
    expect((await restored(1, 'first')).status).toBe(3)
    expect(said(await run(way))).toEqual(committed(mark + 1, healed))
    expect(marksOf(mark + 1)).toBeUndefined()
    await expectHealed([[1, 'first'], [2, 'tree'], [mark + 1, 'tree']])
    // From then on all is as on any night.
    const before = storeFiles(store)
    proxy.reset()
    expect(said(await run(way))).toEqual(committed(mark + 2))
    expect([...storeFiles(store).keys()].filter((name) => !before.has(name))).toEqual([`log/${String(mark + 2).padStart(6, '0')}`])
    expect(proxy.up()).toBeLessThan(16_000)
    // When nobody needs the damaged one any more, nothing is damaged.
    expect((await run(`bk rotate store --drop 1-2 --apply --now`)).status).toBe(0)
    const last = said(await run('bk verify -q --read-data store'))
    // In one that is flipped other objects are good, and needed.
    if (how === 'flipped') expect(last).toEqual({status: 1, stdout: expect.stringMatching(/^pack\t[^\n]*\n$/), stderr: ''})
    else expect(last).toEqual({status: 0, stdout: '', stderr: ''})
    expect((await restored(mark + 2, 'tree')).status).toBe(0)
  })

  test('the index itself, with other changes in the same push', async () => {
    await twoSnapshots(way)
    const mark = await damage('missing', indexOf(1))
    writeFileSync(join(tree, 'f2'), 'changed as well\n')
    if (way === push) expect(said(await run(way))).toEqual(committed(mark + 1))
    else expect(said(await run(way))).toEqual(committed(mark + 1, expect.stringMatching(/^(.*sent again\n)?$/)))
    expect(record(mark + 1)).toMatch(/^index \w{64} full$/m)
    expect(await restored(mark + 1, 'tree')).toEqual({status: 0, differences: []})
    expect(said(await run(way))).toEqual(committed(mark + 2))
    expect(record(mark + 2)).toMatch(new RegExp(`^index ${indexOf(mark + 1)} full$`, 'm'))
  })
})

test('a pull, whose source is told of it', async () => {
  const pull = 'bk pull ssh://web1 store'
  await twoSnapshots(pull)
  const mark = await damage('missing', sha256(small(7)))
  expect(said(await run(pull))).toEqual(committed(mark + 1, expect.anything()))
  expect(marksOf(mark + 1)).toBeUndefined()
  expect((await run('bk rotate store --drop 1-2 --apply --now')).status).toBe(0)
  expect(said(await run('bk verify -q --read-data store'))).toEqual({status: 0, stdout: '', stderr: ''})
})

test('a pull over SFTP; what the source has lost as well stays as it is', async () => {
  const pull = `bk pull --cumulative sftp://account${tree} store`
  const age = (): Promise<Result> => sh("find . -exec touch -h -d @1700000001 '{}' +", {cwd: tree})
  await age()
  expect((await run(pull)).status).toBe(0)
  rmSync(join(tree, 'f9'))
  await age()
  expect((await run(pull)).status).toBe(0)
  const mark = await damage('missing', sha256(small(7)))
  for (let night = 1; night < 4; night++) {
    const {status, stderr} = said(await run(pull))
    expect([status, /(?<=content of ).*/.exec(stderr)?.[0]]).toEqual([0, night === 1 ? '60 entries: it was sent again' : undefined])
    expect(marksOf(mark + night)).toBe(String(mark))
  }
  expect(String((await run('bk verify -q --read-data store')).stdout)).toMatch(/\nlost\t1-2,4-6\t\.\/\S*f9\n$/)
})

test('a frame of a large file: only what is lost of it goes again', async () => {
  await twoSnapshots(vault)
  const file = packWith(sha256(small(7)))
  chmodSync(file, 0o600)
  const bytes = readFileSync(file)
  bytes[bytes.length - 1_500_000]! ^= 1
  writeFileSync(file, bytes)
  expect((await run('bk verify -q --read-data --repair store')).status).toBe(1)
  expect(record(3)).toMatch(/^damaged /m)
  proxy.reset()
  expect(said(await run(vault))).toEqual(committed(4, healed))
  expect(proxy.up()).toBeGreaterThan(500_000)
  expect(proxy.up()).toBeLessThan(1_500_000)
  await expectHealed([[1, 'first'], [2, 'tree'], [4, 'tree']])
})

test('what is gone from the source stays lost, and is asked for no more', async () => {
  await twoSnapshots(vault)
  const mark = await damage('flipped', sha256(small(7)))
  await sh('for i in $(seq 0 59); do echo $i >f$i; done; rm f3', {cwd: tree})
  // Of the frame that is damaged, large has the end.
  expect(said(await run(vault))).toEqual(committed(mark + 1, expect.anything()))
  expect(marksOf(mark + 1)).toBeUndefined()
  const counts: number[] = []
  for (let night = 2; night < 5; night++) {
    proxy.reset()
    expect(said(await run(vault))).toEqual(committed(mark + night))
    counts.push(proxy.up(), proxy.down())
  }
  expect(Math.max(...counts)).toBeLessThan(16_000)
  expect((await restored(mark + 2, 'tree'))).toEqual({status: 0, differences: []})
  expect(said(await run('bk verify -q --read-data store')).stdout).toMatch(/\nlost\t1-2\t\.\/f7\n/)
})

test.each([['locally', push], ['behind a key', vault]])('what cannot be read stays lost, %s, and costs little every night, until it can', async (_, way) => {
  await twoSnapshots(way)
  const mark = await damage('missing', sha256(small(7)))
  chmodSync(join(tree, 'f7'), 0)
  const first = await shWithoutRights(way, options())
  expect(said(first)).toMatchObject({status: 3, stderr: expect.stringMatching(/f7: permission denied[^]*it was sent again\n$/)})
  expect(record(mark + 1)).toMatch(/^state partial 1$/m)
  expect(marksOf(mark + 1)).toBe(String(mark))
  for (let night = 2; night < 4; night++) {
    proxy.reset()
    expect((await shWithoutRights(way, options())).status).toBe(3)
    expect(marksOf(mark + night)).toBe(String(mark))
    expect(proxy.up()).toBeLessThan(25_000)
  }
  expect(said(await run('bk verify -q --read-data store')).stdout).toMatch(new RegExp(`\\nlost\\t1-${mark + 3}\\t\\./f7\\n$`.replace('1-', '1-2,\\d-')))
  chmodSync(join(tree, 'f7'), 0o644)
  expect((await run(way)).status).toBe(0)
  expect(marksOf(mark + 4)).toBeUndefined()
  await expectHealed([[1, 'first'], [2, 'tree'], [mark + 4, 'tree']])
})

test('one way nobody is told, the mark stays, and the whole again heals', async () => {
  const stream = 'bk index -C tree . | bk diff -q remote.idx | bk send --index-out remote.idx | bk receive store --set web1 && mv remote.idx.pending remote.idx'
  await twoSnapshots(stream)
  const mark = await damage('flipped', sha256(small(7)))
  expect(said(await run(stream))).toEqual(committed(mark + 1))
  expect(marksOf(mark + 1)).toBe(String(mark))
  writeFileSync(join(tree, 'another'), 'new\n')
  expect(said(await run(stream))).toEqual(committed(mark + 2))
  expect(marksOf(mark + 2)).toBe(String(mark))
  const before = await run('bk verify -q --read-data store')
  expect(String(before.stdout)).toContain('./f7\n')
  expect(said(await run('rm remote.idx; ' + stream))).toMatchObject({status: 0})
  expect(marksOf(mark + 3)).toBeUndefined()
  await expectHealed([[1, 'first'], [mark + 2, 'tree'], [mark + 3, 'tree']])
})

test('a session that is cut while it heals is gone on with', async () => {
  await twoSnapshots(vault)
  const mark = await damage('missing', sha256(small(7)))
  proxy.reset(3_000_000)
  expect((await run(vault)).status).not.toBe(0)
  proxy.reset()
  expect(said(await run(vault))).toEqual(committed(mark + 1, healed))
  await expectHealed([[1, 'first'], [2, 'tree'], [mark + 1, 'tree']])
})

test('a writer that has lost its memory is told what is lacked', async () => {
  await twoSnapshots(vault)
  const mark = await damage('flipped', sha256(small(7)))
  rmSync(state, {recursive: true})
  expect(said(await run(vault))).toEqual(committed(mark + 1))
  expect(marksOf(mark + 1)).toBeUndefined()
  await expectHealed([[1, 'first'], [2, 'tree'], [mark + 1, 'tree']])
})

test('another set does not count on what is lost, and is not told of it', async () => {
  await twoSnapshots(push)
  const mark = await damage('missing', sha256(small(7)))
  expect(said(await run('bk push -C tree --set other . store'))).toEqual(committed(mark + 1))
  expect(marksOf(mark + 1)).toBeUndefined()
  expect(await restored(mark + 1, 'tree')).toEqual({status: 0, differences: []})
  // The first set still needs the pack that is missing.
  expect(said(await run(push))).toEqual(committed(mark + 2, healed))
  await expectHealed([[1, 'first'], [2, 'tree'], [mark + 2, 'tree']])
})
