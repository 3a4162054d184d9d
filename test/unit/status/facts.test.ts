// What is read of a log to know how its sets are: enough, and no more.

import {describe, expect, test} from 'vitest'
import {readFacts, type SetFacts} from '../../../src/lib/status/facts.ts'
import {formatSession} from '../../../src/lib/store/session-list.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {catalogName, recordName} from '../../../src/lib/store/store.ts'
import {snapshotsOfDay, usedBy} from '../../../src/lib/store/usage.ts'
import {emptyStore, sha256, type MemoryStore} from '../store/memory-store.ts'
import {addRecord, seconds} from './made-log.ts'

const noon = seconds('2026-11-22T12:00:00Z')

async function factsOf(store: MemoryStore, {only, now = noon}: {only?: readonly string[]; now?: number} = {}): Promise<SetFacts[]> {
  return await readFacts(await StoreLog.open(store), {only: only === undefined ? undefined : new Set(only), now})
}

/** Numbers of the snapshots that facts name. */
function numbers({set, newest, complete, before, today}: SetFacts): unknown[] {
  return [set, newest?.seq, complete?.seq, before?.seq, today.map(({seq}) => seq)]
}

/** A store with a set of long ago, and one that was pushed every day since. */
function storeOfYears(days = 300): MemoryStore {
  const store = emptyStore()
  addRecord(store, 'silent', '2026-01-01T00:00:00Z')
  for (let day = days; day > 0; day--) addRecord(store, 'web1', `${new Date((noon - day * 86_400 + 3600) * 1000).toISOString().slice(0, 19)}Z`)
  return store
}

describe('a log', () => {
  test('has for each set its newest, its newest complete, and the one before', async () => {
    const store = emptyStore()
    addRecord(store, 'a', '2026-11-19T08:00:00Z')
    addRecord(store, 'b', '2026-11-20T08:00:00Z')
    addRecord(store, 'a', '2026-11-21T11:00:00Z', {entries: 7, bytes: 70, stored: {bytes: 30, total: 70}})
    addRecord(store, 'a', '2026-11-21T13:00:00Z', {partial: 3})
    addRecord(store, 'a', '2026-11-22T08:00:00Z', {partial: 1, stored: {bytes: 11, total: 999}})
    const [a, b, ...others] = await factsOf(store)
    expect(others).toEqual([])
    expect([numbers(a!), numbers(b!)]).toEqual([['a', 5, 3, 4, [5, 4]], ['b', 2, 2, undefined, []]])
    expect(a).toMatchObject({newest: {partial: 1, brought: 11, isFirst: false}, complete: {entries: 7, bytes: 70, receivedText: '2026-11-21T11:00:00Z', received: seconds('2026-11-21T11:00:00Z')}})
  })

  test('counts what the limits count', async () => {
    const store = emptyStore()
    const times = ['2026-11-20T12:00:00Z', '2026-11-22T11:00:00Z', '2026-11-21T12:00:00Z', '2026-11-21T12:00:01Z', '2031-01-01T00:00:00Z', '2026-11-22T12:00:00Z']
    for (const [at, received] of times.entries()) addRecord(store, at === 2 ? 'b' : 'a', received)
    for (const now of [noon, noon + 3600, noon - 86_400]) {
      const log = await StoreLog.open(store)
      for (const {set, today, used} of await factsOf(store, {now})) {
        expect([set, today.length, used]).toEqual([set, await snapshotsOfDay(log, set, now), await usedBy(log, set)])
      }
    }
  })

  test('knows the first of a set, where records say what was brought', async () => {
    const store = emptyStore()
    addRecord(store, 'a', '2026-11-21T11:00:00Z', {stored: {bytes: 10, total: 10}})
    expect((await factsOf(store))[0]?.newest?.isFirst).toBe(true)
    addRecord(store, 'a', '2026-11-21T11:00:00Z', {stored: {bytes: 10, total: 20}})
    expect((await factsOf(store))[0]).toMatchObject({newest: {isFirst: false}, before: {isFirst: true}})
  })

  test('of an earlier version, which does not say what came, is counted', async () => {
    const store = emptyStore()
    const catalog = Buffer.from(`#bk catalog 1\npack ${'a'.repeat(64)} 5000\n`)
    store.files.set(catalogName(sha256(catalog)), catalog)
    for (const received of ['2026-11-20T11:00:00Z', '2026-11-21T11:00:00Z']) addRecord(store, 'a', received, {stored: undefined, catalog: sha256(catalog)})
    for (const only of [undefined, ['a']]) {
      const [a] = await factsOf(store, only === undefined ? {} : {only})
      expect(a).toMatchObject({newest: {brought: 5000 + catalog.length, isFirst: false}, used: await usedBy(await StoreLog.open(store), 'a')})
    }
    store.files.delete(catalogName(sha256(catalog)))
    expect((await factsOf(store))[0]?.newest?.brought).toBeUndefined()
  })
})

describe('what is read', () => {
  test('a set of long ago is found, by the heads of the records between', async () => {
    const store = storeOfYears()
    const [silent, web1] = await factsOf(store)
    expect([numbers(silent!), numbers(web1!)]).toEqual([['silent', 1, 1, undefined, []], ['web1', 301, 301, 300, [301]]])
    const records = store.asked.filter((name) => name.startsWith('log/'))
    // Each once for its head, and those three as a whole.
    expect(records.length - new Set(records).size).toBe(3)
  })

  test('of sets that are named, no further back than is needed', async () => {
    const store = storeOfYears()
    expect((await factsOf(store, {only: ['web1']})).map(numbers)).toEqual([['web1', 301, 301, 300, [301]]])
    expect(new Set(store.asked.filter((name) => name.startsWith('log/')))).toEqual(new Set([recordName(301), recordName(300)]))
    expect((await factsOf(store, {only: ['none', 'silent']})).map(numbers)).toEqual([['none', undefined, undefined, undefined, []], ['silent', 1, 1, undefined, []]])
  })

  test('the head is in the first 512 bytes of the longest record', async () => {
    const store = emptyStore()
    const most = 999_999_999_999_999
    addRecord(store, 'x'.repeat(64), '2026-11-22T11:00:00Z', {partial: most, entries: most, bytes: most, stored: {bytes: most, total: most}})
    const [facts] = await factsOf(store)
    expect(facts?.newest).toMatchObject({set: 'x'.repeat(64), partial: most, entries: most, bytes: most})
    expect(facts?.today).toMatchObject([{entries: most, partial: most}])
  })
})

describe('a log that is not whole', () => {
  test('a torn record means nothing, wherever it was torn', async () => {
    for (const length of [0, 10, 200, 500, -1]) {
      const store = emptyStore()
      addRecord(store, 'a', '2026-11-20T11:00:00Z')
      addRecord(store, 'a', '2026-11-22T11:00:00Z')
      store.files.set(recordName(2), store.files.get(recordName(2))!.slice(0, length))
      expect((await factsOf(store)).map(numbers)).toEqual([['a', 1, 1, undefined, []]])
    }
  })

  test('a missing one is damage', async () => {
    const store = storeOfYears(5)
    store.files.delete(recordName(3))
    await expect(factsOf(store)).rejects.toMatchObject({status: 65, message: 'record 3 is missing', hint: 'bk log --check memory'})
  })

  test('so is one of a form that nobody knows', async () => {
    const store = storeOfYears(5)
    const body = '#bk record 2 snapshot\nseq 3\n'
    store.files.set(recordName(3), Buffer.from(`${body}sum ${sha256(body)}\n`))
    await expect(factsOf(store)).rejects.toMatchObject({status: 65, message: expect.stringContaining('version 2')})
  })
})

describe('what sessions have left', () => {
  const pack = (time: number, size = 100): {name: string; size: number; time: number} => ({name: sha256(`${time} ${size}`), size, time})
  const received = seconds('2026-11-22T08:00:00Z')

  function storeWith(packs: readonly ReturnType<typeof pack>[], set = 'a'): MemoryStore {
    const store = emptyStore()
    addRecord(store, 'a', '2026-11-22T08:00:00Z', {stored: {bytes: 10, total: 1000}})
    store.files.set(`sessions/${set}`, formatSession(packs))
    return store
  }

  test('after the newest snapshot was committed, which takes some minutes', async () => {
    const [facts] = await factsOf(storeWith([pack(received - 60), pack(received + 300), pack(received + 301), pack(received + 400, 5)]))
    expect(facts?.left).toEqual({packs: 2, bytes: 105, time: received + 400})
    expect((await factsOf(storeWith([pack(received + 300)])))[0]?.left).toBeUndefined()
  })

  test('counts in the quota as long as the next session would count it', async () => {
    const store = storeWith([pack(received - 60), pack(received + 400)])
    const own = store.files.get(recordName(1))!.length + 1000
    expect((await factsOf(store))[0]?.used).toBe(own + 200)
    expect((await factsOf(store, {now: received + 26 * 3600}))[0]).toMatchObject({used: own, left: {packs: 1}})
  })

  test('is all there is of a set whose first session was cut off', async () => {
    const facts = await factsOf(storeWith([pack(received)], 'new'))
    expect(facts.map(numbers)).toEqual([['a', 1, 1, undefined, [1]], ['new', undefined, undefined, undefined, []]])
    expect(facts[1]).toMatchObject({used: 100, left: {packs: 1, bytes: 100, time: received}})
  })
})
