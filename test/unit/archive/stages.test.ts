// Compression and encryption, undone by the programs whose formats they are.

import {spawnSync} from 'node:child_process'
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {noise} from '../../harness/days.ts'
import {tempDir} from '../../harness/temp.ts'
import {ageHeader, encrypted} from '../../../src/lib/archive/age.ts'
import {aclText} from '../../../src/lib/archive/acl.ts'
import {compressed, type Compression} from '../../../src/lib/archive/compress.ts'
import {Pieces} from '../../../src/lib/archive/pieces.ts'

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size))
}

async function all(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const list: Uint8Array[] = []
  for await (const part of parts) list.push(Buffer.from(part))
  return Buffer.concat(list)
}

const run = (program: string, args: readonly string[], input: Buffer): Buffer => {
  const {status, stdout, stderr} = spawnSync(program, args, {input, maxBuffer: 2 ** 30})
  expect({status, stderr: String(stderr)}).toEqual({status: 0, stderr: ''})
  return stdout
}

const text = Buffer.from('all work and no play '.repeat(30_000))
const mixed = Buffer.concat([text, noise(5, 700_000), Buffer.alloc(500_000), text])

describe.each<Compression>([
  {kind: 'gzip', level: 1}, {kind: 'gzip', level: 6}, {kind: 'gzip', level: 9}, {kind: 'zstd', level: 1}, {kind: 'zstd', level: 3}, {kind: 'zstd', level: 19},
])('$kind', (compression) => {
  it.each([['nothing', Buffer.alloc(0)], ['a byte', Buffer.from('x')], ['a lot', mixed]] as const)(`of %s, level ${'level' in compression ? compression.level : ''}`, async (_, bytes) => {
    const packed = await all(compressed(inPieces(bytes, 200_000), compression, 2))
    const again = await all(compressed(inPieces(bytes, 200_000), compression, 7))
    expect(packed.equals(again)).toBe(true)
    if (packed.length > 0) expect(run(compression.kind, ['-dc'], packed).equals(bytes)).toBe(true)
    else expect(compression.kind).toBe('zstd')
  })
})

it('pieces that know what came before compress as one text does', async () => {
  const whole = run('gzip', ['-6c'], text).length
  expect((await all(compressed(inPieces(text, 50_000), {kind: 'gzip', level: 6}, 2))).length).toBeLessThan(whole * 1.2 + 500)
})

describe('age', () => {
  const dir = tempDir('age')
  const keygen = (...args: string[]): string => spawnSync('age-keygen', args, {encoding: 'utf8'}).stdout.trim()
  const identity = keygen()
  writeFileSync(join(dir, 'key'), `${identity}\n`)
  const recipient = keygen('-y', join(dir, 'key'))
  const size = 65_536

  it.each([0, 1, size - 1, size, size + 1, 2 * size - 1, 2 * size, 2 * size + 1, 10 * size])('opens %d bytes, however they came', async (length) => {
    const bytes = noise(length, length)
    for (const piece of [1000, size, 100_000, 1 << 20]) {
      const file = await all(encrypted(inPieces(bytes, piece), await ageHeader([recipient])))
      expect(file.length).toBe(file.indexOf('\n', file.indexOf('\n---') + 1) + 1 + 16 + length + 16 * Math.max(1, Math.ceil(length / size)))
      expect(run('age', ['-d', '-i', join(dir, 'key')], file).equals(bytes)).toBe(true)
    }
  })

  it('is another file each time', async () => {
    const [one, other] = [await ageHeader([recipient]), await ageHeader([recipient])]
    expect(Buffer.from(one.fileKey).equals(other.fileKey)).toBe(false)
    expect(one.bytes.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> X25519 \S+\n\S+\n--- \S+\n$/)
  })

  it.each([
    ['ssh-ed25519 AAAA', /ssh keys cannot be recipients/],
    ['age1x', /not an age recipient: age1x/],
    ['', /not an age recipient/],
  ])('has no recipient %s', async (word, reason) => {
    await expect(ageHeader([word])).rejects.toMatchObject({status: 64, message: expect.stringMatching(reason)})
  })

  it('says no secret key again', async () => {
    await expect(ageHeader([identity.split('\n').at(-1)!])).rejects.toMatchObject({status: 64, message: 'a secret key is not a recipient'})
  })

  it('does not mix post-quantum and other recipients', async () => {
    await expect(ageHeader([recipient, `age1pq1${'q'.repeat(50)}`])).rejects.toMatchObject({status: 64, message: expect.stringContaining('post-quantum')})
  })
})

it.each([
  ['0200000001000600ffffffff020004000100000004000400ffffffff080006000200000010000600ffffffff20000400ffffffff', 'user::rw-,user:1:r--,group::r--,group:2:rw-,mask::rw-,other::r--'],
  ['0200000001000700ffffffff04000500ffffffff20000000ffffffff', 'user::rwx,group::r-x,other::---'],
  ['02000000', undefined],
  ['0300000001000700ffffffff', undefined],
  ['0200000001000700ffff', undefined],
  ['0200000001000800ffffffff', undefined],
  ['0200000003000700ffffffff', undefined],
])('an ACL as text: %#', (hex, words) => {
  expect(aclText(Buffer.from(hex, 'hex'))).toBe(words)
})

it('pieces are full, in order, and whole at the end', () => {
  const pieces = new Pieces(10)
  const out: Buffer[] = []
  for (const word of ['abc', 'defghijklmnopqrstuvwxyz0123', '', '4']) {
    pieces.add(Buffer.from(word))
    pieces.zeros(1)
    if (pieces.isFull) out.push(...pieces.take())
  }
  expect(out.map((piece) => piece.length)).toEqual([10, 10, 10])
  expect(Buffer.concat([...out, pieces.rest()]).toString()).toBe('abc\0defghijklmnopqrstuvwxyz0123\0\x004\0')
})
