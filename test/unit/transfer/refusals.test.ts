// The words behind `refused`: scripts of others go by them, so each that the source has stands in docs/format.md and on receive's page.

import {globSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import Receive from '../../../src/commands/receive.ts'
import {root} from '../../harness/bk.ts'

const lib = join(root, 'src/lib')
const source = globSync('**/*.ts', {cwd: lib}).map((file) => readFileSync(join(lib, file), 'utf8')).join('\n')
const words = [...new Set([...source.matchAll(/\brefused(?:\('| )([a-z-]+)(?:'|: )/g)].map(([, word = '']) => word))].sort()

/** The words of a list, with or without marks around them. */
function listed(text: string): string[] {
  return text.split(', ').map((word) => word.replaceAll('`', '')).sort()
}

test('there are some', () => {
  expect(words).toEqual(expect.arrayContaining(['missing-object', 'quota', 'unknown-base']))
})

test('docs/format.md has them all, and no others', () => {
  const [, list = ''] = /`refused WORD: text` with exit status 77 \(([^)]*)\)/.exec(readFileSync(join(root, 'docs/format.md'), 'utf8')) ?? []
  expect(listed(list)).toEqual(words)
})

test('and so has the page of bk receive', () => {
  const [, list = ''] = /^Refused: (.*?)\. /.exec(Receive.exitNotes[77]) ?? []
  expect(listed(list)).toEqual(words)
})
