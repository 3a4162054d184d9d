import {mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {headerOf} from '../../../src/lib/store/member.ts'
import {LocalStore} from '../../../src/lib/store/local.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {PackBuilder, type Pack} from '../../../src/lib/store/pack.ts'
import {leftPacks, Session} from '../../../src/lib/store/session.ts'
import {packName} from '../../../src/lib/store/store.ts'
import {compressFrameSync} from '../../../src/lib/store/zstd.ts'

function packOf(text: string): Pack {
  const bytes = Buffer.from(text)
  const id = objectId(bytes)
  const member = Buffer.concat([headerOf(id, bytes.length), bytes, Buffer.alloc(512 - bytes.length)])
  const builder = new PackBuilder(Buffer.alloc(16, text.length))
  builder.add(compressFrameSync(member, 1), member.length, [{id, size: bytes.length}])
  return builder.finish()
}

async function stored(store: LocalStore, pack: Pack): Promise<Pack> {
  await store.put(packName(pack.name), pack.parts, false)
  return pack
}

function newStore(): LocalStore {
  return new LocalStore(mkdtempSync(join(tmpdir(), 'session-')))
}

describe('a session that was cut off', () => {
  test('leaves packs that the next one may count on', async () => {
    const store = newStore()
    const pack = await stored(store, packOf('hello'))
    await new Session(store, 'web1').add(pack, 1000)
    expect(await leftPacks(store, 'web1', 2000)).toEqual([{name: pack.name, size: pack.size, ids: pack.ids}])
    expect(await leftPacks(store, 'web2', 2000)).toEqual([])
  })

  test('is forgotten after a day, and when it has ended', async () => {
    const store = newStore()
    const session = new Session(store, 'web1')
    const pack = await stored(store, packOf('hello'))
    await session.add(pack, 1000)
    expect(await leftPacks(store, 'web1', 1000 + 24 * 3600 + 1)).toEqual([])
    await session.end(new Set([pack.name]), 1000)
    expect(await leftPacks(store, 'web1', 1000)).toEqual([])
  })

  test.each([
    ['is cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['has another byte in its table', (bytes: Buffer) => bytes.fill(0x78, bytes.length - 30, bytes.length - 29)],
  ])('does not count on a pack that %s', async (_, damage) => {
    const store = newStore()
    const pack = packOf('hello')
    await new Session(store, 'web1').add(pack, 1000)
    await store.put(packName(pack.name), [damage(Buffer.concat(pack.parts))], false)
    expect(await leftPacks(store, 'web1', 1000)).toEqual([])
  })

  test('writes its list seldom', async () => {
    const store = newStore()
    const session = new Session(store, 'web1')
    for (const [i, text] of ['a', 'bb', 'ccc'].entries()) await session.add(await stored(store, packOf(text)), 1000 + i / 4)
    expect(await leftPacks(store, 'web1', 1000)).toHaveLength(1)
    await session.add(await stored(store, packOf('dddd')), 1002)
    expect(await leftPacks(store, 'web1', 1002)).toHaveLength(4)
  })
})
