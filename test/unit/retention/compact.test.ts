// Compaction: packs of which little is needed any more are written anew, and everything that is kept comes back as before, to whoever reads
// the store by docs/format.md alone as well; with senders at work, snapshots that come in between, and damage.

import {appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {sh} from '../../harness/bk.ts'
import {noise} from '../../harness/days.ts'
import {over} from '../../harness/over.ts'
import {readStore} from '../../harness/read-store.ts'
import {tempDir} from '../../harness/temp.ts'
import {cleanUp} from '../../../src/lib/retention/clean-up.ts'
import {compact, type Compacted} from '../../../src/lib/retention/compact.ts'
import {commitEdit} from '../../../src/lib/store/commit.ts'
import {formatEdit} from '../../../src/lib/store/edits.ts'
import {checkLog, newTally} from '../../../src/lib/store/log-check.ts'
import {LocalStore} from '../../../src/lib/store/local.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {systemClock} from '../../../src/lib/sys/clock.ts'
import {LocalDestination} from '../../../src/lib/transfer/local-destination.ts'
import {usedBy} from '../../../src/lib/store/usage.ts'
import type {Store} from '../../../src/lib/store/store.ts'

let dir: string
let warned: string[]
const now = (): number => Math.floor(Date.now() / 1000)
const open = (): Promise<StoreLog> => StoreLog.open(new LocalStore(join(dir, 'store')))
const packs = (): string[] => readdirSync(join(dir, 'store/packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).map((name) => name.slice(3, 67)).sort()
const fileOf = (pack: string): string => join(dir, `store/packs/${pack.slice(0, 2)}/${pack}.tar.zst`)
const run = async (script: string, status = 0): Promise<string> => {
  const result = await sh(script, {cwd: dir})
  expect({script, status: result.status, stderr: status === 0 ? result.stderr : ''}).toEqual({script, status, stderr: ''})
  return String(result.stdout)
}
const write = (name: string, seed: number): void => writeFileSync(join(dir, 'tree', name), noise(seed, 60_000))
const push = (set = 'a'): Promise<string> => run(`bk push -q --set ${set} -C tree . store`)
const drop = async (...numbers: readonly number[]): Promise<void> => {
  await commitEdit(await open(), async () => formatEdit({verb: 'drop', numbers, why: 'a test'}))
}
const compacted = async (log?: StoreLog, atOnce = true, waste = 0.5): Promise<Compacted> =>
  compact(log ?? (await open()), {now, atOnce, waste, lead: () => noise(Math.random() * 1e9, 16), warn: (text) => warned.push(text)})
const clean = async (atOnce = true): Promise<void> => void (await cleanUp(await open(), {now: now(), atOnce}))

/** The store is whole to everybody who can say so. */
async function expectWhole(): Promise<void> {
  const found: string[] = []
  for await (const line of checkLog(await open(), newTally())) found.push(line)
  expect(found).toEqual([])
  await run('bk verify -q store --read-data')
  readStore(join(dir, 'store'))
}

/** Nothing is left that nobody needs. */
function expectNeeded(): void {
  const needed = new Set(readStore(join(dir, 'store')).snapshots.flatMap((snapshot) => [...snapshot.packs]))
  expect(packs().filter((name) => !needed.has(name))).toEqual([])
}

/** Ten files in one pack, of which one is left after nine have changed and the first snapshot went. */
async function wasted(): Promise<void> {
  for (let at = 0; at < 10; at++) write(`${at}`, at)
  await push()
  for (let at = 1; at < 10; at++) write(`${at}`, at + 100)
  await push()
  await drop(1)
}

beforeEach(async () => {
  dir = tempDir('compact')
  warned = []
  mkdirSync(join(dir, 'tree'))
  await run('bk init -q store')
})

describe('a pack that is mostly waste', () => {
  test('is replaced by what is needed of it, and goes', async () => {
    await wasted()
    const before = packs()
    const used = await usedBy(await open(), 'a')
    const done = await compacted()
    expect(done).toMatchObject({packs: 1})
    expect(done.bytes).toBeGreaterThan(600_000)
    expect(done.fresh).toBeLessThan(65_000)
    expect(await usedBy(await open(), 'a')).toBe(used - done.bytes + done.fresh)
    await expectWhole()
    await clean()
    await expectWhole()
    expectNeeded()
    expect(packs().filter((name) => !before.includes(name))).toHaveLength(1)
    await run('bk restore -q store --to back && diff -r back tree')
    // All of the set is counted, and nothing twice: its packs, its catalogs, its records.
    const files = (await run("find store/packs store/catalogs -type f -printf '%s\\n'")).trim().split('\n').map(Number)
    const records = [1, 2].map((seq) => readFileSync(join(dir, `store/log/00000${seq}`), 'latin1').replace(/^copy .*\n/gm, '').length)
    expect(await usedBy(await open(), 'a')).toBe([...files, ...records].reduce((sum, size) => sum + size, 0))
    expect(await compacted()).toEqual({packs: 0, bytes: 0, fresh: 0})
  })

  test('stays while a snapshot that is kept needs the rest, and while less than the threshold is waste', async () => {
    await wasted()
    for (let at = 1; at < 4; at++) write(`${at}`, at + 200)
    await push()
    await drop(2)
    // Of the first pack one in ten is needed, of the second six in nine.
    expect(await compacted(undefined, true, 0.95)).toMatchObject({packs: 0})
    expect(await compacted(undefined, true, 0.3)).toMatchObject({packs: 2})
    await clean()
    await expectWhole()
    expectNeeded()
  })

  test('that was made by compaction is compacted again', async () => {
    for (let at = 0; at < 10; at++) write(`${at}`, at)
    await push()
    for (const [from, to] of [[0, 6], [6, 9]] as const) {
      for (let at = from; at < to; at++) write(`${at}`, at + 100)
      await push()
      await drop(readStore(join(dir, 'store')).snapshots[0]!.seq)
      expect(await compacted()).toMatchObject({packs: 1})
      await clean()
      await expectWhole()
      expectNeeded()
    }
    await run('bk restore -q store --to back && diff -r back tree')
  })

  test('of another set that shares it is needed by both', async () => {
    for (let at = 0; at < 10; at++) write(`${at}`, at)
    await push('a')
    await push('b')
    for (let at = 2; at < 10; at++) write(`${at}`, at + 100)
    await push('a')
    rmSync(join(dir, 'tree/0'))
    await push('b')
    await drop(1, 2)
    await compacted()
    await clean()
    await expectWhole()
    expectNeeded()
    for (const set of ['a', 'b']) await run(`bk restore -q store --set ${set} --to ${set}`)
    expect(readFileSync(join(dir, 'a/0'))).toEqual(noise(0, 60_000))
    expect(existsSync(join(dir, 'b/0'))).toBe(false)
  })
})

describe('a sender at work', () => {
  test('can count on what was replaced for 25 hours, and his snapshot brings it back', async () => {
    await wasted()
    await clean(true)
    // Began before: it knows the newest snapshot's packs by their names.
    const sender = new LocalDestination(await open(), 'a', systemClock)
    await sender.known()
    const base = (await sender.newest())!
    expect(await compacted(undefined, false)).toMatchObject({packs: 1})
    await clean(false)
    const {index} = base
    expect(await sender.commit({...base, index: index!, claimed: '2026-11-22T08:30:05Z', base: base.tree})).toMatch(/^committed 6 /)
    // The packs that it meant, and it pays for them.
    expect(readFileSync(join(dir, 'store/log/000006'), 'latin1')).toMatch(/^catalog /m)
    await clean(true)
    await expectWhole()
    await compacted()
    await clean()
    await expectWhole()
    expectNeeded()
  })

  test('counts on it no longer than that: then it goes', async () => {
    await wasted()
    await clean(true)
    const before = packs()
    await compacted(undefined, false)
    for (const [hours, stay] of [[0, true], [24.9, true], [25.1, false]] as const) {
      await cleanUp(await open(), {now: now() + hours * 3600, atOnce: false})
      expect({hours, stay: before.every((name) => packs().includes(name))}).toEqual({hours, stay})
      await expectWhole()
    }
    expectNeeded()
  })

  test('who commits between the look and the edit is seen', async () => {
    await wasted()
    const store = new LocalStore(join(dir, 'store'))
    let isFirst = true
    // A snapshot comes in that needs everything of the pack again, while it is written anew: its sender was told that the store has it.
    const slow: Store = over(store, {
      put: async (name: string, ...rest: [readonly Uint8Array[], boolean]) => {
        if (isFirst && name.startsWith('catalogs/')) {
          isFirst = false
          for (let at = 1; at < 10; at++) write(`${at}`, at)
          await push()
        }
        return await store.put(name, ...rest)
      },
    })
    const before = packs()
    const done = await compacted(await StoreLog.open(slow))
    expect(isFirst).toBe(false)
    await expectWhole()
    await clean()
    await expectWhole()
    await run('bk restore -q store --to back && diff -r back tree')
    // Either the sender had to send it again, or the pack is not replaced; it is needed by whom it served.
    expect(done.packs === 0 || packs().length > before.length - 1).toBe(true)
  })
})

describe('what is damaged', () => {
  const flip = (name: string, at: number): void => {
    const bytes = readFileSync(fileOf(name))
    bytes[at]! ^= 1
    rmSync(fileOf(name))
    writeFileSync(fileOf(name), bytes)
  }

  test('is left alone and named, if it is a pack', async () => {
    await wasted()
    const [largest] = packs().map((name) => ({name, size: readFileSync(fileOf(name)).length})).sort((a, b) => b.size - a.size)
    flip(largest!.name, 1000)
    expect(await compacted()).toMatchObject({packs: 0})
    expect(warned).toEqual([expect.stringMatching(new RegExp(`^pack ${largest!.name} is left as it is: `))])
  })

  test('and has come again since is written anew out of what is good: then nothing is damaged any more', async () => {
    for (let at = 0; at < 10; at++) write(`${at}`, at)
    await push()
    write('new', 50)
    await push()
    const bySize = packs().map((name) => ({name, size: readFileSync(fileOf(name)).length})).sort((a, b) => b.size - a.size)
    flip(bySize[0]!.name, 1000)
    rmSync(fileOf(bySize[1]!.name))
    await run('bk verify -q store --read-data --repair', 1)
    await run('bk push -q --set a -C tree . store')
    // Nothing is lost, but the records of old snapshots need those two.
    await run('bk verify -q store --read-data', 1)
    expect(await compacted()).toMatchObject({packs: 2})
    await clean()
    expect(warned).toEqual([])
    await expectWhole()
    for (const at of [1, 2]) await run(`bk restore -q store@${at} --to back${at}`)
    await run('diff -r back2 tree && rm tree/new && diff -r back1 tree && sh store/recover.sh 1 recovered 2>/dev/null && diff -r recovered tree')
  })

  test('ends it, if it is an index: the store stays as it is', async () => {
    await wasted()
    const index = packs().filter((name) => readFileSync(fileOf(name)).length < 10_000)
    for (const name of index) flip(name, 60)
    const before = readdirSync(join(dir, 'store/log'))
    await expect(compacted()).rejects.toMatchObject({status: 65})
    expect(readdirSync(join(dir, 'store/log'))).toEqual(before)
    await run('bk rotate -q store --keep-daily 1 --apply --compact', 3)
  })
})

test('lists of chunks, long attributes and large files come through', async () => {
  writeFileSync(join(dir, 'tree/large'), noise(1, 6_000_000))
  write('small', 2)
  await push()
  appendFileSync(join(dir, 'tree/large'), noise(3, 100_000))
  writeFileSync(join(dir, 'tree/other'), noise(4, 3_000_000))
  await push()
  rmSync(join(dir, 'tree/other'))
  await push()
  await drop(1, 2)
  const before = packs().length
  expect((await compacted(undefined, true, 0.2)).packs).toBeGreaterThan(0)
  await clean()
  await expectWhole()
  expectNeeded()
  expect(packs().length).toBeLessThan(before)
  await run('bk restore -q store --to back && diff -r back tree && sh store/recover.sh recovered 2>said && diff -r recovered tree')
  expect(readFileSync(join(dir, 'said'), 'utf8')).not.toMatch(/missing|lost/)
})

test('what nobody came to name is removed a day later', async () => {
  await wasted()
  const store = new LocalStore(join(dir, 'store'))
  let catalog = ''
  const failing: Store = over(store, {
    put: async (name: string, ...rest: [readonly Uint8Array[], boolean]) => {
      if (name.startsWith('log/')) throw new Error('killed')
      if (name.startsWith('catalogs/')) catalog = join(dir, 'store', name)
      return await store.put(name, ...rest)
    },
  })
  const before = packs()
  await expect(compacted(await StoreLog.open(failing))).rejects.toThrow('killed')
  const [left] = packs().filter((name) => !before.includes(name))
  await clean()
  expect(packs()).toContain(left)
  expect(existsSync(catalog)).toBe(true)
  for (const file of [fileOf(left!), catalog]) utimesSync(file, now() - 100_000, now() - 100_000)
  await clean()
  expect(packs()).not.toContain(left)
  expect(existsSync(catalog)).toBe(false)
  await expectWhole()
})
