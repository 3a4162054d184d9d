// What edits make of a store: snapshots that are dropped, packs that are doomed, packs that others replace.

import {beforeAll, expect, test} from 'vitest'
import {formatCatalog} from '../../../src/lib/store/catalog.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {PackReader} from '../../../src/lib/store/objects.ts'
import {catalogName, packName, recordName} from '../../../src/lib/store/store.ts'
import {withSum} from '../../../src/lib/store/sum.ts'
import {standingOf, type Standing} from '../../../src/lib/verify/standing.ts'
import {joined, packOf} from '../store/memory-store.ts'
import {LAST, makeVerifiable, type CopyingStore} from './made-store.ts'
import {storeOf, verified} from './verified.ts'
import type {CataloguedPack} from '../../../src/lib/store/catalog.ts'
import type {StoreRecord} from '../../../src/lib/store/record.ts'

let whole: ReadonlyMap<string, Buffer>

beforeAll(async () => {
  const files = new Map(await makeVerifiable())
  files.delete(recordName(LAST + 1))
  whole = files
})

type Compacted = {readonly store: CopyingStore; readonly old: readonly string[]; readonly next: string; readonly standing: (records: readonly StoreRecord[]) => Standing}

/* Two packs of content become one, and go. */
async function compacted(): Promise<Compacted> {
  const store = storeOf(whole)
  const log = await StoreLog.open(store)
  const snapshots = await log.snapshots()
  const indexes = new Set(snapshots.map(({index}) => index.id))
  const content: CataloguedPack[] = []
  for (const {seq} of snapshots.filter(({set, catalog}) => set === 'web' && catalog !== undefined).slice(0, 2)) {
    content.push((await log.catalog(seq)).find(({ids}) => !ids.some((id) => indexes.has(id)))!)
  }
  const ids = [...new Set(content.flatMap((pack) => pack.ids))]
  const reader = new PackReader(store)
  const objects = await Promise.all(ids.map((id) => reader.object(content.find((pack) => pack.ids.includes(id))!.name, id)))
  const pack = packOf([objects], 1, Buffer.alloc(16, 9))
  const catalog = formatCatalog([pack])
  const old = content.map(({name}) => name)
  const {sum} = await log.head()
  const lines = [`catalog ${catalog.digest}`, `replace ${old.join(' ')} : ${pack.name}`, `doom ${old.join(' ')}`]
  store.files.set(packName(pack.name), joined(pack))
  store.files.set(catalogName(catalog.digest), catalog.bytes)
  store.files.set(recordName(LAST + 1), withSum(`#bk record 1 edit\nseq ${LAST + 1}\n${lines.join('\n')}\nprev ${sum}\n`))
  for (const name of old) store.files.delete(packName(name))
  const standing = (records: readonly StoreRecord[]): Standing => {
    const plain = standingOf(records)
    return {
      ...plain,
      bringers: [...plain.bringers, {seq: LAST + 1, catalog: catalog.digest}],
      mayBeGone: (name) => old.includes(name),
      replacedBy: (name) => (old.includes(name) ? [pack.name] : undefined),
    }
  }
  return {store, old, next: pack.name, standing}
}

test('packs that others replace are not missed, and what replaces them is needed', async () => {
  const {store, next, standing} = await compacted()
  expect((await verified(store, {standing})).findings).toEqual([])
  store.files.delete(packName(next))
  const {findings, summary} = await verified(store, {standing})
  expect(findings[0]).toEqual({kind: 'pack', name: next, why: 'is missing'})
  expect(summary.files).toBeGreaterThan(5)
})

test('what was doomed before its time is missed', async () => {
  const {store, old, standing} = await compacted()
  const {findings} = await verified(store, {standing: (records) => ({...standing(records), replacedBy: () => undefined})})
  expect(findings.some((each) => each.kind === 'snapshot' && each.why.startsWith('reaches objects of pack'))).toBe(true)
  const lost = await verified(store, {standing: (records) => ({...standingOf(records), mayBeGone: (name) => old.includes(name)})})
  expect(lost.summary.objects).toBeGreaterThan(0)
})

test('a dropped snapshot is not looked at, those that build upon it are', async () => {
  const drop = (records: readonly StoreRecord[]): Standing => {
    const plain = standingOf(records)
    return {...plain, snapshots: plain.snapshots.filter(({seq}) => seq !== 2 && seq !== 3)}
  }
  const {findings, summary} = await verified(storeOf(whole), {standing: drop})
  expect(findings).toEqual([])
  expect(summary.snapshots).toBe(LAST - 2)
})

test('a store that is cleaned up while it is read is looked at again', async () => {
  const {store: after, standing} = await compacted()
  const store = storeOf(whole)
  let asked = 0
  const {findings, summary} = await verified(store, {
    standing: (records) => (records.some(({kind}) => kind === 'edit') ? standing(records) : standingOf(records)),
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
