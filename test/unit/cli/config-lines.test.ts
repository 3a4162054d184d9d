// The text of a configuration file, and what happens to one that is none.

import {describe, expect, it} from 'vitest'
import {configLines, valueOnLine} from '../../../src/lib/cli/config-lines.ts'

function lines(text: string | Uint8Array): [string, string | undefined, string, string | undefined][] {
  return configLines(Buffer.from(text), 'f').map(({from, command, flag, value}) => [from, command, flag, value])
}

describe('a line', () => {
  it.for<[text: string, command: string | undefined, flag: string, value: string | undefined]>([
    ['--exclude-caches', undefined, 'exclude-caches', undefined],
    ['  \t--exclude-caches \t ', undefined, 'exclude-caches', undefined],
    ['--exclude=*.o', undefined, 'exclude', '*.o'],
    ['--exclude=', undefined, 'exclude', ''],
    ['--exclude=a = b # c', undefined, 'exclude', 'a = b # c'],
    ['--exclude="a b"  ', undefined, 'exclude', '"a b"'],
    ['--exclude= a', undefined, 'exclude', ' a'],
    ['--exclude=-x', undefined, 'exclude', '-x'],
    ['--exclude=a\u00a0', undefined, 'exclude', 'a\u00a0'],
    ['push --bwlimit=2M', 'push', 'bwlimit', '2M'],
    ['keys \t restrict   --quota=1G\r', 'keys restrict', 'quota', '1G'],
    ['push --exclude-caches', 'push', 'exclude-caches', undefined],
  ])('%j', ([text, ...line]) => {
    expect(lines(text)).toEqual([['f:1', ...line]])
  })

  it.for(['', ' \t', '# --x', '\t # x', '\r'])('%j says nothing', (text) => {
    expect(lines(text)).toEqual([])
  })

  it('knows where it stands', () => {
    expect(lines('\ufeff# c\n\n--a\r\npush --b\n').map(([from]) => from)).toEqual(['f:3', 'f:4'])
  })

  it.for<[text: string, hint: string]>([
    ['-x', 'a line is --option, --option=VALUE or COMMAND --option=VALUE'],
    ['/srv', 'a line is --option, --option=VALUE or COMMAND --option=VALUE'],
    ['--', 'a line is --option, --option=VALUE or COMMAND --option=VALUE'],
    ['--Exclude=x', 'a line is --option, --option=VALUE or COMMAND --option=VALUE'],
    ['a b c --x', 'a line is --option, --option=VALUE or COMMAND --option=VALUE'],
    ['push', 'a line is --option, --option=VALUE or COMMAND --option=VALUE'],
    ['--bwlimit 2M', '--bwlimit=2M'],
    ['push --bwlimit  2M', 'push --bwlimit=2M'],
    ['--exclude-caches # no tags', '--exclude-caches=# no tags'],
  ])('that is %j is refused', ([text, hint]) => {
    expect(() => lines(`--a\n${text}`)).toThrow(expect.objectContaining({message: `f:2: not an option: ${text}`, status: 64, hint}))
  })

  it('is not shown whole when it is long', () => {
    expect(() => lines('x'.repeat(1 << 20))).toThrow(`f:1: not an option: ${'x'.repeat(100)}…`)
  })
})

describe('bytes that are no text', () => {
  it.for<[what: string, bytes: string, message: string]>([
    ['NUL', '--a\n\n--exclude=a\0b\n', 'f:3: a NUL byte in it: this is no text'],
    ['UTF-16', '\xff\xfe-\0-\0a\0', 'f:1: a NUL byte in it: this is no text'],
    ['latin1', '--a\n--exclude=\xe9\n--b', 'f:2: not UTF-8'],
    ['latin1 at the end', '--a\n--exclude=\xe9', 'f:2: not UTF-8'],
    ['a cut-off sequence', '--exclude=\xc3\n--a', 'f:1: not UTF-8'],
  ])('%s', ([, bytes, message]) => {
    expect(() => lines(Buffer.from(bytes, 'latin1'))).toThrow(expect.objectContaining({message, status: 64}))
  })
})

describe('what a line says for a flag', () => {
  it.for<[type: 'boolean' | 'option', value: string | undefined, said: string | boolean]>([
    ['boolean', undefined, true],
    ['boolean', '1', true],
    ['boolean', '0', false],
    ['option', '0', '0'],
    ['option', '', ''],
  ])('%s, %j: %j', ([type, value, said]) => {
    expect(valueOnLine({from: 'f:1', flag: 'x', value}, type)).toBe(said)
  })

  it.for<[type: 'boolean' | 'option', value: string | undefined, message: string]>([
    ['boolean', 'yes', 'f:1: --x is a switch: 1 or 0, not yes'],
    ['boolean', '', 'f:1: --x is a switch: 1 or 0, not '],
    ['option', undefined, 'f:1: --x needs a value'],
  ])('%s, %j: refused', ([type, value, message]) => {
    expect(() => valueOnLine({from: 'f:1', flag: 'x', value}, type)).toThrow(expect.objectContaining({message, status: 64}))
  })
})
