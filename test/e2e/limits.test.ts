// The limits of `bk receive`, each to the byte, and what is left of a session that one of them ended: packs on the list of the set, which
// count, are used by the next session, and go after a day; never what a record names.

import {describe, expect, test} from 'vitest'
import {StoreLog} from '../../src/lib/store/log.ts'
import {listedPacks} from '../../src/lib/store/session.ts'
import {packName} from '../../src/lib/store/store.ts'
import {usedBy} from '../../src/lib/store/usage.ts'
import {receive} from '../../src/lib/transfer/receive.ts'
import type {Limits} from '../../src/lib/store/settings.ts'
import {digestOf, forgePack, indexText, packMembers, streamEnd} from '../harness/forge-stream.ts'
import {noise} from '../harness/days.ts'
import {sha256} from '../harness/read-store.ts'
import {emptyStore, type MemoryStore} from '../unit/store/memory-store.ts'
import {after, asObject, attempt, big, dirLine, fileLine, firstStream, forged, joined, near, one, storeWithFirst, streamParts, two} from './thief.ts'
import type {Forged, Outcome} from './thief.ts'

const HOUR = 3600n * 1_000_000_000n
const start = 1_763_800_205n * 1_000_000_000n
const first = await storeWithFirst()

/** The honest second snapshot, of packs that are the same at each call. */
const content = forgePack([[two]])
const index = forgePack([[asObject(near)]])
const honest = joined(streamParts({packs: [content, index]}))
const {snapshot} = streamParts({packs: [content, index]})
/** The same, cut off behind its packs. */
const cut = Buffer.concat([packMembers(content), packMembers(index)])

const used = async (store: MemoryStore, set = 'web1'): Promise<number> => usedBy(await StoreLog.open(store), set)
const listed = async (store: MemoryStore): Promise<string[]> => (await listedPacks(store, 'web1')).map(({name}) => name).sort()

/** What is in a store but for packs that no record names and lists of sessions. */
function meaning({files}: MemoryStore): Map<string, string> {
  const named = [...files].filter(([name]) => name.startsWith('catalogs/')).map(([, bytes]) => String(bytes)).join('')
  const isLoose = (name: string): boolean => name.startsWith('sessions/') || (name.startsWith('packs/') && !named.includes(name.slice(9, 73)))
  return new Map([...files].filter(([name]) => !isLoose(name)).map(([name, bytes]) => [name, bytes.toString('base64')]))
}

async function expectRefused(stream: Buffer, word: string, limits: Limits, store = first, now = start): Promise<Outcome> {
  const outcome = await attempt(stream, {store, limits, now})
  expect(outcome).toMatchObject({status: 77, message: expect.stringMatching(new RegExp(`^refused ${word}: [^\\n]+$`)), harmed: store.files.has('sessions/web1') ? expect.anything() : []})
  expect(meaning(outcome.store)).toEqual(meaning(store))
  return outcome
}

async function expectTaken(stream: Buffer, limits: Limits = {}, store = first, now = start): Promise<MemoryStore> {
  const outcome = await attempt(stream, {store, limits, now})
  expect([outcome.status, outcome.message]).toEqual([0, ''])
  for (const [name, bytes] of meaning(store)) expect(meaning(outcome.store).get(name), name).toBe(bytes)
  return outcome.store
}

/** A store in which a session was cut off. */
async function storeWithCut(stream: Buffer = cut, store = first, now = start): Promise<MemoryStore> {
  const outcome = await attempt(stream, {store, now})
  expect(outcome.status).toBe(65)
  return outcome.store
}

describe('quota', () => {
  test('is a number of bytes, not one more', async () => {
    const most = await used(await expectTaken(honest))
    await expectTaken(honest, {quota: most})
    await expectRefused(honest, 'quota', {quota: most - 1})
    await expectRefused(honest, 'quota', {quota: 0})
  })

  test('is what the set has brought, whatever others have', async () => {
    const most = await used(first)
    expect(most).toBeGreaterThan(0)
    const {status, message} = await attempt(firstStream, {store: first, set: 'web2', limits: {quota: most}})
    expect([status, message]).toEqual([0, ''])
  })

  test('ends a stream before the pack is read that would go beyond it', async () => {
    const pack = forgePack([[noise(5, 1 << 20)]])
    const stream = packMembers(pack)
    let read = 0
    const store = first
    const pieces = async function* (): AsyncGenerator<Buffer> {
      for (; read < stream.length; read += 512) yield stream.subarray(read, read + 512)
    }
    const quota = (await used(store)) + pack.bytes.length - 1
    const log = await StoreLog.open(store)
    const failure = receive(pieces(), log, {set: 'web1', clock: {now: () => start}, answer: async () => undefined, limits: {quota}})
    await expect(failure).rejects.toThrow(/^refused quota: set web1 has brought \d+ bytes, and \d+ more would be over its \d+$/)
    expect(read).toBeLessThanOrEqual(1024)
  })

  test('counts each pack of the stream as it comes', async () => {
    const packs = Array.from({length: 5}, (_, n) => forgePack([[noise(20 + n, 3000)]]))
    const quota = (await used(first)) + packs.slice(0, 3).reduce((sum, {bytes}) => sum + bytes.length, 0)
    const {store} = await expectRefused(Buffer.concat(packs.map(packMembers)), 'quota', {quota})
    expect(packs.map(({name}) => store.files.has(packName(name)))).toEqual([true, true, true, false, false])
    expect(await listed(store)).toEqual(packs.slice(0, 3).map(({name}) => name).sort())
  })

  test('counts what a cut session has left, until a day and an hour have gone', async () => {
    const most = await used(await expectTaken(honest))
    const store = await storeWithCut()
    const again = joined({packs: [forgePack([[two]]), forgePack([[asObject(near)]])].map(packMembers), snapshot, end: streamEnd})
    const refused = await expectRefused(again, 'quota', {quota: most}, store)
    expect(await listed(refused.store)).toEqual(expect.arrayContaining([content.name, index.name]))
    await expectRefused(again, 'quota', {quota: most}, store, start + 24n * HOUR)
    // The clock may have been wrong: what comes from the future is over as well.
    for (const now of [start + 26n * HOUR, start - 26n * HOUR]) {
      const now2 = await expectTaken(again, {quota: most}, store, now)
      expect(now2.files.has(packName(content.name))).toBe(false)
      expect(now2.files.has('sessions/web1')).toBe(false)
    }
  })

  test('counts packs that came in vain beside a snapshot that was taken', async () => {
    const vain = forgePack([[noise(6, 1000)]])
    const store = await expectTaken(Buffer.concat([packMembers(vain), honest]))
    expect(await listed(store)).toEqual([vain.name])
    const next = joined(streamParts({packs: [], lines: {base: digestOf(after)}}))
    const {message} = await attempt(next, {store, limits: {quota: (await used(store)) + 999}})
    expect(message).toMatch(/^refused quota: .* \d+ of them in no snapshot/)
  })

  test('knows of sessions that go on beside it', async () => {
    const most = await used(await expectTaken(honest))
    const store = await storeWithCut(packMembers(content), first, start)
    const other = forgePack([[noise(7, 400)]])
    await expectRefused(Buffer.concat([packMembers(other), honest]), 'quota', {quota: most + other.bytes.length - 1}, store)
  })
})

describe('per-day', () => {
  test('is so many in 24 hours by the clock of the store, and 0 is none', async () => {
    await expectRefused(honest, 'per-day', {perDay: 0})
    await expectRefused(honest, 'per-day', {perDay: 1})
    await expectRefused(honest, 'per-day', {perDay: 1}, first, start + 24n * HOUR - 1_000_000_000n)
    await expectTaken(honest, {perDay: 1}, first, start + 24n * HOUR)
    await expectTaken(honest, {perDay: 2})
  })

  test('does not look at what the writer claims', async () => {
    await expectRefused(forged({lines: {claimed: '2030-01-01T00:00:00Z'}}), 'per-day', {perDay: 1})
  })

  test('holds for who comes at the same time', async () => {
    const store = await storeWithFirst()
    let others = 0
    const log = await StoreLog.open(store)
    store.onCreate = (name) => {
      // Another has this number a moment before.
      const record = String(store.files.get('log/000001'))
      if (others++ > 0 || name !== 'log/000002') return
      store.files.set(name, Buffer.from(renumbered(record)))
    }
    const pieces = async function* (): AsyncGenerator<Buffer> {
      yield honest
    }
    const options = {set: 'web1', clock: {now: () => start}, answer: async () => undefined, limits: {perDay: 2}}
    await expect(receive(pieces(), log, options)).rejects.toThrow(/^refused per-day: 2 snapshots/)
    expect([...store.files.keys()].filter((name) => name.startsWith('log/'))).toEqual(['log/000001', 'log/000002'])
  })
})

describe('max-entries', () => {
  test('is counted, not taken from what the snapshot says', async () => {
    await expectTaken(honest, {maxEntries: 3})
    await expectRefused(honest, 'max-entries', {maxEntries: 2})
    const outcome = await attempt(forged({lines: {counts: `1 bytes ${two.length + big.length}`}}), {store: first, limits: {maxEntries: 2}})
    expect(outcome).toMatchObject({status: 65, message: expect.stringContaining('counts')})
  })
})

describe('max-file', () => {
  const huge = noise(8, 2000)
  const withHuge = indexText([dirLine('.'), fileLine('./huge', huge)])
  const whole: Forged = {indexes: [withHuge], whole: withHuge, content: [huge], lines: {base: 'none'}}

  test('is for files that are new or changed', async () => {
    await expectTaken(forged(whole), {maxFile: 2000})
    await expectRefused(forged(whole), 'max-file', {maxFile: 1999})
    await expectRefused(forged(whole), 'max-file', {maxFile: 0})
  })

  test('lets a file be that was there before, also under another name and in an index that comes whole', async () => {
    await expectTaken(honest, {maxFile: 10})
    const moved = indexText([dirLine('.'), fileLine('./moved', huge)])
    const store = await expectTaken(forged(whole))
    await expectTaken(forged({indexes: [moved], whole: moved, content: [huge], lines: {base: 'none'}}), {maxFile: 10}, store)
    const other = indexText([dirLine('.'), fileLine('./huge', noise(9, 2000))])
    await expectRefused(forged({indexes: [other], whole: other, content: [noise(9, 2000)], lines: {base: 'none'}}), 'max-file', {maxFile: 10}, store)
  })
})

describe('reserve', () => {
  type Room = {readonly bytes: number; readonly inodes: number | undefined}

  /** Lets a store on a disk of that room receive the honest stream. */
  async function outcome(room: (files: MemoryStore['files']) => Room, limits: Limits, from = first, now = start): Promise<{message: string; files: MemoryStore['files']}> {
    const store = Object.assign(emptyStore(), {room: async () => room(store.files)})
    for (const [name, bytes] of from.files) store.files.set(name, bytes)
    const pieces = async function* (): AsyncGenerator<Buffer> {
      yield honest
    }
    const options = {set: 'web1', clock: {now: () => now}, answer: async () => undefined, limits}
    const message = await receive(pieces(), await StoreLog.open(store), options).then(() => '', String)
    return {message, files: store.files}
  }

  test('stays free, in bytes and in inodes', async () => {
    expect((await outcome(() => ({bytes: 100_000, inodes: 20_000}), {reserve: 90_000})).message).toBe('')
    expect((await outcome(() => ({bytes: 100_000, inodes: undefined}), {reserve: 90_000})).message).toBe('')
    const {message, files} = await outcome(() => ({bytes: 100_000, inodes: 20_000}), {reserve: 100_000})
    expect(message).toMatch(/refused reserve: the disk of the store has 98K left, and 98K must stay free$/)
    expect([...files.keys()].filter((name) => !first.files.has(name))).toEqual([])
    expect((await outcome(() => ({bytes: 100_000, inodes: 10_003}), {reserve: 1})).message).toMatch(/refused reserve: .* 10003 inodes/)
    expect((await outcome(() => ({bytes: 0, inodes: 0}), {})).message).toBe('')
  })

  test('what cut sessions have left goes first, then what is free is looked at again', async () => {
    const vain = forgePack([[noise(10, 5000)]])
    const store = await storeWithCut(packMembers(vain))
    const room = (files: MemoryStore['files']): Room => ({bytes: files.has(packName(vain.name)) ? 10_000 : 100_000, inodes: undefined})
    const {message, files} = await outcome(room, {reserve: 50_000}, store, start + HOUR)
    expect([message, files.has(packName(vain.name)), files.has('sessions/web1')]).toEqual(['', false, false])
    // Not what another may be at work with at this moment.
    const busy = await outcome(room, {reserve: 50_000}, store, start + 30_000_000_000n)
    expect([busy.message, busy.files.has(packName(vain.name))]).toEqual([expect.stringMatching(/refused reserve/), true])
  })

  test('of other sets only what is over goes', async () => {
    const vain = forgePack([[noise(12, 5000)]])
    const {store} = await attempt(packMembers(vain), {store: first, set: 'web2'})
    const room = (files: MemoryStore['files']): Room => ({bytes: files.has(packName(vain.name)) ? 10_000 : 100_000, inodes: undefined})
    expect((await outcome(room, {reserve: 50_000}, store, start + 20n * HOUR)).message).toMatch(/refused reserve/)
    expect((await outcome(room, {reserve: 50_000}, store, start + 26n * HOUR)).message).toBe('')
  })
})

describe('a session that was cut off', () => {
  test('leaves its packs to the next, which need not bring them again', async () => {
    const store = await storeWithCut()
    expect(await listed(store)).toEqual([content.name, index.name].sort())
    const bare = joined({packs: [], snapshot, end: streamEnd})
    const taken = await expectTaken(bare, {}, store, start + 23n * HOUR)
    expect(taken.files.has('sessions/web1')).toBe(false)
    expect((await attempt(bare, {store, now: start + 25n * HOUR})).message).toMatch(/^refused missing-object: /)
    expect((await attempt(bare, {store, set: 'other'})).status).toBe(77)
  })

  test('that ends is cleared away, but nothing that a record names: it may have sent what is there already', async () => {
    const old = forgePack([[one, noise(1, 300)]])
    const vain = forgePack([[noise(11, 100)]])
    const base = await expectTaken(honest)
    const store = await storeWithCut(Buffer.concat([packMembers(content), packMembers(index), packMembers(old), packMembers(vain)]), base)
    expect((await listed(store)).length).toBe(4)
    const later = await storeWithCut(Buffer.alloc(600, 'pack/'), store, start + 26n * HOUR)
    expect([old, vain, content, index].map(({name}) => later.files.has(packName(name)))).toEqual([false, false, true, true])
    expect(later.files.has('sessions/web1')).toBe(false)
    expect(meaning(later)).toEqual(meaning(base))
  })

  test('takes nothing with it while the log cannot be read', async () => {
    const store = await storeWithCut()
    const record = store.files.get('log/000001')!
    store.files.set('log/000001', Buffer.from(record.map((byte, at) => (at === 40 ? byte ^ 1 : byte))))
    store.files.set('log/000002', renumbered(String(record)))
    const {store: later} = await attempt(Buffer.alloc(600, 'pack/'), {store, now: start + 26n * HOUR})
    expect(later.files.has(packName(content.name))).toBe(true)
  })

  test('what is on the list of another set stays', async () => {
    const store = await storeWithCut()
    const {store: both} = await attempt(packMembers(content), {store, set: 'web2', now: start + 20n * HOUR})
    const {store: later} = await attempt(Buffer.alloc(600, 'pack/'), {store: both, now: start + 26n * HOUR})
    expect([content, index].map(({name}) => later.files.has(packName(name)))).toEqual([true, false])
  })
})

/** Record 1 as record 2, chained to it. */
function renumbered(text: string): Buffer {
  const sum = text.slice(-65, -1)
  const body = text.slice(0, -69).replace(/^seq 1$/m, 'seq 2').replace(/^prev .*$/m, `prev ${sum}`)
  return Buffer.concat([Buffer.from(body, 'latin1'), Buffer.from(`sum ${sha256(asObject(body))}\n`)])
}
