// What edits make of a store: snapshots that are dropped, packs that are doomed, packs that others replace.

import {beforeAll, expect, test} from 'vitest'
import {formatCatalog} from '../../../src/lib/store/catalog.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {PackReader} from '../../../src/lib/store/objects.ts'
import {catalogName, packName, recordName} from '../../../src/lib/store/store.ts'
import {withSum} from '../../../src/lib/store/sum.ts'
import {joined, packOf} from '../store/memory-store.ts'
import {LAST, makeVerifiable, type CopyingStore} from './made-store.ts'
import {storeOf, verified} from './verified.ts'
import type {CataloguedPack} from '../../../src/lib/store/catalog.ts'

let whole: ReadonlyMap<string, Buffer>

beforeAll(async () => {
  const files = new Map(await makeVerifiable())
  files.delete(recordName(LAST + 1))
  whole = files
})

type Compacted = {readonly store: CopyingStore; readonly next: string}

/* Two packs of content become one, and go. `without` leaves out lines of the edit. */
async function compacted(without = /^$/): Promise<Compacted> {
  const store = storeOf(whole)
  const log = await StoreLog.open(store)
  const snapshots = await log.snapshots()
  const indexes = new Set(snapshots.map(({index}) => index.id))
  const content: CataloguedPack[] = []
  const labels: string[] = []
  for (const {seq} of snapshots.filter(({set, catalog}) => set === 'web' && catalog !== undefined).slice(0, 2)) {
    const packs = await log.catalog(seq)
    const at = packs.findIndex(({ids}) => !ids.some((id) => indexes.has(id)))
    content.push(packs[at]!)
    labels.push(`${seq}.${at + 1}`)
  }
  const ids = [...new Set(content.flatMap((pack) => pack.ids))]
  const reader = new PackReader(store)
  const objects = await Promise.all(ids.map((id) => reader.object(content.find((pack) => pack.ids.includes(id))!.name, id)))
  const pack = packOf([objects], 1, Buffer.alloc(16, 9))
  const catalog = formatCatalog([pack])
  const old = content.map(({name}) => name)
  const {sum} = await log.head()
  const lines = [
    `catalog ${catalog.digest} ${catalog.bytes.length + pack.size}`, `replace web 2026-11-22T08:30:05Z ${labels.join(' ')} : ${LAST + 1}.1`, `doom ${old.join(' ')}`,
  ].filter((line) => !without.test(line))
  store.files.set(packName(pack.name), joined(pack))
  store.files.set(catalogName(catalog.digest), catalog.bytes)
  store.files.set(recordName(LAST + 1), withSum(`#bk record 1 edit\nseq ${LAST + 1}\n${lines.join('\n')}\nprev ${sum}\n`))
  for (const name of old) store.files.delete(packName(name))
  return {store, next: pack.name}
}

test('packs that others replace are not missed, and what replaces them is needed', async () => {
  const {store, next} = await compacted()
  expect((await verified(store)).findings).toEqual([])
  store.files.delete(packName(next))
  const {findings, summary} = await verified(store)
  expect(findings[0]).toEqual({kind: 'pack', name: next, why: 'is missing'})
  expect(summary.files).toBeGreaterThan(5)
})

test('a catalog of packs that replace others is made anew', async () => {
  const {store} = await compacted()
  const {digest} = /catalog (?<digest>[0-9a-f]{64}) /.exec(String(store.files.get(recordName(LAST + 1))))!.groups!
  store.files.delete(catalogName(digest!))
  expect((await verified(store)).findings[0]).toMatchObject({kind: 'catalog', name: digest})
  expect((await verified(store, {repair: true})).findings).toMatchObject([{kind: 'repaired'}])
  expect((await verified(store)).findings).toEqual([])
})

test('what was doomed before its time is missed', async () => {
  const {store, next} = await compacted(/^(?:catalog|replace) /)
  // Else it is found, though nobody names it.
  expect((await verified(store)).summary.objects).toBe(0)
  store.files.delete(packName(next))
  const {findings, summary} = await verified(store)
  expect(summary.objects).toBeGreaterThan(0)
  expect(findings.some((each) => each.kind === 'lost')).toBe(true)
})

test('a dropped snapshot is not looked at, those that build upon it are', async () => {
  const store = storeOf(whole)
  const {sum} = await (await StoreLog.open(store)).head()
  store.files.set(recordName(LAST + 1), withSum(`#bk record 1 edit\nseq ${LAST + 1}\ndrop 2-3 by hand\nprev ${sum}\n`))
  const {findings, summary} = await verified(store)
  expect(findings).toEqual([])
  expect(summary.snapshots).toBe(LAST - 2)
})

test('a store that is cleaned up while it is read is looked at again', async () => {
  const {store: after} = await compacted()
  const store = storeOf(whole)
  let asked = 0
  const {findings, summary} = await verified(store, {
    read: {
      subset: undefined,
      isCut: false,
      isTimeUp() {
        if (asked++ === 1) {
          store.files.clear()
          for (const [name, bytes] of after.files) store.files.set(name, bytes)
        }
        return false
      },
    },
  })
  expect(findings).toEqual([])
  expect(summary.records).toBe(LAST + 1)
})
