// Public keys: those of ssh-keygen are taken, with its fingerprints; everything else is refused with a reason.

import {spawnSync} from 'node:child_process'
import {describe, expect, it, test} from 'vitest'
import {fingerprint, formatPublicKey, identityOf, lenientBlob, parsePublicKey} from '../../../src/lib/keys/public-key.ts'
import {isUsableKey} from '../../../src/lib/keys/ssh2.ts'
import {makeKey} from './make-keys.ts'

const kinds: readonly (readonly [string, number | undefined])[] = [['ed25519', undefined], ['rsa', 2048], ['ecdsa', 256], ['ecdsa', 384], ['ecdsa', 521]]

describe.each(kinds)('%s %s', (type, bits) => {
  const {line, file} = makeKey(type, 'a comment', bits)

  it('is taken as ssh-keygen wrote it', () => {
    const key = parsePublicKey(line, 'line 1')
    expect(key.comment).toBe('a comment')
    expect(formatPublicKey(key)).toBe(line)
    expect(isUsableKey(key)).toBe(true)
    const listed = spawnSync('ssh-keygen', ['-l', '-f', `${file}.pub`], {encoding: 'utf8'}).stdout.split(' ')[1]
    expect(fingerprint(key)).toBe(listed)
  })

  it('is refused when a byte is missing or too many', () => {
    const [word = '', base64 = ''] = line.split(' ')
    const blob = Buffer.from(base64, 'base64')
    for (const bytes of [blob.subarray(0, -1), Buffer.concat([blob, Buffer.alloc(1)]), Buffer.concat([blob, Buffer.from([0, 0, 0, 1, 7])])]) {
      expect(() => parsePublicKey(`${word} ${bytes.toString('base64')}`, 'line 1')).toThrow(/^line 1 is no /)
    }
  })
})

const {line} = makeKey()
const [type = '', base64 = ''] = line.split(' ')
const string = (bytes: string | Uint8Array): Buffer => {
  const content = Buffer.from(bytes)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}
const blobOf = (...fields: readonly (string | Uint8Array)[]): Buffer => Buffer.concat(fields.map(string))
const lineOf = (name: string, ...fields: readonly (string | Uint8Array)[]): string => `${name} ${blobOf(...fields).toString('base64')}`

describe('what is no public key', () => {
  it.each<[string, string, RegExp]>([
    ['nothing', '', /no public key/],
    ['a comment', '# mine', /no public key/],
    ['words', 'hello world', /no public key/],
    ['the key without its type', base64, /no public key/],
    ['a blank in front', ` ${line}`, /no public key|in front/],
    ['two blanks', line.replace(' ', '  '), /no public key/],
    ['a TAB', line.replace(' ', '\t'), /no public key/],
    ['options', `restrict ${line}`, /in front of the key/],
    ['a command', `command="id" ${line}`, /in front of the key/],
    ['options with blanks', `from="a b",command="x \\" y" ${line}`, /in front of the key/],
    ['a host, as in known_hosts', `vault ${line}`, /in front of the key/],
    ['a carriage return', `${line}\r`, /control character/],
    ['an escape sequence', `${line} \u001b[2J`, /control character/],
    ['a NUL', `${line}\0`, /control character/],
    ['blanks behind', `${line} `, /blanks around/],
    ['a comment without end', `${type} ${base64} ${'x'.repeat(1025)}`, /over 1024 bytes/],
    ['another type than it says', `ssh-rsa ${base64}`, /no ssh-rsa key/],
    ['the short name of a type', `ed25519 ${base64}`, /no ed25519 key/],
    ['a type nobody knows', lineOf('ssh-new', 'ssh-new', Buffer.alloc(32)), /no ssh-new key/],
    ['a certificate', lineOf('ssh-ed25519-cert-v01@openssh.com', 'ssh-ed25519-cert-v01@openssh.com', Buffer.alloc(32), Buffer.alloc(32)), /no ssh-ed25519-cert/],
    ['an ssh-dss key', lineOf('ssh-dss', 'ssh-dss', Buffer.alloc(128, 1)), /no longer takes/],
    ['a short ed25519 key', lineOf('ssh-ed25519', 'ssh-ed25519', Buffer.alloc(31, 1)), /no ssh-ed25519 key/],
    ['zeros in front of an rsa key', lineOf('ssh-rsa', 'ssh-rsa', Buffer.from([0, 1, 0, 1]), Buffer.alloc(256, 0x11)), /no ssh-rsa key/],
    ['a negative rsa key', lineOf('ssh-rsa', 'ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(256, 0x81)), /no ssh-rsa key/],
    ['another curve', lineOf('ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(97, 4)), /no ecdsa/],
    ['a short point', lineOf('ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(33, 4)), /no ecdsa/],
    ['bits behind the last', `${type} ${base64.slice(0, -1)}=`, /no (?:public|ssh-ed25519) key/],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----', /is a private key/],
    ['a private key of PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519', /is a private key/],
  ])('%s', (_what, text, reason) => {
    expect(() => parsePublicKey(text, 'line 7 of x')).toThrow(expect.objectContaining({status: 65, message: expect.stringMatching(/^line 7 of x /)}))
    expect(() => parsePublicKey(text, 'x')).toThrow(reason)
  })

  test('a point that is on no curve has the right form, and is found out', () => {
    const point = Buffer.alloc(65, 4)
    expect(isUsableKey(parsePublicKey(lineOf('ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256', 'nistp256', point), 'x'))).toBe(false)
  })
})

describe('one key in two spellings', () => {
  const key = parsePublicKey(line, 'x')

  it('is the same with a short name for its type', () => {
    expect(identityOf(blobOf('ed25519', key.blob.subarray(-32)))).toBe(identityOf(key.blob))
  })

  it('is the same with zeros in front of its numbers', () => {
    const [e, n] = [Buffer.from([1, 0, 1]), Buffer.alloc(256, 0x11)]
    expect(identityOf(blobOf('ssh-rsa', Buffer.concat([Buffer.alloc(3), e]), Buffer.concat([Buffer.alloc(1), n])))).toBe(identityOf(blobOf('rsa', e, n)))
  })

  it('is another with other numbers', () => {
    expect(identityOf(parsePublicKey(makeKey().line, 'x').blob)).not.toBe(identityOf(key.blob))
  })

  it('is read with white space in its base64, as sshd does', () => {
    expect(lenientBlob(`${base64.slice(0, 20)}\r${base64.slice(20)}\r\n`)).toEqual(key.blob)
    expect(lenientBlob('restrict')).toBeUndefined()
  })
})
