// Changes as text: the grammar line by line, and that nothing outside of it comes through.

import {describe, expect, test} from 'vitest'
import {changesEndLine, changesHeader, formatChange, linesOf, type Change} from '../../../src/lib/index/changes.ts'
import {formatComment, parseComment} from '../../../src/lib/index/group.ts'
import {formatEntry, parseEntryLine} from '../../../src/lib/index/entry.ts'
import {bytes, changesText, outcome, readChanges, refusal} from './texts.ts'

const id = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'
const sample = changesText([
  '= . type=dir mode=0755 uid=0 gid=0',
  `+ ./a type=file mode=0644 size=6 time=1763800000.000000005 sha256=${id}`,
  `+ #bk ./a chunks=${id}`,
  '+ #bk ./a cut=15',
  '- ./b\\040c',
  `> ./c type=file size=6 sha256=${id}`,
  '> #bk ./c from=./b',
  '> #bk ./c note=changed',
  '~ ./d type=link link=a\\040b',
  '~ #bk ./s left-out=socket',
  '! #bk ./y error=EACCES',
])

test('changes say what they hold', async () => {
  const {changes, header, end} = await readChanges(sample)
  expect(header).toEqual({root: '/srv', object: undefined})
  expect(end).toEqual({base: undefined, target: '0'.repeat(64), lines: 11, partial: 0})
  expect(changes.map(({mark, group}) => `${mark} ${group.path}`)).toEqual(['= .', '+ ./a', '- ./b\\040c', '> ./c', '~ ./d', '~ ./s', '! ./y'])
  expect(changes[2]!.group).toEqual({path: './b\\040c', line: '', comments: []})
  expect(changesHeader(header) + changes.map(formatChange).join('') + changesEndLine(end)).toBe(sample)
  expect(changes.reduce((sum, change) => sum + linesOf(change), 0)).toBe(11)
})

test('the header may name an object, the end a base and unread paths', async () => {
  const text = `#bk changes 1 root=/ object=${id}\n#bk end base=sha256:${id} target=sha256:${id} lines=0 partial=12\n`
  const {header, end, changes} = await readChanges(text)
  expect({header, end, changes}).toEqual({header: {root: '/', object: id}, end: {base: id, target: id, lines: 0, partial: 12}, changes: []})
  expect(changesHeader(header) + changesEndLine(end)).toBe(text)
})

describe('lines are refused', () => {
  test.each([
    ['unsorted', ['- ./b', '- ./a'], 'line 3: paths are not sorted as LC_ALL=C sorts them: ./a'],
    ['sorted by mark', ['+ ./b type=file', '- ./a'], 'line 3: paths are not sorted as LC_ALL=C sorts them: ./a'],
    ['twice', ['- ./a', '- ./a'], 'line 3: path is there twice: ./a'],
    ['two marks', ['- ./a', '+ ./a type=file'], 'line 3: path is there twice: ./a'],
    ['a comment with another mark', ['+ ./a type=file', '= #bk ./a note=changed'], 'line 3: path is there twice: ./a'],
    ['a comment behind a gone path', ['- ./a', '- #bk ./a note=changed'], /^line 3: path does not begin/],
    ['a comment without its entry', ['+ #bk ./a note=changed'], /comment without its entry: \.\/a/],
    ['a comment of another path', ['+ ./a type=file', '+ #bk ./b note=changed'], /comment without its entry: \.\/b/],
    ['comments unsorted', ['+ ./a type=file', '+ #bk ./a note=changed', '+ #bk ./a error=EIO'], /^line 4: comments are not sorted/],
    ['a bad value', ['+ ./a type=file', '+ #bk ./a cut=99', '- ./b'], /^line 3: bad value of cut=/],
    ['an entry behind a gone path', ['- ./a type=file'], /^line 2: path is not escaped/],
    ['no mark', ['./a type=file'], /^line 2: not a line of changes/],
    ['another mark', ['* ./a type=file'], /^line 2: not a line of changes/],
    ['no space', ['+./a type=file'], /^line 2: not a line of changes/],
    ['two spaces', ['+  ./a type=file'], /^line 2: /],
    ['an empty line', [''], /^line 2: not a line of changes/],
    ['out of the tree', ['- ./..'], 'line 2: path leaves the tree by ..: ./..'],
    ['absolute', ['+ /a type=file'], 'line 2: path is absolute: /a'],
    ['a keyword of its own', ['+ ./a type=file sha1=00'], /^line 2: not an entry of an index/],
    ['a move from nowhere', ['> ./a type=file'], /a move without from=: \.\/a/],
    ['a move of a directory', ['> ./a type=dir', '> #bk ./a from=./b'], /a move of what is no file: \.\/a/],
    ['a move without an entry', ['> #bk ./a error=EIO', '> #bk ./a from=./b'], /a move of what is no file: \.\/a/],
    ['a move under another mark', ['+ ./a type=file', '+ #bk ./a from=./b'], /from= without a move: \.\/a/],
    ['a bad move', ['> ./a type=file', '> #bk ./a from=../b'], /^line 3: path does not begin/],
    ['an unread path with an entry', ['! ./a type=file', '! #bk ./a error=EIO'], /an unread path says only why: \.\/a/],
    ['an unread path without a reason', ['! #bk ./a left-out=socket'], /an unread path says only why: \.\/a/],
    ['too long', [`- ./${'a'.repeat(65_000)}`], 'line 2: line is longer than 65,000 bytes'],
    ['a byte of zero', ['- ./a', '- ./b\0'], 'line 3: binary data where text belongs'],
  ])('%s', async (_, lines, why) => {
    const whole = bytes(changesText(lines))
    const message = await refusal(() => readChanges([whole]))
    if (typeof why === 'string') expect(message).toBe(why)
    else expect(message).toMatch(why)
    expect(await refusal(() => readChanges(piecesOf(whole, 1)))).toBe(message)
  })
})

describe('the ends are refused', () => {
  test.each([
    ['nothing', () => '', 'the list of changes is cut off: it has no end line'],
    ['an index', () => '#mtree\n#bk index 1 root=/srv\n', 'line 1: not a list of changes of bk'],
    ['a version of tomorrow', () => sample.replace('changes 1', 'changes 2'), 'line 1: changes are from version 2, this is version 1'],
    ['a root that is not absolute', () => sample.replace('root=/srv', 'root=srv'), 'line 1: root= is not an absolute path'],
    ['an object that is no id', () => sample.replace('root=/srv', 'root=/srv object=1'), 'line 1: not a list of changes of bk'],
    ['words behind the header', () => sample.replace('root=/srv', 'root=/srv x=1'), 'line 1: not a list of changes of bk'],
    ['no end line', () => sample.slice(0, sample.lastIndexOf('#bk end ')), 'the list of changes is cut off: it has no end line'],
    ['an end line without LF', () => sample.slice(0, -1), 'line 13: the last line is cut off'],
    ['something behind', () => `${sample}- ./z\n`, 'line 14: something stands behind the end line'],
    ['another count', () => sample.replace('lines=11', 'lines=12'), 'line 13: the end line counts 12 lines, there are 11'],
    ['zeros in front', () => sample.replace('lines=11', 'lines=011'), 'line 13: the end line is not in the format'],
    ['partial=0', () => sample.replace('complete', 'partial=0'), 'line 13: the end line is not in the format'],
    ['no target', () => sample.replace(/target=\S+ /, ''), 'line 13: the end line is not in the format'],
    ['a bare digest', () => sample.replace('base=none', `base=${id}`), 'line 13: the end line is not in the format'],
  ])('%s', async (_, text, why) => {
    const whole = bytes(text())
    expect(await refusal(() => readChanges([whole]))).toBe(why)
    expect(await refusal(() => readChanges(piecesOf(whole, 1)))).toBe(why)
  })

  test('wherever the text was cut off', async () => {
    const whole = bytes(sample)
    for (let length = 0; length < whole.length; length++) await refusal(() => readChanges([whole.subarray(0, length)]))
  })
})

test('one byte more, less or other anywhere is refused, or is other changes in their one spelling', async () => {
  let taken = 0
  for (let at = 0; at < sample.length; at++) {
    const flips = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => String.fromCharCode(sample.charCodeAt(at) ^ bit))
    for (const other of [...flips, '', ' ', '\n', '\0', `${sample[at]!}${sample[at]!}`]) {
      const text = sample.slice(0, at) + other + sample.slice(at + 1)
      if (text === sample) continue
      const read = await outcome(() => readChanges(text))
      if ('refused' in read) continue
      taken++
      const again = read.changes.map(({mark, group}): Change => ({
        mark,
        group: {
          path: group.path,
          line: group.line === '' ? '' : formatEntry(parseEntryLine(group.line)),
          comments: group.comments.map((comment) => parseComment(comment)).map(({path, key, value}) => formatComment(path, key, value)),
        },
      }))
      expect(changesHeader(read.header) + again.map(formatChange).join('') + changesEndLine(read.end)).toBe(text)
    }
  }
  expect(taken).toBeGreaterThan(300)
})

test('splitting the text anywhere changes nothing', async () => {
  const whole = bytes(sample)
  const read = await readChanges([whole])
  for (let at = 0; at <= whole.length; at++) expect(await readChanges([whole.subarray(0, at), whole.subarray(at)])).toEqual(read)
  for (const size of [1, 2, 3, 7, 100]) expect(await readChanges(piecesOf(whole, size))).toEqual(read)
})

function piecesOf(whole: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size))
  return pieces
}
