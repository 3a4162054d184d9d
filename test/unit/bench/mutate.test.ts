// A day's change must be the same for every peer and every lap, or ratios compare different work.

import {execFileSync} from 'node:child_process'
import {mkdtempSync, mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, it} from 'vitest'
import {makeQuick} from '../../../bench/corpora.ts'
import {mutate} from '../../../bench/mutate.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bk-bench-test-'))
})
afterEach(() => rmSync(dir, {recursive: true}))

const sums = (tree: string): string[] =>
  execFileSync('sh', ['-c', 'find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2'], {cwd: tree, encoding: 'utf8'}).trim().split('\n')

it('makes the same tree and the same day every time, and another day from another seed', () => {
  for (const name of ['a', 'b', 'c']) makeQuick(join(dir, name), 500)
  const before = sums(join(dir, 'a'))
  expect(before).toEqual(sums(join(dir, 'b')))
  expect(before.length).toBe(504)
  const said = ['a', 'b'].map((name) => mutate(join(dir, name), '1'))
  mutate(join(dir, 'c'), '2')
  expect(said[0]).toMatch(/^files 504: edited 5, added 3, deleted 3, moved \d+ files in \d directories$/)
  expect(said[1]).toBe(said[0])
  const [a, b, c] = ['a', 'b', 'c'].map((name) => sums(join(dir, name)))
  expect(a).toEqual(b)
  expect(a).not.toEqual(c)
  expect(a!.filter((line) => !before.includes(line)).length).toBeGreaterThanOrEqual(8)
})

it('refuses a corpus that has its manifest beside it', () => {
  mkdirSync(join(dir, 'home'))
  writeFileSync(join(dir, 'home/file'), 'content')
  writeFileSync(join(dir, 'MANIFEST.home'), 'files=1\n')
  expect(() => mutate(join(dir, 'home'), '1')).toThrow('pristine')
})
