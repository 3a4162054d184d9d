// What a push leaves out by its place: which directories those are, and that a walk stays out of them, with a cache or without.

import {lstatSync, mkdirSync, writeFileSync} from 'node:fs'
import {spawnSync} from 'node:child_process'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {apartFrom, findApart, placeOf} from '../../../src/lib/source/apart.ts'
import {leftOutOf, type LeftOut} from '../../../src/lib/source/left-out.ts'
import type {LocalOptions} from '../../../src/lib/source/local.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {readIndex} from '../index/texts.ts'
import {cacheDir, walked} from './walked.ts'

describe('which directories', () => {
  const four = ['/proc', '/sys', '/dev', '/run']

  test.for([
    ['everything', '/', [''], undefined, four],
    ['everything, twice', '/', ['', 'etc'], undefined, four],
    ['other directories', '/', ['etc', 'srv/proc', 'device', 'run-it'], undefined, []],
    ['one that is named', '/', ['', 'proc'], undefined, ['/sys', '/dev', '/run']],
    ['something in one', '/', ['run/lock/x', '', 'devices'], undefined, ['/proc', '/sys', '/dev']],
    ['one alone', '/', ['dev'], undefined, []],
    ['inside one', '/dev', [''], undefined, []],
    ['a directory that looks the same', '/mnt', ['', 'proc'], undefined, []],
    ['a store below everything', '/', [''], '/srv/store', [...four, '-/srv/store']],
    ['a store below a directory', '/', ['etc', 'srv'], '/srv/a/store', ['-/srv/a/store']],
    ['a store below the working directory', '/home/me', [''], '/home/me/store', ['-/home/me/store']],
    ['a store below a directory there', '/home/me', ['a', 'b/c'], '/home/me/b/c/d', ['-/home/me/b/c/d']],
    ['a store beside', '/', ['etc', 'srv/store-2', 'srv/sto'], '/srv/store', []],
    ['a store elsewhere', '/home/me', ['', 'a'], '/srv/store', []],
    ['a store below one of the four', '/', [''], '/run/media/disk', [...four, '-/run/media/disk']],
  ] as const)('%s', ([, root, paths, store, wanted]) => {
    const left = leftOutOf({root, paths}, store).map(({path, keep}) => (keep ? path : `-${path}`))
    expect(left).toEqual(wanted)
  })

  test.for([
    ['the store', '/', ['etc', 'srv/store']],
    ['something in it', '/', ['srv/store/packs/ab']],
    ['something in it, beside what holds it', '/', ['', 'srv/store/log']],
    ['it as the working directory', '/srv/store', ['']],
    ['what is in it from there', '/srv/store', ['log']],
  ] as const)('never %s', ([, root, paths]) => {
    const work = (): unknown => leftOutOf({root, paths}, '/srv/store')
    expect(work).toThrow(BkError)
    expect(work).toThrow(expect.objectContaining({status: 64, message: 'the store cannot be backed up into itself'}))
  })

  test('not even a store that is everything', () => {
    expect(() => leftOutOf({root: '/', paths: ['etc']}, '/')).toThrow(BkError)
  })

  test('of very many paths', () => {
    const paths = Array.from({length: 100_000}, (_, index) => `srv/d${index % 100}/f${index}`)
    const start = performance.now()
    expect(leftOutOf({root: '/', paths}, '/srv/store')).toEqual([])
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})

test('what belongs to bk is known by its place, mount points only by their path', () => {
  const dir = tempDir('places')
  for (const name of ['store', 'dev', 'caches']) mkdirSync(join(dir, name))
  const leftOut = [{path: join(dir, 'store'), keep: false}, {path: join(dir, 'dev'), keep: true}, {path: '/elsewhere', keep: true}]
  const all = apartFrom(dir, leftOut, placeOf(join(dir, 'caches')))
  const at = (raw: string, name: string): boolean | undefined => findApart(all, raw, lstatSync(join(dir, name), {bigint: true}))?.keep
  expect(at('store', 'store')).toBe(false)
  // As a bind mount shows it, or a file system that numbers it anew.
  expect(at('mnt/store', 'store')).toBe(false)
  expect(at('store', 'dev')).toBe(false)
  expect(at('anything', 'caches')).toBe(false)
  expect(at('dev', 'dev')).toBe(true)
  expect(at('chroot/dev', 'dev')).toBeUndefined()
  expect(at('elsewhere', '.')).toBeUndefined()
  expect(apartFrom('/', [{path: '/dev', keep: true}, {path: '/', keep: true}], undefined).map(({path}) => path)).toEqual(['dev', '.'])
  expect(apartFrom('/srv', [{path: '/srv-2/x', keep: true}, {path: '/srv/x', keep: true}], undefined).map(({path}) => path)).toEqual([undefined, 'x'])
})

describe('a walk', () => {
  const dir = tempDir('walk')
  makeTree(dir, [
    {path: 'a/x', type: 'file', content: 'x'},
    {path: 'a/proc/1/y', type: 'file', content: 'not mounted here'},
    {path: 'proc/1/exe', type: 'file', content: 'exe'},
    {path: 'proc/2', type: 'file', content: '2'},
    {path: 'proc-too', type: 'file', content: 'beside'},
    {path: 'srv/data', type: 'file', content: 'data'},
    {path: 'srv/store/log/1', type: 'file', content: 'log'},
    {path: 'srv/store/packs/p', type: 'file', content: 'pack'},
    {path: 'srv/store-too', type: 'file', content: 'beside'},
  ])
  const leaveOut: readonly LeftOut[] = [{path: join(dir, 'proc'), keep: true}, {path: join(dir, 'srv/store'), keep: false}]
  const everything = [
    '.', './a', './a/proc', './a/proc/1', './a/proc/1/y', './a/x', './proc', './proc-too', './proc/1', './proc/1/exe', './proc/2',
    './srv', './srv/data', './srv/store', './srv/store-too', './srv/store/log', './srv/store/log/1', './srv/store/packs', './srv/store/packs/p',
  ]
  const some = everything.filter((path) => !/^\.\/(?:proc|srv\/store)\//.test(path) && path !== './srv/store')
  const pathsOf = async (options: Parameters<typeof walked>[1], root = dir): Promise<readonly string[]> =>
    (await walked(root, options)).lines.map((line) => line.split(' type=')[0]!)

  test.for<[string, Partial<Omit<LocalOptions, 'cache'>>, readonly string[]]>([
    ['as it is', {}, everything],
    ['what is left out', {leaveOut}, some],
    ['by one thread', {leaveOut, workers: 1}, some],
    ['on one file system', {leaveOut, oneFileSystem: true}, some],
    ['under another name', {leaveOut, listedAs: '/'}, some],
    ['without digests', {leaveOut, digest: undefined}, some],
    ['with patterns', {leaveOut, exclude: {patterns: ['x']}}, some.filter((path) => path !== './a/x')],
    ['patterns that take it back', {leaveOut, exclude: {patterns: ['!/proc/1', '!/srv/store']}}, some],
    ['of a selection', {leaveOut, paths: ['srv', 'proc-too']}, some.filter((path) => /^\.(?:$|\/srv|\/proc-too)/.test(path))],
    ['named, or something in it', {leaveOut, paths: ['proc/1', 'srv/store/log']}, ['.', './proc', './srv']],
    ['the root', {leaveOut: [{path: dir, keep: true}]}, ['.']],
    ['the root, as what belongs to bk', {leaveOut: [{path: dir, keep: false}]}, ['.']],
    ['what is not there', {leaveOut: [{path: join(dir, 'gone'), keep: false}, {path: '/nowhere', keep: true}]}, everything],
    ['a file of the name', {leaveOut: [{path: join(dir, 'a/x'), keep: false}]}, everything],
  ])('%s', async ([, options, wanted]) => {
    expect(await pathsOf(options)).toEqual(wanted)
  })

  test('is complete without it, and says it to those who ask', async () => {
    const {text, said} = await walked(dir, {leaveOut})
    expect((await readIndex(text)).end.partial).toBe(0)
    expect(said).toEqual(['detail proc: what is in it is left out', 'detail srv/store: belongs to bk, left out'])
  })

  test('from a directory inside', async () => {
    expect(await pathsOf({leaveOut}, join(dir, 'srv'))).toEqual(['.', './data', './store-too'])
  })

  test('with a cache of a run with more, or with less', async () => {
    spawnSync('sleep', ['2.3'])
    const cache = cacheDir()
    const all = (await walked(dir, {cache})).text
    const rest = (await walked(dir, {leaveOut})).text
    for (let round = 0; round < 2; round++) {
      for (const workers of [1, 2]) {
        // The first run finds a cache with everything in it, the second its own.
        expect((await walked(dir, {cache, leaveOut, workers})).text).toBe(rest)
        expect(await walked(dir, {cache, leaveOut, workers})).toMatchObject({text: rest, bytes: 0})
        expect((await walked(dir, {cache, workers})).text).toBe(all)
      }
    }
    const other = cacheDir()
    expect((await walked(dir, {cache: other, leaveOut})).text).toBe(rest)
    expect((await walked(dir, {cache: other})).text).toBe(all)
    await walked(dir, {cache, leaveOut})
    writeFileSync(join(dir, 'proc/3'), '3')
    expect((await walked(dir, {cache, leaveOut})).text).toBe((await walked(dir, {leaveOut})).text)
    expect((await walked(dir, {cache})).text).toBe((await walked(dir)).text)
  })
})

test('of this machine', async () => {
  const patterns = ['/*/*', '!/proc/*', '!/sys/*', '!/dev/*', '!/run/*']
  const {lines, said} = await walked('/', {digest: undefined, exclude: {patterns}, leaveOut: leftOutOf({root: '/', paths: ['']}, undefined)})
  const of = (pattern: RegExp): readonly string[] => lines.flatMap((line) => pattern.exec(line)?.[0] ?? [])
  expect(of(/^\.\/(?:proc|sys|dev|run)(?= type=dir)/)).toEqual(['./dev', './proc', './run', './sys'])
  expect(of(/^(?:#bk )?\.\/(?:proc|sys|dev|run)\/.*/)).toEqual([])
  expect(said.filter((line) => line.endsWith(' left out') && line.includes('what is in it'))).toEqual(['dev', 'proc', 'run', 'sys'].map((name) => `detail /${name}: what is in it is left out`))
})
