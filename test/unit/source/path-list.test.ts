// Lists of paths: what counts as one, and whether it is there.

import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {mustAllExist, resolveList, someExist, type ListedPaths} from '../../../src/lib/source/path-list.ts'
import {shWithoutRights} from '../../harness/without-rights.ts'
import {tempDir} from '../../harness/temp.ts'

const dir = tempDir('list')
mkdirSync(join(dir, 'a/b'), {recursive: true})
writeFileSync(join(dir, 'a/file'), '')
writeFileSync(Buffer.from(`${dir}/odd \xff\r`, 'latin1'), '')
symlinkSync('nowhere', join(dir, 'dangling'))
symlinkSync('self', join(dir, 'self'))

const list = (text: string, separator: '\n' | '\0' = '\n'): ListedPaths => resolveList(Buffer.from(text, 'latin1'), separator, dir, 'list')

function failure(work: () => unknown): {readonly said: string; readonly hint: string | undefined} {
  try {
    work()
  } catch (error) {
    if (error instanceof BkError) return {said: `${error.status}: ${error.message.replaceAll(dir, 'DIR')}`, hint: error.hint}
    throw error
  }
  return {said: 'no error', hint: undefined}
}

describe('what it names', () => {
  test.for([
    ['lines', 'a\nb/c\n', '\n', [dir, 'a', 'b/c'], [1, 2]],
    ['without a last line end', 'a\nb', '\n', [dir, 'a', 'b'], [1, 2]],
    ['in other spellings', './a//b/\n\n./\n', '\n', [dir, 'a/b', ''], [1, 3]],
    ['absolute', '/etc\n//usr/./bin\n', '\n', ['/', 'etc', 'usr/bin'], [1, 2]],
    ['any bytes', 'new\nline\0\xff\\\0', '\0', [dir, 'new\nline', '\xff\\'], [1, 2]],
    ['what need not exist', 'nowhere/x', '\n', [dir, 'nowhere/x'], [1]],
    ['comments', '# what\n#a\n\n/etc\n#/usr\n/srv # not one\n', '\n', ['/', 'etc', 'srv # not one'], [4, 6]],
    ['a comment of an absolute path among others', '#/x\na\n', '\n', [dir, 'a'], [2]],
    ['names that begin with #', './#a\nb/#c\n', '\n', [dir, '#a', 'b/#c'], [1, 2]],
    ['blank lines', ' \n\t \r\na\n b\n', '\n', [dir, 'a', ' b'], [3, 4]],
    ['blanks as a name', './ \n', '\n', [dir, ' '], [1]],
    ['no comments and no blanks for -0', '#a\0 \0\0b\0', '\0', [dir, '#a', ' ', 'b'], [1, 2, 4]],
    ['carriage returns', 'a\r\nb\r\n', '\n', [dir, 'a\r', 'b\r'], [1, 2]],
    ['behind a byte order mark', '\xef\xbb\xbf# what\na\n', '\n', [dir, 'a'], [2]],
  ] as const)('%s', ([, text, separator, [root, ...paths], lines]) => {
    expect(list(text, separator)).toEqual({root, paths, lines})
  })

  test.for([
    ['nothing', '', '2: list names no path'],
    ['empty lines', '\n\n', '2: list names no path'],
    ['comments alone', '# a\n#b', '2: list names no path'],
    ['a way up', 'a\n\nb/../c\n', '65: list: line 3: path has .. in it'],
    ['absolute and not', '#\na\n/b\n', '65: list: line 3: some paths are absolute and some are not'],
    ['ended by NUL', 'a\0b\0', '65: list: line 1: path has a NUL in it: is this a list for -0?'],
  ])('%s', ([, text, wanted]) => {
    expect(failure(() => list(text!)).said).toBe(wanted)
  })
})

describe('what is there', () => {
  test.for([
    ['all', 'a\na/b/\ndangling\nself\nodd \xff\r\n.\n', 'no error'],
    ['one that is not', '# x\na\nnowhere\nnor here\n', '2: list: line 3: nowhere: no such file or directory'],
    ['below one that is not', 'nowhere/x\n', '2: list: line 1: nowhere/x: no such file or directory'],
    ['below a file', 'a\na/file/x', '2: list: line 2: a/file/x: not a directory'],
    ['below a link to itself', 'self/x', /^2: list: line 1: self\/x: too many symbolic links/],
    ['an absolute one', '/nowhere at all', '2: list: line 1: /nowhere at all: no such file or directory'],
    ['the root', '/', 'no error'],
  ] as const)('%s', ([, text, wanted]) => {
    expect(failure(() => mustAllExist(list(text), 'list')).said).toMatch(wanted)
  })

  test('what to do about it', () => {
    expect(failure(() => mustAllExist(list('nowhere'), 'list')).hint).toContain('--keep-going')
    expect(failure(() => mustAllExist(list('a\r\n'), 'list'))).toMatchObject({
      said: '2: list: line 1: a\\015: no such file or directory', hint: expect.stringContaining("tr -d '\\r'"),
    })
  })

  test('what cannot be known may be there', async () => {
    const closed = join(dir, 'closed')
    mkdirSync(join(closed, 'inside'), {recursive: true})
    const {status, stdout, stderr} = await shWithoutRights(`printf '%s\\n' "$PLACE/inside" >list; chmod 0 "$PLACE"; bk index --files-from list; s=$?; chmod 700 "$PLACE"; exit $s`, {cwd: dir, env: {PLACE: closed}})
    expect(stderr).toMatch(/^bk index: \S*\/closed\/inside: permission denied\n$/)
    expect(stdout.toString()).toMatch(/^#bk \S*\/closed\/inside error=EACCES$/m)
    expect(status).toBe(3)
  })

  test('any of them', () => {
    expect(someExist(list('nowhere\na/file\n'))).toBe(true)
    expect(someExist(list('nowhere\na/file/x\n'))).toBe(false)
    expect(someExist(list('/\n'))).toBe(true)
  })
})
