// The log as a chain: what is newest, what is torn, what is damaged, and what a snapshot needs.

import {describe, expect, test} from 'vitest'
import {formatCatalog} from '../../../src/lib/store/catalog.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {formatSnapshot, NO_RECORD, ownLines, type SnapshotDraft} from '../../../src/lib/store/record.ts'
import {catalogName, recordName, SETTINGS} from '../../../src/lib/store/store.ts'
import type {Needs} from '../../../src/lib/store/needs.ts'
import {refusal} from '../index/texts.ts'
import {emptyStore, MemoryStore, sha256} from './memory-store.ts'

const one = '1'.repeat(64)
const labels = (...pairs: readonly (readonly [number, readonly number[]])[]): Map<number, Set<number>> => new Map(pairs.map(([seq, numbers]) => [seq, new Set(numbers)]))
const nothing: Needs = {base: undefined, drop: labels(), add: labels()}

/** Adds a record behind the last and answers its sum. */
function add(store: MemoryStore, seq: number, prev: string, parts: Partial<SnapshotDraft> = {}): string {
  const {text, sum} = formatSnapshot({
    seq, set: 'a', received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:30:05Z', partial: 0, entries: 1, bytes: 0, index: {id: one, level: 'full'}, tree: sha256(`tree ${seq}`),
    catalog: undefined, needs: nothing, epoch: 1, saw: undefined, prev, ...parts,
  })
  store.files.set(recordName(seq), Buffer.from(text, 'latin1'))
  return sum
}

/** A store of so many records in one set. */
function storeOf(count: number): {readonly store: MemoryStore; readonly sums: string[]} {
  const store = emptyStore()
  const sums = [NO_RECORD]
  for (let seq = 1; seq <= count; seq++) sums.push(add(store, seq, sums.at(-1)!))
  return {store, sums}
}

async function backwards(store: MemoryStore): Promise<number[]> {
  const log = await StoreLog.open(store)
  const seen: number[] = []
  for await (const {seq} of log.backwards()) seen.push(seq)
  return seen
}

function flip(store: MemoryStore, name: string): void {
  const bytes = Buffer.from(store.files.get(name)!)
  bytes[30]! ^= 1
  store.files.set(name, bytes)
}

test('what has no bk-store is no store, and one that is damaged is refused', async () => {
  await expect(StoreLog.open(new MemoryStore())).rejects.toThrow(/memory is not a store: it has no bk-store/)
  const {store} = storeOf(1)
  flip(store, SETTINGS)
  await refusal(() => StoreLog.open(store))
})

test('an empty log has no record, and begins at nothing', async () => {
  const log = await StoreLog.open(emptyStore())
  expect(await log.head()).toEqual({seq: 0, sum: NO_RECORD, own: []})
  expect([await log.last(), await log.newest('a'), await log.snapshots(), await log.record(1)]).toEqual([0, undefined, [], undefined])
})

test('records come newest first, and each is read once', async () => {
  const {store, sums} = storeOf(3)
  const log = await StoreLog.open(store)
  for (let turn = 0; turn < 2; turn++) {
    const seen: number[] = []
    for await (const {seq} of log.backwards()) seen.push(seq)
    expect(seen).toEqual([3, 2, 1])
  }
  expect(await log.head()).toEqual({seq: 3, sum: sums[3], own: ownLines(String(store.files.get(recordName(3))))})
  expect(store.asked.filter((name) => name.startsWith('log/'))).toHaveLength(3)
  expect((await log.snapshots()).map(({seq}) => seq)).toEqual([1, 2, 3])
})

test('numbers of more than six digits come after those of six', async () => {
  const store = emptyStore()
  const sum = add(store, 999_999, one)
  add(store, 1_000_000, sum)
  expect(await (await StoreLog.open(store)).last()).toBe(1_000_000)
})

test('other files in the log are no records', async () => {
  const {store} = storeOf(2)
  for (const name of ['log/000003.tmp', 'log/x', 'log/3', 'log/-00003']) store.files.set(name, Buffer.from('x'))
  expect(await backwards(store)).toEqual([2, 1])
})

test('a number that somebody has given to a file costs no walk to it', async () => {
  const {store} = storeOf(2)
  for (const name of ['log/700005', 'log/999999999', 'log/99999999999999']) store.files.set(name, Buffer.from('x'))
  expect(await backwards(store)).toEqual([2, 1])
  expect(store.asked.filter((name) => name.startsWith('log/')).length).toBeLessThan(25)
})

test('the newest of a set, and the newest that fits', async () => {
  const store = emptyStore()
  const first = add(store, 1, NO_RECORD)
  const second = add(store, 2, first, {set: 'b'})
  add(store, 3, second, {partial: 2})
  const log = await StoreLog.open(store)
  expect((await log.newest('a'))?.seq).toBe(3)
  expect((await log.newest('a', ({partial}) => partial === 0))?.seq).toBe(1)
  expect((await log.newest('b'))?.seq).toBe(2)
  expect(await log.newest('c')).toBeUndefined()
})

describe('a last record that is torn', () => {
  test.each([['empty', ''], ['cut off', undefined], ['something else', 'hello\n']])('(%s) means nothing, and its number is used up', async (_, text) => {
    const {store, sums} = storeOf(3)
    const bytes = store.files.get(recordName(3))!
    store.files.set(recordName(3), text === undefined ? bytes.subarray(0, 100) : Buffer.from(text))
    const log = await StoreLog.open(store)
    expect(await log.head()).toEqual({seq: 3, sum: sums[2], own: ownLines(String(store.files.get(recordName(2))))})
    expect((await log.newest('a'))?.seq).toBe(2)
    // The next is chained to the one before the torn one.
    add(store, 4, sums[2]!)
    expect(await backwards(store)).toEqual([4, 2, 1])
  })

  test('that is there when it is asked for again is taken', async () => {
    const {store, sums} = storeOf(2)
    const log = await StoreLog.open(store)
    expect(await log.record(3)).toBeUndefined()
    add(store, 3, sums[2]!)
    expect((await log.record(3))?.seq).toBe(3)
  })
})

describe('a log is damaged when', () => {
  test('a record in the middle is torn, changed, missing or another', async () => {
    for (const spoil of [
      (store: MemoryStore) => flip(store, recordName(2)),
      (store: MemoryStore) => store.files.set(recordName(2), Buffer.alloc(0)),
      (store: MemoryStore) => store.files.delete(recordName(2)),
      (store: MemoryStore) => void add(store, 2, NO_RECORD),
      (store: MemoryStore, sums: readonly string[]) => void add(store, 2, sums[1]!, {set: 'b'}),
    ]) {
      const {store, sums} = storeOf(3)
      spoil(store, sums)
      expect(await refusal(() => backwards(store))).toMatch(/not the one that the next is chained to|missing or damaged/)
    }
  })

  test('the first is missing, or chained to something', async () => {
    const {store} = storeOf(3)
    store.files.delete(recordName(1))
    expect(await refusal(() => backwards(store))).toBe('a record is missing or damaged')
    const other = emptyStore()
    add(other, 1, one)
    expect(await refusal(() => backwards(other))).toBe('a record is missing or damaged')
  })

  test('a record has another number than its name, or is not in the format', async () => {
    const {store, sums} = storeOf(2)
    store.files.set(recordName(3), store.files.get(recordName(2))!)
    expect(await refusal(() => backwards(store))).toBe('record 3 is damaged: it says it is record 2')
    const text = `#bk record 2 snapshot\nprev ${sums[2]}\n`
    store.files.set(recordName(3), Buffer.from(`${text}sum ${sha256(text)}\n`))
    expect(await refusal(() => backwards(store))).toBe('record 3 is damaged: record is from version 2, this is version 1')
  })
})

describe('what a snapshot needs', () => {
  const catalog = formatCatalog([1, 2, 3].map((n) => ({name: String(n).repeat(64), size: n, ids: [sha256(`object ${n}`)]})))

  function withNeeds(...needs: readonly Needs[]): MemoryStore {
    const store = emptyStore()
    store.files.set(catalogName(catalog.digest), catalog.bytes)
    let prev = NO_RECORD
    needs.forEach((it, i) => (prev = add(store, i + 1, prev, {needs: it, catalog: i === 0 ? catalog.digest : undefined})))
    return store
  }

  const needs: readonly Needs[] = [
    {base: undefined, drop: labels(), add: labels([1, [1, 2]])},
    {base: 1, drop: labels([1, [2]]), add: labels([1, [3]])},
    {base: 2, drop: labels(), add: labels()},
  ]

  test('is followed through the snapshots before', async () => {
    const log = await StoreLog.open(withNeeds(...needs))
    const of = async (seq: number): Promise<number[]> => {
      const record = await log.record(seq)
      if (record?.kind !== 'snapshot') throw new Error('no snapshot')
      return (await Array.fromAsync(log.eachPack(record))).map(({size}) => size)
    }
    expect(await of(3)).toEqual([1, 3])
    expect(await of(1)).toEqual([1, 2])
    expect(await of(2)).toEqual([1, 3])
  })

  test('is refused when it leads to no snapshot of the set, or to no pack', async () => {
    for (const [bad, why] of [
      [{base: 9, drop: labels(), add: labels()}, /record 2 needs the packs of record 9/],
      [{base: 2, drop: labels(), add: labels()}, /record 2 needs the packs of record 2/],
      [{base: 1, drop: labels(), add: labels([1, [4]])}, /no pack 1\.4 in the catalog of record 1/],
      [{base: 1, drop: labels(), add: labels([2, [1]])}, /record 2 has no catalog/],
    ] as const) {
      const log = await StoreLog.open(withNeeds(needs[0]!, bad))
      const record = await log.record(2)
      expect(await refusal(async () => record?.kind === 'snapshot' && (await Array.fromAsync(log.eachPack(record))))).toMatch(why)
    }
    const other = withNeeds(needs[0]!)
    add(other, 2, (await (await StoreLog.open(other)).head()).sum, {set: 'b', needs: needs[2]!.base === 2 ? {...needs[2]!, base: 1} : needs[2]!})
    const log = await StoreLog.open(other)
    const record = await log.record(2)
    expect(await refusal(async () => record?.kind === 'snapshot' && log.labels(record))).toMatch(/which is no snapshot of its set/)
  })

  test('is refused when the catalog is damaged, and missing when it is', async () => {
    const store = withNeeds(needs[0]!)
    flip(store, catalogName(catalog.digest))
    expect(await refusal(async () => (await StoreLog.open(store)).catalog(1))).toMatch(/the catalog of record 1 is damaged/)
    store.files.delete(catalogName(catalog.digest))
    await expect((await StoreLog.open(store)).catalog(1)).rejects.toThrow()
  })

  test('of every other snapshot does not change when it is followed', async () => {
    const log = await StoreLog.open(withNeeds(...needs))
    const [first, , third] = await log.snapshots()
    const before = new Map(await log.labels(first!))
    await log.labels(third!)
    expect(await log.labels(first!)).toEqual(before)
  })
})
