// Lists of md5sum and sha256sum: each form, each escape, and what is refused.

import {describe, expect, test} from 'vitest'
import {isZeroSeparated} from '../../../src/lib/index/checksums.ts'
import {bytes, linesOf, normalised, refusal, sha256} from './foreign-lists.ts'

const md5 = 'd41d8cd98f00b204e9800998ecf8427e'
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const file = (path: string, digest = `md5=${md5}`): string => `${path} type=file ${digest}`

describe('a list of checksums', () => {
  test.each([
    ['text', `${md5}  ./a\n`, file('./a')],
    ['binary', `${md5} *a\n`, file('./a')],
    ['upper case', `${md5.toUpperCase()}  a\n`, file('./a')],
    ['sha256', `${emptySha256}  a\n`, file('./a', `sha256=${emptySha256}`)],
    ['tag', `MD5 (a) = ${md5}\n`, file('./a')],
    ['tag, sha256', `SHA256 (./a) = ${emptySha256}\n`, file('./a', `sha256=${emptySha256}`)],
    ['tag with a name that looks like its end', `MD5 (a) = ${md5} (b) = ${md5}\n`, file(`./a)\\040\\075\\040${md5}\\040(b`)],
    ['tag, escaped', `\\MD5 (a\\nb) = ${md5}\n`, file('./a\\012b')],
    ['escaped', `\\${md5}  a\\nb\\\\c\\rd\n`, file('./a\\012b\\134c\\015d')],
    ['backslash that is no escape', `${md5}  a\\nb\n`, file('./a\\134nb')],
    ['blank in front', `${md5}   a\n`, file('./\\040a')],
    ['star in front', `${md5}  *a\n`, file('./\\052a')],
    ['two stars', `${md5} **a\n`, file('./\\052a')],
    ['carriage return at the end', `${md5}  a\r\n`, file('./a\\015')],
    ['bytes', `${md5}  \xff\x01\n`, file('./\\377\\001')],
    ['slashes', `${md5}  .//a\n`, file('./a')],
    ['dots inside', `${md5}  b/./a\n`, file('./b/a')],
    ['zero', `${md5}  a\nb\0`, file('./a\\012b')],
    ['zero, backslash', `${md5}  a\\b\0`, file('./a\\134b')],
    ['zero, tag', `MD5 (a\nb) = ${md5}\0`, file('./a\\012b')],
    ['zero, name that ends in a newline', `${md5}  a\n\0`, file('./a\\012')],
  ])('%s', async (_, list, line) => {
    expect((await linesOf(list)).at(-1)).toBe(line)
  })

  test('becomes an index, to the byte', async () => {
    const above = '#mtree\n#bk index 1 root=.\n' +
      `. type=dir\n./d type=dir\n./d-e type=file md5=${md5}\n./d/a type=file sha256=${emptySha256}\n./d/b type=file md5=${md5}\n`
    expect(await normalised(`${md5}  ./d/b\n${emptySha256}  ./d/a\n${md5}  ./d-e\n`)).toBe(`${above}#bk end entries=5 complete sha256=${sha256(above)}\n`)
  })

  test('of absolute paths is relative to /', async () => {
    expect(await normalised(`${md5}  /etc//hosts\n`)).toMatch(/^#mtree\n#bk index 1 root=\/\n\. type=dir\n\.\/etc type=dir\n\.\/etc\/hosts type=file /)
  })

  test('may hold both digests of a file, in any order and more than once', async () => {
    const list = [`${md5}  a`, `SHA256 (./a) = ${emptySha256}`, `${md5} *./a`]
    for (const lines of [list, list.toReversed()]) expect(await linesOf(lines.join('\n') + '\n')).toEqual(['. type=dir', file('./a', `md5=${md5} sha256=${emptySha256}`)])
  })

  test.each([
    ['another digest', `${md5}  a\n${md5.replace('d', 'e')}  ./a\n`, 'line 2: duplicate path with other content: ./a'],
    ['the later line, whatever the order', `${md5}  b\n${md5}  a\n${emptySha256}  c\n${md5.replace('d', 'e')}  ./a\n`, 'line 4: duplicate path with other content: ./a'],
    ['a file with something below', `${md5}  a/b\n${md5}  a\n`, 'line 2: something lies below what is no directory: ./a'],
    ['something below a file', `${md5}  a\n${md5}  a/b\n`, 'line 2: something lies below what is no directory: ./a'],
    ['paths that leave', `${md5}  a\n${md5}  b\n${md5}  ../x\n`, 'line 3: path leaves the tree: ../x'],
    ['.. inside', `${md5}  a/../b\n`, 'line 1: path leaves the tree: a/../b'],
    ['.. at the end', `${md5}  a/..\n`, 'line 1: path leaves the tree: a/..'],
    ['.. of an absolute path', `${md5}  /../etc\n`, 'line 1: path leaves the tree: /../etc'],
    ['absolute and relative', `${md5}  /a\n${md5}  b\n`, 'line 2: absolute and relative paths are mixed: b'],
    ['relative and absolute', `${md5}  a\n${md5}  /b\n`, 'line 2: absolute and relative paths are mixed: /b'],
    ['standard input', `${md5}  -\n`, 'line 1: digest of standard input, not of a file'],
    ['no path', `${md5}  \n`, 'line 1: entry without a path: '],
    ['the top', `${md5}  .\n`, 'line 1: the top is no directory: .'],
    ['one blank', `${md5} a\n`, 'not an index, not an mtree list and not the output of md5sum or sha256sum'],
    ['one blank further down', `${md5}  a\n${md5} a\n`, `line 2: not a line of md5sum or sha256sum: ${md5}\\040a`],
    ['a comment', `${md5}  a\n# b\n`, 'line 2: not a line of md5sum or sha256sum: \\043\\040b'],
    ['an empty line', `${md5}  a\n\n`, 'line 2: not a line of md5sum or sha256sum: '],
    ['sha1', `${'0'.repeat(40)}  a\n`, 'line 1: a digest of 40 digits'],
    ['sha512 tag', `SHA512 (a) = ${'0'.repeat(128)}\n`, 'line 1: a list of SHA512'],
    ['a short digest', `SHA256 (a) = ${md5}\n`, 'line 1: a digest of 32 digits for sha256'],
    ['an unknown escape', `\\${md5}  a\\tb\n`, 'line 1: unknown escape: \\t'],
    ['half an escape', `\\${md5}  a\\\n`, 'line 1: unknown escape: \\'],
    ['a long name', `${md5}  ${'n'.repeat(256)}\n`, `line 1: name is longer than 255 bytes: ${'n'.repeat(200)}`],
    ['a long path', `${md5}  ${'n/'.repeat(1100)}n\n`, `line 1: path has more than 1,000 components: ${'n/'.repeat(100)}`],
    ['a longer path', `${md5}  ${(`${'n'.repeat(250)}/`).repeat(17)}n\n`, `line 1: path is longer than 4,096 bytes: ${'n'.repeat(200)}`],
    ['a long line', `${md5}  a\n${md5}  ${'n'.repeat(70_000)}\n`, 'line 2: line is longer than 65,000 bytes'],
    ['a cut line', `${md5}  a\n${md5}  ab`, 'line 2: the last line is cut off'],
    ['a cut record', `${md5}  a\0${md5}  ab`, 'line 2: the last record is cut off'],
    ['a long record', `${md5}  a\0${'0'.repeat(70_000)}`, 'record is longer than 65,000 bytes'],
    ['a NUL in a list of lines', `${md5}  a\n${md5}  b\0c\n`, 'line 2: binary data where text belongs'],
    ['a NUL far down', `${md5}  a\n`.repeat(1000) + '\0', 'line 1001: the last line is cut off'],
  ])('is refused for %s', async (_, list, message) => {
    expect(await refusal(list)).toBe(`65: ${message}`)
  })

  test('of names with newlines is told from a damaged one', () => {
    expect(isZeroSeparated(bytes(`${md5}  a\0`))).toBe(true)
    expect(isZeroSeparated(bytes(`${md5}  a\nb\n${md5}\0`))).toBe(true)
    expect(isZeroSeparated(bytes(`${md5}  a\n${md5}  b\0`))).toBe(false)
    expect(isZeroSeparated(bytes(`${md5}  a\n\\${md5} *b\0`))).toBe(false)
    expect(isZeroSeparated(bytes(`${md5}  a\nMD5 (b) = 0\0`))).toBe(false)
    expect(isZeroSeparated(bytes(`${md5}  a\n`))).toBe(false)
  })
})
