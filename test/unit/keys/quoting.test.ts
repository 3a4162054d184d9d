// The two layers of quoting of a forced command: what they make, real shells read, and so does sshd's own rule.

import {spawnSync} from 'node:child_process'
import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {afterOptions, parseShellWords, quoteOption, readQuoted, shellWords} from '../../../src/lib/keys/quoting.ts'

const odd = [
  'plain', '', ' ', 'two words', "it's", "'", "''", '"', '\\', '\\\\', "\\'", '\\"', 'end\\', '$HOME', '`id`', '$(id)', '!!', '*', '?[a]', '~', ';', '&|<>', '#x', '-x',
  '--', 'a=b', '\t', '\u00fc', '%s', '\\n', '{a,b}',
]

describe('words for a shell', () => {
  it.each(['sh', 'bash', 'dash'])('%s takes them as they were', (shell) => {
    const {stdout} = spawnSync(shell, ['-c', `printf '%s\\0' ${shellWords(odd)}`], {encoding: 'utf8'})
    expect(stdout.split('\0').slice(0, -1)).toEqual(odd)
  })

  test('they read back, and nothing else does', () => {
    const words = fc.array(fc.string({unit: fc.constantFrom("'", '\\', '"', ' ', 'a', '$'), maxLength: 8}), {minLength: 1, maxLength: 5})
    fc.assert(
      fc.property(words, (list) => {
        expect(parseShellWords(shellWords(list))).toEqual(list)
      }),
    )
    fc.assert(
      fc.property(fc.string({unit: fc.constantFrom("'", '\\', ' ', 'a'), maxLength: 12}), (text) => {
        const read = parseShellWords(text)
        if (read !== undefined) expect(shellWords(read)).toBe(text)
      }),
    )
  })

  it.each(['', 'a', "'a", "'a'b", "'a'  'b'", "'a' ", " 'a'", "'a';'b'", "'a'\n'b'", "'a'\\''b", "'a' $(id)"])('%j is none of ours', (text) => {
    expect(parseShellWords(text)).toBeUndefined()
  })
})

describe('the value of an option', () => {
  it.each([
    ['a', '"a"'],
    ['a"b', '"a\\"b"'],
    ['a\\b', '"a\\b"'],
    ['a\\"b', '"a\\\\"b"'],
    ['a\\\\"', '"a\\\\\\""'],
  ])('%j is %s', (value, quoted) => {
    expect(quoteOption(value)).toBe(quoted)
    expect(readQuoted(`${quoted} rest`)).toEqual({value, rest: ' rest'})
    expect(afterOptions(`command=${quoted}  rest`)).toBe('rest')
  })

  test('every value that does not end in a backslash reads back', () => {
    fc.assert(
      fc.property(fc.string({unit: fc.constantFrom('"', '\\', ' ', 'a', ','), maxLength: 12}), (start) => {
        const value = `${start}'`
        expect(readQuoted(`${quoteOption(value)},x`)).toEqual({value, rest: ',x'})
        expect(afterOptions(`a=${quoteOption(value)},b KEY`)).toBe('KEY')
      }),
    )
  })

  it.each(['', 'a"b"', '"a', '"a\\"'])('%j is none', (text) => {
    expect(readQuoted(text)).toBeUndefined()
  })
})
