// One spelling per byte, both ways, for all 256 of them.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {escapeBytes, ESCAPED, isEscaped, NAME_BYTE, toBytes, unescapeText} from '../../../src/lib/index/escape.ts'
import {byteString, escaped} from './arbitrary.ts'
import {law} from './texts.ts'

const all = Array.from({length: 256}, (_, byte) => String.fromCharCode(byte))
const nameByte = new RegExp(`^${NAME_BYTE}$`)

describe('a byte', () => {
  test.each([
    ['a', 'a'], ['/', '/'], ['.', '.'], ['-', '-'], ['~', '~'], ['!', '!'], ['"', '"'], ['>', '>'], ['@', '@'], ['^', '^'], ['\0', '\\000'], ['\n', '\\012'],
    ['\x1f', '\\037'], [' ', '\\040'], ['#', '\\043'], ['*', '\\052'], ['=', '\\075'], ['?', '\\077'], ['[', '\\133'], ['\\', '\\134'], [']', '\\135'],
    ['\x7f', '\\177'], ['\x80', '\\200'], ['\xff', '\\377'],
  ])('%j is written %s', (raw, text) => {
    expect(escapeBytes(raw)).toBe(text)
    expect(unescapeText(text)).toBe(raw)
  })

  test('is written as the format says, each of them', () => {
    expect(all.map(escapeBytes)).toEqual(all.map(escaped))
    expect(all.map((byte) => unescapeText(escapeBytes(byte)))).toEqual(all)
  })

  test('has no other spelling', () => {
    const right = new Set(all.map(escapeBytes))
    const octal = Array.from({length: 512}, (_, value) => `\\${value.toString(8).padStart(3, '0')}`)
    for (const text of [...all, ...octal, '\\', '\\0', '\\01', '\\8', '\\n', '\\s', '\\M-C']) expect([text, isEscaped(text)]).toEqual([text, right.has(text)])
    for (const text of right) expect([text, nameByte.test(text)]).toEqual([text, text !== '/' && text !== '\\000'])
  })
})

describe('a text', () => {
  test('comes back as it was', async () => {
    await law(fc.property(byteString(0, {maxLength: 40}), (raw) => {
      const text = escapeBytes(raw)
      expect(text).toBe(escaped(raw))
      expect(isEscaped(text)).toBe(true)
      expect(unescapeText(text)).toBe(raw)
      expect(toBytes(raw)).toEqual(Buffer.from([...raw].map((char) => char.charCodeAt(0))))
    }), 500)
  })

  test('is escaped only when unescaping and escaping gives it back', async () => {
    const parts = fc.constantFrom('a', '/', '\\', '0', '4', '\\040', '\\101', '\\377', '\\400', ' ', '=', '\n')
    await law(fc.property(fc.array(parts, {maxLength: 6}).map((all) => all.join('')), (text) => {
      if (isEscaped(text)) expect(escapeBytes(unescapeText(text))).toBe(text)
      else expect(/^[!-~]*$/.test(text) && escapeBytes(unescapeText(text)) === text).toBe(false)
    }), 2000)
  })

  test('is found in a line by the pattern alone', () => {
    expect(new RegExp(`^x=(${ESCAPED})$`).exec('x=a\\040/b')?.[1]).toBe('a\\040/b')
    expect(isEscaped('')).toBe(true)
    expect(isEscaped('a\n')).toBe(false)
  })

  test('of 60,000 bytes takes no time that grows with its square', () => {
    const raw = '\xff'.repeat(60_000)
    expect(unescapeText(escapeBytes(raw))).toBe(raw)
    expect(isEscaped('\\377'.repeat(60_000))).toBe(true)
  })
})
