// Members of the stream under names and headers that tar would follow: over each kind of store file, out of the store, as links and
// devices. Names and headers have one form each, so there is nothing to follow.

import {existsSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {firstStream, forged, list, nowhere, one, streamParts, two} from '../e2e/thief.ts'
import {forgePack, member, packMembers} from '../harness/forge-stream.ts'
import {rows, took} from './row.ts'
import type {Patch, Row, Shot} from './row.ts'

const {packs: [content = two, index = two], snapshot, end} = streamParts()
const last = member('snapshot', snapshot)
const of = (...parts: readonly Buffer[]): Buffer => Buffer.concat([...parts, end])

const receive = 'src/lib/transfer/receive.ts'
const anyName: Patch = {file: receive, find: "if (header.name !== 'snapshot') throw", replace: 'if (false) throw'}

/** A member of this name with what the store keeps under it, or with the writer's lines. */
const named = (name: string): Buffer => of(content, index, member(name, snapshot))

const names = rows({group: 'names over store files', defence: {rule: 'three kinds of names, and no other', at: `${receive}: receive`}}, [
  {name: 'bk-store', attack: named('bk-store'), without: anyName},
  {name: 'recover.sh', attack: named('recover.sh'), without: anyName},
  {name: 'README', attack: named('README')},
  {name: 'the first record', attack: named('log/000001'), without: anyName},
  {name: 'the next record', attack: named('log/000003')},
  {name: 'the last record that there can be', attack: named('log/999999999')},
  {name: 'a catalog', attack: named(`catalogs/${nowhere}`)},
  {name: 'a pack by its place', attack: of(member(`packs/${nowhere.slice(0, 2)}/${nowhere}.tar.zst`, two), content, index, last)},
  {name: 'a record by way of packs', attack: named('packs/../log/000001')},
  {name: 'a record by way of pack', attack: named('pack/../../log/000001')},
  {name: 'ids alone', attack: named('ids/')},
  {name: 'a session', attack: named('sessions/web2')},
  {name: 'the key of a set', attack: named('key/web1')},
  {name: 'a temporary file', attack: named('.bk-store.tmp.1.000000000000')},
  {name: 'nothing but a blank more', attack: named('snapshot '), without: anyName},
])

const escaped = ({store}: Shot): boolean => ['.bashrc', '.ssh', 'x'].some((name) => existsSync(join(dirname(store), name)))
const ways = rows({group: 'names that lead out', defence: {rule: 'three kinds of names, and no other', at: `${receive}: receive`}, harm: (shot) => escaped(shot) || took(shot)}, [
  {name: 'one up, where bash looks', attack: named('../.bashrc')},
  {name: 'one up, to the rc file of ssh', attack: named('../.ssh/rc')},
  {name: 'one up, to the keys', attack: named('../.ssh/authorized_keys')},
  {name: 'far up', attack: named('../../../../../../etc/cron.d/x')},
  {name: 'absolute', attack: named('/etc/cron.d/x')},
  {name: 'below pack', attack: named(`pack/${nowhere}/../../../x`)},
  {name: 'an id and a slash', attack: named(`pack/${nowhere}/`)},
  {name: 'an id in capitals', attack: named(`pack/${nowhere.toUpperCase()}`)},
  {name: 'backslashes', attack: named('..\\..\\x')},
  {name: 'a newline', attack: named('pack/\n../x')},
  {name: 'an escape sequence', attack: named('\x1b]0;x\x07\x1b[2J'), harm: (shot) => took(shot) || /\x1b/.test(shot.stderr)},
  {name: 'a hundred bytes without end', attack: named('x'.repeat(100))},
  {name: 'no name', attack: named('')},
  {name: 'the set of another', attack: named('set/web2')},
])

const oneHeader: Patch = {
  file: 'src/lib/store/member.ts', find: '.equals(bytes.subarray(offset, offset + BLOCK)) ? {name, size} : undefined', replace: ' && {name, size}',
}
const sorted = (fields: Readonly<Record<number, string>>): Buffer => of(content, index, member('snapshot', snapshot, fields))
const size = (octal: string): Buffer => of(content, index, member('snapshot', snapshot, {124: octal}))

const headers = rows({group: 'headers', defence: {rule: 'a header is one function of name and size', at: 'src/lib/store/member.ts: readHeader'}}, [
  {name: 'a symbolic link', attack: sorted({156: '2', 157: '/etc/passwd'}), without: oneHeader},
  {name: 'a hard link to bk-store', attack: sorted({156: '1', 157: 'bk-store'}), without: oneHeader},
  {name: 'a character device', attack: sorted({156: '3', 329: '0000001\0', 337: '0000003\0'}), without: oneHeader},
  {name: 'a block device', attack: sorted({156: '4', 329: '0000010\0'})},
  {name: 'a directory', attack: sorted({156: '5'})},
  {name: 'a fifo', attack: sorted({156: '6'})},
  {name: 'a set-id mode', attack: sorted({100: '0006755\0'}), without: oneHeader},
  {name: 'an owner', attack: sorted({108: '0000000\0', 265: 'root', 297: 'root'})},
  {name: 'a prefix', attack: sorted({345: '../../../../../tmp'}), without: oneHeader},
  {name: 'a time far ahead', attack: sorted({136: '77777777777\0'})},
  {name: 'a pax header', attack: of(member('x', Buffer.from('21 path=bk-store\n'), {156: 'x'}), content, index, last)},
  {name: 'a pax header for all that follow', attack: of(member('x', Buffer.from('21 path=bk-store\n'), {156: 'g'}), content, index, last)},
  {name: 'a long name by GNU', attack: of(member('././@LongLink', Buffer.from('log/000003\0'), {156: 'L'}), content, index, last)},
  {name: 'a long link by GNU', attack: of(member('././@LongLink', Buffer.from('/etc/passwd\0'), {156: 'K'}), content, index, last)},
  {name: 'a sparse file by GNU', attack: sorted({156: 'S'})},
  {name: "GNU's magic", attack: sorted({257: 'ustar  \0'})},
  {name: 'a binary size', attack: size(`\x80${'\0'.repeat(7)}\x7f\xff\xff\xff`)},
  {name: 'a negative size', attack: size('-0000000001\0')},
  {name: 'a negative binary size', attack: size('\xff'.repeat(12))},
  {name: 'a size of blanks', attack: size('            ')},
  {name: 'a size that ends elsewhere', attack: size('0000 0000000')},
  {name: 'a wrong checksum', attack: withSum(last, '000000\0 '), without: oneHeader},
  {name: 'a checksum counted with signs', attack: withSum(last, '      \0 ')},
  {name: 'something behind the header\'s last field', attack: sorted({500: 'hello'}), without: oneHeader},
])

function withSum(bytes: Buffer, sum: string): Buffer {
  const copy = Buffer.from(bytes)
  copy.write(sum, 148, 'latin1')
  return of(content, index, copy)
}

const shared = forgePack([[one, list]])
const stolen = firstStream.toString('latin1', 5, 69)
const other = forgePack([[Buffer.from('other bytes\n')]])

const order = rows({group: 'members', defence: {rule: 'pairs of a pack and its ids, then one snapshot, then the end', at: `${receive}: receive`}}, [
  {
    name: 'a pack under the name of one that is there, with other bytes', attack: of(packMembers({...other, name: stolen}), content, index, last),
    harm: ({harmed}) => harmed.length > 0, defence: {rule: 'a pack has the name of its bytes', at: 'src/lib/transfer/check-pack.ts: checkPack'},
    without: {file: 'src/lib/transfer/check-pack.ts', find: 'if (objectId(bytes) !== name) throw', replace: 'if (false) throw'},
  },
  {
    name: 'a pack under a name that is nobody\'s yet', attack: of(packMembers({...other, name: nowhere}), content, index, last),
    harm: ({grown}) => grown.some((name) => name.includes(nowhere)), defence: {rule: 'a pack has the name of its bytes', at: 'src/lib/transfer/check-pack.ts: checkPack'},
    without: {file: 'src/lib/transfer/check-pack.ts', find: 'if (objectId(bytes) !== name) throw', replace: 'if (false) throw'},
  },
  {name: 'a pack twice', attack: of(content, content, index, last), without: {file: receive, find: 'if (names.has(name)) throw', replace: 'if (false) throw'}},
  {
    name: 'two snapshots', attack: of(content, index, last, last),
    without: {file: receive, find: 'if ((await stream.next()) !== undefined) throw', replace: 'await stream.next(); if (false) throw'},
  },
  {
    name: 'a record behind the snapshot', attack: of(content, index, last, member('log/000003', two)),
    without: {file: receive, find: 'if ((await stream.next()) !== undefined) throw', replace: 'await stream.next(); if (false) throw'},
  },
  {name: 'the snapshot first', attack: of(last, content, index)},
  {
    name: 'ids that are not the pack\'s', attack: of(packMembers({...shared, ids: ['0'.repeat(64), nowhere]}), content, index, last),
    without: {file: receive, find: '!(await stream.content(header)).equals(text)', replace: '(await stream.content(header)).length < 0'},
  },
  {name: 'ids without a pack', attack: of(member(`ids/${nowhere}`, two), content, index, last)},
  {name: 'a pack without ids', attack: of(member(`pack/${other.name}`, other.bytes), content, index, last)},
  {
    name: 'bytes behind the end', attack: Buffer.concat([forged(), Buffer.from('x')]),
    without: {file: 'src/lib/transfer/stream.ts', find: 'if (this.#held.length > 0 || (!this.#staysOpen && (await this.#fill()))) throw', replace: 'if (false) throw'},
  },
  {name: 'a second stream behind the end', attack: Buffer.concat([forged(), forged()])},
  {
    name: 'an end that is not zeros', attack: Buffer.concat([forged().subarray(0, -512), Buffer.alloc(512, 1)]),
    without: {file: 'src/lib/transfer/stream.ts', find: 'if (!Buffer.concat([block, rest]).equals(TAR_END)) throw', replace: 'if (false) throw'},
  },
  {
    name: 'padding that is not zeros', attack: padded(),
    without: {file: 'src/lib/transfer/stream.ts', find: 'if (padding.some((byte) => byte !== 0)) throw', replace: 'if (false) throw'},
  },
  {name: 'half a stream', attack: forged().subarray(0, forged().length >> 1)},
  {name: 'a stream without its last byte', attack: forged().subarray(0, -1)},
  {name: 'nothing', attack: Buffer.alloc(0)},
  {name: 'a snapshot of 8 GiB, by its header', attack: of(content, index, member('snapshot', two, {124: '77777777777\0'}))},
])

function padded(): Buffer {
  const stream = forged()
  stream[stream.length - 1025] = 1
  return stream
}

export const memberRows: readonly Row[] = [...names, ...ways, ...headers, ...order]
