// What nobody needs goes, and nothing else: on a real store, with snapshots that share packs, senders that may be at work, and runs that
// are killed half-way.

import {existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {sh} from '../../harness/bk.ts'
import {noise} from '../../harness/days.ts'
import {over} from '../../harness/over.ts'
import {tempDir} from '../../harness/temp.ts'
import {cleanUp} from '../../../src/lib/retention/clean-up.ts'
import {checkLog, newTally} from '../../../src/lib/store/log-check.ts'
import {commitEdit} from '../../../src/lib/store/commit.ts'
import {formatEdit} from '../../../src/lib/store/edits.ts'
import {LocalStore} from '../../../src/lib/store/local.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {readState} from '../../../src/lib/store/state.ts'
import {usedBy} from '../../../src/lib/store/usage.ts'

let dir: string
const now = (): number => Math.floor(Date.now() / 1000)
const open = (): Promise<StoreLog> => StoreLog.open(new LocalStore(join(dir, 'store')))
const packs = (): string[] => readdirSync(join(dir, 'store/packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).sort()
const catalogs = (): string[] => readdirSync(join(dir, 'store/catalogs')).sort()
const run = async (script: string): Promise<string> => {
  const {status, stdout, stderr} = await sh(script, {cwd: dir})
  expect({script, status, stderr}).toEqual({script, status: 0, stderr: ''})
  return String(stdout)
}

/** A day: `files` with new content each, beside one that never changes. */
async function push(set: string, ...files: readonly string[]): Promise<void> {
  for (const name of files) writeFileSync(join(dir, 'tree', name), noise(Math.floor(Math.random() * 1e9), 60_000))
  await run(`bk push -q --set ${set} -C tree . store`)
}

async function drop(...numbers: readonly number[]): Promise<void> {
  await commitEdit(await open(), async () => formatEdit({verb: 'drop', numbers, why: 'a test'}))
}

/** All that is kept restores, and the log says nothing bad. */
async function expectWhole(): Promise<void> {
  const log = await open()
  const found: string[] = []
  for await (const line of checkLog(log, newTally())) found.push(line)
  expect(found).toEqual([])
  for (const {record} of (await readState(log)).kept) {
    await run(`bk restore -q store@${record.seq} --set ${record.set} --to back${record.seq}`)
    rmSync(join(dir, `back${record.seq}`), {recursive: true})
  }
}

beforeEach(async () => {
  dir = tempDir('clean-up')
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/always'), noise(1, 50_000))
  await run('bk init -q store')
})

describe('after a drop', () => {
  test('the packs that only those snapshots needed go, and their catalogs', async () => {
    await push('a', 'one')
    await push('a', 'one')
    const [before, catalogsBefore] = [packs(), catalogs()]
    await push('a', 'one')
    await drop(2)
    const log = await open()
    const freed = await cleanUp(log, {now: now(), atOnce: true})
    // What the second had brought: content, and an index.
    expect(freed).toMatchObject({packs: 2, catalogs: 1, bytes: expect.any(Number)})
    expect(packs()).toHaveLength(4)
    expect(before.filter((name) => packs().includes(name))).toHaveLength(2)
    expect(catalogsBefore.filter((name) => catalogs().includes(name))).toHaveLength(1)
    await expectWhole()
    expect(await cleanUp(await open(), {now: now(), atOnce: true})).toEqual({packs: 0, catalogs: 0, bytes: 0})
    expect(readdirSync(join(dir, 'store/log'))).toHaveLength(5)
  })

  test('what went with --now is missed by no later run, though a sender could have counted on it', async () => {
    for (let day = 0; day < 3; day++) await push('a', 'one')
    for (const seed of [5, 6]) {
      writeFileSync(join(dir, 'tree/old'), noise(seed, 60_000))
      await run('faketime -f -3d bk push -q --set b -C tree . store')
    }
    await drop(2)
    expect((await cleanUp(await open(), {now: now(), atOnce: true})).catalogs).toBe(1)
    await drop(4)
    expect((await cleanUp(await open(), {now: now(), atOnce: false})).packs).toBeGreaterThan(0)
    await expectWhole()
  })

  test('what a kept snapshot shares with a dropped one stays', async () => {
    await push('a', 'one', 'two')
    await push('a', 'one')
    await drop(1)
    await cleanUp(await open(), {now: now(), atOnce: true})
    await expectWhole()
    expect(await run('bk restore -q store --to back && cmp back/two tree/two && cmp back/always tree/always')).toBe('')
  })

  test('a set counts less in its quota', async () => {
    await push('a', 'one')
    await push('a', 'one')
    await push('a', 'one')
    const before = await usedBy(await open(), 'a')
    await drop(1, 2)
    const {bytes} = await cleanUp(await open(), {now: now(), atOnce: true})
    expect(await usedBy(await open(), 'a')).toBe(before - bytes)
    await push('a', 'two')
    await expectWhole()
  })

  test('what a sender may count on stays for 25 hours, unless it is to go at once', async () => {
    await push('a', 'one')
    await push('a', 'one')
    await drop(1)
    expect(await cleanUp(await open(), {now: now() + 24 * 3600, atOnce: false})).toMatchObject({packs: 0})
    expect(await cleanUp(await open(), {now: now() + 26 * 3600, atOnce: false})).toMatchObject({packs: 1})
    await expectWhole()
  })

  test('a dropped snapshot is not listed, not restored, and nobody\'s base', async () => {
    await push('a', 'one')
    await push('a', 'one')
    await drop(2)
    expect(await run('bk log store')).toMatch(/^1\t[^\n]*\n$/)
    expect(await run('bk log store --all')).toMatch(/^1\t.*\n2\t.*\tdropped\t.*\n3\t-\t-\tedit\t.*drop 2\n$/)
    expect((await sh('bk restore store@2 --to back', {cwd: dir})).status).toBe(2)
    await push('a', 'two')
    await cleanUp(await open(), {now: now(), atOnce: true})
    await expectWhole()
    expect(await run('bk diff store@1 store@latest')).toContain('~ ./one ')
  })
})

describe('what nobody names', () => {
  const stray = 'ab'.repeat(32)
  const path = (): string => join(dir, `store/packs/ab/${stray}.tar.zst`)

  test('goes when it is older than a day', async () => {
    await push('a', 'one')
    mkdirSync(join(dir, 'store/packs/ab'), {recursive: true})
    writeFileSync(path(), 'what a killed session left')
    expect(await cleanUp(await open(), {now: now(), atOnce: true})).toMatchObject({packs: 0})
    utimesSync(path(), now() - 26 * 3600, now() - 26 * 3600)
    expect(await cleanUp(await open(), {now: now(), atOnce: false})).toEqual({packs: 1, catalogs: 0, bytes: 26})
    expect(existsSync(path())).toBe(false)
    await expectWhole()
  })

  test('stays while a session has it on its list', async () => {
    await push('a', 'one')
    writeFileSync(join(dir, 'tree/large'), noise(3, 80_000_000))
    await sh('bk push -q --set b -C tree . store & pid=$!; until [ -e store/sessions/b ]; do sleep 0.02; done; sleep 0.1; kill -9 $pid; wait', {cwd: dir})
    expect(existsSync(join(dir, 'store/sessions/b'))).toBe(true)
    const before = packs()
    await cleanUp(await open(), {now: now() + 3600, atOnce: true})
    expect(packs()).toEqual(before)
  })
})

describe('a run that is killed', () => {
  test('before it deletes: the next one does', async () => {
    for (let day = 0; day < 3; day++) await push('a', 'one')
    await drop(2)
    const store = new LocalStore(join(dir, 'store'))
    const remove = (): Promise<never> => Promise.reject(new Error('killed'))
    const killed = over(store, {remove})
    await expect(cleanUp(await StoreLog.open(killed), {now: now(), atOnce: true})).rejects.toThrow('killed')
    await expectWhole()
    expect(await cleanUp(await open(), {now: now(), atOnce: false})).toMatchObject({packs: 2, catalogs: 1})
    await expectWhole()
  })
})

test('a store of a later version is left alone', async () => {
  await push('a', 'one')
  await push('a', 'one')
  await drop(1)
  await commitEdit(await open(), async () => ['share 1 with-everybody'])
  const before = packs()
  await expect(cleanUp(await open(), {now: now(), atOnce: true})).rejects.toMatchObject({status: 77})
  expect(packs()).toEqual(before)
  expect(readFileSync(join(dir, 'store/log/000004'), 'latin1')).toContain('share 1')
})
