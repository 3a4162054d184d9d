// `bk push` to a store on another machine: what is compared before anybody has answered is only a guess, and what is refused or forgotten
// is said in words.

import {cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {readStore} from '../harness/read-store.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'

let dir: string
let env: Record<string, string>

const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env})
const newest = () => readStore(join(dir, 'store')).snapshots.at(-1)!
const said = ({status, stderr}: Result): {status: number; stderr: string} => ({status, stderr})

beforeEach(async () => {
  dir = tempDir('push')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/a'), 'a\n')
  expect(said(await run('bk init -q store'))).toEqual({status: 0, stderr: ''})
})

describe('to a vault', () => {
  let vault: Record<string, string>
  const at = (home: string): Record<string, string> => ({...vault, XDG_STATE_HOME: join(dir, home, 'state'), XDG_CACHE_HOME: join(dir, home, 'cache')})
  const pushAt = (home: string, words = '-C tree .'): Promise<Result> => sh(`bk push -q ${words} vault:`, {cwd: dir, env: at(home)})

  beforeEach(async () => {
    const sshd = await startSshd()
    sshd.authorize([`restrict,command="${root}/bin/bk receive ${dir}/store --set web1" ${sshd.publicKeys['vault']}`])
    vault = {...sshd.env}
  })

  test('what this host sent last is not taken for what the store has: another has pushed meanwhile', async () => {
    expect(said(await pushAt('one'))).toEqual({status: 0, stderr: ''})
    mkdirSync(join(dir, 'other'))
    writeFileSync(join(dir, 'other/b'), 'b\n')
    expect(said(await pushAt('two', '-C other .'))).toEqual({status: 0, stderr: ''})
    expect(newest().index).toMatch(/^\.\/b /m)
    expect(said(await pushAt('one'))).toEqual({status: 0, stderr: ''})
    expect(newest()).toMatchObject({seq: 3, index: readStore(join(dir, 'store')).snapshots[0]!.index})
    // And with what it sent itself, which is the newest now.
    expect(said(await pushAt('one'))).toEqual({status: 0, stderr: ''})
    expect(newest()).toMatchObject({seq: 4, index: readStore(join(dir, 'store')).snapshots[0]!.index})
  })

  test('nor is what stands behind the same address now', async () => {
    await pushAt('one')
    renameSync(join(dir, 'store'), join(dir, 'old'))
    await run('bk init -q store')
    expect(said(await pushAt('one'))).toEqual({status: 0, stderr: ''})
    expect(newest()).toMatchObject({seq: 1, index: readStore(join(dir, 'old')).snapshots[0]!.index})
  })

  test('what bk itself remembers below what is pushed is no news of the next night', async () => {
    for (let night = 1; night <= 3; night++) expect(said(await pushAt('tree/home', '-C tree .'))).toEqual({status: 0, stderr: ''})
    expect(newest().index).not.toMatch(/home\/(?:state|cache)\/bk/)
    expect(newest().index).toBe(readStore(join(dir, 'store')).snapshots[1]!.index)
  })

  test('one that refuses before anything is said is understood', async () => {
    await run('bk init -q --per-day 1 limited')
    vault = {...vault}
    expect(said(await pushAt('one'))).toEqual({status: 0, stderr: ''})
    rmSync(join(dir, 'store'), {recursive: true})
    renameSync(join(dir, 'limited'), join(dir, 'store'))
    expect(said(await pushAt('one'))).toEqual({status: 0, stderr: expect.any(String)})
    expect(said(await pushAt('one'))).toEqual({status: 77, stderr: expect.stringMatching(/^bk push: refused per-day: 1 snapshots of set web1 were received in the last 24 hours, the limit is 1\n$/)})
  })

  test('a memory that is damaged is one that is lost', async () => {
    writeFileSync(join(dir, 'tree/large'), noise(7, 2_000_000))
    await pushAt('one')
    const memory = join(dir, 'one/state/bk/sent')
    const files = readdirSync(memory, {recursive: true, encoding: 'utf8'}).filter((name) => statSync(join(memory, name)).isFile())
    expect(files.length).toBeGreaterThanOrEqual(3)
    for (const file of files) {
      cpSync(join(dir, 'one'), join(dir, 'two'), {recursive: true})
      const path = join(dir, 'two/state/bk/sent', file)
      writeFileSync(path, readFileSync(path).fill(0x5a, Math.max(0, statSync(path).size - 40)))
      writeFileSync(join(dir, 'tree/new'), file)
      // What only send finds out, when it has begun to count on it, is forgotten then.
      const first = await pushAt('two')
      const again = first.status === 0 ? first : await pushAt('two')
      expect({file, ...said(again)}).toEqual({file, status: 0, stderr: ''})
      expect(newest().index).toMatch(/^\.\/new /m)
      rmSync(join(dir, 'two'), {recursive: true})
    }
  })

  test('what is committed stays so when it cannot be remembered', async () => {
    writeFileSync(join(dir, 'file'), '')
    vault = {...vault}
    const result = await sh('bk push -C tree . vault:', {cwd: dir, env: {...at('one'), XDG_STATE_HOME: join(dir, 'file'), XDG_CACHE_HOME: '/proc/nowhere'}})
    expect(result).toMatchObject({status: 3, stderr: expect.stringMatching(/^bk push: committed, but it cannot be remembered in .*: not a directory\nbk push: hint: /)})
    expect(String(result.stdout)).toMatch(/^committed 1 /)
  })

  test('a dry run says what would be sent, and commits nothing', async () => {
    await pushAt('one')
    writeFileSync(join(dir, 'tree/b'), 'b\n')
    const {status, stdout} = await pushAt('one', '-n -C tree .')
    expect({status, lines: String(stdout).match(/^[+=~>-] \S+/gm)}).toEqual({status: 0, lines: ['= .', '+ ./b']})
    expect(newest().seq).toBe(1)
  })

  test('that cannot be reached is 75, and nothing is said of the tree', async () => {
    vault = {}
    expect(said(await pushAt('one', 'tree').then((result) => result))).toEqual({status: 75, stderr: expect.stringMatching(/^bk push: .*vault.*\n/)})
  })
})
