// Looking objects up: in the packs of the snapshot, then in every other copy, and never without checking what was found.

import {describe, expect, test} from 'vitest'
import {commitSnapshot, type Draft} from '../../../src/lib/store/commit.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {memberBytes, Objects, PackReader, verified} from '../../../src/lib/store/objects.ts'
import {packName} from '../../../src/lib/store/store.ts'
import {BLOCK} from '../../../src/lib/store/member.ts'
import {PackBuilder, type Pack} from '../../../src/lib/store/pack.ts'
import {compressFrameSync} from '../../../src/lib/store/zstd.ts'
import type {SnapshotRecord} from '../../../src/lib/store/record.ts'
import {refusal} from '../index/texts.ts'
import {emptyStore, frameOf, joined, packOf, sha256, type MemoryStore} from './memory-store.ts'

const hello = sha256('hello\n')
const world = sha256('world\n')

function put(store: MemoryStore, pack: Pack): Pack {
  store.files.set(packName(pack.name), joined(pack))
  return pack
}

async function commit(store: MemoryStore, packs: readonly Pack[], needed: readonly Pack[] = packs, set = 'a'): Promise<SnapshotRecord> {
  const log = await StoreLog.open(store)
  const draft: Draft = {
    set, received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:30:05Z', partial: 0, entries: 1, bytes: 1, index: {id: hello, level: 'full'}, tree: world,
    saw: undefined, packs: packs.map(({name, size, ids}) => ({name, size, ids})), needed: new Set(needed.map(({name}) => name)),
  }
  const {seq} = await commitSnapshot(log, draft)
  return (await log.record(seq)) as SnapshotRecord
}

async function objectsOf(store: MemoryStore, record: SnapshotRecord): Promise<Objects> {
  return await Objects.of(await StoreLog.open(store), record)
}

/** A pack whose member has another content than its id says, everything else being right. */
function lying(): Pack {
  const {tar, members} = frameOf(['hello\n'])
  tar.write('jello\n', BLOCK)
  const builder = new PackBuilder(Buffer.alloc(16, 9))
  builder.add(compressFrameSync(tar, 1), tar.length, members)
  return builder.finish()
}

describe('a reader of packs', () => {
  test('gives objects out of any frame, each frame and table read once while it is kept', async () => {
    const store = emptyStore()
    const pack = put(store, packOf([['hello\n', 'x'], ['world\n']]))
    const reader = new PackReader(store)
    expect((await reader.object(pack.name, world)).toString()).toBe('world\n')
    expect((await reader.object(pack.name, hello)).toString()).toBe('hello\n')
    const asked = store.asked.length
    expect((await reader.object(pack.name, sha256('x'))).toString()).toBe('x')
    expect((await reader.object(pack.name, world)).toString()).toBe('world\n')
    expect(store.asked.length).toBe(asked)
    const frames = await reader.toc(pack.name)
    expect(memberBytes(await reader.frame(pack.name, frames[0]!), frames[0]!, 1).toString()).toBe('x')
  })

  test('refuses an object that the pack does not hold, and a pack that is not there', async () => {
    const store = emptyStore()
    const pack = put(store, packOf([['hello\n']]))
    const reader = new PackReader(store)
    expect(await refusal(() => reader.object(pack.name, world))).toMatch(/does not hold/)
    await expect(reader.object(world, hello)).rejects.toMatchObject({code: 'ENOENT'})
  })

  test('tries again what failed to be read', async () => {
    const store = emptyStore()
    const pack = put(store, packOf([['hello\n']]))
    const bytes = store.files.get(packName(pack.name))!
    const reader = new PackReader(store)
    await reader.toc(pack.name)
    store.files.set(packName(pack.name), Buffer.alloc(bytes.length))
    await refusal(() => reader.object(pack.name, hello))
    store.files.set(packName(pack.name), bytes)
    expect((await reader.object(pack.name, hello)).toString()).toBe('hello\n')
  })

  test('checks bytes against the id', async () => {
    expect(verified(hello, Buffer.from('hello\n')).toString()).toBe('hello\n')
    expect(await refusal(() => verified(hello, Buffer.from('jello\n')))).toMatch(/holds other bytes under the name/)
  })
})

describe('an object', () => {
  test('is found in the packs of its snapshot, which are the only ones opened', async () => {
    const store = emptyStore()
    const [one, two] = [put(store, packOf([['hello\n']])), put(store, packOf([['world\n'], ['x']]))]
    const objects = await objectsOf(store, await commit(store, [one, two]))
    expect([objects.packOf(hello), objects.packOf(world), objects.packOf(sha256('?'))]).toEqual([one.name, two.name, undefined])
    expect((await objects.get(hello)).toString()).toBe('hello\n')
    expect(store.asked.filter((name) => name === packName(two.name))).toEqual([])
    expect(objects.healed.size).toBe(0)
  })

  test.each([
    ['missing', (store: MemoryStore, name: string) => void store.files.delete(name), 'is missing'],
    ['cut off', (store: MemoryStore, name: string) => void store.files.set(name, store.files.get(name)!.subarray(0, 100)), 'has no table of contents'],
    ['empty', (store: MemoryStore, name: string) => void store.files.set(name, Buffer.alloc(0)), 'has no table of contents'],
    ['flipped', (store: MemoryStore, name: string) => flip(store, name, 60), 'a frame does not unpack'],
  ])('whose pack is %s is found in another copy, of any set and any time', async (_, spoil, words) => {
    const store = emptyStore()
    const [first, second] = [1, 2].map((byte) => put(store, packOf([['hello\n']], 1, Buffer.alloc(16, byte)))) as [Pack, Pack]
    const record = await commit(store, [first])
    await commit(store, [second], [second], 'b')
    spoil(store, packName(first.name))
    const objects = await objectsOf(store, record)
    expect((await objects.get(hello)).toString()).toBe('hello\n')
    expect([...objects.healed]).toEqual([[`pack ${first.name} ${words}`, 1]])
  })

  test('whose every copy is damaged is lost, and named with the first reason', async () => {
    const store = emptyStore()
    const [first, second] = [1, 2].map((byte) => put(store, packOf([['hello\n'], ['world\n']], 1, Buffer.alloc(16, byte)))) as [Pack, Pack]
    const record = await commit(store, [first])
    await commit(store, [second])
    store.files.delete(packName(first.name))
    flip(store, packName(second.name), 60)
    const objects = await objectsOf(store, record)
    expect(await refusal(() => objects.get(hello))).toBe(`object ${hello} is lost: pack ${first.name} is missing`)
    expect(objects.healed.size).toBe(0)
    // What lies beside it in the same pack is not.
    expect((await objects.get(world)).toString()).toBe('world\n')
  })

  test('of no pack is refused', async () => {
    const store = emptyStore()
    const objects = await objectsOf(store, await commit(store, [put(store, packOf([['hello\n']]))]))
    expect(await refusal(() => objects.get(world))).toBe(`object ${world} is in no pack`)
  })

  test('is never other bytes: a bad copy that came later breaks nothing, a good one heals', async () => {
    const store = emptyStore()
    const bad = put(store, lying())
    const record = await commit(store, [bad])
    const objects = await objectsOf(store, record)
    expect(await refusal(() => objects.get(hello))).toMatch(/lost: pack .* holds other bytes under the name/)
    await commit(store, [put(store, packOf([['hello\n']]))])
    const healed = await objectsOf(store, record)
    expect((await healed.get(hello)).toString()).toBe('hello\n')
    expect([...healed.healed.values()]).toEqual([1])
  })

  test('is found though the catalog of another snapshot is damaged', async () => {
    const store = emptyStore()
    const [first, second] = [1, 2].map((byte) => put(store, packOf([['hello\n']], 1, Buffer.alloc(16, byte)))) as [Pack, Pack]
    const record = await commit(store, [first])
    await commit(store, [second])
    const third = await commit(store, [put(store, packOf([['z']]))])
    store.files.set(`catalogs/${third.catalog}`, Buffer.from('damaged'))
    store.files.delete(packName(first.name))
    const objects = await objectsOf(store, record)
    expect((await objects.get(hello)).toString()).toBe('hello\n')
  })
})

function flip(store: MemoryStore, name: string, at: number): void {
  const bytes = Buffer.from(store.files.get(name)!)
  bytes[at]! ^= 0xff
  store.files.set(name, bytes)
}
