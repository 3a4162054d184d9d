// Catalogs that are lost come back to the byte, whichever they are, however many, and whatever else lies there.

import {beforeAll, expect, test} from 'vitest'
import {packName} from '../../../src/lib/store/store.ts'
import {joined, packOf} from '../store/memory-store.ts'
import {makeVerifiable} from './made-store.ts'
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

test('what is lost is handed to whoever marks it', async () => {
  const store = storeOf(whole)
  const marked: string[] = []
  const packs = [...store.files.keys()].filter((name) => name.startsWith('packs/'))
  for (const name of packs) store.files.delete(name)
  const {summary, findings} = await verified(store, {repair: true, markDamaged: async (ids) => void marked.push(...ids)})
  expect(marked.length).toBe(summary.objects)
  expect(marked.sort()).toEqual(findings.flatMap((each) => (each.kind === 'object' ? [each.name] : [])).sort())
})
