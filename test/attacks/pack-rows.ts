// Packs that are not as docs/format.md, 4 has them, in a stream that is honest otherwise: what other programs would unpack differently,
// and what is small and becomes large.

import {constants, zstdCompressSync} from 'node:zlib'
import {forged, near, two} from '../e2e/thief.ts'
import {bomb, bombStream, zeros} from '../harness/bomb.ts'
import {forgePack, skippable, withDictionary, withWindow, zstdFrame} from '../harness/forge-stream.ts'
import type {PackForgery} from '../harness/forge-stream.ts'
import {tarHeader} from '../harness/read-pack.ts'
import {sha256} from '../harness/read-store.ts'
import {broken, rows} from './row.ts'
import type {Patch, Row, Shot} from './row.ts'

const index = forgePack([[Buffer.from(near)]])
const frames = [[two, Buffer.from('another object\n')], [Buffer.from('and a second frame\n')]]
const pack = (forgery: PackForgery): Buffer => forged({packs: [forgePack(frames, forgery), index]})

const packFile = 'src/lib/store/pack.ts'

const ends: Patch = {file: packFile, find: 'if (!end.equals(TAR_END_FRAME)) throw', replace: 'if (false) throw'}
const lead: Patch = {file: packFile, find: 'head.length !== LEAD_SIZE || head.readUInt32LE(0) !== LEAD_MAGIC ||', replace: ''}
const oneFrame: Patch = {file: packFile, find: 'if (frameLength(compressed) !== compressed.length) throw', replace: 'if (false) throw'}
const member: Patch = {file: packFile, find: 'header === undefined || header.name !== id || header.size !== size', replace: 'false'}
const both = {[constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 1}
const params = (flags: Record<number, number>) => (content: Buffer): Buffer => zstdCompressSync(content, {params: {...both, ...flags}})

const malformed = rows({group: 'packs', defence: {rule: 'a pack is in one form', at: `${packFile}: openFrame`}}, [
  {name: 'another beginning', attack: pack({lead: skippable(0x52, Buffer.alloc(16))}), without: lead},
  {name: 'no random bytes', attack: pack({lead: Buffer.alloc(0)})},
  {name: 'another end of its archive', attack: pack({end: skippable(0x52, Buffer.alloc(15))}), without: ends},
  {name: 'a file more behind the end of its table', attack: pack({end: Buffer.concat([zstdFrame(tarHeader('evil', 0)), zstdFrame(Buffer.alloc(1024))])})},
  {name: 'a second table of contents', attack: pack({trail: skippable(0x51, Buffer.from('#bk toc 1\nlength 00000034\n'))})},
  {
    name: 'a skippable frame between frames', attack: pack({compress: (content) => Buffer.concat([zstdFrame(content), skippable(0x52, Buffer.alloc(4))])}),
    without: oneFrame,
  },
  {
    name: 'a skippable frame of 4 GiB between frames',
    attack: pack({compress: (content) => Buffer.concat([zstdFrame(content), Buffer.from([0x52, 0x2a, 0x4d, 0x18, 255, 255, 255, 255])])}), without: oneFrame,
  },
  {
    name: 'a second frame behind a frame', attack: pack({compress: (content) => Buffer.concat([zstdFrame(content), zstdFrame(tarHeader('evil', 0))])}),
    without: oneFrame,
  },
  {name: 'no checksum', attack: pack({compress: params({[constants.ZSTD_c_checksumFlag]: 0})})},
  {name: 'no declared size', attack: pack({compress: params({[constants.ZSTD_c_contentSizeFlag]: 0})})},
  {name: 'a dictionary', attack: pack({compress: withDictionary})},
  {
    name: 'a window of 2 GiB', attack: pack({compress: withWindow(31)}),
    without: {file: 'src/lib/store/zstd.ts', find: 'const MAX_WINDOW_LOG = 23', replace: 'const MAX_WINDOW_LOG = 31'},
  },
  {name: 'members of another mode', attack: pack({header: (id, size) => tarHeader(id, size, {100: '0004755\0'})}), without: member},
  {name: 'members that are links', attack: pack({header: (id, size) => tarHeader(id, size, {156: '2', 157: '/etc/passwd'})}), without: member},
  {name: 'members with another name than their id', attack: pack({header: (id, size) => tarHeader(`../../${id}`.slice(0, 99), size)}), without: member},
  {
    name: 'padding that says something', attack: pack({padding: 1}), without: {file: packFile, find: 'if (content[i] !== 0) throw', replace: 'if (false) throw'},
  },
  {name: 'objects that are not what their ids say', attack: pack({id: (object) => sha256(Buffer.concat([object, object]))})},
  {
    name: 'an index under a false id, to be taken for another', harm: broken,
    attack: forged({packs: [forgePack([[two]], {id: () => sha256(two)}), forgePack([[Buffer.from(near.replace('lines=1', 'lines=2'))]], {id: () => sha256(Buffer.from(near))})]}),
  },
  {
    name: 'an object twice', attack: forged({packs: [forgePack([[two, two]]), index]}), harm: broken,
    without: {file: packFile, find: 'member === null || seen.has(member[1]!)', replace: 'member === null'},
  },
  {name: 'an object of no bytes', attack: pack({toc: (text) => `${text}${'0'.repeat(64)} 0\n`})},
  {name: 'an object more than there is', attack: pack({toc: (text) => `${text}${'0'.repeat(64)} 1\n`})},
  {name: 'a table that lacks an object', attack: pack({toc: (text) => text.slice(0, -66)})},
  {name: 'a table in CR LF', attack: pack({toc: (text) => text.replaceAll('\n', '\r\n')})},
  {name: 'a table with a path', attack: pack({toc: (text) => text.replace(/^\w{64}/m, '../../../log/000001')})},
  {name: 'a table with a length of 16 digits', attack: pack({toc: (text) => text.replace(/^frame (\d+)/m, 'frame 9007199254740993')})},
  {
    name: 'the index beside other objects', attack: forged({packs: [forgePack([[two], [Buffer.from(near)]])]}),
    without: {file: 'src/lib/transfer/receive.ts', find: 'if (own !== undefined && own.ids.length > 1) throw', replace: 'if (false) throw'},
  },
])

const MIB = 2 ** 20

const large = ({mebibytes}: Shot): boolean => mebibytes > 300
const isTooLarge = {rule: 'a frame has a largest size and a largest ratio', at: `${packFile}: isTooLarge`}
const noCeiling: Patch = {
  file: packFile, find: 'return size > MAX_FRAME || size > compressed * MAX_RATIO + MAX_SHARED_FRAME || (members > 1 && size > MAX_SHARED_FRAME)',
  replace: 'return false',
}

const bombs = rows({group: 'bombs', defence: isTooLarge, harm: large, watched: true}, [
  {name: '1 GiB of zeros in a frame', attack: bombStream(bomb(1024 * MIB), `${1024 * MIB + 512}\n${zeros} ${1024 * MIB}\n`), without: noCeiling},
  {name: '3 GiB of zeros in a frame', attack: bombStream(bomb(3072 * MIB), `${3072 * MIB + 512}\n${zeros} ${3072 * MIB}\n`)},
  {
    name: '2 GiB where the frame declares 1 KiB', attack: bombStream(bomb(2048 * MIB, 1024), `1024\n${zeros} 100\n`),
    defence: {rule: 'a frame unpacks into a buffer of the size it declared', at: 'src/lib/store/zstd.ts: decompressFrame'},
  },
  {
    name: '2 GiB where the table says 1 KiB', attack: bombStream(bomb(2048 * MIB), `1024\n${zeros} 100\n`),
    defence: {rule: 'frame and table say the same size', at: `${packFile}: openFrame`},
  },
  {name: 'a frame that declares 2^60 bytes', attack: bombStream(bomb(128 * 1024, 2 ** 60), `${2 ** 42 + 512}\n${zeros} ${2 ** 42}\n`)},
  {
    name: 'sixty-four frames of 16 MiB of zeros', defence: {rule: 'a pack is held to its grammar a frame at a time', at: 'src/lib/transfer/check-pack.ts: checkPack'},
    attack: bombStream(Buffer.concat(Array.from({length: 64}, () => bomb(15 * MIB))), `${15 * MIB + 512}\n${zeros} ${15 * MIB}\n`),
  },
  {
    name: 'a table of 60 MB', defence: {rule: 'a table that has to fill the pack with its frames', at: `${packFile}: readToc`},
    attack: bombStream(zstdFrame(Buffer.alloc(512)), `512\n${'x'.repeat(60_000_000)}\n`), harm: ({mebibytes}) => mebibytes > 500,
  },
])

export const packRows: readonly Row[] = [...malformed, ...bombs]
