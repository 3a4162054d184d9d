// The note of a snapshot: any words of a person as one line of a record, and back.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {escapeNote, isNote, unescapeNote} from '../../../src/lib/store/note.ts'
import {law} from '../index/texts.ts'

describe('a note', () => {
  test.each([
    ['before the upgrade', 'before the upgrade'],
    ['  two\n lines\t', 'two lines'],
    ['a=b [c] #1', String.raw`a\075b \133c\135 \0431`],
    ['grün', String.raw`gr\303\274n`],
    ['\x1b[31mred', String.raw`\033\13331mred`],
  ])('%j is %j in a record', (text, note) => {
    expect(escapeNote(text)).toBe(note)
    expect(isNote(note)).toBe(true)
  })

  test.each(['', ' ', '\n'])('%j says nothing', (text) => {
    expect(() => escapeNote(text)).toThrow('a note without a word')
  })

  test('has 500 bytes at most', () => {
    expect(escapeNote('x'.repeat(500))).toHaveLength(500)
    expect(() => escapeNote('x'.repeat(501))).toThrow('longer than 500 bytes')
  })

  test.each(['two  blanks', ' first', 'last ', 'a=b', 'gr\xfcn', 'x'.repeat(501), ''])('%j is none', (note) => {
    expect(isNote(note)).toBe(false)
  })

  test('any words come back', async () => {
    await law(
      fc.property(fc.array(fc.stringMatching(/^[^\s\ufffd]{1,8}$/u), {minLength: 1, maxLength: 8}).filter((words) => words.every((word) => word.isWellFormed())), (words) => {
        const text = words.join(' ')
        expect(unescapeNote(escapeNote(text))).toBe(text)
      }),
      200,
    )
  })
})
