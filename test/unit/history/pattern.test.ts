// Which paths a pattern means: what it says itself, and together with what lies below that, what --exclude would leave out.

import {describe, expect, test} from 'vitest'
import {parsePattern, patternBelow, patternOfName} from '../../../src/lib/history/pattern.ts'
import {escapeBytes} from '../../../src/lib/index/escape.ts'
import {createExcluder} from '../../../src/lib/source/exclude.ts'
import {rounds} from '../../harness/faults.ts'

const inIndex = (path: string): string => escapeBytes(`./${path}`)

describe('a pattern', () => {
  test.for([
    ['*.odt', 'a/b/x.odt', true],
    ['letter', 'letter', true],
    ['letter', 'letter/below', false],
    ['letter', 'a/letter', true],
    ['/letter', 'a/letter', false],
    ['a/letter', 'x/a/letter', false],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['*.d', 'a.d/b.d', true],
    ['*.d', 'a.d/b.c', false],
    ['a b', 'x/a b', true],
    ['[[:digit:]]', '7', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['?', '\xff', true],
    ['README', 'readme', false],
    ['**', 'new\nline', true],
    ['dir/', 'a/dir', true],
  ] as const)('%s and %s', async ([pattern, path, wanted]) => {
    expect((await parsePattern(pattern)).matches(inIndex(path))).toBe(wanted)
  })

  test('only of directories', async () => {
    expect((await parsePattern('dir/')).isForDirectories).toBe(true)
    expect((await parsePattern('dir')).isForDirectories).toBe(false)
  })

  test.for(['!x', '#x', '', '/', '  '])('refused: "%s"', async (text) => {
    await expect(parsePattern(text)).rejects.toMatchObject({status: 64})
  })
})

test('what it means, and all below that, is what --exclude leaves out', async () => {
  const letters = 'aab.*?/[]-\\ '
  await rounds(400, async (random) => {
    const word = (from: string, most: number): string => Array.from({length: 1 + Math.floor(random() * most)}, () => from[Math.floor(random() * from.length)]!).join('')
    const text = word(letters, 6)
    if (text.replace(/ +$/, '').replace(/\/$/, '') === '') return
    const pattern = await parsePattern(text)
    const excluder = (await createExcluder({patterns: [text], caches: false, ifPresent: []}))!
    for (let i = 0; i < 30; i++) {
      const parts = Array.from({length: 1 + Math.floor(random() * 3)}, () => word('aab.-*', 3)).filter((part) => !/^\.+$/.test(part))
      if (parts.length === 0) continue
      const above = parts.slice(0, -1).some((_, at) => pattern.matches(inIndex(parts.slice(0, at + 1).join('/'))))
      const path = parts.join('/')
      expect({text, path, left: above || pattern.matches(inIndex(path))}).toEqual({text, path, left: excluder.excludesPath(path, true)})
    }
  })
})

test('names and directories as patterns mean themselves', async () => {
  for (const name of ['plain', 'a*b', '[x]', '?', '!bang', '#hash', 'back\\slash', 'two  ', '\xff\xfe', '**', 'new\nline']) {
    const byName = await parsePattern(patternOfName(name))
    expect([name, byName.matches(inIndex(`d/${name}`)), byName.matches(inIndex(`${name}x`))]).toEqual([name, true, false])
    const below = await parsePattern(patternBelow(inIndex(name)))
    expect([name, below.matches(inIndex(`${name}/a/b`)), below.matches(inIndex(name)), below.matches(inIndex(`x/${name}/a`))]).toEqual([name, true, false, false])
  }
  expect((await parsePattern(patternBelow('.'))).matches('./a/b')).toBe(true)
})
