// The no-dump attribute: what has it is left out when that is asked for, whatever a cache says. TMPDIR must be on a file system that
// knows it: ext4, XFS, btrfs, or tmpfs since Linux 6.6.

import {closeSync, constants, linkSync, openSync, symlinkSync} from 'node:fs'
import {spawnSync} from 'node:child_process'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {replaceCalls} from '../../../src/lib/sys/calls.ts'
import {systemError} from '../../../src/lib/sys/errno.ts'
import {FS_NODUMP_FL, getFlags, hasNodump, setFlags} from '../../../src/lib/sys/libc.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {readIndex} from '../index/texts.ts'
import {cacheDir, walked} from './walked.ts'

/** As chattr +d and -d. */
function setNodump(path: string, on: boolean): void {
  const fd = openSync(path, constants.O_RDONLY)
  const flags = getFlags(fd)!
  setFlags(fd, on ? flags | FS_NODUMP_FL : flags & ~FS_NODUMP_FL)
  closeSync(fd)
}

const settle = (): unknown => spawnSync('sleep', ['2.3'])

const dir = tempDir('nodump')
makeTree(dir, [
  {path: 'a/b/x', type: 'file', content: 'x'},
  {path: 'a/b/y', type: 'file', content: 'y'},
  {path: 'a/z', type: 'file', content: 'z'},
  {path: 'c/data', type: 'file', content: 'data'},
  {path: 'c/scratch', type: 'file', content: 'scratch'},
])
linkSync(join(dir, 'c/data'), join(dir, 'c/same'))
symlinkSync('scratch', join(dir, 'c/to-scratch'))
for (const path of ['a/b', 'c/scratch']) setNodump(join(dir, path), true)
const everything = ['.', './a', './a/b', './a/b/x', './a/b/y', './a/z', './c', './c/data', './c/same', './c/scratch', './c/to-scratch']

const pathsOf = async (options: Parameters<typeof walked>[1] = {}, root = dir): Promise<readonly string[]> =>
  (await walked(root, options)).lines.filter((line) => !line.startsWith('#')).map((line) => line.split(' type=')[0]!)
const without = (...paths: readonly string[]): readonly string[] => everything.filter((path) => !paths.some((each) => path === each || path.startsWith(`${each}/`)))

test('is asked for by path', () => {
  const place = tempDir('flags')
  makeTree(place, [{path: 'on', type: 'file', content: ''}, {path: 'on dir/x', type: 'file', content: ''}, {path: 'off', type: 'file', content: ''}])
  symlinkSync('on', join(place, 'link'))
  for (const name of ['on', 'on dir']) setNodump(join(place, name), true)
  expect(['on', 'on dir', 'off', '.', 'link'].map((name) => hasNodump(join(place, name)))).toEqual([true, true, false, false, false])
  expect(hasNodump(Buffer.from(join(place, 'on')))).toBe(true)
  setNodump(join(place, 'on'), false)
  expect(hasNodump(join(place, 'on'))).toBe(false)
  expect(() => hasNodump(join(place, 'gone'))).toThrow(expect.objectContaining({code: 'ENOENT', syscall: 'statx'}))
  expect(() => hasNodump(join(place, 'on\0'))).toThrow(expect.objectContaining({code: 'EINVAL'}))
  // A file system that knows nothing of it.
  expect(hasNodump('/proc/self/status')).toBe(false)
})

describe('what has it', () => {
  const exclude = {nodump: true} as const

  test('is left out only where that is asked for', async () => {
    expect(await pathsOf()).toEqual(everything)
    for (const workers of [1, 3]) expect(await pathsOf({exclude, workers})).toEqual(without('./a/b', './c/scratch'))
    expect(await pathsOf({exclude: {nodump: true, patterns: ['z']}})).toEqual(without('./a/b', './c/scratch', './a/z'))
    expect(await pathsOf({exclude, paths: ['a', 'c/scratch']})).toEqual(['.', './a', './a/z', './c'])
  })

  test('is no problem, and said to those who ask', async () => {
    const {text, said} = await walked(dir, {exclude})
    expect((await readIndex(text)).end.partial).toBe(0)
    expect(said).toEqual(['detail a/b: has the no-dump attribute, left out', 'detail c/scratch: has the no-dump attribute, left out'])
  })

  test('unless it is the root', async () => {
    expect(await pathsOf({exclude}, join(dir, 'a/b'))).toEqual(['.', './x', './y'])
  })

  test('or its file system does not say so', async () => {
    const restore = replaceCalls({hasNodump: () => false})
    try {
      expect(await pathsOf({exclude, workers: 1})).toEqual(everything)
    } finally {
      restore()
    }
  })

  test('or it vanishes meanwhile', async () => {
    const restore = replaceCalls({
      hasNodump: (path) => {
        if (path.toString().endsWith('a/z')) throw systemError(2, 'statx', path)
        return false
      },
    })
    try {
      const {lines, said} = await walked(dir, {exclude, workers: 1})
      expect(said).toEqual(['detail a/z: vanished'])
      expect(lines.some((line) => line.startsWith('./a/z '))).toBe(false)
    } finally {
      restore()
    }
  })
})

test('with a cache: what gets it goes, what loses it comes back, whoever wrote the cache', async () => {
  const cache = cacheDir()
  const exclude = {nodump: true} as const
  const same = async (): Promise<void> => {
    const plain = (await walked(dir)).text
    const left = (await walked(dir, {exclude})).text
    expect(left).not.toBe(plain)
    for (let round = 0; round < 2; round++) {
      for (const workers of [1, 2]) {
        expect((await walked(dir, {cache, exclude, workers})).text).toBe(left)
        expect((await walked(dir, {cache, exclude, workers})).text).toBe(left)
        expect((await walked(dir, {cache, workers})).text).toBe(plain)
      }
    }
    // The next change meets a cache of a run that left out.
    await walked(dir, {cache, exclude})
  }
  settle()
  await same()
  // The directory above does not change with it.
  setNodump(join(dir, 'a/b'), false)
  settle()
  await same()
  expect(await pathsOf({cache, exclude})).toEqual(without('./c/scratch'))
  setNodump(join(dir, 'a'), true)
  setNodump(join(dir, 'c/data'), true)
  setNodump(join(dir, 'c/scratch'), false)
  settle()
  await same()
  // Both names are of the one file.
  expect(await pathsOf({cache, exclude})).toEqual(without('./a', './c/data', './c/same'))
  expect((await walked(dir, {cache, exclude})).bytes).toBe(0)
})
