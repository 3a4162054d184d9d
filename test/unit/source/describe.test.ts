// Lines of single entries: keywords in their order, values in their one spelling, comments sorted.

import type {BigIntStats} from 'node:fs'
import {describe, expect, test} from 'vitest'
import {parseEntryLine} from '../../../src/lib/index/entry.ts'
import {createDescribe, type Details} from '../../../src/lib/source/describe.ts'

const users = {
  uname: (uid: number) => new Map([[0, 'root'], [1, 'a b'], [1000, 'jane.doe_2']]).get(uid),
  gname: (gid: number) => new Map([[0, 'root'], [2, 'd\xf6m\\users']]).get(gid),
}

type Fields = Partial<Record<'mode' | 'uid' | 'gid' | 'size' | 'mtimeNs' | 'rdev', bigint>>

function linesOf(path: string, type: Parameters<ReturnType<typeof createDescribe>>[1], fields: Fields, details: Details = {}): string[] {
  const stats = {mode: 0o100644n, uid: 0n, gid: 0n, size: 0n, mtimeNs: 0n, rdev: 0n, ...fields} as BigIntStats
  return createDescribe(users)(path, type, stats, details).split(/(?<=\n)/)
}

describe('entry lines', () => {
  test.for([
    ['file', 'file', {size: 6n, mtimeNs: 1763800000000000005n}, {digest: ' sha256=5891'}, 'type=file mode=0644 uid=0 gid=0 uname=root gname=root size=6 time=1763800000.000000005 sha256=5891'],
    ['file that changed', 'file', {size: 6n}, {size: 7n}, 'type=file mode=0644 uid=0 gid=0 uname=root gname=root size=7 time=0.000000000'],
    ['no digest', 'file', {}, {}, 'type=file mode=0644 uid=0 gid=0 uname=root gname=root size=0 time=0.000000000'],
    ['directory', 'dir', {mode: 0o41777n, size: 4096n}, {}, 'type=dir mode=01777 uid=0 gid=0 uname=root gname=root time=0.000000000'],
    ['set-id bits', 'file', {mode: 0o104755n}, {}, 'type=file mode=04755 uid=0 gid=0 uname=root gname=root size=0 time=0.000000000'],
    ['no rights', 'file', {mode: 0o100000n}, {}, 'type=file mode=0000 uid=0 gid=0 uname=root gname=root size=0 time=0.000000000'],
    ['link', 'link', {mode: 0o120777n, size: 3n}, {link: 'a b\xff'}, 'type=link mode=0777 uid=0 gid=0 uname=root gname=root time=0.000000000 link=a\\040b\\377'],
    ['fifo', 'fifo', {mode: 0o10640n}, {}, 'type=fifo mode=0640 uid=0 gid=0 uname=root gname=root time=0.000000000'],
    ['device', 'char', {mode: 0o20666n, rdev: 0x103n}, {}, 'type=char mode=0666 uid=0 gid=0 uname=root gname=root time=0.000000000 device=native,1,3'],
    ['large numbers of a device', 'block', {mode: 0o60660n, rdev: 0x123_4567_89abn}, {}, 'type=block mode=0660 uid=0 gid=0 uname=root gname=root time=0.000000000 device=native,1929,305419947'],
    ['before 1970', 'dir', {mode: 0o40755n, mtimeNs: -1_500_000_000n}, {}, 'type=dir mode=0755 uid=0 gid=0 uname=root gname=root time=-2.500000000'],
    ['after 2262', 'dir', {mode: 0o40755n, mtimeNs: 13_569_465_600_000_000_007n}, {}, 'type=dir mode=0755 uid=0 gid=0 uname=root gname=root time=13569465600.000000007'],
    ['owners without a name', 'dir', {mode: 0o40755n, uid: 54321n, gid: 4294967294n}, {}, 'type=dir mode=0755 uid=54321 gid=4294967294 time=0.000000000'],
    ['one name of two', 'dir', {mode: 0o40755n, uid: 1000n, gid: 7n}, {}, 'type=dir mode=0755 uid=1000 gid=7 uname=jane.doe_2 time=0.000000000'],
  ] as const)('%s', ([, type, fields, details, wanted]) => {
    const lines = linesOf('./p', type, fields, details)
    expect(lines).toEqual([`./p ${wanted}\n`])
    if (!('digest' in details)) expect(parseEntryLine(lines[0]!.slice(0, -1))).toMatchObject({path: './p', type})
  })
})

describe('comments', () => {
  const xattr = (name: string, value: Buffer | string): {name: Buffer; value: Buffer} => ({name: Buffer.from(name, 'latin1'), value: Buffer.from(value)})

  test('all of them, sorted by key', () => {
    const xattrs = [xattr('user.mime', 'text/plain'), xattr('security.capability', Buffer.from([1, 0xff])), xattr('user.a b=\xff', '')]
    const lines = linesOf('./p', 'file', {uid: 1n, gid: 2n}, {xattrs, error: 'EACCES', note: 'changed'})
    expect(lines).toEqual([
      './p type=file mode=0644 uid=1 gid=2 size=0 time=0.000000000\n',
      '#bk ./p error=EACCES\n',
      '#bk ./p gname=d\\366m\\134users\n',
      '#bk ./p note=changed\n',
      '#bk ./p uname=a\\040b\n',
      '#bk ./p xattr.security.capability=Af8=\n',
      '#bk ./p xattr.user.a\\040b\\075\\377=\n',
      '#bk ./p xattr.user.mime=dGV4dC9wbGFpbg==\n',
    ])
  })

  test('a value that is too long for a line is named by its digest', () => {
    const longest = linesOf('./p', 'file', {}, {xattrs: [xattr('user.v', 'x'.repeat(30_000))]})[1]!
    expect(longest).toHaveLength('#bk ./p xattr.user.v='.length + 40_000 + 1)
    const [, line] = linesOf('./p', 'file', {}, {xattrs: [xattr('user.v', 'x'.repeat(30_001))]})
    expect(line).toMatch(/^#bk \.\/p xattr\.user\.v=@[0-9a-f]{64}\n$/)
  })
})
