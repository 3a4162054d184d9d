// Committing: numbers are never used twice, nothing is promised that is not there, and needs are exact.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {commitEdit, commitSnapshot, type Draft} from '../../../src/lib/store/commit.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {formatSnapshot, type SnapshotRecord} from '../../../src/lib/store/record.ts'
import {catalogName, packName, recordName} from '../../../src/lib/store/store.ts'
import type {CataloguedPack} from '../../../src/lib/store/catalog.ts'
import {law} from '../index/texts.ts'
import {emptyStore, sha256, type MemoryStore} from './memory-store.ts'

const one = '1'.repeat(64)

function pack(n: number, size = 100): CataloguedPack {
  return {name: sha256(`pack ${n}`), size, ids: [sha256(`object ${n}`)]}
}

function place(store: MemoryStore, ...packs: readonly CataloguedPack[]): void {
  for (const {name, size} of packs) store.files.set(packName(name), Buffer.alloc(size))
}

function draft(packs: readonly CataloguedPack[], needed: readonly CataloguedPack[] = packs, parts: Partial<Draft> = {}): Draft {
  return {
    set: 'a', received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:29:58Z', partial: 0, entries: 2, bytes: 3, index: {id: one, level: 'full'}, tree: one, saw: undefined,
    packs, needed: new Set(needed.map(({name}) => name)), ...parts,
  }
}

async function commit(store: MemoryStore, what: Draft): Promise<SnapshotRecord> {
  const log = await StoreLog.open(store)
  const {seq, sum} = await commitSnapshot(log, what)
  const record = await (await StoreLog.open(store)).record(seq)
  if (record?.kind !== 'snapshot' || record.sum !== sum) throw new Error('no snapshot')
  return record
}

async function needsOf(store: MemoryStore, record: SnapshotRecord): Promise<string[]> {
  const log = await StoreLog.open(store)
  return (await Array.fromAsync(log.eachPack(record))).map(({name}) => name).sort()
}

const names = (...packs: readonly CataloguedPack[]): string[] => packs.map(({name}) => name).sort()

describe('a snapshot', () => {
  test('is committed with its catalog and all that it is', async () => {
    const store = emptyStore()
    const packs = [pack(1), pack(2), pack(3)]
    place(store, ...packs)
    const record = await commit(store, draft(packs, packs, {partial: 4, saw: {seq: 1, sum: one}}))
    expect(record).toMatchObject({seq: 1, set: 'a', received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:29:58Z', partial: 4, entries: 2, bytes: 3, tree: one, epoch: 1, saw: {seq: 1, sum: one}})
    expect(store.files.get(catalogName(record.catalog!))!.toString()).toContain(`pack ${pack(2).name} 100\n${pack(2).ids[0]}\n`)
    expect(record.needs.base).toBeUndefined()
    expect(await needsOf(store, record)).toEqual(names(...packs))
  })

  test('that brings nothing has no catalog, and costs less than two KiB', async () => {
    const store = emptyStore()
    place(store, pack(1))
    await commit(store, draft([pack(1)]))
    const record = await commit(store, draft([], [pack(1)]))
    expect([record.catalog, record.needs.base, record.needs.add.size, record.needs.drop.size]).toEqual([undefined, 1, 0, 0])
    expect(await needsOf(store, record)).toEqual(names(pack(1)))
    expect(record.size).toBeLessThan(2048)
  })

  test('does not need what it brought in vain, nor what it no longer reaches', async () => {
    const store = emptyStore()
    place(store, pack(1), pack(2), pack(3))
    await commit(store, draft([pack(1), pack(2)]))
    const record = await commit(store, draft([pack(3)], [pack(2)]))
    expect(await needsOf(store, record)).toEqual(names(pack(2)))
    expect(record.catalog).toBeDefined()
  })

  test('may need packs of other sets and of snapshots long before', async () => {
    const store = emptyStore()
    place(store, pack(1), pack(2), pack(3))
    await commit(store, draft([pack(1)], [pack(1)], {set: 'b'}))
    await commit(store, draft([pack(2)]))
    await commit(store, draft([pack(3)]))
    const record = await commit(store, draft([], [pack(1), pack(2)]))
    expect(await needsOf(store, record)).toEqual(names(pack(1), pack(2)))
    expect(record.needs.base).toBe(3)
  })

  test('is refused with a pack that is doomed, though its file is there and the snapshot before needs others of its catalog', async () => {
    const store = emptyStore()
    place(store, pack(1), pack(2))
    await commit(store, draft([pack(1), pack(2)]))
    await commit(store, draft([], [pack(1)]))
    await commitEdit(await StoreLog.open(store), async () => [`doom ${pack(2).name}`])
    await commit(store, draft([], [pack(1)]))
    await expect(commit(store, draft([], [pack(1), pack(2)]))).rejects.toMatchObject({status: 77, message: expect.stringContaining('refused missing-object')})
  })

  test('has a whole list of needs at least every 64th time', async () => {
    const store = emptyStore()
    place(store, pack(1))
    await commit(store, draft([pack(1)]))
    const log = await StoreLog.open(store)
    for (let i = 0; i < 140; i++) await commitSnapshot(log, draft([], [pack(1)]))
    const whole = (await log.snapshots()).filter(({needs}) => needs.base === undefined).map(({seq}) => seq)
    expect(whole).toEqual([1, 65, 129])
  })

  test('needs what was asked, whatever came before', async () => {
    const step = fc.record({fresh: fc.uniqueArray(fc.integer({min: 0, max: 30}), {maxLength: 4}), keep: fc.array(fc.boolean(), {minLength: 31, maxLength: 31}), set: fc.constantFrom('a', 'b')})
    await law(fc.asyncProperty(fc.array(step, {minLength: 1, maxLength: 8}), async (steps) => {
      const store = emptyStore()
      const there = new Set<number>()
      for (const {fresh, keep, set} of steps) {
        const packs = fresh.filter((n) => !there.has(n)).map((n) => pack(n))
        for (const n of fresh) there.add(n)
        place(store, ...packs)
        const needed = [...there].filter((n) => keep[n]).map((n) => pack(n))
        const record = await commit(store, draft(packs, needed, {set}))
        expect(await needsOf(store, record)).toEqual(names(...needed))
      }
    }), 40)
  })
})

describe('a commit is refused', () => {
  test.each([
    ['is not there', (store: MemoryStore) => void store.files.delete(packName(pack(1).name))],
    ['is cut off', (store: MemoryStore) => void store.files.set(packName(pack(1).name), Buffer.alloc(99))],
    ['is longer', (store: MemoryStore) => void store.files.set(packName(pack(1).name), Buffer.alloc(101))],
  ])('when a pack %s', async (_, spoil) => {
    const store = emptyStore()
    place(store, pack(1), pack(2))
    await commit(store, draft([pack(1)]))
    spoil(store)
    await expect(commit(store, draft([pack(2)], [pack(1), pack(2)]))).rejects.toMatchObject({status: 77, message: expect.stringContaining('refused missing-object: pack') as string})
    await expect(commit(store, draft([pack(1)]))).rejects.toMatchObject({status: 77})
    expect(store.files.has(recordName(2))).toBe(false)
    // What is not needed need not be whole.
    expect((await commit(store, draft([pack(2)]))).seq).toBe(2)
  })

  test('when no catalog has a pack', async () => {
    const store = emptyStore()
    place(store, pack(1), pack(2))
    await expect(commit(store, draft([pack(1)], [pack(1), pack(2)]))).rejects.toMatchObject({status: 77})
    expect([...store.files.keys()].filter((name) => name.startsWith('log/'))).toEqual([])
  })
})

describe('when another writer takes the number meanwhile', () => {
  test('the next is taken, chained to the other, with labels of its own number', async () => {
    const store = emptyStore()
    place(store, pack(1), pack(2))
    const other = formatSnapshot({
      seq: 1, set: 'b', received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:30:05Z', partial: 0, entries: 0, bytes: 0, index: {id: one, level: 'full'}, tree: one,
      catalog: undefined, needs: {base: undefined, drop: new Map(), add: new Map()}, epoch: 1, saw: undefined, prev: '0'.repeat(64),
    })
    let turns = 0
    store.onCreate = (name) => {
      if (turns++ === 0) store.files.set(name, Buffer.from(other.text))
    }
    const record = await commit(store, draft([pack(1)]))
    expect([record.seq, record.prev]).toEqual([2, other.sum])
    expect(await needsOf(store, record)).toEqual(names(pack(1)))
    expect([...record.needs.add.keys()]).toEqual([2])
  })

  test('a torn record uses up its number', async () => {
    const store = emptyStore()
    place(store, pack(1))
    const first = await commit(store, draft([pack(1)]))
    store.files.set(recordName(2), Buffer.from('#bk rec'))
    const record = await commit(store, draft([], [pack(1)]))
    expect([record.seq, record.prev, record.needs.base]).toEqual([3, first.sum, 1])
  })

  test('a pack that went away meanwhile is missed under the new head', async () => {
    const store = emptyStore()
    place(store, pack(1))
    const other = emptyStore()
    place(other, pack(9))
    await commit(other, draft([pack(9)], [pack(9)], {set: 'b'}))
    store.onCreate = (name) => {
      store.onCreate = () => {}
      for (const [path, bytes] of other.files) if (path === name || path.startsWith('catalogs/') || path.startsWith('packs/')) store.files.set(path, bytes)
      store.files.delete(packName(pack(1).name))
    }
    await expect(commit(store, draft([pack(1)]))).rejects.toMatchObject({status: 77})
    expect(store.files.has(recordName(2))).toBe(false)
  })

  test('for ever, it gives up', async () => {
    const store = emptyStore()
    place(store, pack(1))
    store.put = async (name, parts, ifAbsent) => {
      if (!ifAbsent) store.files.set(name, Buffer.concat(parts))
      return !ifAbsent
    }
    await expect(commit(store, draft([pack(1)]))).rejects.toMatchObject({status: 75})
  })
})
