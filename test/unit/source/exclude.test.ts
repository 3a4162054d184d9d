// What is left out: gitignore's rules over bytes, tags beside which nothing is kept, and sizes.

import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {createExcluder, patternLines, type Excluder} from '../../../src/lib/source/exclude.ts'
import {tempDir} from '../../harness/temp.ts'

const nothing = {patterns: [], caches: false, ifPresent: []}

async function excluder(options: Partial<Parameters<typeof createExcluder>[0]>): Promise<Excluder> {
  return (await createExcluder({...nothing, ...options}))!
}

test('nothing to exclude is no excluder', async () => {
  expect(await createExcluder(nothing)).toBeUndefined()
})

describe('patterns', () => {
  test.for([
    ['a name anywhere', ['*.o'], 'a/b/x.o', false, true],
    ['another name', ['*.o'], 'a/x.c', false, false],
    ['anchored by a slash', ['/tmp'], 'tmp', false, true],
    ['anchored, and deeper', ['/tmp'], 'a/tmp', false, false],
    ['with a slash inside', ['a/b'], 'a/b', false, true],
    ['with a slash inside, and deeper', ['a/b'], 'x/a/b', false, false],
    ['two stars', ['**/cache/x'], 'a/b/cache/x', false, true],
    ['directories only', ['build/'], 'build', true, true],
    ['directories only, and a file', ['build/'], 'build', false, false],
    ['upper case is another letter', ['README'], 'readme', false, false],
    ['taken back', ['*.log', '!keep.log'], 'a/keep.log', false, false],
    ['the last one decides', ['!keep.log', '*.log'], 'keep.log', false, true],
    ['comment', ['#x'], '#x', false, false],
    ['escaped hash', ['\\#x'], '#x', false, true],
    ['a class of bytes', ['[\xe0-\xef]'], '\xe9', false, true],
    ['a byte is one character', ['?'], '\xff', false, true],
    ['a name with a line break', ['*.tmp'], 'a\nb.tmp', false, true],
    ['a name that begins like a way up', ['..a'], '..a', false, true],
  ] as const)('%s', async ([, patterns, path, isDirectory, wanted]) => {
    expect((await excluder({patterns})).excludesPath(path, isDirectory)).toBe(wanted)
  })

  test('answers stay the same after very many questions', async () => {
    const {excludesPath} = await excluder({patterns: ['*.o', '!/keep/*.o']})
    for (let index = 0; index < 5000; index++) {
      expect(excludesPath(`d/${index}.o`, false)).toBe(true)
      expect(excludesPath(`keep/${index}.o`, false)).toBe(false)
    }
  })

  test('a file of patterns is bytes, with or without a mark in front and line ends of another system', () => {
    expect(patternLines(Buffer.from('\xef\xbb\xbf*.o\r\n\xe9\n\n/a b', 'latin1'))).toEqual(['*.o', '\xe9', '', '/a b'])
  })
})

test('sizes', async () => {
  const {excludesSize} = await excluder({largerThan: 10})
  expect([excludesSize(10n), excludesSize(11n)]).toEqual([false, true])
})

describe('tags', () => {
  const dir = tempDir('tags')
  const tag = 'Signature: 8a477f597d28d172789f06886806bc55'
  const kept = async (name: string, options: Partial<Parameters<typeof createExcluder>[0]>, names: string[]): Promise<string[]> =>
    (await excluder(options)).keptNames((file) => join(dir, name, file), names)

  test.for([
    ['a cache', `${tag}\n# comment`, ['CACHEDIR.TAG']],
    ['the signature alone', tag, ['CACHEDIR.TAG']],
    ['another text', 'Signature: none', ['CACHEDIR.TAG', 'a']],
    ['cut off', tag.slice(0, -1), ['CACHEDIR.TAG', 'a']],
  ] as const)('CACHEDIR.TAG: %s', async ([name, content, wanted]) => {
    mkdirSync(join(dir, name))
    writeFileSync(join(dir, name, 'CACHEDIR.TAG'), content)
    expect(await kept(name, {caches: true}, ['CACHEDIR.TAG', 'a'])).toEqual(wanted)
    expect(await kept(name, {largerThan: 1}, ['CACHEDIR.TAG', 'a'])).toEqual(['CACHEDIR.TAG', 'a'])
  })

  test('CACHEDIR.TAG: a link, or something that cannot be read', async () => {
    mkdirSync(join(dir, 'link'))
    writeFileSync(join(dir, 'real'), tag)
    symlinkSync('../real', join(dir, 'link/CACHEDIR.TAG'))
    expect(await kept('link', {caches: true}, ['CACHEDIR.TAG', 'a'])).toEqual(['CACHEDIR.TAG', 'a'])
    expect(await kept('nowhere', {caches: true}, ['CACHEDIR.TAG', 'a'])).toEqual(['CACHEDIR.TAG', 'a'])
  })

  test('any name', async () => {
    expect(await kept('x', {ifPresent: ['.nobackup', '.skip']}, ['a', '.skip', 'b'])).toEqual(['.skip'])
    expect(await kept('x', {ifPresent: ['.nobackup']}, ['a', 'b'])).toEqual(['a', 'b'])
  })
})
