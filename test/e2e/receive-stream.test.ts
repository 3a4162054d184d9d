// `bk receive` and a stream that is not what send writes: cut off, flipped, with other members, in another order. It is refused, with
// 65, nothing gets a name in the store but whole packs that nobody refers to, and what was there before stays as it was.

import {describe, expect, test} from 'vitest'
import {forgePack, member, packMembers, streamEnd} from '../harness/forge-stream.ts'
import {noise} from '../harness/days.ts'
import {attempt, firstStream, forged, joined, storeWithFirst, streamParts, two} from './thief.ts'

const store = await storeWithFirst()

/** Sends it and sees that nothing came of it. */
async function expectRefused(stream: Buffer, what: string, piece?: number): Promise<string> {
  const {status, message, grown, harmed} = await attempt(stream, {store, ...(piece === undefined ? {} : {piece})})
  expect({what, status, harmed, grown: grown.filter((name) => !name.startsWith('packs/'))}).toEqual({what, status: 65, harmed: [], grown: []})
  expect(message, what).toMatch(/^[a-z]/)
  expect(message, what).not.toContain('\n')
  return message
}

test('an honest stream is taken, in pieces of any size', async () => {
  for (const piece of [1, 7, 511, 512, 513, 1 << 20]) {
    const {status, message, grown, harmed} = await attempt(forged(), {store, piece})
    expect({status, message, harmed}).toEqual({status: 0, message: '', harmed: []})
    expect(grown).toContain('log/000002')
  }
})

describe('damage', () => {
  test('cut at every byte', async () => {
    for (const stream of [firstStream, forged()]) {
      for (let end = 0; end < stream.length; end++) await expectRefused(stream.subarray(0, end), `cut at ${end}`)
    }
  }, 60_000)

  test('one bit flipped, in every byte', async () => {
    const stream = forged()
    for (let at = 0; at < stream.length; at++) {
      const flipped = Buffer.from(stream)
      flipped[at]! ^= 1 << at % 8
      await expectRefused(flipped, `bit flipped in byte ${at}`)
    }
  }, 60_000)

  test('a byte left out, a byte put in, a block twice', async () => {
    const stream = forged()
    for (let at = 0; at < stream.length; at += 97) {
      await expectRefused(Buffer.concat([stream.subarray(0, at), stream.subarray(at + 1)]), `without byte ${at}`)
      await expectRefused(Buffer.concat([stream.subarray(0, at), Buffer.alloc(1), stream.subarray(at)]), `a zero before byte ${at}`)
    }
    for (let at = 0; at < stream.length; at += 512) {
      await expectRefused(Buffer.concat([stream.subarray(0, at + 512), stream.subarray(at)]), `block ${at / 512} twice`)
      await expectRefused(Buffer.concat([stream.subarray(0, at), stream.subarray(at + 512)]), `without block ${at / 512}`)
    }
  }, 60_000)

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello\n'.repeat(1000))],
    ['zeros', Buffer.alloc(100_000)],
    ['noise', noise(9, 100_000)],
    ['the end alone', streamEnd],
    ['a dialogue that this version does not speak', Buffer.from('bk 1\n')],
    ['two streams', Buffer.concat([forged(), forged()])],
    ['a byte behind its end', Buffer.concat([forged(), Buffer.from('\n')])],
    ['a zero behind its end', Buffer.concat([forged(), Buffer.alloc(1)])],
    ['the blocks that tar fills up with', Buffer.concat([forged(), Buffer.alloc(10_240 - 1024)])],
    ['one block of zeros for an end', forged().subarray(0, -512)],
    ['an end that is not zeros', Buffer.concat([forged().subarray(0, -512), Buffer.alloc(512, 1)])],
  ])('%s', async (what, stream) => {
    await expectRefused(stream, what)
  })
})

describe('members', () => {
  const {packs: [content = streamEnd, index = streamEnd], snapshot, end} = streamParts()
  const last = member('snapshot', snapshot)
  const of = (...parts: readonly Buffer[]): Buffer => Buffer.concat([...parts, end])
  const pack = forgePack([[two]])
  const ids = (text: string): Buffer => member(`ids/${pack.name}`, Buffer.from(text))
  const otherId = 'f'.repeat(64)

  test.each([
    ['no snapshot', of(content, index)],
    ['the snapshot first', of(last, content, index)],
    ['the snapshot in the middle', of(content, last, index)],
    ['two snapshots', of(content, index, last, last)],
    ['a pack behind the snapshot', of(content, index, last, content)],
    ['a snapshot of no bytes', of(content, index, member('snapshot', Buffer.alloc(0)))],
    ['a pack without ids', of(member(`pack/${pack.name}`, pack.bytes), index, last)],
    ['ids without a pack', of(ids(`${pack.ids.join('\n')}\n`), last)],
    ['ids twice', of(packMembers(pack), ids(`${pack.ids.join('\n')}\n`), index, last)],
    ['ids of another pack', of(member(`pack/${pack.name}`, pack.bytes), member(`ids/${otherId}`, Buffer.from(`${pack.ids.join('\n')}\n`)), index, last)],
    ['an id too many', of(member(`pack/${pack.name}`, pack.bytes), ids(`${[...pack.ids, otherId].join('\n')}\n`), index, last)],
    ['an id too few', of(member(`pack/${pack.name}`, pack.bytes), ids(''), index, last)],
    ['another id', of(member(`pack/${pack.name}`, pack.bytes), ids(`${otherId}\n`), index, last)],
    ['ids without their last newline', of(member(`pack/${pack.name}`, pack.bytes), ids(pack.ids.join('\n')), index, last)],
    ['a pack under the name of another', of(member(`pack/${otherId}`, pack.bytes), member(`ids/${otherId}`, Buffer.from(`${pack.ids.join('\n')}\n`)), index, last)],
    ['a pack twice', of(content, index, content, last)],
    ['a pack of no bytes', of(member(`pack/${pack.name}`, Buffer.alloc(0)), ids(''), index, last)],
  ])('%s', async (what, stream) => {
    await expectRefused(stream, what)
  })

  test.each([
    'README', 'recover.sh', 'bk-store', 'log/000002', `catalogs/${otherId}`, `packs/00/${otherId}.tar.zst`, `sessions/web1`, 'key/web1', 'pack/', 'ids/',
    `pack/${otherId.toUpperCase()}`, `pack/${otherId}0`, `pack/${otherId.slice(1)}`, `pack/../../log/000002`, '../../etc/passwd', '/etc/passwd', `./pack/${otherId}`,
    `pack/${otherId}/`, 'snapshot ', 'snapshot/', './snapshot', 'Snapshot', `PACK/${otherId}`,
  ])('with the name %s', async (name) => {
    await expectRefused(of(content, index, member(name, two), last), name)
    await expectRefused(of(member(name, two), content, index, last), name)
    await expectRefused(of(content, index, member(name, snapshot)), name)
  })

  // Fields of a header by their offset: all that tar knows, and none of it may be other than what bk writes.
  test.each<[string, Record<number, string>]>([
    ['mode', {100: '0000644\0'}], ['a set-id mode', {100: '0004755\0'}], ['uid', {108: '0000001\0'}], ['gid', {116: '0000001\0'}], ['time', {136: '00000000001\0'}],
    ['a hard link', {156: '1', 157: 'bk-store'}], ['a link', {156: '2', 157: '/etc/passwd'}], ['a device', {156: '3'}], ['a directory', {156: '5'}], ['a fifo', {156: '6'}],
    ['the old type of files', {156: '\0'}], ["GNU's long name", {156: 'L'}], ['a pax header', {156: 'x'}], ['a global pax header', {156: 'g'}], ['a sparse file', {156: 'S'}],
    ['link target', {157: 'x'}], ["GNU's magic", {257: 'ustar  \0'}], ['no magic', {257: '\0\0\0\0\0\0\0\0'}], ['user', {265: 'root'}], ['group', {297: 'root'}],
    ['device number', {329: '0000001\0'}], ['prefix', {345: 'log'}], ['something at its end', {511: 'x'}], ['size in blanks', {124: '        140 '}],
    ['a binary size', {124: '\x80\0\0\0\0\0\0\0\0\0\0\x60'}], ['a negative size', {124: '-0000000001\0'}], ['size zero', {124: '00000000000\0'}],
  ])('whose header has another %s', async (what, fields) => {
    await expectRefused(of(content, index, member('snapshot', snapshot, fields)), what)
    await expectRefused(of(member(`pack/${pack.name}`, pack.bytes, fields), ids(`${pack.ids.join('\n')}\n`), index, last), what)
    await expectRefused(of(member(`pack/${pack.name}`, pack.bytes), member(`ids/${pack.name}`, Buffer.from(`${pack.ids.join('\n')}\n`), fields), index, last), what)
  })

  test('that say they are larger than anything: refused by the header, nothing is waited for', async () => {
    for (const [name, size] of [[`pack/${otherId}`, 2 ** 32], [`pack/${otherId}`, 8 ** 11 - 1], ['snapshot', 2 ** 30], ['README', 2 ** 33]] as const) {
      const huge = member(name, Buffer.alloc(0), {124: `${size.toString(8).padStart(11, '0')}\0`})
      expect(await expectRefused(huge, name)).not.toBe('the stream is cut off')
    }
    const hugeIds = member(`ids/${pack.name}`, Buffer.alloc(0), {124: `${(2 ** 32).toString(8).padStart(11, '0')}\0`})
    expect(await expectRefused(Buffer.concat([member(`pack/${pack.name}`, pack.bytes), hugeIds]), 'ids')).not.toBe('the stream is cut off')
  })

  test('padding that is not zeros', async () => {
    const stream = forged()
    stream[stream.length - 1025] = 1
    await expectRefused(stream, 'padding of the snapshot')
    expect(joined(streamParts()).length).toBe(stream.length)
  })
})
