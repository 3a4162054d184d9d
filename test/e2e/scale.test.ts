// What many days cost, in small: `npm run scale` is the long form, with a thousand of them, and with times. Here is counted what dropping a
// day reads, and weighed what indexes take.

import {readdirSync, statSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {copyStore, indexBytes} from '../../bench/scale-stores.ts'
import {cleanUp, type Freed} from '../../src/lib/retention/clean-up.ts'
import {dropSnapshots, rotate} from '../../src/lib/retention/rotate.ts'
import {rulesOf} from '../../src/lib/retention/rules.ts'
import {LocalStore} from '../../src/lib/store/local.ts'
import {StoreLog} from '../../src/lib/store/log.ts'
import type {Store} from '../../src/lib/store/store.ts'
import {InventedStore} from '../harness/invented-store.ts'
import {measureMemory} from '../harness/limits.ts'
import {over} from '../harness/over.ts'
import {tempDir} from '../harness/temp.ts'

const [few, many] = [20, 200]
const entries = 4000
const day = 86_400
const start = Date.parse('2026-01-01T03:00:00Z') / 1000

let small: string
let large: string
/** Compressed bytes of what changed, but for the first day, when everything was new. */
let changes = 0
let store: InventedStore

beforeAll(async () => {
  const dir = tempDir('scale')
  small = join(dir, 'small')
  large = join(dir, 'large')
  store = new InventedStore({path: large, entries, start})
  await store.receive(0)
  for (let seq = 2; seq <= many; seq++) {
    changes += await store.receive(entries / 100)
    if (seq === few) copyStore(large, small)
  }
})

type Reads = {files: number; bytes: number}
/** Drops one of so many snapshots. */
type Drop = (log: StoreLog, count: number) => Promise<unknown>

/** A store that counts what is read: records by themselves, everything else together. */
function counted(store: Store): {readonly store: Store; readonly records: Reads; readonly others: Reads} {
  const records = {files: 0, bytes: 0}
  const others = {files: 0, bytes: 0}
  const get: Store['get'] = async (name, range) => {
    const bytes = await store.get(name, range)
    const reads = name.startsWith('log/') ? records : others
    reads.files++
    reads.bytes += bytes.length
    return bytes
  }
  return {store: over(store, {get}), records, others}
}

/** What a rotation reads in a copy of a store, and how many records there are in the end. */
async function readsOf(path: string, count: number, drop: Drop, atOnce = false): Promise<{records: Reads; others: Reads; log: number; freed: Freed}> {
  const copy = join(tempDir('rotate'), 'store')
  copyStore(path, copy)
  const {store, records, others} = counted(new LocalStore(copy))
  const log = await StoreLog.open(store)
  expect(await drop(log, count)).toMatchObject({dropped: 1, kept: count - 1})
  const freed = await cleanUp(log, {now: start + count * day, atOnce})
  return {records, others, log: readdirSync(join(copy, 'log')).length, freed}
}

describe('dropping a day', () => {
  test.each<[string, Drop]>([
    ['the oldest', (log) => dropSnapshots(log, [1])],
    ['one in the middle', (log, count) => dropSnapshots(log, [count / 2])],
    ['by rules', (log, count) => rotate(log, {set: undefined, standing: {zone: 'UTC', rules: rulesOf({daily: count - 1})}, now: start + count * day, maxGap: 2 * day, force: false})],
  ])('reads each record once, and of the rest at most three times what it reads in a tenth of the store: %s', async (_, drop) => {
    const before = await readsOf(small, few, drop)
    const after = await readsOf(large, many, drop)
    expect(after.records.files).toBe(after.log)
    expect(after.others.files).toBeLessThanOrEqual(3 * before.others.files)
    expect(after.others.bytes).toBeLessThanOrEqual(3 * before.others.bytes)
  })

  // A pack may be in two catalogs.
  test('reads each catalog once where packs go', async () => {
    const after = await readsOf(large, many, (log, count) => dropSnapshots(log, [count]), true)
    expect(after.freed).toMatchObject({packs: 2, catalogs: 1})
    expect(after.records.files).toBe(after.log)
    expect(after.others.files).toBeLessThan(many + 10)
  })

  test('takes no more memory than bk itself', async () => {
    const copy = join(tempDir('rotate'), 'store')
    copyStore(large, copy)
    const {result, peaks} = await measureMemory(`bk rotate ${copy} --drop ${many / 2} --apply; exit $?`)
    expect(result).toMatchObject({status: 0, stderr: ''})
    expect(peaks[0]!.kibibytes).toBeLessThan(150 * 1024)
  })
})

describe('over two hundred days', () => {
  test('indexes take less than three times their changes', async () => {
    const bytes = await indexBytes(large, many)
    expect(bytes).toBeGreaterThan(changes)
    expect(bytes / changes).toBeLessThan(3)
  })

  test('a day on which nothing changed costs one record of less than 2 KiB', async () => {
    const files = (): string[] => readdirSync(large, {recursive: true, encoding: 'utf8'}).filter((name) => statSync(join(large, name)).isFile())
    const before = new Set(files())
    await store.receive(0)
    const added = files().filter((name) => !before.has(name))
    expect(added).toEqual(['log/000201'])
    expect(statSync(join(large, 'log/000201')).size).toBeLessThan(2048)
  })
})
