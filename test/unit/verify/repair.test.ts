// Catalogs that are lost come back to the byte, whichever they are, however many, and whatever else lies there.

import {beforeAll, expect, test} from 'vitest'
import type {CataloguedPack} from '../../../src/lib/store/catalog.ts'
import {commitSnapshot} from '../../../src/lib/store/commit.ts'
import {damagedBy} from '../../../src/lib/store/edits.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {PackReader} from '../../../src/lib/store/objects.ts'
import {packName, recordName, type Store} from '../../../src/lib/store/store.ts'
import {markLost} from '../../../src/lib/verify/mark.ts'
import {joined, packOf} from '../store/memory-store.ts'
import {LAST, makeVerifiable} from './made-store.ts'
import {storeOf, verified} from './verified.ts'

let whole: ReadonlyMap<string, Buffer>
let catalogs: string[]

beforeAll(async () => {
  whole = await makeVerifiable()
  catalogs = [...whole.keys()].filter((name) => name.startsWith('catalogs/')).sort()
})

test('each alone, and all at once, with packs beside them that belong to none', async () => {
  for (const lost of [...catalogs.map((name) => [name]), catalogs]) {
    const store = storeOf(whole)
    for (const name of lost) store.files.delete(name)
    for (let i = 0; i < 5; i++) {
      const pack = packOf([[`nobody's ${i}`]], 1, Buffer.alloc(16, 50 + i))
      store.files.set(packName(pack.name), joined(pack))
    }
    const {findings, summary} = await verified(store, {repair: true, read: undefined})
    expect(findings.map(({kind}) => kind)).toEqual(lost.map(() => 'repaired'))
    expect(summary).toMatchObject({damages: 0, objects: 0})
    for (const name of lost) expect(store.files.get(name)?.equals(whole.get(name)!), name).toBe(true)
  }
})

test('without --repair nothing is written', async () => {
  const store = storeOf(whole)
  store.files.delete(catalogs[0]!)
  const before = new Map(store.files)
  await verified(store)
  expect(store.files).toEqual(before)
})

test('what is lost is marked, once', async () => {
  const store = storeOf(whole)
  const packs = [...store.files.keys()].filter((name) => name.startsWith('packs/'))
  for (const name of packs) store.files.delete(name)
  const before = new Set(store.files.keys())
  const {summary, findings} = await verified(store, {repair: true})
  expect([...store.files.keys()].filter((name) => !before.has(name))).toEqual([recordName(LAST + 2)])
  const marked = await markedIn(store)
  expect(marked.length).toBe(summary.objects)
  expect(marked.toSorted()).toEqual(findings.flatMap((each) => (each.kind === 'object' ? [each.name] : [])).sort())
  const after = new Map(store.files)
  await verified(store, {repair: true})
  expect(store.files).toEqual(after)
})

test('only what is new is marked, and what came again since and is lost again', async () => {
  const store = storeOf(whole)
  const log = await StoreLog.open(store)
  const packs: CataloguedPack[] = []
  for await (const {seq, ...record} of log.backwards()) if (record.kind === 'snapshot' && record.catalog !== undefined) packs.push(...(await log.catalog(seq)))
  const only = (pack: CataloguedPack): string[] => pack.ids.filter((id) => !packs.some(({name, ids}) => name !== pack.name && ids.includes(id)))
  const [first, second] = packs.filter((pack) => only(pack).length > 1) as [CataloguedPack, CataloguedPack]
  const bytes = store.files.get(packName(first.name))!
  store.files.delete(packName(first.name))
  await verified(store, {repair: true})
  expect((await markedIn(store)).toSorted()).toEqual(only(first))
  store.files.delete(packName(second.name))
  await verified(store, {repair: true})
  expect((await markedIn(store)).toSorted()).toEqual(only(second))
  // One of the objects comes with a snapshot of another set, in a pack that is lost in turn.
  store.files.set(packName(first.name), bytes)
  const again = packOf([[await new PackReader(store).object(first.name, only(first)[0]!)]], 1, Buffer.alloc(16, 99))
  store.files.set(packName(again.name), joined(again))
  const base = (await log.newest('web'))!
  const needed = new Set([again.name])
  await commitSnapshot(log, {...base, set: 'other', received: '2026-11-23T04:00:00Z', saw: undefined, packs: [again], needed})
  store.files.delete(packName(first.name))
  const before = new Map(store.files)
  await verified(store, {repair: true})
  expect(store.files).toEqual(before)
  store.files.delete(packName(again.name))
  await verified(store, {repair: true})
  expect(await markedIn(store)).toEqual([only(first)[0]])
})

test('and nothing that has come while the store was looked at', async () => {
  const store = storeOf(whole)
  const log = await StoreLog.open(store)
  const last = await log.last()
  const pack = packOf([['new'], ['as well']], 1, Buffer.alloc(16, 98))
  store.files.set(packName(pack.name), joined(pack))
  const base = (await log.newest('web'))!
  await commitSnapshot(log, {...base, set: 'other', received: '2026-11-23T04:00:00Z', saw: undefined, packs: [pack], needed: new Set([pack.name])})
  expect(await markLost(store, [...pack.ids, 'f'.repeat(64)], last)).toBe(1)
  expect(await markedIn(store)).toEqual(['f'.repeat(64)])
  expect(await markLost(store, pack.ids, await log.last())).toBe(2)
})

test('a log that is damaged is said, and no reason to end', async () => {
  const store = storeOf(whole)
  // One alone would be known from the next.
  for (const seq of [2, 3]) store.files.delete(recordName(seq))
  for (const name of store.files.keys()) if (name.startsWith('packs/')) store.files.delete(name)
  const before = new Map(store.files)
  const warned: string[] = []
  const {summary} = await verified(store, {repair: true, warn: (text) => warned.push(text)})
  expect(summary.objects).toBeGreaterThan(0)
  expect(warned).toEqual([expect.stringMatching(/^what is lost cannot be marked as damaged: /)])
  expect(store.files).toEqual(before)
})

/* What the last record says is lost. */
async function markedIn(store: Store): Promise<string[]> {
  const log = await StoreLog.open(store)
  const record = await log.record(await log.last())
  return record?.kind === 'edit' ? damagedBy(record.lines) : []
}
