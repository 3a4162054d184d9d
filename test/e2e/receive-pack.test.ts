// `bk receive` and packs that are not as docs/format.md, 4 has them, in a stream that is honest otherwise: each is named by the sha256 of
// its bytes and followed by its ids, and is refused all the same.

import {describe, expect, test} from 'vitest'
import {zstdCompressSync, constants} from 'node:zlib'
import {forgePack, skippable, withDictionary, withWindow, zstdFrame} from '../harness/forge-stream.ts'
import type {PackForgery} from '../harness/forge-stream.ts'
import {tarHeader} from '../harness/read-pack.ts'
import {sha256} from '../harness/read-store.ts'
import {attempt, forged, near, one, storeWithFirst, two} from './thief.ts'

const store = await storeWithFirst()
const index = forgePack([[Buffer.from(near)]])

async function expectRefused(stream: Buffer, what: string): Promise<void> {
  const {status, message, grown, harmed} = await attempt(stream, {store})
  expect({what, status, message, harmed, grown}).toEqual({what, status: 65, message: expect.stringMatching(/^[a-z][^\n]*$/), harmed: [], grown: []})
}

const frames = [[two, Buffer.from('another object\n')], [Buffer.from('and a second frame\n')]]

test('a pack of several frames is taken', async () => {
  const {status, message} = await attempt(forged({packs: [forgePack(frames), index]}), {store})
  expect({status, message}).toEqual({status: 0, message: ''})
})

test('a window of 8 MiB is the most', async () => {
  const {status, message} = await attempt(forged({packs: [forgePack(frames, {compress: withWindow(23)}), index]}), {store})
  expect({status, message}).toEqual({status: 0, message: ''})
})

describe('a pack', () => {
  const swapIds = (text: string): string => text.replace(/^(\w{64} \d+\n)(\w{64} \d+\n)/m, '$2$1')
  const shorter = (text: string): string => text.slice(0, -66)
  const cut = (by: number) => (content: Buffer) => zstdFrame(content.subarray(0, content.length - by))
  const params = (flags: Record<number, number>) => (content: Buffer) => zstdCompressSync(content, {params: flags})
  const both = {[constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 1}

  test.each<[string, PackForgery]>([
    ['that begins with another magic', {lead: skippable(0x51, Buffer.alloc(16))}],
    ['that begins with 15 random bytes', {lead: skippable(0x50, Buffer.alloc(15))}],
    ['that begins with 17', {lead: skippable(0x50, Buffer.alloc(17))}],
    ['that begins with its first frame', {lead: Buffer.alloc(0)}],
    ['that begins with two skippable frames', {lead: Buffer.concat([skippable(0x50, Buffer.alloc(16)), skippable(0x50, Buffer.alloc(16))])}],
    ['with a byte behind its end', {trail: Buffer.from('x')}],
    ['with a frame behind its end', {trail: zstdFrame(Buffer.from('more'))}],
    ['with a second table of contents', {trail: skippable(0x51, Buffer.from(`#bk toc 1\nlength 00000034\n`))}],
    ['without the frame of its end', {end: Buffer.alloc(0)}],
    ['whose end is one block of zeros', {end: zstdFrame(Buffer.alloc(512))}],
    ['whose end is three', {end: zstdFrame(Buffer.alloc(1536))}],
    ['whose end is not zeros', {end: zstdFrame(Buffer.alloc(1024, 1))}],
    ['whose end is another member', {end: zstdFrame(Buffer.concat([tarHeader('x', 0), Buffer.alloc(1024)]))}],
    ['with a frame that its table does not know', {end: Buffer.concat([zstdFrame(tarHeader('evil', 0)), zstdFrame(Buffer.alloc(1024))])}],
    ['with something between frames', {compress: (content) => Buffer.concat([zstdFrame(content), skippable(0x52, Buffer.alloc(4))])}],
    ['whose frames are two in one', {compress: (content) => Buffer.concat([zstdFrame(content.subarray(0, 1024)), zstdFrame(content.subarray(1024))])}],
    ['whose frames are cut', {compress: (content) => zstdFrame(content).subarray(0, -1)}],
    ['whose frames unpack to less', {compress: cut(512)}],
    ['whose frames unpack to nothing', {compress: (content) => cut(content.length)(content)}],
    ['whose frames unpack to more', {compress: (content) => zstdFrame(Buffer.concat([content, Buffer.alloc(512)]))}],
    ['whose frames have no checksum', {compress: params({...both, [constants.ZSTD_c_checksumFlag]: 0})}],
    ['whose frames have another checksum', {compress: (content) => flipped(zstdFrame(content), -1)}],
    ['whose frames do not declare their size', {compress: params({...both, [constants.ZSTD_c_contentSizeFlag]: 0})}],
    ['whose frames are not compressed at all', {compress: (content) => content}],
    ['whose frames need a dictionary', {compress: withDictionary}],
    ['whose frames need a window of 16 MiB', {compress: withWindow(24)}],
    ['whose frames need a window of 2 TiB', {compress: withWindow(41)}],
    ['with headers of mode 0644', {header: (id, size) => tarHeader(id, size, {100: '0000644\0'})}],
    ['with headers of links', {header: (id, size) => tarHeader(id, size, {156: '2', 157: '/etc/passwd'})}],
    ['with headers of hard links', {header: (id, size) => tarHeader(id, size, {156: '1', 157: 'bk-store'})}],
    ['with headers that have a prefix', {header: (id, size) => tarHeader(id, size, {345: '/etc'})}],
    ['with headers that have a time', {header: (id, size) => tarHeader(id, size, {136: '00000000001\0'})}],
    ['with headers of another name', {header: (id, size) => tarHeader(`../../${id}`.slice(0, 99), size)}],
    ['with headers of another size', {header: (id, size) => tarHeader(id, size + 1)}],
    ['with headers whose sum is wrong', {header: (id, size) => flipped(tarHeader(id, size), 150)}],
    ['with padding that is not zeros', {padding: 1}],
    ['whose objects are not what their ids say', {id: (object) => sha256(Buffer.concat([object, object]))}],
    ['whose ids are in upper case', {id: (object) => sha256(object).toUpperCase()}],
    ['whose ids are paths', {id: () => '../../../../../../../../../../../../../../../../tmp/evil/evil/evil'}],
    ['whose table is of another version', {toc: (text) => text.replace('toc 1', 'toc 2')}],
    ['whose table lists objects in another order', {toc: swapIds}],
    ['whose table lacks an object', {toc: shorter}],
    ['whose table has an object more', {toc: (text) => `${text}${'0'.repeat(64)} 1\n`}],
    ['whose table has an object of no bytes', {toc: (text) => `${text}${'0'.repeat(64)} 0\n`}],
    ['whose table has no frames', {toc: () => '#bk toc 1\n'}],
    ['whose table has ids before any frame', {toc: (text) => text.replace(/frame .*\n/, '')}],
    ['whose table says other sizes of objects', {toc: (text) => text.replace(/^(\w{64}) \d+$/m, '$1 1')}],
    ['whose table says another length of a frame', {toc: (text) => text.replace(/^frame (\d+)/m, (_, length) => `frame ${Number(length) + 1}`)}],
    ['whose table says another size of a frame', {toc: (text) => text.replace(/^frame (\d+) (\d+)/m, (_, length, size) => `frame ${length} ${Number(size) + 512}`)}],
    ['whose table has numbers with zeros in front', {toc: (text) => text.replace(/^frame /m, 'frame 0')}],
    ['whose table has other lines', {toc: (text) => `${text}note hello\n`}],
    ['whose table ends lines in CR LF', {toc: (text) => text.replaceAll('\n', '\r\n')}],
  ])('%s', async (what, forgery) => {
    await expectRefused(forged({packs: [forgePack(frames, forgery), index]}), what)
  })

  test('with an object twice, in one frame or in two', async () => {
    await expectRefused(forged({packs: [forgePack([[two, two]]), index]}), 'one frame')
    await expectRefused(forged({packs: [forgePack([[two], [two]]), index]}), 'two frames')
  })

  test('whose frames are in another order than its table has them', async () => {
    const {bytes} = forgePack(frames)
    const table = forgePack([frames[1]!, frames[0]!]).bytes
    const length = Number(table.toString('latin1', table.length - 9))
    const mixed = Buffer.concat([bytes.subarray(0, -length), table.subarray(-length)])
    const ids = frames.flat().map((object) => sha256(object)).sort()
    await expectRefused(forged({packs: [{name: sha256(mixed), bytes: mixed, ids}, index]}), 'order')
  })

  test('of an index with other content, or with the index it is a change against', async () => {
    await expectIndexRefused(forged({packs: [forgePack([[two, Buffer.from(near)]])]}))
    await expectIndexRefused(forged({packs: [forgePack([[two], [Buffer.from(near)]])]}))
    await expectIndexRefused(forged({packs: [forgePack([[two]]), forgePack([[one, Buffer.from(near)]])]}))
  })
})

// The packs are in order here: what is wrong with them shows when the index is looked for.
async function expectIndexRefused(stream: Buffer): Promise<void> {
  const {status, grown, harmed} = await attempt(stream, {store})
  expect({status, harmed, grown: grown.filter((name) => !name.startsWith('packs/'))}).toEqual({status: 65, harmed: [], grown: []})
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at < 0 ? copy.length + at : at]! ^= 1
  return copy
}
