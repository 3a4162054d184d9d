// Headers held against ones that were made by hand, field by field, and records against the examples of POSIX.

import {execFileSync} from 'node:child_process'
import {ftruncateSync, openSync, writeSync, closeSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {tempDir} from '../../harness/temp.ts'
import {globalComment, memberHeader, paddingOf, paxRecord, paxTime, sparseMap, type Member} from '../../../src/lib/archive/pax.ts'

const plain: Member = {path: 'etc/hosts', type: 'file', mode: 0o644, uid: 0, gid: 5, uname: 'root', gname: 'tty', size: 221, time: '1763800000.000000000'}

/** A header by hand: what stands where, and zeros. */
function block(...fields: readonly (readonly [at: number, text: string])[]): Buffer {
  const bytes = Buffer.alloc(512)
  for (const [at, text] of [...fields, [148, '        '] as const]) bytes.write(text, at, 'latin1')
  const sum = bytes.reduce((all, byte) => all + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

/** What extended headers say, and the header of the member. */
function parts(bytes: Buffer): {readonly type: string; readonly text: string; readonly header: Buffer} {
  const type = String.fromCharCode(bytes[156]!)
  if (type !== 'x') return {type: '', text: '', header: bytes}
  const size = parseInt(bytes.toString('latin1', 124, 135), 8)
  return {type, text: bytes.toString('latin1', 512, 512 + size), header: bytes.subarray(512 + size + paddingOf(size))}
}

const recordsOf = (member: Partial<Member>): string => parts(memberHeader({...plain, ...member})).text
const headerOf = (member: Partial<Member>): Buffer => parts(memberHeader({...plain, ...member})).header
const field = (header: Buffer, at: number, length: number): string => header.toString('latin1', at, at + length).replace(/\0.*$/s, '')

describe('a header', () => {
  it('is ustar to the byte where that can say it', () => {
    const wanted = block(
      [0, 'etc/hosts'], [100, '0000644\0'], [108, '0000000\0'], [116, '0000005\0'], [124, '00000000335\0'], [136, '15110271700\0'],
      [156, '0'], [257, 'ustar\x0000'], [265, 'root'], [297, 'tty'], [329, '0000000\0'], [337, '0000000\0'],
    )
    expect(memberHeader(plain).equals(wanted)).toBe(true)
  })

  it.each([
    ['file', '0'], ['hardlink', '1'], ['link', '2'], ['char', '3'], ['block', '4'], ['dir', '5'], ['fifo', '6'],
  ] as const)('of a %s has the letter %s', (type, letter) => {
    expect(field(headerOf({type}), 156, 1)).toBe(letter)
  })

  it('has the numbers of a device, and the target of a link', () => {
    const device = headerOf({type: 'block', device: {major: 7, minor: 300}})
    expect([field(device, 329, 8), field(device, 337, 8)]).toEqual(['0000007', '0000454'])
    expect(field(headerOf({type: 'link', link: 'a\xe9'}), 157, 100)).toBe('a\xe9')
  })

  it.each([
    ['a'.repeat(100), '', 'a'.repeat(100)],
    [`${'d'.repeat(155)}/${'n'.repeat(100)}`, 'd'.repeat(155), 'n'.repeat(100)],
    [`${'d'.repeat(60)}/${'n'.repeat(60)}`, 'd'.repeat(60), 'n'.repeat(60)],
    [`${'d'.repeat(60)}/${'n'.repeat(60)}/`, 'd'.repeat(60), `${'n'.repeat(60)}/`],
    ['\xff/'.repeat(60), '\xff/'.repeat(10).slice(0, -1), '\xff/'.repeat(50)],
  ])('holds a path in two parts: %#', (path, prefix, name) => {
    expect(recordsOf({path})).toBe('')
    expect([field(headerOf({path}), 345, 155), field(headerOf({path}), 0, 100)]).toEqual([prefix, name])
  })

  it('has the size of the largest file that its field holds, and a larger one in both places', () => {
    expect(field(headerOf({size: 8 * 2 ** 30 - 1}), 124, 12)).toBe('77777777777')
    expect(recordsOf({size: 8 * 2 ** 30 - 1})).toBe('')
    expect(recordsOf({size: 8 * 2 ** 30})).toBe('19 size=8589934592\n')
    expect(headerOf({size: 8 * 2 ** 30}).subarray(124, 136).toString('hex')).toBe('800000000000000200000000')
  })
})

describe('an extended header', () => {
  it('precedes its member as a file of its own', () => {
    const bytes = memberHeader({...plain, time: '1763800000.000000005'})
    const wanted = block(
      [0, 'PaxHeaders/hosts'], [100, '0000644\0'], [108, '0000000\0'], [116, '0000000\0'], [124, '00000000036\0'], [136, '15110271700\0'],
      [156, 'x'], [257, 'ustar\x0000'], [329, '0000000\0'], [337, '0000000\0'],
    )
    expect(bytes.subarray(0, 512).equals(wanted)).toBe(true)
    expect(bytes.toString('latin1', 512, 1024)).toBe('30 mtime=1763800000.000000005\n'.padEnd(512, '\0'))
    expect(bytes.length).toBe(1536)
  })

  it.each<readonly [what: string, member: Partial<Member>, text: string]>([
    ['a long path', {path: 'p'.repeat(101)}, `111 path=${'p'.repeat(101)}\n`],
    ['a path that has no slash in the right place', {path: `${'d'.repeat(156)}/n`}, `168 path=${'d'.repeat(156)}/n\n`],
    ['a long target', {type: 'link', link: 'l'.repeat(101)}, `115 linkpath=${'l'.repeat(101)}\n`],
    ['a long path that is UTF-8', {path: Buffer.from('é'.repeat(51)).toString('latin1')}, `112 path=${Buffer.from('é'.repeat(51)).toString('latin1')}\n`],
    ['a long path that is not', {path: '\xff'.repeat(101)}, `21 hdrcharset=BINARY\n111 path=${'\xff'.repeat(101)}\n`],
    ['owners with large numbers', {uid: 2_097_152, gid: 4_294_967_294}, '15 uid=2097152\n18 gid=4294967294\n'],
    ['owners with long names', {uname: 'u'.repeat(32), gname: 'g'.repeat(32)}, `42 uname=${'u'.repeat(32)}\n42 gname=${'g'.repeat(32)}\n`],
    ['a time before 1970', {time: '-2.500000000'}, '14 mtime=-1.5\n'],
    ['a time that the field does not hold', {time: '8589934592.000000000'}, '20 mtime=8589934592\n'],
    ['what else there is', {records: [['SCHILY.xattr.user.a', 'new\nline\0=\xff']]}, '35 SCHILY.xattr.user.a=new\nline\0=\xff\n'],
    ['holes', {sparse: 5000}, '22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n29 GNU.sparse.name=etc/hosts\n28 GNU.sparse.realsize=5000\n'],
  ])('says %s', (_, member, text) => {
    expect(recordsOf(member)).toBe(text)
  })

  it('is not needed for 31 letters, the largest short number, or bytes of any kind', () => {
    expect(recordsOf({uname: 'u'.repeat(31), gname: '\xe9', uid: 2_097_151, path: '\xff\n', time: '8589934591.000000000'})).toBe('')
  })

  it('leaves the name with a file of holes that other programs should not take for it', () => {
    expect(field(headerOf({sparse: 5000}), 0, 100)).toBe('etc/GNUSparseFile.0/hosts')
    expect(field(headerOf({sparse: 5000, path: 'n'.repeat(200)}), 0, 100)).toMatch(/^GNUSparseFile\.0\/n+$/)
  })
})

it.each([
  ['path', 'x', '9 path=x\n'],
  ['path', 'xx', '11 path=xx\n'],
  ['comment', '', '12 comment=\n'],
  ['c', 'x'.repeat(93), `99 c=${'x'.repeat(93)}\n`],
  ['c', 'x'.repeat(94), `101 c=${'x'.repeat(94)}\n`],
  ['c', 'x'.repeat(95), `102 c=${'x'.repeat(95)}\n`],
])('a record counts its own digits: %#', (key, value, text) => {
  expect(paxRecord([key, value])).toBe(text)
  expect(text.length).toBe(parseInt(text))
})

it.each([
  ['0.000000000', '0'], ['10.000000000', '10'], ['100.100000000', '100.1'], ['1763800000.000000001', '1763800000.000000001'],
  ['-1.000000000', '-1'], ['-2.500000000', '-1.5'], ['-1.999999999', '-0.000000001'], ['-2000000001.876543211', '-2000000000.123456789'], ['-10.000000000', '-10'],
])('the time %s is %s', (time, text) => {
  expect(paxTime(time)).toBe(text)
})

it('a comment of the archive is a header for all of it', () => {
  const bytes = globalComment('#bk archive 1\n')
  expect([field(bytes, 0, 100), field(bytes, 156, 1), field(bytes, 136, 12)]).toEqual(['pax_global_header', 'g', '00000000000'])
  expect(bytes.toString('latin1', 512).replace(/\0+$/, '')).toBe('26 comment=#bk archive 1\n\n')
})

it.each([
  [[[0, 5]], 5, '1\n0\n5\n'],
  [[[0, 5]], 9, '2\n0\n5\n9\n0\n'],
  [[[4096, 8192], [12_288, 12_289]], 12_289, '2\n4096\n4096\n12288\n1\n'],
  [[], 7, '1\n7\n0\n'],
] as const)('a map of holes says where data is, and where the file ends: %#', (extents, size, text) => {
  expect(sparseMap(extents, size).toString('latin1')).toBe(text.padEnd(512, '\0'))
})

it.each(['tar', 'bsdtar'])('%s passes over a file of 9 GiB, and finds what is behind', (program) => {
  const size = 9 * 2 ** 30
  const path = join(tempDir('large'), 'large.tar')
  const fd = openSync(path, 'w')
  const header = memberHeader({...plain, path: 'large', size, uid: 3_000_000_000})
  writeSync(fd, header)
  writeSync(fd, memberHeader({...plain, path: 'behind', size: 0}), 0, 512, header.length + size)
  ftruncateSync(fd, header.length + size + 512 + 1024)
  closeSync(fd)
  const list = execFileSync(program, ['--numeric-owner', '-tvf', path], {encoding: 'utf8'})
  expect(list.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([expect.stringMatching(/3000000000.* 9663676416 .*large$/), expect.stringMatching(/behind$/), ''])
})
