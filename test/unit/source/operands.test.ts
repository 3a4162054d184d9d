// What users name, as a root and paths below it.

import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {joinWanted, realDirectory, resolveList, resolveOperands} from '../../../src/lib/source/operands.ts'
import {tempDir} from '../../harness/temp.ts'

const dir = realDirectory(Buffer.from(tempDir('operands')))
mkdirSync(join(dir, 'a/b'), {recursive: true})
writeFileSync(join(dir, 'a/b/file'), '')
writeFileSync(Buffer.from(`${dir}/odd \xff\n`, 'latin1'), '')
symlinkSync('a', join(dir, 'to-a'))
symlinkSync('nowhere', join(dir, 'dangling'))
symlinkSync('/usr', join(dir, 'out'))

function statusOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof BkError) return `${error.status}: ${error.message.replaceAll(dir, 'DIR')}`
    throw error
  }
  return 'no error'
}

const notes: string[] = []
const resolve = (...names: string[]): ReturnType<typeof resolveOperands> =>
  resolveOperands(names.map((name) => Buffer.from(name, 'latin1')), dir, (note) => notes.push(note.replaceAll(dir, 'DIR')))

describe('operands', () => {
  test.for([
    ['.', ''],
    ['a', 'a'],
    ['a/', 'a'],
    ['./a//b/./file', 'a/b/file'],
    ['a/b/..', 'a'],
    ['a/../a/b', 'a/b'],
    ['to-a', 'to-a'],
    ['to-a/', 'to-a'],
    ['to-a/.', 'a'],
    ['dangling', 'dangling'],
    ['odd \xff\n', 'odd \xff\n'],
  ])('%s', ([name, wanted]) => {
    expect(resolve(name!)).toEqual({root: dir, paths: [wanted]})
  })

  test('absolute ones are relative to /', () => {
    expect(resolve(`${dir}/a`, '/')).toEqual({root: '/', paths: [`${dir}/a`.slice(1), '']})
  })

  test('a link on the way is followed, and that is said', () => {
    notes.length = 0
    expect(resolve('to-a/b/file', 'a/b')).toEqual({root: dir, paths: ['a/b/file', 'a/b']})
    expect(notes).toEqual(['to-a/b/file is listed as DIR/a/b/file, where it really is'])
  })

  test.for([
    ['missing', ['nowhere'], '2: cannot read nowhere: no such file or directory'],
    ['missing, among others', ['a', 'nowhere'], '2: cannot read nowhere: no such file or directory'],
    ['below a missing one', ['nowhere/x'], /^2: cannot read .*no such file/],
    ['empty', ['a', ''], '2: an operand is empty'],
    ['below a file', ['a/b/file/x'], /^2: .*not a directory/],
    ['a file as a directory', ['a/b/file/'], '2: cannot read a/b/file/: not a directory'],
    ['outside', ['..'], /^64: \.\. is outside DIR/],
    ['outside by a link', ['out/bin'], /^64: out\/bin is outside DIR/],
    ['absolute and not', ['/usr', 'a'], '64: some operands are absolute and some are not'],
  ] as const)('%s', ([, names, wanted]) => {
    expect(statusOf(() => resolve(...names))).toMatch(wanted)
  })
})

describe('lists', () => {
  const list = (text: string, separator: '\n' | '\0' = '\n'): ReturnType<typeof resolveList> =>
    resolveList(Buffer.from(text, 'latin1'), separator, dir, 'list')

  test.for([
    ['lines', 'a\nb/c\n', '\n', [dir, 'a', 'b/c']],
    ['without a last line end', 'a\nb', '\n', [dir, 'a', 'b']],
    ['in other spellings', './a//b/\n\n./\n', '\n', [dir, 'a/b', '']],
    ['absolute', '/etc\n//usr/./bin\n', '\n', ['/', 'etc', 'usr/bin']],
    ['any bytes', 'new\nline\0\xff\\\0', '\0', [dir, 'new\nline', '\xff\\']],
    ['what need not exist', 'nowhere/x', '\n', [dir, 'nowhere/x']],
  ] as const)('%s', ([, text, separator, [root, ...paths]]) => {
    expect(list(text, separator)).toEqual({root, paths})
  })

  test.for([
    ['nothing', '', '2: list names no path'],
    ['empty lines', '\n\n', '2: list names no path'],
    ['a way up', 'a\n\nb/../c\n', '65: list: line 3: path has .. in it'],
    ['absolute and not', 'a\n/b\n', '65: list: line 2: some paths are absolute and some are not'],
    ['ended by NUL', 'a\0b\0', '65: list: line 1: path has a NUL in it: is this a list for -0?'],
  ])('%s', ([, text, wanted]) => {
    expect(statusOf(() => list(text!))).toBe(wanted)
  })

  test('and operands', () => {
    expect(joinWanted([resolve('a'), list('b\n')])).toEqual({root: dir, paths: ['a', 'b']})
    expect(statusOf(() => joinWanted([resolve('/usr'), list('b\n')]))).toMatch(/^64/)
  })
})

test('a directory that is none', () => {
  expect(statusOf(() => realDirectory(Buffer.from(`${dir}/nowhere`)))).toBe('2: cannot read DIR/nowhere: no such file or directory')
})
