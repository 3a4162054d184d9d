// What a path may look like, and what stands above what: the first line of defence against hostile lists.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {Ancestry, isAtOrBelow, parentOf, pathProblem} from '../../../src/lib/index/path.ts'
import {byteString, escaped, groupsOf, name, tree} from './arbitrary.ts'
import {law} from './texts.ts'

describe('a path is taken', () => {
  test.each([
    '.', './a', './a/b', './...', './..a', './.a/..b', './a\\040b', './\\133id\\135.js', './\\377', './-', './~', './a.', './a..', `./${'n'.repeat(255)}`,
    `./${'\\377'.repeat(255)}`, `.${'/a'.repeat(999)}`, `.${`/${'n'.repeat(255)}`.repeat(15)}/${'n'.repeat(254)}`,
  ])('%s', (path) => {
    expect(pathProblem(path)).toBeUndefined()
  })
})

describe('a path is refused', () => {
  const long = `.${`/${'n'.repeat(255)}`.repeat(15)}/${'n'.repeat(255)}`
  const empty = 'path has an empty component'
  const spelling = 'path is not escaped as bk escapes'
  test.each([
    ['', 'path does not begin with ./'],
    ['a', 'path does not begin with ./'],
    ['..', 'path does not begin with ./'],
    ['.a', 'path does not begin with ./'],
    ['../a', 'path does not begin with ./'],
    ['/', 'path is absolute'],
    ['/etc', 'path is absolute'],
    ['./', empty],
    ['./a/', empty],
    ['.//a', empty],
    ['./a//b', empty],
    ['./.', empty],
    ['./a/./b', empty],
    ['./a/.', empty],
    ['./..', 'path leaves the tree by ..'],
    ['./../a', 'path leaves the tree by ..'],
    ['./a/..', 'path leaves the tree by ..'],
    ['./a/../b', 'path leaves the tree by ..'],
    ['./\\056\\056', spelling],
    ['./\\056', spelling],
    ['./a\\057b', spelling],
    ['./\\000', spelling],
    ['./a\\000', spelling],
    ['./a b', spelling],
    ['./a\n', spelling],
    ['./a#', spelling],
    ['./a=b', spelling],
    ['./[a]', spelling],
    ['./a*', spelling],
    ['./a?', spelling],
    ['./\\141', spelling],
    ['./\\40', spelling],
    ['./\\400', spelling],
    ['./\\', spelling],
    ['./\xff', spelling],
    [`./${'n'.repeat(256)}`, 'name is longer than 255 bytes'],
    [`./${'\\377'.repeat(256)}`, 'name is longer than 255 bytes'],
    [`./a/${'n'.repeat(256)}/b`, 'name is longer than 255 bytes'],
    [long, 'path is longer than 4,096 bytes'],
    [`.${'/a'.repeat(1000)}`, 'path has more than 1,000 components'],
  ])('%s', (path, why) => {
    expect(pathProblem(path)).toBe(why)
  })

  test('or taken, never anything else, and taken only with real names in it', async () => {
    const part = fc.oneof(name.map(escaped), fc.constantFrom('.', '..', '', '\\056\\056', '\\141', ' ', '\\000'), byteString(0, {maxLength: 3}))
    await law(fc.property(fc.constantFrom('.', '', '..', 'a'), fc.array(part, {maxLength: 4}), (first, parts) => {
      const path = [first, ...parts].join('/')
      const isRight = first === '.' && parts.every((it) => it !== '.' && it !== '..' && /^(?:[!-~])+$/.test(it) && !/[/#*=?[\]]|\\(?![0-3][0-7]{2})/.test(it) && !it.includes('\\000') && escaped(unescaped(it)) === it)
      expect([path, pathProblem(path) === undefined]).toEqual([path, isRight])
    }), 1000)
  })

  test('in time that does not grow with the square of its length', () => {
    for (const path of ['./' + 'a'.repeat(65_000) + ' ', './' + '\\377'.repeat(16_000) + '=', './' + '.'.repeat(60_000) + '/..', '.' + '/a'.repeat(30_000) + '/']) {
      expect(pathProblem(path)).toBeDefined()
    }
  })
})

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}

test.each([['.', undefined], ['./a', '.'], ['./a/b', './a']])('the parent of %s is %s', (path, parent) => {
  expect(parentOf(path)).toBe(parent)
})

test.each([
  ['./a', '.', true], ['.', '.', true], ['./a', './a', true], ['./a/b', './a', true], ['./a-b', './a', false], ['./ab/c', './a', false], ['.', './a', false], ['./a', './a/b', false],
])('%s is at or below %s: %s', (path, top, is) => {
  expect(isAtOrBelow(path, top)).toBe(is)
})

describe('ancestry', () => {
  const accepts = (...paths: string[]): boolean[] => {
    const ancestry = new Ancestry()
    return paths.map((path) => ancestry.accept(path.replace(/!$/, ''), !path.endsWith('!')))
  }

  test.each([
    [['.', './a', './a-b', './a/x', './b'], [true, true, true, true, true]],
    [['.', './a!', './a/x'], [true, true, false]],
    [['.', './a-b', './a/x'], [true, true, false]],
    [['.', './a', './a-', './a-/b', './a/b', './a/b/c', './a0/b'], [true, true, true, true, true, true, false]],
    [['./a'], [false]],
    [['.!', './a'], [true, false]],
    [['.', './a/b/c'], [true, false]],
    [['.', './a', './a/b/c'], [true, true, false]],
  ])('of %j is %j (! is no directory)', (paths, expected) => {
    expect(accepts(...paths)).toEqual(expected)
  })

  test('knows for every tree what a set of all directories knows', async () => {
    await law(fc.property(tree, fc.array(fc.nat(), {maxLength: 3}), (it, without) => {
      const groups = groupsOf(it).filter((_, i) => !without.includes(i))
      const ancestry = new Ancestry()
      const directories = new Set<string>()
      for (const {path, line} of groups) {
        const isDirectory = line.includes(' type=dir')
        const above = parentOf(path)
        const fits = above === undefined || directories.has(above)
        expect(ancestry.accept(path, isDirectory)).toBe(fits)
        // Whoever asks stops at the first that does not fit.
        if (!fits) return
        if (isDirectory) directories.add(path)
      }
    }), 300)
  })

})
