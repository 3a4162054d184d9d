// Many small packs of sessions that brought no snapshot: they end a session, and are cleared away for one that comes later.

import {expect, test} from 'vitest'
import {listedPacks} from '../../src/lib/store/session.ts'
import {noise} from '../harness/days.ts'
import {forgePack, packMembers} from '../harness/forge-stream.ts'
import type {MemoryStore} from '../unit/store/memory-store.ts'
import {attempt, forged, storeWithFirst} from './thief.ts'

const SECOND = 1_000_000_000n
const start = 1_763_800_205n * SECOND
const first = await storeWithFirst()
const small = (count: number, word: string): Buffer => Buffer.concat(Array.from({length: count}, (_, n) => packMembers(forgePack([[Buffer.from(`${word} ${n}`)]]))))
const listed = async (store: MemoryStore): Promise<string[]> => (await listedPacks(store, 'web1')).map(({name}) => name)
const packs = ({files}: MemoryStore): number => [...files.keys()].filter((name) => name.startsWith('packs/')).length
const refusal = {status: 77, message: expect.stringMatching(/^refused small-packs: [ -~]+$/)}

test('a thousand end a session, and those that come at once; a minute later they go, and what is large stays to be gone on from', async () => {
  const {store, ...outcome} = await attempt(small(1001, 'small'), {store: first, now: start})
  expect(outcome).toMatchObject({...refusal, harmed: []})
  expect((await listed(store)).length).toBe(1000)
  expect(await attempt(small(1, 'more'), {store, now: start + 60n * SECOND})).toMatchObject(refusal)
  expect(await attempt(forged(), {store, now: start + 60n * SECOND})).toMatchObject(refusal)

  const large = forgePack([[noise(8, 1_100_000)]])
  const {store: more} = await attempt(packMembers(large), {store, now: start})
  const after = await attempt(forged(), {store: more, now: start + 61n * SECOND})
  expect([after.status, after.message]).toEqual([0, ''])
  expect(await listed(after.store)).toEqual([large.name])
  // Two of the first snapshot, two of this one, and the large one.
  expect(packs(after.store)).toBe(5)
})

test('a few hundred are left to be gone on from', async () => {
  const {store} = await attempt(small(500, 'few'), {store: first, now: start})
  const after = await attempt(forged(), {store, now: start + 3600n * SECOND})
  expect([after.status, after.message, (await listed(after.store)).length]).toEqual([0, '', 500])
})
