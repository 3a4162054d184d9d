// Which sets a store should have, and under which limits: by lines of authorized_keys.

import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {grantedIn, grantsOf} from '../../../src/lib/status/granted.ts'
import {formatLine, type RestrictedLine} from '../../../src/lib/keys/restricted-line.ts'
import {lineFor, newKey} from '../keys/make-keys.ts'
import {tempDir} from '../../harness/temp.ts'

const key = newKey('web1')
const now = Date.parse('2026-11-22T20:00:00Z') / 1000

function setsOf(store: string, lines: readonly string[]): [string, unknown][] {
  const file = join(tempDir('keys'), 'authorized_keys')
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''), 'latin1')
  return [...grantsOf(store, grantedIn(file, now))]
}

const line = (words: readonly string[], parts: Partial<RestrictedLine> = {}): string => formatLine(lineFor(key, {words, ...parts}))

test('lines for this very store count, by whatever path', () => {
  const dir = tempDir('stores')
  const [store, other] = [join(dir, 'größe'), join(dir, 'other')]
  for (const each of [store, other]) mkdirSync(each)
  symlinkSync('größe', join(dir, 'link'))
  const latin1 = (path: string): string => Buffer.from(path).toString('latin1')
  const lines = [
    '# a comment',
    line(['--receive', latin1(store), '--set', 'web1', '--quota', '100', '--per-day', '48']),
    line(['--receive', latin1(join(dir, 'link')), '--set', 'web2', '--browse', latin1(store)]),
    line(['--receive', other, '--set', 'db']),
    line(['--receive', join(dir, 'nowhere'), '--set', 'db']),
    line(['--browse', latin1(store)]),
    line(['--receive', latin1(store), '--set', 'web1', '--quota', '50']),
    line(['--receive', latin1(store), '--set', 'old'], {expires: '20261122195959Z'}),
    line(['--receive', latin1(store), '--set', 'new'], {expires: '20261122200000Z'}),
    `ssh-ed25519 AAAA by hand`,
  ]
  for (const path of [store, `${store}/`, join(dir, 'link')]) {
    expect(setsOf(path, lines)).toEqual([['web1', {quota: 50, perDay: 48}], ['web2', {}], ['new', {}]])
  }
  expect(setsOf(other, lines)).toEqual([['db', {}]])
  expect(setsOf('host:store', lines)).toEqual([])
  expect(setsOf(join(dir, 'nowhere'), lines)).toEqual([])
})

test('a file that is not there is an error of who named it', () => {
  expect(() => grantedIn('/no/such/file', now)).toThrow(/^cannot read \/no\/such\/file: no such file or directory$/)
})
