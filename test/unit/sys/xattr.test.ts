// Extended attributes on a real file system: any bytes as a value, links themselves, file systems that have none, and ACLs.

import {closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, expect, test} from 'vitest'

import {
  fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, lremovexattr, lsetxattr, readXattrs,
} from '../../../src/lib/sys/xattr.ts'

const dir = mkdtempSync(join(tmpdir(), 'bk-xattr-'))
afterAll(() => rmSync(dir, {recursive: true}))

function file(name: string): string {
  writeFileSync(join(dir, name), '')
  return join(dir, name)
}

test.for([
  ['empty', Buffer.alloc(0)],
  ['every byte', Buffer.from(Array.from({length: 256}, (_, byte) => byte))],
  ['only NUL', Buffer.alloc(3)],
  ['3,000 bytes', Buffer.alloc(3_000, 0xfe)],
])('values are bytes: %s', ([, value]) => {
  const path = file('value')
  lsetxattr(path, 'user.test', value as Buffer)
  expect(lgetxattr(path, 'user.test')).toEqual(value)
  lsetxattr(path, 'user.test', Buffer.from('other'))
  expect(lgetxattr(path, 'user.test').toString()).toBe('other')
})

test('names are bytes', () => {
  const path = file('names')
  const odd = Buffer.concat([Buffer.from('user.'), Buffer.from([0xff, 0x0a, 0x20])])
  lsetxattr(path, odd, Buffer.from('1'))
  lsetxattr(path, 'user.ä', Buffer.from('2'))
  expect(llistxattr(path)).toHaveLength(2)
  expect(readXattrs(path)).toEqual([
    {name: Buffer.from('user.ä'), value: Buffer.from('2')},
    {name: odd, value: Buffer.from('1')},
  ])
})

test('paths are bytes', () => {
  const path = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff, 0x0a])])
  writeFileSync(path, '')
  lsetxattr(path, 'user.a', Buffer.from('b'))
  expect(lgetxattr(path, 'user.a').toString()).toBe('b')
})

test('a list longer than one read, answers that do not share memory', () => {
  const path = file('many')
  for (let number = 0; number < 40; number += 1) lsetxattr(path, `user.${number}`, Buffer.from(`value ${number}`))
  const all = readXattrs(path)
  expect(all).toHaveLength(40)
  for (const {name, value} of all) expect(value.toString()).toBe(`value ${name.toString().slice(5)}`)
})

test('by descriptor', () => {
  const path = file('fd')
  const fd = openSync(path, 'r+')
  fsetxattr(fd, 'user.one', Buffer.from('1'))
  expect(flistxattr(fd).map(String)).toEqual(['user.one'])
  expect(fgetxattr(fd, 'user.one').toString()).toBe('1')
  expect(readXattrs(fd)).toEqual(readXattrs(path))
  fremovexattr(fd, 'user.one')
  expect(flistxattr(fd)).toEqual([])
  closeSync(fd)
})

test('what is not there', () => {
  const path = file('none')
  expect(llistxattr(path)).toEqual([])
  expect(readXattrs(path)).toEqual([])
  expect(() => lgetxattr(path, 'user.none')).toThrow(expect.objectContaining({code: 'ENODATA', syscall: 'lgetxattr', path}))
  expect(() => lremovexattr(path, 'user.none')).toThrow(expect.objectContaining({code: 'ENODATA'}))
  expect(() => readXattrs(join(dir, 'missing'))).toThrow(expect.objectContaining({code: 'ENOENT'}))
})

test('a link is asked itself', () => {
  const path = file('target')
  lsetxattr(path, 'user.of-target', Buffer.from('x'))
  symlinkSync('target', join(dir, 'link'))
  expect(readXattrs(join(dir, 'link'))).toEqual([])
  // The kernel gives links no user attributes: the target must not get it instead.
  expect(() => lsetxattr(join(dir, 'link'), 'user.test', Buffer.from('x'))).toThrow(expect.objectContaining({code: 'EPERM'}))
  expect(llistxattr(path).map(String)).toEqual(['user.of-target'])
})

test('a file system without attributes has none, but does not take any', () => {
  expect(readXattrs('/proc/self/status')).toEqual([])
  expect(() => lgetxattr('/proc/self/status', 'user.a')).toThrow(expect.objectContaining({code: 'ENOTSUP'}))
  // Whoever is not root is refused before the file system is asked.
  const refused = expect.objectContaining({code: process.getuid!() === 0 ? 'ENOTSUP' : 'EACCES'})
  expect(() => lsetxattr('/proc/self/status', 'user.a', Buffer.from('x'))).toThrow(refused)
})

test('a POSIX ACL is an attribute like any other', () => {
  const path = file('acl')
  // Version 2, then (tag, permissions, id): user::rw-, user:1234:r--, group::r--, mask::r--, other::---
  const entries = [[1, 6, -1], [2, 4, 1234], [4, 4, -1], [16, 4, -1], [32, 0, -1]] as const
  const acl = Buffer.alloc(4 + 8 * entries.length)
  acl.writeUInt32LE(2, 0)
  for (const [at, [tag, permissions, id]] of entries.entries()) {
    acl.writeUInt16LE(tag, 4 + 8 * at)
    acl.writeUInt16LE(permissions, 6 + 8 * at)
    acl.writeInt32LE(id, 8 + 8 * at)
  }
  lsetxattr(path, 'system.posix_acl_access', acl)
  expect(readXattrs(path)).toEqual([{name: Buffer.from('system.posix_acl_access'), value: acl}])
})
