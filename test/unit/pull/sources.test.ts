// What the operands of `bk pull` mean, and what is none.

import {hostname} from 'node:os'
import {describe, expect, test} from 'vitest'
import {pullSources} from '../../../src/lib/pull/sources.ts'

describe('a source', () => {
  test.each([
    ['ssh://web1', 'web1', {host: 'web1', path: ''}],
    ['ssh://web1/', 'web1', {host: 'web1', path: ''}],
    ['ssh://me@web1.example.org:2222', 'web1.example.org', {user: 'me', host: 'web1.example.org', port: 2222, path: ''}],
    ['web1:', 'web1', {host: 'web1', path: ''}],
    ['web1:/', 'web1', {host: 'web1', path: '/'}],
    ['me@web1:srv/data', 'web1', {user: 'me', host: 'web1', path: 'srv/data'}],
    ['ssh://web1/srv/a b', 'web1', {host: 'web1', path: '/srv/a b'}],
    ['ssh://192.0.2.7', '192.0.2.7', {host: '192.0.2.7', path: ''}],
    ['sftp://web1', 'web1', {host: 'web1', path: ''}],
    ['sftp://backupop@web1:2222/srv/data', 'web1', {user: 'backupop', host: 'web1', port: 2222, path: '/srv/data'}],
  ])('%s', (text, set, target) => {
    expect(pullSources([text], undefined)).toEqual([{name: text, text, set, target: expect.objectContaining(target), isSftp: text.startsWith('sftp:')}])
    expect(pullSources([text], 'other')).toMatchObject([{set: 'other'}])
  })

  test('of this machine has no target, and the set of this host', () => {
    expect(pullSources(['/srv'], undefined)).toMatchObject([{target: undefined, text: '/srv', set: hostname()}])
    expect(pullSources(['./a:b'], 'x')).toMatchObject([{target: undefined, set: 'x'}])
  })

  test('is called by what is safe to print', () => {
    expect(pullSources(['/srv/\x1b[2J\n'], 'x')).toMatchObject([{name: String.raw`/srv/\033[2J\012`}])
  })
})

describe('what is none', () => {
  test.each<[readonly string[], string | undefined, RegExp]>([
    [['ssh://web1', 'ssh://web2'], 'x', /--set goes with one source/],
    [['ssh://web1', 'me@web1:/etc'], undefined, /would both go to the set web1/],
    [['/a', '/b'], undefined, /would both go to the set/],
    [['ssh://a', 'ssh://b', 'ssh://a:22'], undefined, /ssh:\/\/a and ssh:\/\/a:22 would both/],
    [['ssh://web1', 'sftp://web1/srv'], undefined, /would both go to the set web1/],
    [['s3://bucket'], undefined, /sources over s3/],
    [['ssh://[2001:db8::1]'], undefined, /no set can be called/],
    [['_web:'], undefined, /no set can be called/],
    [['ssh://web1'], '../x', /not the name of a set/],
    [['-oProxyCommand=x:'], undefined, /begins with a dash/],
    [[':/srv'], undefined, /names no host/],
  ])('%j with %j', (operands, set, words) => {
    expect(() => pullSources(operands, set)).toThrow(expect.objectContaining({status: 64, message: expect.stringMatching(words)}))
  })
})
