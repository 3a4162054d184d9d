// Key pairs: ssh-keygen reads them, with and without a passphrase, and nothing is ever overwritten.

import {spawnSync} from 'node:child_process'
import {readFileSync, readdirSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {writeKeyPair} from '../../../src/lib/keys/generate.ts'
import {parsePublicKey} from '../../../src/lib/keys/public-key.ts'
import {generateKeyPair} from '../../../src/lib/keys/ssh2.ts'
import {interceptCalls} from '../../../src/lib/sys/calls.ts'
import {tempDir} from '../../harness/temp.ts'

const publicOf = (file: string, passphrase: string): {status: number | null; stdout: string} => {
  const {status, stdout} = spawnSync('ssh-keygen', ['-y', '-P', passphrase, '-f', file], {encoding: 'utf8'})
  return {status, stdout}
}

test.each<[string, string | undefined, string]>([
  ['none', undefined, 'web1'],
  ['a short one', 'x', 'web1'],
  ['a long one with odd characters', `it's "long" \\ \u00fc \u{1f511} ${'x'.repeat(100)}`, 'two words \u00fc'],
])('ssh-keygen agrees: passphrase %s', (_what, passphrase, comment) => {
  const file = join(tempDir('pair'), 'key')
  writeKeyPair(Buffer.from(file), generateKeyPair(comment, passphrase === undefined ? undefined : Buffer.from(passphrase)))
  const line = readFileSync(`${file}.pub`, 'utf8')
  expect(line.endsWith(` ${comment}\n`)).toBe(true)
  expect(publicOf(file, passphrase ?? '')).toEqual({status: 0, stdout: line})
  if (passphrase !== undefined) expect(publicOf(file, `${passphrase}x`).status).not.toBe(0)
  expect([statSync(file).mode & 0o7777, statSync(`${file}.pub`).mode & 0o7777]).toEqual([0o600, 0o644])
})

// One key in 256 begins with a zero, which ssh2 cuts off.
test('1500 keys are all whole', () => {
  for (let made = 0; made < 1500; made++) {
    const {public: line, private: text} = generateKeyPair('', undefined)
    expect(parsePublicKey(line.trimEnd(), 'x').blob).toHaveLength(51)
    expect(text).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/)
  }
})

test.each(['key', 'key.pub'])('%s that is there is left, and so is everything else', (name) => {
  const dir = tempDir('pair')
  writeFileSync(join(dir, name), 'mine')
  expect(() => writeKeyPair(Buffer.from(join(dir, 'key')), generateKeyPair('', undefined))).toThrow(
    expect.objectContaining({status: 2, message: `${join(dir, name)} exists already: a key is never overwritten`}),
  )
  expect(readdirSync(dir)).toEqual([name])
  expect(readFileSync(join(dir, name), 'utf8')).toBe('mine')
})

test('a link is there, wherever it leads', () => {
  const dir = tempDir('pair')
  symlinkSync('elsewhere', join(dir, 'key'))
  expect(() => writeKeyPair(Buffer.from(join(dir, 'key')), generateKeyPair('', undefined))).toThrow(/exists already/)
  expect(readdirSync(dir)).toEqual(['key'])
})

test('a public key that somebody else makes meanwhile is kept, and no private one is left without its own', () => {
  const dir = tempDir('pair')
  const restore = interceptCalls((call) => {
    const done = call.proceed()
    if (call.name === 'link') writeFileSync(join(dir, 'key.pub'), 'theirs')
    return done
  })
  try {
    expect(() => writeKeyPair(Buffer.from(join(dir, 'key')), generateKeyPair('', undefined))).toThrow(/key.pub exists already/)
  } finally {
    restore()
  }
  expect(readdirSync(dir)).toEqual(['key.pub'])
  expect(readFileSync(join(dir, 'key.pub'), 'utf8')).toBe('theirs')
})

test('what cannot be written is said', () => {
  expect(() => writeKeyPair(Buffer.from('/nowhere/key'), generateKeyPair('', undefined))).toThrow(expect.objectContaining({status: 2, message: 'cannot write /nowhere/key: no such file or directory'}))
})
