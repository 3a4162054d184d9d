// The stat cache: what did not change is not read again, what did is; and a cache that is anything but whole is none.

import {appendFileSync, chmodSync, copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync} from 'node:fs'
import {spawnSync} from 'node:child_process'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {isSettled} from '../../../src/lib/source/stat-cache.ts'
import {cacheHeader, cacheTrailer, openCacheFile, trailerSize} from '../../../src/lib/source/stat-cache-file.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree, manyFiles} from '../../harness/tree.ts'
import {cacheDir, walked} from './walked.ts'

/* Longer than an entry is mistrusted after a change: the slack is in stat-cache.ts. */
const settle = (): unknown => spawnSync('sleep', ['2.3'])

function fileOf(cache: string): string {
  const names = readdirSync(cache).filter((name) => name.startsWith('stat-'))
  expect(names).toHaveLength(1)
  return join(cache, names[0]!)
}

describe('a run after another', () => {
  const dir = tempDir('tree')
  const cache = cacheDir()
  makeTree(dir, oddTree())
  manyFiles(join(dir, 'many'), 600)
  for (let index = 0; index < 9000; index++) writeFileSync(join(dir, 'many/d0', `wide${index}`), '')
  settle()

  test('reads nothing when nothing changed, and writes no other cache', async () => {
    const first = await walked(dir, {cache})
    const before = statSync(fileOf(cache), {bigint: true})
    expect(first.bytes).toBeGreaterThan(5_000_000)
    for (const workers of [1, 2, 4]) {
      const next = await walked(dir, {cache, workers})
      expect(next.text).toBe(first.text)
      expect(next.bytes).toBe(0)
    }
    expect(statSync(fileOf(cache), {bigint: true})).toMatchObject({ino: before.ino, mtimeNs: before.mtimeNs})
    expect((await walked(dir)).text).toBe(first.text)
  })

  test('sees every kind of change, and reads only what changed', async () => {
    await walked(dir, {cache})
    const at = (path: string): string => join(dir, path)
    const {atimeMs, mtimeMs} = statSync(at('many/d1/f101'))
    writeFileSync(at('many/d1/f101'), 'FILE number 101\n')
    // As whoever wants to hide an edit would do it.
    utimesSync(at('many/d1/f101'), atimeMs / 1000, mtimeMs / 1000)
    appendFileSync(at('many/d1/f102'), 'more')
    rmSync(at('many/d1/f103'))
    renameSync(at('many/d1/f104'), at('many/d1/zz'))
    renameSync(at('many/d2'), at('many/d1/d2'))
    chmodSync(at('many/d1/f105'), 0o600)
    linkSync(at('many/d1/f106'), at('many/d1/f106-too'))
    mkdirSync(at('many/d3/new/er'), {recursive: true})
    writeFileSync(at('many/d0/wide4500-a'), 'between')
    rmSync(at('many/d0/wide5000'))
    renameSync(at('many/d0/wide5001'), at('many/d0/wide5000'))
    spawnSync('setfattr', ['-n', 'user.new', '-v', 'x', at('many/d4/f401')])
    const next = await walked(dir, {cache})
    expect(next.text).toBe((await walked(dir)).text)
    expect(next.bytes).toBeLessThan(20_000)
    settle()
    await walked(dir, {cache})
    const last = await walked(dir, {cache})
    expect(last.text).toBe(next.text)
    expect(last.bytes).toBe(0)
  })

  test('an edit at once after a run is seen', async () => {
    const path = join(dir, 'many/d5/f500')
    const {atimeMs, mtimeMs} = statSync(path)
    for (let round = 0; round < 20; round++) {
      writeFileSync(path, `round ${round % 10} of many\n`)
      utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
      await walked(join(dir, 'many/d5'), {cache: `${cache}-d5`})
      writeFileSync(path, `ROUND ${round % 10} of many\n`)
      utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
      expect((await walked(join(dir, 'many/d5'), {cache: `${cache}-d5`})).text).toBe((await walked(join(dir, 'many/d5'))).text)
    }
  })

  test('what is excluded in one run is there in the next', async () => {
    settle()
    const all = await walked(dir, {cache})
    const some = await walked(dir, {cache, exclude: {patterns: ['f1*', 'd4/']}})
    expect(some.text).not.toContain('./many/d1/f1')
    expect(some.bytes).toBe(0)
    expect((await walked(dir, {cache})).text).toBe(all.text)
  })

  test('without digests first, with digests then', async () => {
    const other = cacheDir()
    const bare = await walked(dir, {cache: other, digest: undefined})
    expect(bare.bytes).toBe(0)
    expect((await walked(dir, {cache: other, digest: undefined})).text).toBe(bare.text)
    const whole = await walked(dir, {cache: other})
    expect(whole.text).toBe((await walked(dir)).text)
    // And back: what is known stays on the lines.
    expect((await walked(dir, {cache: other, digest: undefined})).text).toBe(whole.text)
  })

  test('another root, scope, digest: another cache', async () => {
    const other = cacheDir()
    await walked(join(dir, 'many'), {cache: other})
    await walked(join(dir, 'many'), {cache: other, digest: 'md5'})
    await walked(join(dir, 'many'), {cache: other, listedAs: '/srv'})
    expect(readdirSync(other).filter((name) => name.startsWith('stat-'))).toHaveLength(3)
    expect((await walked(join(dir, 'many'), {cache: other, listedAs: '/srv'})).bytes).toBe(0)
  })
})

describe('a tree elsewhere with other inodes', () => {
  const dir = tempDir('copies')
  mkdirSync(join(dir, 'a'))
  for (const name of ['x', 'y']) writeFileSync(join(dir, 'a', name), name)
  spawnSync('cp', ['-a', join(dir, 'a'), join(dir, 'b')])

  test('is read again', async () => {
    const cache = cacheDir()
    settle()
    await walked(join(dir, 'a'), {cache, listedAs: '/srv'})
    expect((await walked(join(dir, 'a'), {cache, listedAs: '/srv'})).bytes).toBe(0)
    // Copies have their own times of change, so inodes alone cannot be tried here.
    expect((await walked(join(dir, 'b'), {cache, listedAs: '/srv', ignoreInode: true})).bytes).toBe(2)
  })
})

describe('owners with other names', () => {
  test('new lines, with the digests of the old ones', async () => {
    const dir = tempDir('names')
    writeFileSync(join(dir, 'a'), 'content')
    settle()
    const cache = cacheDir()
    const {text} = await walked(dir, {cache})
    // The same cache with the stamp of another passwd, and lines that show where they come from.
    const bytes = readFileSync(fileOf(cache))
    const header = Buffer.concat([bytes.subarray(0, 48), Buffer.alloc(32, 7), bytes.subarray(80, 96)])
    const trailer = bytes.subarray(-trailerSize)
    const stamped = Buffer.concat([header, bytes.subarray(96, -trailerSize), cacheTrailer(header, trailer.readUInt32LE(16), trailer.readUInt32LE(20))])
    writeFileSync(fileOf(cache), stamped)
    const next = await walked(dir, {cache})
    expect(next).toMatchObject({text, bytes: 0})
    // It is written anew.
    expect(readFileSync(fileOf(cache)).subarray(48, 80)).toEqual(bytes.subarray(48, 80))
  })
})

describe('a cache that is not whole', () => {
  const dir = tempDir('whole')
  manyFiles(dir, 30)
  settle()

  const tried = async (spoil: (path: string) => void): Promise<number> => {
    const cache = cacheDir()
    const {text} = await walked(dir, {cache})
    spoil(fileOf(cache))
    const next = await walked(dir, {cache})
    expect(next.text).toBe(text)
    expect(next.said).toEqual([])
    const last = await walked(dir, {cache})
    expect(last).toMatchObject({text, bytes: 0})
    return next.bytes
  }
  const size = 30 * 'file number 12\n'.length - 10

  test.for([
    ['empty', (path: string) => truncateSync(path)],
    ['cut off', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['cut in the middle', (path: string) => truncateSync(path, statSync(path).size >> 1)],
    ['longer', (path: string) => appendFileSync(path, 'x')],
    ['another file', (path: string) => writeFileSync(path, 'hello\n'.repeat(1000), {mode: 0o600})],
    ['a directory', (path: string) => (rmSync(path), mkdirSync(path))],
    ['a link', (path: string) => (renameSync(path, `${path}.real`), spawnSync('ln', ['-s', `${path}.real`, path]))],
    ['a fifo', (path: string) => (rmSync(path), spawnSync('mkfifo', [path]))],
    ['others could have written it', (path: string) => chmodSync(path, 0o666)],
  ] as const)('%s', async ([name, spoil]) => {
    if (name === 'a directory') {
      // What has the name cannot be replaced: the run goes on without a cache.
      const cache = cacheDir()
      const {text} = await walked(dir, {cache})
      spoil(fileOf(cache))
      expect(await walked(dir, {cache})).toMatchObject({text, said: []})
    } else expect(await tried((path) => void spoil(path))).toBe(size)
  })

  test('any byte that is wrong', async () => {
    const cache = cacheDir()
    const {text} = await walked(dir, {cache})
    const path = fileOf(cache)
    const good = readFileSync(path)
    for (let at = 0; at < good.length; at += 31) {
      const bad = Buffer.from(good)
      bad[at]! ^= 1 << (at % 8)
      writeFileSync(path, bad)
      expect((await walked(dir, {cache})).text).toBe(text)
    }
  })

  test('numbers that are out of range under sums that are right', () => {
    const path = join(tempDir('forged'), 'cache')
    const header = cacheHeader('key', 'stamp')
    for (const [count, nameBytes] of [[1, 0], [0xffff_ffff, 0], [5, 0xffff_ffff], [0, 5]] as const) {
      writeFileSync(path, Buffer.concat([header, Buffer.alloc(64), cacheTrailer(header, count, nameBytes)]), {mode: 0o600})
      expect(openCacheFile(path, 'key', 'stamp')?.load()).toBeUndefined()
    }
  })

  test('a directory that cannot be made or written is no error', async () => {
    const place = join(tempDir('none'), 'file')
    writeFileSync(place, '')
    const {text, said} = await walked(dir, {cache: join(place, 'cache')})
    expect(text).toBe((await walked(dir)).text)
    expect(said).toEqual([])
  })

  test('what killed runs left is removed, what others are writing is not', async () => {
    const cache = cacheDir()
    await walked(dir, {cache})
    const old = join(cache, '.stat-x.tmp.1.0123456789ab')
    const young = join(cache, '.stat-x.tmp.2.0123456789ab')
    copyFileSync(fileOf(cache), old)
    copyFileSync(fileOf(cache), young)
    utimesSync(old, 1, 1)
    await walked(dir, {cache})
    expect(readdirSync(cache).filter((name) => name.startsWith('.'))).toEqual(['.stat-x.tmp.2.0123456789ab'])
  })

  test('other programs that back up leave it alone', async () => {
    const cache = cacheDir()
    await walked(dir, {cache})
    expect(readFileSync(join(cache, 'CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/)
    expect(statSync(cache).mode & 0o777).toBe(0o700)
    expect(statSync(fileOf(cache)).mode & 0o777).toBe(0o600)
  })
})

test.for([
  ['long ago', -10n, -10n, true],
  ['changed just now', -10n, -1n, false],
  ['modified just now', -1n, -10n, false],
  ['changed in the future', -10n, 3600n, false],
  ['modified a little in the future', 3600n, -10n, false],
  ['modified far in the future, by hand', 100_000n, -10n, true],
  ['within two seconds, which FAT counts in', -10n, -2n, false],
] as const)('trust: %s', ([, modified, changed, wanted]) => {
  const now = 1_763_800_000n * 1_000_000_000n
  const second = 1_000_000_000n
  expect(isSettled({mtimeNs: now + modified * second, ctimeNs: now + changed * second} as never, now)).toBe(wanted)
})
