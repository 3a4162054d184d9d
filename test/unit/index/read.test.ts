// Reading an index: what is refused, in which line, and that it is refused the same however the text comes in.

import {describe, expect, test} from 'vitest'
import {IndexReader, isRoot} from '../../../src/lib/index/read.ts'
import {formatComment, parseComment} from '../../../src/lib/index/group.ts'
import {formatEntry, parseEntryLine} from '../../../src/lib/index/entry.ts'
import {bytes, indexText, outcome, readIndex, refusal, sha256} from './texts.ts'

const id = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'
const sample = indexText([
  '. type=dir mode=0755 uid=0 gid=0 uname=root gname=root time=1763800000.123456789',
  `./a type=file mode=0644 uid=0 gid=0 size=6 time=1763800000.000000005 sha256=${id}`,
  '#bk ./a hardlink=.',
  '#bk ./a xattr.user.mime=AA==',
  './d type=dir time=-1.000000000',
  './d-\\040 type=link link=a\\040b',
  './d/x type=char device=native,1,3',
  '#bk ./s left-out=socket',
  '#bk ./y error=EACCES',
])

/** The text with its sums as they should be. */
function signed(text: string): string {
  const at = text.lastIndexOf('#bk end ')
  const above = text.slice(0, at)
  return above + text.slice(at).replace(/sha256=[0-9a-f]{64}/, `sha256=${sha256(above)}`)
}

test('an index says what it holds', async () => {
  const {groups, root, end} = await readIndex(sample)
  expect(root).toBe('/srv')
  expect(end).toEqual({entries: 5, partial: 1, digest: sha256(sample.slice(0, sample.lastIndexOf('#bk end ')))})
  expect(groups.map(({path}) => path)).toEqual(['.', './a', './d', './d-\\040', './d/x', './s', './y'])
  expect(groups[1]!.comments).toEqual(['#bk ./a hardlink=.', '#bk ./a xattr.user.mime=AA=='])
  expect(groups[5]).toEqual({path: './s', line: '', comments: ['#bk ./s left-out=socket']})
})

test('an index of nothing is one', async () => {
  expect(await readIndex(indexText([], '/'))).toMatchObject({groups: [], root: '/', end: {entries: 0, partial: 0}})
})

describe('lines are refused', () => {
  const dir = '. type=dir'
  test.each([
    ['unsorted', [dir, './b type=file', './a type=file'], 'line 5: paths are not sorted as LC_ALL=C sorts them: ./a'],
    ['sorted as a walk goes and not as text', [dir, './a type=dir', './a/x type=file', './a-b type=file'], 'line 6: paths are not sorted as LC_ALL=C sorts them: ./a-b'],
    ['twice', [dir, './a type=file', './a type=file'], 'line 5: path is there twice: ./a'],
    ['twice, the second only a comment', [dir, './a type=file', '#bk ./b error=EIO', './b type=file'], 'line 6: path is there twice: ./b'],
    ['comments that come back to a path', [dir, './a type=file', '#bk ./b error=EIO', '#bk ./a note=changed'], 'line 6: paths are not sorted as LC_ALL=C sorts them: ./a'],
    ['no top', ['./a type=file'], 'line 3: no directory stands above ./a'],
    ['no directory above', [dir, './a/b type=file'], 'line 4: no directory stands above ./a/b'],
    ['a file above', [dir, './a type=file', './a/b type=file'], 'line 5: no directory stands above ./a/b'],
    ['what could not be read above', [dir, '#bk ./a error=EIO', './a/b type=file'], 'line 5: no directory stands above ./a/b'],
    ['a comment without a directory above', [dir, '#bk ./a/b error=EIO'], 'line 4: no directory stands above ./a/b'],
    ['a comment before its entry', [dir, '#bk ./a note=changed', './a type=file'], 'line 5: comment without its entry: ./a'],
    ['absolute', [dir, '/etc type=dir'], 'line 4: path is absolute: /etc'],
    ['out of the tree', [dir, './.. type=dir'], 'line 4: path leaves the tree by ..: ./..'],
    ['a keyword of its own', [dir, './a type=file sha1=00'], 'line 4: not an entry of an index: ./a type=file sha1=00'],
    ['a comment of its own', [dir, '# hello'], 'line 4: not a line of an index: # hello'],
    ['/set', ['/set type=file', dir], 'line 3: path is absolute: /set'],
    ['an empty line', [dir, ''], /^line 4: /],
    ['a bad value', [dir, './a type=file', '#bk ./a cut=99', './b type=file'], 'line 5: bad value of cut=: #bk ./a cut=99'],
    ['comments unsorted', [dir, './a type=file', '#bk ./a note=changed', '#bk ./a error=EIO', './b type=file'], /^line 6: comments are not sorted/],
    ['a move', [dir, './a type=file', '#bk ./a from=./b'], /from= belongs to changes/],
    ['carriage returns', [`${dir}\r`], /^line 3: not an entry/],
    ['too long', [dir, `./a type=link link=${'a'.repeat(65_000)}`], 'line 4: line is longer than 65,000 bytes'],
    ['a byte of zero', [dir, './a\0 type=file'], 'line 4: binary data where text belongs'],
    ['a byte of zero that comes too late', [dir, `./${'a'.repeat(66_000)}\0`], 'line 4: line is longer than 65,000 bytes'],
    ['a byte of zero in a line that is too long', [dir, `./\0${'a'.repeat(66_000)}`], 'line 4: binary data where text belongs'],
    ['a byte of zero behind what is wrong already', ['./a type=file', './a\0 type=file'], 'line 3: no directory stands above ./a'],
    ['bytes from 0x80', [dir, './\xff type=file'], /^line 4: path is not escaped/],
  ])('%s', async (_, lines, why) => {
    const text = indexText(lines)
    const message = await refusal(() => readIndex(text))
    if (typeof why === 'string') expect(message).toBe(why)
    else expect(message).toMatch(why)
    // The same in small pieces.
    expect(await refusal(() => readIndex(piecesOf(bytes(text), text.length > 9999 ? 99 : 1)))).toBe(message)
  })

  test('of 65,001 bytes, and not of 65,000', async () => {
    const line = (length: number): string => './l type=link link='.padEnd(length, 'a')
    for (const size of [1, 4096, 65_001, 1_000_000]) {
      expect((await readIndex(piecesOf(bytes(indexText(['. type=dir', line(65_000)])), size))).groups).toHaveLength(2)
      expect(await refusal(() => readIndex(piecesOf(bytes(indexText(['. type=dir', line(65_001)])), size)))).toBe('line 4: line is longer than 65,000 bytes')
    }
  })
})

describe('the ends are refused', () => {
  test.each([
    ['nothing', () => '', /cut off/],
    ['mtree alone', () => '#mtree\n', /^line 1: not an index of bk/],
    ['another list', () => '#mtree\n. type=dir\n', /^line 1: not an index of bk/],
    ['no first line', () => sample.slice(7), /^line 1: not an index of bk/],
    ['a version of tomorrow', () => sample.replace('#bk index 1', '#bk index 2'), /^line 2: index is from version 2, this is version 1$/],
    ['a version spelt otherwise', () => sample.replace('#bk index 1', '#bk index 01'), /^line 2: index is from version 01/],
    ['a root that is not absolute', () => signed(sample.replace('root=/srv', 'root=srv')), 'line 2: root= is not an absolute path'],
    ['a root with more behind it', () => sample.replace('root=/srv', 'root=/srv x=y'), /^line 1: not an index of bk/],
    ['no end line', () => sample.slice(0, sample.lastIndexOf('#bk end ')), 'the index is cut off: it has no end line'],
    ['an end line without LF', () => sample.slice(0, -1), 'line 12: the last line is cut off'],
    ['an entry behind', () => `${sample}./z type=file\n`, 'line 13: something stands behind the end line'],
    ['an empty line behind', () => `${sample}\n`, 'line 13: something stands behind the end line'],
    ['a byte behind', () => `${sample}.`, 'line 13: the last line is cut off'],
    ['another index behind', () => sample + sample, 'line 13: something stands behind the end line'],
    ['another digest', () => sample.replace(/sha256=[0-9a-f]{64}\n$/, `sha256=${id}\n`), 'line 12: the digest in the end line is not that of the text'],
    ['another count', () => sample.replace('entries=5', 'entries=6'), 'line 12: the end line counts 6 entries, there are 5'],
    ['complete, though it is not', () => sample.replace('partial=1', 'complete'), 'line 12: the end line counts 0 unread paths, there are 1'],
    ['another count of unread paths', () => sample.replace('partial=1', 'partial=2'), 'line 12: the end line counts 2 unread paths, there are 1'],
    ['partial=0', () => sample.replace('partial=1', 'partial=0'), 'line 12: the end line is not in the format'],
    ['zeros in front', () => sample.replace('entries=5', 'entries=05'), 'line 12: the end line is not in the format'],
    ['words behind', () => sample.replace(/\n$/, ' x\n'), 'line 12: the end line is not in the format'],
    ['an end line alone', () => sample.slice(sample.lastIndexOf('#bk end ')), /^line 1: not an index of bk/],
  ])('%s', async (_, text, why) => {
    const whole = bytes(text())
    const message = await refusal(() => readIndex([whole]))
    if (typeof why === 'string') expect(message).toBe(why)
    else expect(message).toMatch(why)
    expect(await refusal(() => readIndex(piecesOf(whole, 1)))).toBe(message)
  })

  test('wherever the text was cut off', async () => {
    const whole = bytes(sample)
    for (let length = 0; length < whole.length; length++) await refusal(() => readIndex([whole.subarray(0, length)]))
  })
})

test('one byte more, less or other anywhere is refused, and nothing worse happens', async () => {
  const whole = bytes(sample)
  for (let at = 0; at < whole.length; at++) {
    for (const other of [whole[at]! ^ 1, whole[at]! ^ 0x80, 0x0a, 0x00, 0x20]) {
      const flipped = Buffer.from(whole)
      flipped[at] = other
      if (other !== whole[at]) await refusal(() => readIndex([flipped]))
    }
    await refusal(() => readIndex([whole.subarray(0, at), whole.subarray(at + 1)]))
    for (const more of [' ', '\n', '0', '\\', '\0']) await refusal(() => readIndex([whole.subarray(0, at), bytes(more), whole.subarray(at)]))
  }
})

test('what a forger changes and signs again is refused, or is another index in its one spelling', async () => {
  const end = sample.lastIndexOf('#bk end ')
  let taken = 0
  for (let at = 0; at < end; at++) {
    for (const other of ['', ' ', '\n', '0', 'a', '/', '.', '\\', '=', '#', `${sample[at]!}${sample[at]!}`]) {
      const text = signed(sample.slice(0, at) + other + sample.slice(at + 1))
      const read = await outcome(() => readIndex(text))
      if ('refused' in read) continue
      taken++
      const lines = read.groups.flatMap(({line, comments}) => [
        ...(line === '' ? [] : [formatEntry(parseEntryLine(line))]),
        ...comments.map((comment) => parseComment(comment)).map(({path, key, value}) => formatComment(path, key, value)),
      ])
      expect(indexText(lines, read.root)).toBe(text)
    }
  }
  // Other digits, names and values are other indexes.
  expect(taken).toBeGreaterThan(300)
})

test('splitting the text anywhere changes nothing', async () => {
  const whole = bytes(sample)
  const read = await readIndex([whole])
  for (let at = 0; at <= whole.length; at++) expect(await readIndex([whole.subarray(0, at), whole.subarray(at)])).toEqual(read)
  for (const size of [1, 2, 3, 7, 100]) expect(await readIndex(piecesOf(whole, size))).toEqual(read)
})

test('a text of one large piece is not held as one string', async () => {
  const lines = Array.from({length: 20_000}, (_, i) => `./${String(i).padStart(6, '0')} type=file`)
  const reader = new IndexReader([bytes(indexText(['. type=dir', ...lines]))])
  let batches = 0
  for await (const batch of reader.batches()) batches += batch.length > 0 ? 1 : 0
  expect(batches).toBeGreaterThan(1)
  expect(reader.end?.entries).toBe(20_001)
})

describe('without the whole grammar', () => {
  test('order, ancestors and sums are checked all the same', async () => {
    expect((await readIndex(sample, false)).groups).toEqual((await readIndex(sample)).groups)
    for (const [lines, why] of [
      [['. type=dir', './b type=file', './a type=file'], /not sorted/],
      [['./a type=file'], /no directory stands above/],
      [['. type=dir', './../a type=file'], /leaves the tree/],
    ] as const) expect(await refusal(() => readIndex(indexText(lines), false))).toMatch(why)
    expect(await refusal(() => readIndex(sample.replace('size=6', 'size=7'), false))).toMatch(/digest/)
  })
})

test.each([
  ['/', true], ['.', true], ['/srv', true], ['/a\\040b/...', true], ['/.a/..b', true], ['', false], ['srv', false], ['./srv', false], ['//', false], ['/srv/', false], ['/a//b', false],
  ['/a/./b', false], ['/a/..', false], ['/..', false], ['/\\141', false], ['/a\\000', false], ['/a=b', false], ['..', false],
])('root=%s: %s', (root, is) => {
  expect(isRoot(root)).toBe(is)
})

function piecesOf(whole: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size))
  return pieces
}

describe('what two trusted texts have in common', () => {
  const lines = (names: string): string[] => ['. type=dir', ...[...names].map((name) => `./${name} type=file size=${name.charCodeAt(0)}`)]
  const reader = (names: readonly string[], trusted = true): IndexReader => new IndexReader([bytes(indexText(names))], {trusted})

  async function passed(a: readonly string[], b: readonly string[], trusted = true): Promise<{text: string | undefined; next: readonly (string | undefined)[]}> {
    const [one, two] = [reader(a, trusted), reader(b, trusted)]
    await Promise.all([one.next(), two.next()])
    const same = one.passSame(two)
    return {text: same?.text, next: [(await one.next())?.path, (await two.next())?.path]}
  }

  test('is passed over at once, but for the last line that it has', async () => {
    expect(await passed(lines('abcdef'), lines('abcdeg'))).toEqual({text: lines('abcd').slice(1).map((line) => `${line}\n`).join(''), next: ['./e', './e']})
  })

  test('ends before an entry that has comments', async () => {
    const commented = [...lines('abc'), '#bk ./c note=changed', ...lines('de').slice(1)]
    expect(await passed(commented, commented)).toEqual({text: lines('ab').slice(1).map((line) => `${line}\n`).join(''), next: ['./c', './c']})
  })

  test('is nothing for texts that are not trusted, or differ at once', async () => {
    expect(await passed(lines('abcdef'), lines('abcdef'), false)).toEqual({text: undefined, next: ['./a', './a']})
    expect(await passed(lines('abcdef'), lines('bcdef'))).toEqual({text: undefined, next: ['./a', './b']})
  })
})
