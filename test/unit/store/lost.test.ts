// What of a snapshot is lost: by the marks that matter to it, and no others; and found without reading more than a writer reads anyway.

import {describe, expect, test} from 'vitest'
import {commitEdit, commitSnapshot, type Draft} from '../../../src/lib/store/commit.ts'
import {damagedBy, formatEdit, parseEdit} from '../../../src/lib/store/edits.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {LostObjects} from '../../../src/lib/store/lost.ts'
import {readState} from '../../../src/lib/store/state.ts'
import {packName} from '../../../src/lib/store/store.ts'
import type {CataloguedPack} from '../../../src/lib/store/catalog.ts'
import type {SnapshotRecord} from '../../../src/lib/store/record.ts'
import {emptyStore, sha256, type MemoryStore} from './memory-store.ts'

const tree = '1'.repeat(64)
const id = (n: number): string => sha256(`object ${n}`)

/** A pack in the store. */
function place(store: MemoryStore, name: string, ...objects: readonly number[]): CataloguedPack {
  store.files.set(packName(sha256(name)), Buffer.alloc(100))
  return {name: sha256(name), size: 100, ids: objects.map(id).sort()}
}

/** Commits a snapshot as a writer does who brings `packs`, goes on counting on what `needed` says, and reaches of what is lost `reached`. */
async function commit(store: MemoryStore, packs: readonly CataloguedPack[], needed: readonly CataloguedPack[] = packs, reached: readonly number[] = [], set = 'a'): Promise<SnapshotRecord> {
  const log = await StoreLog.open(store)
  const lost = await LostObjects.of(log, await log.newest(set))
  for (const n of reached) lost.reach(id(n))
  const draft: Draft = {
    set, received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:29:58Z', partial: 0, entries: 2, bytes: 3, index: {id: tree, level: 'full'}, tree, saw: undefined,
    packs, needed: new Set(needed.map(({name}) => name)), lost: lost.still,
  }
  const {seq} = await commitSnapshot(log, draft)
  const record = await log.record(seq)
  if (record?.kind !== 'snapshot') throw new Error('no snapshot')
  return record
}

async function mark(store: MemoryStore, ...objects: readonly number[]): Promise<number> {
  const done = await commitEdit(await StoreLog.open(store), async () => formatEdit({verb: 'damaged', ids: objects.map(id)}))
  return done!.seq
}

async function lostOf(store: MemoryStore, set = 'a'): Promise<string[]> {
  const log = await StoreLog.open(store)
  return [...(await LostObjects.of(log, await log.newest(set))).ids()].sort()
}

const ids = (...objects: readonly number[]): string[] => objects.map(id).sort()

describe('lost is', () => {
  test('what was marked, as far as the snapshot may reach it', async () => {
    const store = emptyStore()
    const [one, other] = [place(store, 'one', 1, 2, 3), place(store, 'other', 4)]
    await commit(store, [one])
    await commit(store, [other], [other], [], 'b')
    expect(await lostOf(store)).toEqual([])
    await mark(store, 1, 3, 4, 9)
    expect(await lostOf(store)).toEqual(ids(1, 3))
    expect(await lostOf(store, 'b')).toEqual(ids(4))
    expect(await lostOf(store, 'c')).toEqual([])
  })

  test('not what came again since, and again what was lost again', async () => {
    const store = emptyStore()
    const [one, fresh] = [place(store, 'one', 1, 2), place(store, 'fresh', 1)]
    await commit(store, [one])
    const seq = await mark(store, 1, 2)
    const after = await commit(store, [fresh], [one, fresh], [2])
    expect(after.damaged).toEqual([seq])
    expect(await lostOf(store)).toEqual(ids(2))
    await mark(store, 1)
    expect(await lostOf(store)).toEqual(ids(1, 2))
  })

  test('nothing of a snapshot that reached nothing lost, whatever stands before it', async () => {
    const store = emptyStore()
    const one = place(store, 'one', 1, 2)
    await commit(store, [one])
    await mark(store, 1)
    expect((await commit(store, [], [one])).damaged).toBeUndefined()
    expect(await lostOf(store)).toEqual([])
    const second = await mark(store, 2)
    expect((await commit(store, [], [one], [1, 2])).damaged).toEqual([second])
  })

  test('what several edits say, each carried on by itself', async () => {
    const store = emptyStore()
    const one = place(store, 'one', 1, 2, 3)
    await commit(store, [one])
    const marks = [await mark(store, 1), await mark(store, 2), await mark(store, 3, 1)]
    expect((await commit(store, [], [one], [1, 2, 3])).damaged).toEqual([marks[1], marks[2]])
    expect((await commit(store, [], [one], [1])).damaged).toEqual([marks[2]])
    expect(await lostOf(store)).toEqual(ids(1, 3))
  })

  test('what was marked while the snapshot was on its way, though nobody looked', async () => {
    const store = emptyStore()
    const one = place(store, 'one', 1)
    await commit(store, [one])
    const log = await StoreLog.open(store)
    const {still} = await LostObjects.of(log, await log.newest('a'))
    const seq = await mark(store, 1)
    const {seq: at} = await commitSnapshot(log, {
      set: 'a', received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:29:58Z', partial: 0, entries: 2, bytes: 3, index: {id: tree, level: 'full'}, tree, saw: undefined,
      packs: [], needed: new Set([one.name]), lost: still,
    })
    expect(await log.record(at)).toMatchObject({damaged: [seq]})
    expect(await lostOf(store)).toEqual(ids(1))
  })
})

describe('a pack that is gone', () => {
  test('may be needed for what is lost, and for nothing else', async () => {
    const store = emptyStore()
    const [one, other] = [place(store, 'one', 1, 2), place(store, 'other', 3)]
    await commit(store, [one, other])
    await mark(store, 1, 2)
    store.files.delete(packName(one.name))
    await expect(commit(store, [], [one, other])).rejects.toMatchObject({status: 77, message: expect.stringMatching(/^refused missing-object/)})
    expect((await commit(store, [], [one, other], [1])).damaged).toEqual([2])
    store.files.delete(packName(other.name))
    await expect(commit(store, [], [one, other], [1])).rejects.toMatchObject({status: 77})
  })

  test('and is doomed: then it is not needed for anything', async () => {
    const store = emptyStore()
    const one = place(store, 'one', 1)
    await commit(store, [one])
    await mark(store, 1)
    await commitEdit(await StoreLog.open(store), async () => [`doom ${one.name}`])
    await expect(commit(store, [], [one], [1])).rejects.toMatchObject({status: 77})
  })
})

test('the packs of a snapshot are those that came last first', async () => {
  const store = emptyStore()
  const packs: CataloguedPack[] = []
  for (let n = 0; n < 5; n++) {
    packs.push(place(store, `pack ${n}`, n))
    await commit(store, packs.slice(-1), packs)
  }
  const log = await StoreLog.open(store)
  const found = (await Array.fromAsync(log.eachPack((await log.newest('a'))!))).map(({name}) => name)
  expect(found).toEqual(packs.map(({name}) => name).reverse())
})

test('a night on which nothing is lost costs no record more, however old a mark is', async () => {
  const store = emptyStore()
  const one = place(store, 'one', 1, 2)
  await commit(store, [one])
  await mark(store, 1)
  for (let night = 0; night < 200; night++) await commit(store, [], [one])
  const log = await StoreLog.open(store)
  const newest = (await log.newest('a'))!
  store.asked.length = 0
  expect((await LostObjects.of(log, newest)).size).toBe(0)
  expect(store.asked).toEqual([])
})

test('and one on which something is reads the edits that say so, and the catalogs of its packs', async () => {
  const store = emptyStore()
  const one = place(store, 'one', 1, 2)
  await commit(store, [one])
  const seq = await mark(store, 1)
  for (let night = 0; night < 30; night++) await commit(store, [], [one], [1])
  const log = await StoreLog.open(store)
  const newest = (await log.newest('a'))!
  await Array.fromAsync(log.eachPack(newest))
  store.asked.length = 0
  expect((await LostObjects.of(log, newest)).size).toBe(1)
  expect(store.asked).toEqual([`log/00000${seq}`])
})

describe('the edit', () => {
  const many = Array.from({length: 2000}, (_, n) => id(n))

  test('is printed in lines that can be read, and comes back', () => {
    const lines = formatEdit({verb: 'damaged', ids: many})
    expect(lines.length).toBe(3)
    for (const line of lines) expect(line.length).toBeLessThan(65_000)
    expect(damagedBy(['drop 1 why', ...lines])).toEqual(many)
  })

  test.each(['damaged', 'damaged ', `damaged ${id(1)} `, `damaged  ${id(1)}`, `damaged ${id(1).toUpperCase()}`, `damaged ${id(1).slice(1)}`, `damaged ${id(1)},${id(2)}`])('is refused: "%s"', (line) => {
    expect(() => parseEdit(line)).toThrow(expect.objectContaining({status: 65}))
  })

  test('counts for a store as the last one does', async () => {
    const store = emptyStore()
    await mark(store, 1, 2)
    await mark(store, 2, 3)
    expect(Object.fromEntries((await readState(await StoreLog.open(store))).damaged)).toEqual({[id(1)]: 1, [id(2)]: 2, [id(3)]: 2})
  })
})
