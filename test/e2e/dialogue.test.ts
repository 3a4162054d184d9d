// `bk send --to vault:`, through a real sshd: days in a row, what a writer does who has lost his memory, and a store that
// is not the one it was. Bytes are counted on the wire.

import {cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {startProxy, type Proxy} from '../harness/proxy.ts'
import {readStore} from '../harness/read-store.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {newHome, tempDir} from '../harness/temp.ts'

let dir: string
let store: string
let tree: string
let state: string
let sshd: Sshd
let proxy: Proxy

const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: {...proxy.env, XDG_STATE_HOME: state}})
const pipe = 'bk index -C tree . | bk diff -q remote.idx | bk send -q --to vault: --index-out remote.idx'
const newest = () => readStore(store).snapshots.at(-1)!

async function expectCommitted(script: string, seq: number): Promise<Result> {
  const result = await run(script)
  expect({status: result.status, stderr: result.stderr, stdout: String(result.stdout)}).toEqual({
    status: 0, stderr: '', stdout: expect.stringMatching(new RegExp(`^committed ${seq} \\w{64}\\n$`)),
  })
  return result
}

async function expectNewestIsTree(): Promise<void> {
  const entries = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('.'))
  expect(entries(newest().index)).toEqual(entries(String((await bk(['index', '-C', 'tree', '.'], {cwd: dir})).stdout)))
}

beforeEach(async () => {
  dir = tempDir('dialogue')
  store = join(dir, 'store')
  tree = join(dir, 'tree')
  state = join(newHome(join(dir, 'home')), 'state')
  sshd = await startSshd({hosts: ['vault', 'open', 'stranger']})
  proxy = await startProxy(sshd)
  sshd.authorize([`restrict,command="${root}/bin/bk receive ${store} --set web1" ${sshd.publicKeys['vault']}`, `${sshd.publicKeys['open']}`])
  mkdirSync(tree)
  for (let at = 0; at < 300; at++) writeFileSync(join(tree, `f${at}`), noise(at, 5000))
  await bk(['init', '-q', store])
})

test('a list of everything after a push, which remembers what the store has, sends no content', async () => {
  await expectCommitted('bk push -q -C tree . vault:', 1)
  const packs = [...storeFiles(store).keys()].filter((name) => name.startsWith('packs/')).length
  await expectCommitted(pipe, 2)
  expect([...storeFiles(store).keys()].filter((name) => name.startsWith('packs/')).length).toBeLessThanOrEqual(packs + 1)
  await expectNewestIsTree()
})

describe('days in a row', () => {
  test('as changes: near follows near, and nothing changed is a record', async () => {
    await expectCommitted(pipe, 1)
    for (let day = 2; day <= 6; day++) {
      writeFileSync(join(tree, `f${day}`), `day ${day}\n`)
      writeFileSync(join(tree, 'large'), noise(day % 2, 900_000))
      await expectCommitted(pipe, day)
      await expectNewestIsTree()
      expect(readFileSync(join(dir, 'remote.idx'), 'latin1')).toBe(newest().index)
    }
    expect(readStore(store).snapshots.map(({seq}) => readFileSync(join(store, 'log', String(seq).padStart(6, '0')), 'latin1').match(/^index \w{64} (\w+)$/m)?.[1])).toEqual(['full', 'near', 'near', 'near', 'near', 'near'])
    const before = storeFiles(store)
    proxy.reset()
    await expectCommitted(pipe, 7)
    expect([...storeFiles(store).keys()].filter((name) => !before.has(name))).toEqual(['log/000007'])
    expect(proxy.up()).toBeLessThan(16_000)
  })

  test('as an index: what the set has is not sent again', async () => {
    await expectCommitted('bk index -C tree . | bk send -q --to vault:', 1)
    proxy.reset()
    await expectCommitted('bk index -C tree . | bk send -q --to vault:', 2)
    writeFileSync(join(tree, 'new'), 'new\n')
    await expectCommitted('bk index -C tree . | bk send -q --to vault:', 3)
    expect(proxy.up()).toBeLessThan(40_000)
    await expectNewestIsTree()
  })

  test('at a path, on an account of one’s own', async () => {
    renameSync(store, join(dir, "it's a store"))
    const script = `export PATH=${root}/bin:$PATH; bk index -C tree . | bk send -q --set other --to "open:${dir}/it's a store"`
    sshd.authorize([`environment="PATH=${root}/bin:/usr/bin:/bin" ${sshd.publicKeys['open']}`])
    const {status, stderr} = await run(script)
    // sshd hands no environment of authorized_keys on unless it is told to: then bk is not on PATH there, and that is said.
    if (status !== 0) expect({status, stderr}).toEqual({status: 2, stderr: expect.stringMatching(/^bk send: there is no bk on PATH at open\nbk send: hint: /)})
  })
})

describe('a writer that has lost his memory', () => {
  test('sends no content that the store has', async () => {
    writeFileSync(join(tree, 'large'), noise(1, 8_000_000))
    await expectCommitted(pipe, 1)
    rmSync(state, {recursive: true})
    rmSync(join(dir, 'remote.idx'))
    proxy.reset()
    await expectCommitted(pipe, 2)
    // The ids of what it asks about, the index and its lists; the tree has 9.5 MB.
    expect(proxy.up()).toBeLessThan(150_000)
    await expectNewestIsTree()
    expect(newest().bytes).toBe(9_500_000)
  })

  test('and whose index is here: changes, too', async () => {
    writeFileSync(join(tree, 'large'), noise(1, 8_000_000))
    await expectCommitted(pipe, 1)
    rmSync(state, {recursive: true})
    writeFileSync(join(tree, 'large'), Buffer.concat([noise(1, 8_000_000), noise(2, 10_000)]))
    proxy.reset()
    await expectCommitted(pipe, 2)
    expect(proxy.up()).toBeLessThan(250_000)
    await expectNewestIsTree()
  })
})

describe('a store that is not the one it was', () => {
  test('rolled back: said loudly, and the push goes on', async () => {
    await expectCommitted(pipe, 1)
    cpSync(store, join(dir, 'aside'), {recursive: true})
    writeFileSync(join(tree, 'second'), 'second\n')
    await expectCommitted(pipe, 2)
    writeFileSync(join(tree, 'third'), 'third\n')
    await expectCommitted(pipe, 3)
    rmSync(store, {recursive: true})
    renameSync(join(dir, 'aside'), store)
    writeFileSync(join(tree, 'fourth'), 'fourth\n')
    const {status, stdout, stderr} = await run(pipe)
    expect({status, stdout: String(stdout), stderr}).toEqual({
      status: 3, stdout: expect.stringMatching(/^committed 2 /), stderr: expect.stringMatching(/^bk send: vault: was ROLLED BACK: it had record 3, and now its last is 1\nbk send: hint: /),
    })
    await expectNewestIsTree()
    expect((await bk(['restore', '-q', store, '--to', join(dir, 'out')], {cwd: dir})).status).toBe(0)
    for (const name of ['second', 'third', 'fourth']) expect(readFileSync(join(dir, 'out', name), 'utf8')).toBe(`${name}\n`)
    await expectCommitted(pipe, 3)
  })

  test('rewritten: the same number with another sum', async () => {
    await expectCommitted(pipe, 1)
    cpSync(store, join(dir, 'aside'), {recursive: true})
    writeFileSync(join(tree, 'second'), 'second\n')
    await expectCommitted(pipe, 2)
    rmSync(store, {recursive: true})
    renameSync(join(dir, 'aside'), store)
    await sh(`bk index -C ${tree} . | bk send -q --to ${store} --set web1`, {cwd: dir})
    const {status, stderr} = await run(pipe)
    expect({status, stderr}).toEqual({status: 3, stderr: expect.stringMatching(/^bk send: vault: was REWRITTEN: its record 2 is not the one that it was\nbk send: hint: /)})
    await expectNewestIsTree()
  })
})

describe('ssh fails', () => {
  test.each([
    ['stranger:', 77, /stranger takes none of the keys/],
    ['nobody.invalid:', 75, /no such host: nobody\.invalid/],
    ['-oProxyCommand=touch:x', 64, /begins with a dash/],
    ['ssh://-oProxyCommand=touch/x', 64, /begins with a dash/],
  ])('%s', async (address, status, words) => {
    const result = await run(`bk index -C tree . | bk send -q --to '${address}' --index-out remote.idx`)
    expect({status: result.status, stdout: String(result.stdout)}).toEqual({status, stdout: ''})
    expect(result.stderr).toMatch(words)
    expect(existsSync(join(dir, 'remote.idx'))).toBe(false)
  })

  test('the set is the business of the key', async () => {
    const {status, stderr} = await run('bk index -C tree . | bk send -q --to vault: --set mine')
    expect({status, stderr}).toEqual({status: 64, stderr: expect.stringMatching(/the set is|names the set/)})
  })
})
