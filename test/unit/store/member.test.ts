// Headers of members: exactly one for each id and size, which every tar reads.

import {spawnSync} from 'node:child_process'
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {BLOCK, headerOf, MAX_OBJECT, memberSize, readHeader, TAR_END, writeHeader} from '../../../src/lib/store/member.ts'
import {law} from '../index/texts.ts'
import {sha256} from './memory-store.ts'

const id = sha256('hello\n')

test('a header has the fields of the format', () => {
  const header = headerOf(id, 6).toString('latin1')
  expect(header).toHaveLength(512)
  expect(header.slice(0, 100)).toBe(id + '\0'.repeat(36))
  expect(header.slice(100, 108)).toBe('0000444\0')
  expect(header.slice(108, 124)).toBe('0000000\0'.repeat(2))
  expect(header.slice(124, 136)).toBe('00000000006\0')
  expect(header.slice(136, 148)).toBe('00000000000\0')
  expect(header.slice(156, 157)).toBe('0')
  expect(header.slice(157, 257)).toBe('\0'.repeat(100))
  expect(header.slice(257, 265)).toBe('ustar\x0000')
  expect(header.slice(265, 329)).toBe('\0'.repeat(64))
  expect(header.slice(329, 345)).toBe('0000000\0'.repeat(2))
  expect(header.slice(345)).toBe('\0'.repeat(167))
  const blank = header.slice(0, 148) + ' '.repeat(8) + header.slice(156)
  const sum = [...blank].reduce((total, char) => total + char.charCodeAt(0), 0)
  expect(header.slice(148, 156)).toBe(`${sum.toString(8).padStart(6, '0')}\0 `)
})

test.each([[0, 512], [1, 1024], [511, 1024], [512, 1024], [513, 1536], [1 << 20, (1 << 20) + 512]])('a member of %d bytes takes %d', (size, takes) => {
  expect(memberSize(size)).toBe(takes)
})

test('GNU tar and bsdtar read it, the largest too', () => {
  for (const program of ['tar', 'bsdtar']) {
    const archive = Buffer.concat([headerOf(id, 6), Buffer.from('hello\n'.padEnd(512, '\0'), 'latin1'), headerOf('pack/x', 0), TAR_END])
    const {stdout, status} = spawnSync(program, ['-tvf', '-'], {input: archive, env: {LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH']!}, encoding: 'latin1'})
    expect(status).toBe(0)
    expect(stdout).toMatch(/^-r--r--r-- .* 6 .*1970.* 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\n-r--r--r-- .*pack\/x\n$|^-r--r--r--.*\n-r--r--r--.*\n$/)
    const large = spawnSync(program, ['-tvf', '-'], {input: headerOf(id, MAX_OBJECT), encoding: 'latin1', env: {LC_ALL: 'C', PATH: process.env['PATH']!}})
    expect(large.stdout).toContain('8589934591')
  }
})

describe('reading', () => {
  test('gives name and size back, at any place', async () => {
    await law(fc.property(fc.integer({min: 0, max: MAX_OBJECT}), fc.stringMatching(/^[a-z0-9/._-]{1,100}$/), fc.nat({max: 700}), (size, name, offset) => {
      const bytes = Buffer.alloc(offset + BLOCK, 0xff)
      writeHeader(bytes, offset, name, size)
      expect(readHeader(bytes, offset)).toEqual({name, size})
    }), 200)
  })

  test('refuses every flip of a bit', () => {
    const header = headerOf(id, 6)
    for (let at = 0; at < header.length; at++) {
      for (let bit = 1; bit < 256; bit *= 2) {
        const flipped = Buffer.from(header)
        flipped[at]! ^= bit
        expect(readHeader(flipped, 0)).toBeUndefined()
      }
    }
  })

  test('refuses what is cut off, and what others write', () => {
    const header = headerOf(id, 6)
    for (let length = 0; length < BLOCK; length++) expect(readHeader(header.subarray(0, length), 0)).toBeUndefined()
    expect(readHeader(Buffer.alloc(BLOCK), 0)).toBeUndefined()
    expect(readHeader(Buffer.concat([header, header.subarray(1)]), BLOCK)).toBeUndefined()
    const {stdout} = spawnSync('tar', ['-cf', '-', '-C', import.meta.dirname, 'member.test.ts'])
    expect(readHeader(stdout, 0)).toBeUndefined()
  })
})
