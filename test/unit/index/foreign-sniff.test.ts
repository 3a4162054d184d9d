// What a list is must be seen at its first bytes, and what is no list must be said at once.

import {gzipSync} from 'node:zlib'
import {describe, expect, test} from 'vitest'
import {sniff, type ListKind} from '../../../src/lib/index/foreign.ts'
import {bytes, refusal} from './foreign-lists.ts'

const md5 = 'd41d8cd98f00b204e9800998ecf8427e'
const tar = Buffer.concat([Buffer.from('./name\0'), Buffer.alloc(505), Buffer.from('content')])

const table: readonly (readonly [string, ListKind, string | Buffer])[] = [
  ['nothing', 'empty', ''],
  ['an index', 'bk-index', '#mtree\n#bk index 1 root=/\n. type=dir\n'],
  ['an index without its first line', 'bk-index', '#bk index 1 root=/\n'],
  ['an index of the future', 'bk-index', '#mtree\n#bk list 9\n'],
  ['changes', 'bk-changes', '#bk changes 1 root=/\n'],
  ['bsdtar', 'mtree', '#mtree\n./a type=file\n'],
  ['bsdtar, empty', 'mtree', '#mtree\n'],
  ['NetBSD', 'mtree', '#\t   user: root\n#\tmachine: vm\n\n# .\n/set type=file\n.               type=dir\n'],
  ['a name that fills the line', 'mtree', `# ./\x01\n${'n'.repeat(255)} \\\n    type=dir\n`],
  ['/set', 'mtree', '/set type=file\n'],
  ['/unset', 'mtree', '  /unset all\n'],
  ['the top', 'mtree', '.\n'],
  ['an entry', 'mtree', './a mode=644 x=y\n'],
  ['an entry behind an unknown word', 'mtree', './a optional x=y mode=644\n'],
  ['an absolute entry', 'mtree', '/etc/hosts type=file\n'],
  ['comments only', 'mtree', '# a\n\n  # b\n'],
  ['md5sum', 'checksums', `${md5}  a\n`],
  ['md5sum, escaped', 'checksums', `\\${md5} *a\\n\n`],
  ['sha512sum', 'checksums', `${md5.repeat(4)}  a\n`],
  ['md5sum --tag', 'checksums', `MD5 (a) = ${md5}\n`],
  ['md5sum --zero', 'checksums', `${md5}  a\0`],
  ['a script', 'unknown', '#!/bin/sh\nset -e\n'],
  ['prose', 'unknown', 'The quick brown fox\njumps over the lazy dog\n'],
  ['JSON', 'unknown', '{"type": "file"}\n'],
  ['paths', 'unknown', './a\n./b\n'],
  ['a digest with one blank', 'unknown', `${md5} a\n`],
  ['UTF-16', 'binary', Buffer.from('\ufeff#mtree\n', 'utf16le')],
  ['gzip', 'binary', gzipSync('#mtree\n')],
  ['tar', 'binary', tar],
  ['a program', 'binary', '\x7fELF\x02\x01\x01\0'],
  ['control characters', 'binary', 'abc\x01\x02\n'],
]

describe('sniff', () => {
  test.each(table)('%s: %s', (_, kind, text) => {
    expect(sniff(bytes(text))).toBe(kind)
  })
})

describe('what is no foreign list is refused', () => {
  test.each([
    ['empty', 'the list is empty'],
    ['bk-index', 'an index of bk where a foreign list belongs'],
    ['bk-changes', 'changes where a list belongs'],
    ['binary', 'binary data where a list belongs'],
    ['unknown', 'not an index, not an mtree list and not the output of md5sum or sha256sum'],
  ])('%s', async (kind, message) => {
    const samples = table.filter((row) => row[1] === kind)
    expect(samples).not.toEqual([])
    for (const [, , text] of samples) expect(await refusal(text)).toBe(`65: ${message}`)
  })
})
