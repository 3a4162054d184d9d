// What a set has brought: said by its newest record, counted where records do not say it.

import {expect, test} from 'vitest'
import {commitSnapshot, type Draft} from '../../../src/lib/store/commit.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {catalogName, packName, recordName} from '../../../src/lib/store/store.ts'
import {snapshotsOfDay, usedBy} from '../../../src/lib/store/usage.ts'
import {emptyStore, sha256, type MemoryStore} from './memory-store.ts'

const noon = Date.parse('2026-11-22T12:00:00Z') / 1000
let packs = 0

/** Commits a snapshot of a pack of its own; answers the bytes it brought. */
async function commit(store: MemoryStore, set: string, received = '2026-11-22T08:30:05Z', parts: Partial<Draft> = {}): Promise<number> {
  const pack = {name: sha256(`pack ${++packs}`), size: 1000 + packs, ids: [sha256(`object ${packs}`)]}
  store.files.set(packName(pack.name), Buffer.alloc(pack.size))
  const before = [...store.files.values()].reduce((sum, {length}) => sum + length, 0)
  const {seq} = await commitSnapshot(await StoreLog.open(store), {
    set, received, claimed: received, partial: 0, entries: 2, bytes: 3, index: {id: '1'.repeat(64), level: 'full'}, tree: '1'.repeat(64), saw: undefined,
    packs: [pack], needed: new Set([pack.name]), ...parts,
  })
  const record = store.files.get(recordName(seq))
  if (record === undefined) throw new Error('no record')
  // What it has copied of the record before is not its own.
  const copied = (record.toString('latin1').match(/^copy .*\n/gm) ?? []).join('').length
  return [...store.files.values()].reduce((sum, {length}) => sum + length, 0) - before + pack.size - copied
}

const used = async (store: MemoryStore, set: string): Promise<number> => usedBy(await StoreLog.open(store), set)

/** Takes the line `stored` out of all records, as if an earlier version had written them. */
function forget(store: MemoryStore): void {
  let prev = '0'.repeat(64)
  for (const [name, bytes] of [...store.files].filter(([each]) => each.startsWith('log/')).sort()) {
    const body = bytes.toString('latin1').replace(/^stored .*\n/m, '').replace(/^prev .*\nsum .*\n/m, `prev ${prev}\n`)
    prev = sha256(body)
    store.files.set(name, Buffer.from(`${body}sum ${prev}\n`, 'latin1'))
  }
}

test('packs, catalogs and records, to the byte, each set its own', async () => {
  const store = emptyStore()
  expect(await used(store, 'a')).toBe(0)
  const a = (await commit(store, 'a')) + (await commit(store, 'a'))
  const b = await commit(store, 'b')
  const more = await commit(store, 'a')
  expect(await used(store, 'a')).toBe(a + more)
  expect(await used(store, 'b')).toBe(b)
})

test('one record is read, not every catalog', async () => {
  const store = emptyStore()
  for (let n = 0; n < 5; n++) await commit(store, 'a')
  const log = await StoreLog.open(store)
  store.asked.length = 0
  await usedBy(log, 'a')
  expect(store.asked).toEqual([recordName(5)])
})

test('records that do not say it are counted, and those behind them go on from there', async () => {
  const store = emptyStore()
  const old = (await commit(store, 'a')) + (await commit(store, 'a'))
  const line = String(store.files.get(recordName(1))).match(/^stored .*\n/m)![0].length + String(store.files.get(recordName(2))).match(/^stored .*\n/m)![0].length
  forget(store)
  expect(await used(store, 'a')).toBe(old - line)
  const more = await commit(store, 'a')
  expect(await used(store, 'a')).toBe(old - line + more)
  // A catalog that is gone cannot be counted, and must not keep the next snapshot from coming.
  forget(store)
  const all = await used(store, 'a')
  const catalog = String(store.files.get(recordName(1))).match(/^catalog (.*)$/m)![1]!
  store.files.delete(catalogName(catalog))
  expect(await used(store, 'a')).toBeLessThan(all)
})

test('snapshots of the last 24 hours are counted by the time when they were received', async () => {
  const store = emptyStore()
  const ofDay = async (set: string, now = noon): Promise<number> => snapshotsOfDay(await StoreLog.open(store), set, now)
  expect(await ofDay('a')).toBe(0)
  for (const received of ['2026-11-20T12:00:00Z', '2026-11-21T12:00:00Z', '2026-11-21T12:00:01Z', '2026-11-22T12:00:00Z']) await commit(store, 'a', received)
  await commit(store, 'b', '2026-11-22T11:00:00Z')
  expect([await ofDay('a'), await ofDay('b'), await ofDay('c')]).toEqual([2, 1, 0])
  expect(await ofDay('a', noon + 24 * 3600)).toBe(0)
  // Received while the clock was wrong.
  await commit(store, 'a', '2031-01-01T00:00:00Z')
  expect(await ofDay('a')).toBe(2)
})
