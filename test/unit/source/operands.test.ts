// What users name, as a root and paths below it.

import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {joinWanted, realDirectory, resolveOperands} from '../../../src/lib/source/operands.ts'
import {resolveList} from '../../../src/lib/source/path-list.ts'
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
  resolveOperands(names.map((name) => Buffer.from(name, 'latin1')), dir, {onMoved: (note) => notes.push(note.replaceAll(dir, 'DIR')), mayBeMissing: false})

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

describe('operands that may be missing', () => {
  const resolveAny = (...names: string[]): ReturnType<typeof resolveOperands> =>
    resolveOperands(names.map((name) => Buffer.from(name, 'latin1')), dir, {onMoved: (note) => notes.push(note.replaceAll(dir, 'DIR')), mayBeMissing: true})

  test.for([
    ['nowhere', 'nowhere'],
    ['nowhere/x/../y', 'nowhere/y'],
    ['a/nowhere', 'a/nowhere'],
    ['a/b/file/x', 'a/b/file/x'],
    ['to-a/nowhere', 'a/nowhere'],
    ['dangling/x', 'dangling/x'],
    ['a', 'a'],
  ])('%s', ([name, wanted]) => {
    expect(resolveAny(name!)).toEqual({root: dir, paths: [wanted]})
  })

  test.for([
    ['empty', ['a', ''], '2: an operand is empty'],
    ['a file as a directory', ['a/b/file/'], '2: cannot read a/b/file/: not a directory'],
    ['outside', ['../nowhere'], /^64: \.\.\/nowhere is outside DIR/],
    ['absolute and not', ['/nowhere', 'a'], '64: some operands are absolute and some are not'],
  ] as const)('%s', ([, names, wanted]) => {
    expect(statusOf(() => resolveAny(...names))).toMatch(wanted)
  })
})

test('operands and lists', () => {
  const list = resolveList(Buffer.from('b\n'), '\n', dir, 'list')
  expect(joinWanted([resolve('a'), list])).toEqual({root: dir, paths: ['a', 'b']})
  expect(statusOf(() => joinWanted([resolve('/usr'), list]))).toMatch(/^64/)
})

test('a directory that is none', () => {
  expect(statusOf(() => realDirectory(Buffer.from(`${dir}/nowhere`)))).toBe('2: cannot read DIR/nowhere: no such file or directory')
})
