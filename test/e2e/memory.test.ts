// 100,000 files: no process of bk ever has more than 300 MB, whichever way they go and come back. What is measured is the kernel's own
// peak of each process.

import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {measureMemory} from '../harness/limits.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {manyFiles} from '../harness/tree.ts'

const count = 100_000
const most = 300 * 1024

let dir: string
let tree: string
let env: Record<string, string>

beforeAll(async () => {
  dir = tempDir('memory')
  // Many small files are made in memory, where there is room for them.
  tree = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/bk-tree-') : join(dir, 'tree')
  const home = newHome(join(dir, 'home'))
  env = {TREE: tree, XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  manyFiles(tree, count)
  await sh('bk init -q store; bk init -q other; bk init -q third', {cwd: dir})
}, 120_000)

afterAll(() => rmSync(tree, {recursive: true, force: true}))

// `exit`, because bash becomes the last program of a script, and only processes below it are watched.
async function expectFrugal(script: string, processes: number): Promise<void> {
  const {result, peaks} = await measureMemory(`${script}; exit $?`, {cwd: dir, env, timeout: 120_000})
  expect({script, status: result.status, stderr: result.stderr}).toEqual({script, status: 0, stderr: ''})
  const measured = peaks.filter(({command}) => command.includes('bk.js'))
  expect(measured.length, 'processes seen').toBeGreaterThanOrEqual(processes)
  for (const {command, kibibytes} of measured) expect(kibibytes, command).toBeLessThan(most)
}

test('the first time, into a store', async () => {
  await expectFrugal('bk index -C "$TREE" . | bk diff -q remote.idx | bk send --to store --index-out remote.idx', 3)
}, 180_000)

test('one per cent has changed', async () => {
  for (let at = 0; at < count; at += 100) writeFileSync(join(tree, `d${at / 100}`, `f${at}`), `other content ${at}\n`)
  await expectFrugal('bk index -C "$TREE" . | bk diff -q remote.idx | bk send --to store --index-out remote.idx', 3)
}, 180_000)

test('every directory has another name', async () => {
  const renamed = await sh('cd "$TREE" && for d in d*; do mv $d e${d#d}; done', {env})
  expect(renamed.status).toBe(0)
  await expectFrugal('bk index -C "$TREE" . | bk diff -q remote.idx | bk send --to store --index-out remote.idx', 3)
}, 180_000)

test('one way, the first time and again', async () => {
  const pipe = 'bk index -C "$TREE" . | bk diff -q way.idx | bk send --index-out way.idx | bk receive other && mv way.idx.pending way.idx'
  await expectFrugal(pipe, 4)
  writeFileSync(join(tree, 'e0/new'), 'new\n')
  await expectFrugal(pipe, 4)
}, 180_000)

test('in one process: the first time, one per cent changed, and nothing', async () => {
  const push = 'bk push -q -C "$TREE" . third'
  await expectFrugal(push, 1)
  for (let at = 0; at < count; at += 100) writeFileSync(join(tree, `e${at / 100}`, `f${at}`), `once more ${at}\n`)
  await expectFrugal(push, 1)
  await expectFrugal(push, 1)
}, 180_000)

test('a list in any order, of other programs', async () => {
  await expectFrugal('cd "$TREE" && find . -type f -print0 | shuf -z --random-source=<(yes) | xargs -0 md5sum | bk diff -q nowhere >/dev/null', 1)
}, 180_000)

test('back again, as a list, a tree and an archive', async () => {
  await expectFrugal('bk index -q store@latest >latest.idx && cmp latest.idx remote.idx', 1)
  await expectFrugal('bk restore -q store@1 --to "$TREE/restored"', 1)
  await expectFrugal('age-keygen -o key 2>/dev/null; bk archive -q store@1 -o full.tar.zst.age --recipient "$(age-keygen -y key)"', 1)
  const {stdout} = await bk(['index', '-C', join(tree, 'restored'), '.'], {cwd: dir, env, timeout: 120_000})
  const first = await bk(['index', '-q', 'store@1'], {cwd: dir})
  const plain = (index: Buffer): string => String(index).split('\n').slice(2, -2).join('\n')
  expect(plain(stdout) === plain(first.stdout)).toBe(true)
}, 240_000)

test('checked, as a store and as a tree', async () => {
  await expectFrugal('bk verify -q --read-data store', 1)
  await expectFrugal('bk verify -q store@1 --against "$TREE/restored" --extra', 1)
  await expectFrugal('bk verify -q --drill 50 store', 1)
}, 240_000)
