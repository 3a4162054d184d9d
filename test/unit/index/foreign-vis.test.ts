// vis(3) has many spellings for one byte; whatever a program chose, the byte must come back, and a `#` or a newline inside an escape
// must not end the line.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {cutComment, unvis} from '../../../src/lib/index/vis.ts'
import {vis, visMeta, visOctal} from './foreign-lists.ts'

const everyByte = Array.from({length: 255}, (_, index) => String.fromCharCode(index + 1))

describe('unvis', () => {
  test.each([
    ['plain', 'plain'],
    ['a\\sb', 'a b'],
    ['a\\040b', 'a b'],
    ['\\#\\\\\\*\\?\\[\\"', '#\\*?["'],
    ['\\a\\b\\f\\n\\r\\t\\v\\E', '\x07\b\f\n\r\t\v\x1b'],
    ['\\^A\\^[\\^?\\^_', '\x01\x1b\x7f\x1f'],
    ['\\M-C\\M-<', '\xc3\xbc'],
    ['\\M^A\\M^?\\M^\\', '\x81\xff\x9c'],
    ['\\M-#\\M-\\\\', undefined],
    ['\\M-\\', '\xdc'],
    ['\\1\\12\\123\\1234', '\x01\nSS4'],
    ['\\18', '\x018'],
    ['\\377\\0', '\xff\0'],
    ['\\x41\\xfz', 'A\x0fz'],
    ['\\$a', 'a'],
    ['raw \xe9\x01', 'raw \xe9\x01'],
    ['\\\xe9', '\xe9'],
    ['\\400', undefined],
    ['\\', undefined],
    ['\\q', undefined],
    ['\\M', undefined],
    ['\\M-', undefined],
    ['\\Mx', undefined],
    ['\\^', undefined],
    ['\\^\x80', undefined],
    ['\\x', undefined],
    ['\\8', undefined],
    ['\\ a', undefined],
  ])('%j', (text, meaning) => {
    if (meaning === undefined) expect(() => unvis(text)).toThrow(/^unknown escape: /)
    else expect(unvis(text)).toBe(meaning)
  })

  test.each([['VIS_CSTYLE', vis], ['no style', visMeta], ['VIS_OCTAL', visOctal]] as const)('undoes vis with %s', (_, encode) => {
    for (const byte of everyByte) for (const next of ['', '0', '7', 'a', byte]) expect(unvis(encode(byte + next))).toBe(byte + next)
    expect(unvis(encode(everyByte.join('')))).toBe(everyByte.join(''))
    fc.assert(fc.property(fc.string({unit: fc.constantFrom(...everyByte)}), (text) => unvis(encode(text)) === text))
  })

  test('gives bytes, or says what it does not know, whatever it is given', () => {
    fc.assert(fc.property(fc.string({unit: fc.constantFrom('\\', 'M', '-', '^', '0', '3', '7', 'x', 's', '$', '#', ' ', '\xff', 'q')}), (text) => {
      try {
        expect(unvis(text)).toMatch(/^[\0-\xff]*$/)
      } catch (error) {
        expect(String(error)).toMatch(/^BkError: unknown escape: \\/)
      }
    }))
  })
})

describe('cutComment', () => {
  test.each([
    ['a type=file', 'a type=file', false],
    ['a # b', 'a ', false],
    ['# a', '', false],
    ['a\\#b', 'a\\#b', false],
    ['a\\\\#b', 'a\\\\', false],
    ['a \\', 'a ', true],
    ['a\\\\', 'a\\\\', false],
    ['a\\\\\\', 'a\\\\', true],
    ['a\\M-#b#c', 'a\\M-#b', false],
    ['a\\M^\\', 'a\\M^\\', false],
    ['a\\M-\\', 'a\\M-\\', false],
    ['a\\^\\', 'a\\^\\', false],
    ['a\\^\\\\', 'a\\^\\', true],
    ['a # b \\', 'a ', false],
    ['a\\040\\', 'a\\040', true],
  ])('%j', (line, text, continues) => {
    expect(cutComment(line)).toEqual({text, continues})
  })

  test('leaves an encoded name whole', () => {
    for (const encode of [vis, visMeta, visOctal]) {
      for (const byte of everyByte) expect(cutComment(encode(byte))).toEqual({text: encode(byte), continues: false})
    }
  })
})
