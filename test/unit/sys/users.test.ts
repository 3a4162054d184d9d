// Owners by name: the tables of this machine against getent, tables of odd lines, and the C library where nsswitch.conf names it.

import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync, utimesSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, expect, test} from 'vitest'

import {loadUsers} from '../../../src/lib/sys/users.ts'

const top = mkdtempSync(join(tmpdir(), 'bk-users-'))
afterAll(() => rmSync(top, {recursive: true}))

let count = 0
/** A directory like /etc. */
function etc(files: {passwd?: string; group?: string; nsswitch?: string}): string {
  const dir = mkdtempSync(join(top, String((count += 1))))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name === 'nsswitch' ? 'nsswitch.conf' : name), text, 'latin1')
  }
  return dir
}

test('agrees with getent on this machine', () => {
  const users = loadUsers()
  for (const [kind, nameOf, numberOf] of [['passwd', users.uname, users.uid], ['group', users.gname, users.gid]] as const) {
    const lines = execFileSync('getent', [kind], {encoding: 'latin1'}).trim().split('\n')
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) {
      const [name, , number] = line.split(':')
      expect(nameOf(Number(number))).toBe(name)
      expect(numberOf(name!)).toBe(Number(number))
    }
  }
  expect(users.uname(0)).toBe('root')
  expect(users.uname(3_999_999_999)).toBeUndefined()
  expect(users.uid('nobody-of-that-name')).toBeUndefined()
})

test('odd lines', () => {
  const users = loadUsers(etc({
    passwd: [
      'a:x:1:1:::', 'b:x:1:1:::', 'a:x:2:2:::', '', 'bad', 'no-number:x::1', '+@netgroup::::::', '#c:x:3:3', 'minus:x:-1:1',
      'high:x:4294967294:1::', 'm\xfcller:x:9:9:::', 'last:x:8:8',
    ].join('\n'),
    group: 'g:x:5:a,b\n',
  }))
  expect([users.uname(1), users.uid('a'), users.uid('b'), users.uname(2)]).toEqual(['a', 1, 1, 'a'])
  expect([users.uname(3), users.uid('minus'), users.uid('no-number'), users.uid('')]).toEqual([undefined, undefined, undefined, undefined])
  expect([users.uname(4_294_967_294), users.uname(9), users.uid('m\xfcller'), users.uname(8)]).toEqual(['high', 'm\xfcller', 9, 'last'])
  expect([users.gname(5), users.gid('g'), users.gname(1)]).toEqual(['g', 5, undefined])
})

test('no files, no names', () => {
  const users = loadUsers(join(top, 'missing'))
  expect([users.uname(0), users.gid('root'), users.stamp]).toEqual([undefined, undefined, 'none none none'])
})

test('the C library is asked only where nsswitch.conf names other sources', () => {
  const empty = {passwd: 'x:x:77777:1:::\n', group: ''}
  const asks = (nsswitch: string) => {
    const users = loadUsers(etc({...empty, nsswitch}))
    return [users.uname(0), users.uid('root'), users.gname(0), users.gid('root')]
  }
  expect(asks('passwd: files ldap\ngroup: files [NOTFOUND=continue] sss\n')).toEqual(['root', 0, 'root', 0])
  expect(asks('passwd: files # ldap\n  group:\tfiles [!UNAVAIL=return]\n')).toEqual([undefined, undefined, undefined, undefined])
  expect(asks('passwd: files systemd\n')).toEqual(['root', 0, undefined, undefined])
  expect(asks('')).toEqual([undefined, undefined, undefined, undefined])

  const users = loadUsers(etc({...empty, nsswitch: 'passwd: files ldap\ngroup: ldap'}))
  // The file comes first, a miss is remembered, odd names harm nothing.
  expect([users.uname(77_777), users.uname(3_999_999_998), users.uname(3_999_999_998)]).toEqual(['x', undefined, undefined])
  expect([users.uid('ro\0ot'), users.uid('m\xfcller'), users.gid('x'.repeat(100_000))]).toEqual([undefined, undefined, undefined])
})

test('the stamp changes with the files', () => {
  const dir = etc({passwd: 'a:x:1:1:::\n', group: ''})
  const before = loadUsers(dir).stamp
  expect(loadUsers(dir).stamp).toBe(before)
  utimesSync(join(dir, 'group'), 1, 1)
  const touched = loadUsers(dir).stamp
  expect(touched).not.toBe(before)
  writeFileSync(join(dir, 'nsswitch.conf'), '')
  expect(loadUsers(dir).stamp).not.toBe(touched)
})
