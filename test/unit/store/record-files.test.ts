// Records that are damaged or gone while the next one has a copy: the log is read as if nothing were, and goes on; what the file was is
// known to the byte while the record before it is whole.

import {describe, expect, test} from 'vitest'
import {commitEdit, commitSnapshot, type Draft} from '../../../src/lib/store/commit.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {findCopy, withMissing} from '../../../src/lib/store/record-files.ts'
import {recordName, type Store} from '../../../src/lib/store/store.ts'
import {over} from '../../harness/over.ts'
import {emptyStore, MemoryStore, sha256} from './memory-store.ts'

const draft = (set: string, at: number): Draft => ({
  set, received: `2026-11-22T08:30:0${at}Z`, claimed: `2026-11-22T08:30:0${at}Z`, partial: 0, entries: at, bytes: 0, index: {id: '1'.repeat(64), level: 'full'}, tree: sha256(`tree ${at}`),
  saw: undefined, packs: [], needed: new Set(),
})

/** Two sets, and an edit: 1 a, 2 b, 3 a, 4 drop 1, 5 b, 6 a. */
async function made(): Promise<MemoryStore> {
  const store = emptyStore()
  const log = await StoreLog.open(store)
  for (const [at, set] of ['a', 'b', 'a', '', 'b', 'a'].entries()) {
    if (set === '') await commitEdit(log, async () => ['drop 1 by hand'])
    else await commitSnapshot(log, draft(set, at + 1))
  }
  return store
}

const copyOf = (store: MemoryStore): MemoryStore => {
  const other = new MemoryStore()
  for (const [name, bytes] of store.files) other.files.set(name, bytes)
  return other
}

/** What a log says of every record, newest first, but for their sizes. */
async function said(store: MemoryStore): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const record of (await StoreLog.open(store)).backwards()) all.push(record)
  return all
}

const SPOILS: readonly (readonly [what: string, spoil: (store: MemoryStore, name: string) => void])[] = [
  ['missing', (store, name) => void store.files.delete(name)],
  ['empty', (store, name) => void store.files.set(name, Buffer.alloc(0))],
  ['cut off', (store, name) => void store.files.set(name, store.files.get(name)!.subarray(0, 100))],
  ['changed', (store, name) => void store.files.set(name, Buffer.from(String(store.files.get(name)).replace('2026', '2027')))],
  ['another', (store, name) => void store.files.set(name, store.files.get(recordName(6))!)],
]

describe.each(SPOILS)('a record that is %s', (_, spoil) => {
  test.each([1, 2, 3, 4, 5])('(number %i) is known from the next, to the byte', async (seq) => {
    const whole = await made()
    const store = copyOf(whole)
    spoil(store, recordName(seq))
    expect(await said(store)).toEqual(await said(whole))
    expect(await findCopy(store, seq)).toMatchObject({by: seq + 1, text: String(whole.files.get(recordName(seq))), record: {seq}})
    const log = await StoreLog.open(store)
    expect((await log.snapshots()).map((record) => record.seq)).toEqual([2, 3, 5, 6])
    await commitSnapshot(log, draft('a', 7))
    await commitEdit(log, async () => ['drop 2 by hand'])
    expect((await (await StoreLog.open(store)).snapshots()).map((record) => record.seq)).toEqual([3, 5, 6, 7])
  })
})

describe('a record that the disk cannot read', () => {
  const failing = (store: MemoryStore, numbers: readonly number[], code: string): Store =>
    over(store, {
      get: async (name, range) => {
        if (numbers.some((seq) => name === recordName(seq))) throw Object.assign(new Error(`${code}: i/o error, read`), {code})
        return await store.get(name, range)
      },
    })
  const numbersOf = async (store: Store): Promise<number[]> => (await (await StoreLog.open(store)).snapshots()).map((record) => record.seq)

  test('is known from the next, and work goes on', async () => {
    for (const seq of [1, 2, 3, 4, 5]) {
      const store = await made()
      const whole = await numbersOf(store)
      const sick = failing(store, [seq], 'EIO')
      expect(await numbersOf(sick)).toEqual(whole)
      await commitSnapshot(await StoreLog.open(sick), draft('a', 7))
      expect(await numbersOf(sick)).toEqual([...whole, 7])
    }
  })

  test('and neither can the next: that is said', async () => {
    await expect(numbersOf(failing(await made(), [2, 3], 'EIO'))).rejects.toMatchObject({status: 65, message: 'cannot read record 2: i/o error'})
  })

  test('is no damage for who may not read it', async () => {
    await expect(numbersOf(failing(await made(), [3], 'EACCES'))).rejects.toMatchObject({code: 'EACCES'})
  })
})

test('two in a row: of the later one what it said is known, of the earlier one nothing', async () => {
  const whole = await made()
  const store = copyOf(whole)
  for (const seq of [2, 3]) store.files.delete(recordName(seq))
  const copy = (await findCopy(store, 3))!
  expect(copy).toMatchObject({text: undefined, by: 4})
  const {record} = (await findCopy(whole, 3))!
  expect(copy.record).toEqual({...record, copied: []})
  expect(await findCopy(store, 2)).toBeUndefined()
  await expect(said(store)).rejects.toMatchObject({status: 65})
})

test('the last one has no copy: it is torn, or was never there', async () => {
  const store = await made()
  store.files.set(recordName(6), store.files.get(recordName(6))!.subarray(0, 200))
  expect(await findCopy(store, 6)).toBeUndefined()
  await commitSnapshot(await StoreLog.open(store), draft('a', 8))
  // What was torn is passed over: the copy is of the one before it.
  expect(await findCopy(store, 6)).toBeUndefined()
  expect((await findCopy(store, 5))?.text).toBe(String(store.files.get(recordName(5))))
  store.files.delete(recordName(5))
  expect((await said(store)).length).toBe(6)
})

test('a copy in a record that is damaged itself is none', async () => {
  const store = await made()
  store.files.delete(recordName(3))
  store.files.set(recordName(4), Buffer.from(String(store.files.get(recordName(4))).replace('copy set a', 'copy set b')))
  expect(await findCopy(store, 3)).toBeUndefined()
})

test('numbers that are missing are looked for where the next one is there', () => {
  expect(withMissing([9, 8, 5, 2, 1])).toEqual([9, 8, 7, 5, 4, 2, 1])
  expect(withMissing([3])).toEqual([3, 2])
  expect(withMissing([])).toEqual([])
})
