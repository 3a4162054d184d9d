// Names of one file: all but the first point to the first, in a comment among others.

import {expect, test} from 'vitest'
import {HardLinks} from '../../../src/lib/source/hard-links.ts'

const link = {part: 0, device: 1n, inode: 7n, names: 3n}

function resolve(links: HardLinks, of: typeof link, lines: readonly string[]): string[] {
  return links.resolve(of, Buffer.from(lines.map((line) => `${line}\n`).join(''))).toString().split('\n').slice(0, -1)
}

test('the first name stays as it is, others name it', () => {
  const links = new HardLinks()
  expect(resolve(links, link, ['./a type=file'])).toEqual(['./a type=file'])
  expect(resolve(links, link, ['./b type=file'])).toEqual(['./b type=file', '#bk ./b hardlink=./a'])
  expect(resolve(links, {...link, inode: 8n}, ['./c type=file'])).toEqual(['./c type=file'])
  expect(resolve(links, {...link, device: 2n}, ['./d type=file'])).toEqual(['./d type=file'])
  expect(resolve(links, link, ['./e type=file'])).toEqual(['./e type=file', '#bk ./e hardlink=./a'])
})

test('the comment stands where its key sorts', () => {
  const links = new HardLinks()
  resolve(links, link, ['./a type=file'])
  const before = ['#bk ./b error=EIO', '#bk ./b gname=\\040']
  const after = ['#bk ./b note=changed', '#bk ./b uname=\\040', '#bk ./b xattr.user.a=']
  expect(resolve(links, link, ['./b type=file', ...before, ...after])).toEqual(['./b type=file', ...before, '#bk ./b hardlink=./a', ...after])
})

test('what has had all its names is forgotten', () => {
  const links = new HardLinks()
  const two = {...link, names: 2n}
  resolve(links, two, ['./a type=file'])
  resolve(links, two, ['./b type=file'])
  expect(resolve(links, two, ['./c type=file'])).toEqual(['./c type=file'])
})
