// Names and words of failed calls, including those that Node has none for.

import {readFileSync} from 'node:fs'
import {expect, test} from 'vitest'

import {errnoName, errnoWords, systemError} from '../../../src/lib/sys/errno.ts'

function caught(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('did not throw')
}

test('an error looks like one of node:fs', () => {
  const theirs = caught(() => readFileSync('/does/not/exist')) as NodeJS.ErrnoException
  const ours = systemError(2, 'open', '/does/not/exist')
  expect({...ours, message: ours.message}).toEqual({...theirs, message: theirs.message})
})

test('what libuv does not know has a name all the same', () => {
  const quota = systemError(122, 'write')
  expect([quota.code, quota.errno, quota.message]).toEqual(['EDQUOT', -122, 'EDQUOT: disk quota exceeded, write'])
  // As node:fs throws it.
  const theirs = Object.assign(new Error('Unknown system error -122: Unknown system error -122, write'), {
    errno: -122, code: 'Unknown system error -122', syscall: 'write',
  })
  expect([errnoName(theirs), errnoWords(theirs)]).toEqual(['EDQUOT', 'disk quota exceeded'])
  expect(systemError(4_000, 'write').code).toBe('errno 4000')
})

test('names and words', () => {
  const missing = caught(() => readFileSync('/does/not/exist'))
  expect([errnoName(missing), errnoWords(missing)]).toEqual(['ENOENT', 'no such file or directory'])
  expect(errnoWords(systemError(95, 'llistxattr', '/x'))).toBe('operation not supported')
  expect([errnoName(new Error('plain')), errnoWords(new Error('plain'))]).toEqual([undefined, 'plain'])
  expect([errnoName('text'), errnoWords('text')]).toEqual([undefined, 'text'])
  // Errors of Node itself are not of the system.
  expect(errnoName(caught(() => Buffer.from(1 as never)))).toBeUndefined()
})

test('two paths', () => {
  expect(systemError(17, 'linkat', 'a', Buffer.from('b'))).toMatchObject({
    message: "EEXIST: file already exists, linkat 'a' -> 'b'", path: 'a', dest: 'b',
  })
})
