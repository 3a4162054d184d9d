// What cannot be read, day after day: it is named on stderr and in the snapshot, what was there before stays, and the day it can be
// read again everything is as it should be. Unreadable is not gone, and a snapshot that is partial says so.

import {appendFileSync, chmodSync, mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {bk} from '../harness/bk.ts'
import {entriesOf, readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {newHome, removeTree, tempDir} from '../harness/temp.ts'
import {shWithoutRights} from '../harness/without-rights.ts'

let dir: string
let env: Record<string, string>

beforeEach(async () => {
  dir = tempDir('unreadable')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(join(dir, 'tree/d/below'), {recursive: true})
  writeFileSync(join(dir, 'tree/d/below/deep'), 'deep\n')
  writeFileSync(join(dir, 'tree/d/file'), 'in d\n')
  writeFileSync(join(dir, 'tree/d-beside'), 'beside\n')
  writeFileSync(join(dir, 'tree/file'), 'file\n')
  await bk(['init', '-q', 'store'], {cwd: dir})
})

const tree = (name: string): string => join(dir, 'tree', name)

type Day = {readonly status: number; readonly stderr: string; readonly state: string; readonly problems: readonly string[]}

/** A day: the whole pipe, and what the snapshot says could not be read. */
async function day(): Promise<Day> {
  const pipe = 'bk index -C tree . | bk diff remote.idx 2>/dev/null | bk send --to store --index-out remote.idx'
  const {status, stderr} = await shWithoutRights(pipe, {cwd: dir, env})
  const {index, state} = readStore(join(dir, 'store')).snapshots.at(-1)!
  return {status, stderr, state, problems: [...index.matchAll(/^#bk (\S+ (?:error|stale)=\S+)$/gm)].map(([, problem]) => problem!)}
}

function content(path: string): string {
  const {snapshots, content: read} = readStore(join(dir, 'store'))
  return String(read(snapshots.at(-1)!, path))
}

const paths = (): string[] => [...entriesOf(readStore(join(dir, 'store')).snapshots.at(-1)!.index).keys()]
const good = {status: 0, stderr: '', state: 'complete', problems: []}

test('a file: never seen, seen, unreadable again, changed meanwhile, readable', async () => {
  chmodSync(tree('file'), 0)
  const unseen = {status: 3, stderr: `bk index: ${tree('file')}: permission denied\n`, state: 'partial 1', problems: ['./file error=EACCES']}
  expect(await day()).toEqual(unseen)
  expect(await day()).toEqual(unseen)
  chmodSync(tree('file'), 0o644)
  expect(await day()).toEqual(good)
  chmodSync(tree('file'), 0)
  const stale = {...unseen, problems: ['./file stale=EACCES']}
  expect(await day()).toEqual(stale)
  expect(content('./file')).toBe('file\n')
  appendFileSync(tree('file'), 'more\n')
  expect(await day()).toEqual(stale)
  expect(content('./file')).toBe('file\n')
  chmodSync(tree('file'), 0o644)
  expect(await day()).toEqual(good)
  expect(content('./file')).toBe('file\nmore\n')
})

test('a directory: what was below it stays, whatever happens in it meanwhile', async () => {
  expect(await day()).toEqual(good)
  const before = paths()
  chmodSync(tree('d'), 0)
  const stale = {status: 3, stderr: `bk index: ${tree('d')}: permission denied\n`, state: 'partial 1', problems: ['./d stale=EACCES']}
  expect(await day()).toEqual(stale)
  expect(paths()).toEqual(before)
  // Not what is only beside it and begins with the same letter.
  rmSync(tree('d-beside'))
  rmSync(tree('d/below'), {recursive: true})
  writeFileSync(tree('d/new'), 'new\n')
  expect(await day()).toEqual(stale)
  expect(paths()).toEqual(before.filter((path) => path !== './d-beside'))
  expect(content('./d/below/deep')).toBe('deep\n')
  chmodSync(tree('d'), 0o755)
  expect(await day()).toEqual(good)
  expect(paths()).toEqual(['.', './d', './d/file', './d/new', './file'])
  await expectRestored()
})

test('a directory within one that cannot be read either', async () => {
  expect(await day()).toEqual(good)
  chmodSync(tree('d/below'), 0)
  expect((await day()).problems).toEqual(['./d/below stale=EACCES'])
  chmodSync(tree('d'), 0)
  const both = await day()
  // It was stale below already; both are counted, and both still there.
  expect(both.problems).toEqual(['./d stale=EACCES', './d/below stale=EACCES'])
  expect(both.state).toBe('partial 2')
  expect(content('./d/below/deep')).toBe('deep\n')
  chmodSync(tree('d'), 0o755)
  expect((await day()).problems).toEqual(['./d/below stale=EACCES'])
  chmodSync(tree('d/below'), 0o755)
  expect(await day()).toEqual(good)
  await expectRestored()
})

test('a directory never seen: it is named, what is in it cannot be', async () => {
  chmodSync(tree('d'), 0)
  expect(await day()).toMatchObject({status: 3, state: 'partial 1', problems: ['./d error=EACCES']})
  expect(paths()).toEqual(['.', './d', './d-beside', './file'])
  chmodSync(tree('d'), 0o755)
  expect(await day()).toEqual(good)
  await expectRestored()
})

test('a directory that may be listed and not entered, or entered and not listed', async () => {
  expect(await day()).toEqual(good)
  chmodSync(tree('d'), 0o444)
  const listed = await day()
  expect(listed).toMatchObject({status: 3})
  expect(content('./d/file')).toBe('in d\n')
  expect(content('./d/below/deep')).toBe('deep\n')
  chmodSync(tree('d'), 0o111)
  const entered = await day()
  expect(entered).toMatchObject({status: 3})
  expect(content('./d/file')).toBe('in d\n')
  expect(content('./d/below/deep')).toBe('deep\n')
  chmodSync(tree('d'), 0o755)
  expect(await day()).toEqual(good)
  await expectRestored()
})

test('a file that becomes an unreadable directory, and the other way round', async () => {
  expect(await day()).toEqual(good)
  rmSync(tree('file'))
  mkdirSync(tree('file'), {mode: 0})
  expect((await day()).problems).toEqual(['./file stale=EACCES'])
  expect(content('./file')).toBe('file\n')
  rmSync(tree('file'), {recursive: true})
  rmSync(tree('d'), {recursive: true})
  writeFileSync(tree('d'), 'a file\n', {mode: 0})
  chmodSync(tree('d'), 0)
  expect((await day()).problems).toEqual(['./d stale=EACCES'])
  chmodSync(tree('d'), 0o644)
  expect(await day()).toEqual(good)
  await expectRestored()
})

test('everything: an error, and never an empty backup', async () => {
  expect(await day()).toEqual(good)
  const before = paths()
  chmodSync(join(dir, 'tree'), 0)
  const {stdout, status} = await shWithoutRights('bk index -C tree .', {cwd: dir, env})
  if (status !== 2) {
    expect(status).toBe(3)
    expect(String(stdout)).toContain(' partial=1 ')
  }
  await shWithoutRights('bk index -C tree . | bk diff remote.idx | bk send --to store --index-out remote.idx', {cwd: dir, env})
  expect(paths()).toEqual(before)
  chmodSync(join(dir, 'tree'), 0o755)
  expect(await day()).toEqual(good)
})

describe('one way', () => {
  test('the same comments, the same days', async () => {
    const pipe = 'bk index -C tree . | bk diff remote.idx 2>/dev/null | bk send --index-out remote.idx | bk receive store && mv remote.idx.pending remote.idx'
    const index = (): string => readStore(join(dir, 'store')).snapshots.at(-1)!.index
    await shWithoutRights(pipe, {cwd: dir, env})
    chmodSync(tree('d'), 0)
    writeFileSync(tree('file'), 'other\n')
    // pipefail: the pipe ends with the status of index, and what was received is good all the same.
    expect((await shWithoutRights(pipe, {cwd: dir, env})).status).toBe(3)
    expect(index()).toContain('\n#bk ./d stale=EACCES\n')
    await shWithoutRights('mv remote.idx.pending remote.idx', {cwd: dir})
    chmodSync(tree('d'), 0o755)
    rmSync(tree('d'), {recursive: true})
    expect((await shWithoutRights(pipe, {cwd: dir, env})).status).toBe(0)
    expect(index()).not.toContain('./d ')
    expect(index()).toContain(' complete ')
  })
})

async function expectRestored(): Promise<void> {
  expect(await bk(['restore', '-q', 'store', '--to', 'restored'], {cwd: dir})).toMatchObject({status: 0, stderr: ''})
  expect(sameTree(join(dir, 'tree'), join(dir, 'restored'))).toEqual([])
  removeTree(join(dir, 'restored'))
}
