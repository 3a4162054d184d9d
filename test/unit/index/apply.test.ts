// Carrying changes out: what does not fit is refused, what a store keeps is what really changed, and lists of changes join.

import {describe, expect, test} from 'vitest'
import {applyChanges, composeChanges, type ApplyOptions} from '../../../src/lib/index/apply.ts'
import {batchOf} from '../../../src/lib/index/cursor.ts'
import {formatChange, type Change, type Mark} from '../../../src/lib/index/changes.ts'
import {withComments, type Group} from '../../../src/lib/index/group.ts'
import {diffOf, indexText, linesOf, outcome, printed, readChanges, readIndex, refusal} from './texts.ts'

function group(path: string, words = 'type=fifo', ...comments: string[]): Group {
  return {path, line: words === '' ? '' : `${path} ${words}`, comments: comments.map((comment) => `#bk ${path} ${comment}`)}
}

function change(mark: Mark, path: string, words = mark === '-' || mark === '!' ? '' : 'type=fifo', ...comments: string[]): Change {
  return {mark, group: group(path, words, ...(mark === '!' ? ['error=EIO'] : []), ...comments)}
}

async function applied(base: readonly Group[], changes: readonly Change[], options: ApplyOptions = {}): Promise<string[]> {
  const result: Group[] = []
  for await (const batch of applyChanges(batchOf(base), batchOf(changes), options)) result.push(...batch)
  return result.flatMap(linesOf)
}

const top = group('.', 'type=dir')

describe('a change that does not fit is refused', () => {
  test.each<[name: string, base: readonly Group[], changes: readonly Change[], why: RegExp]>([
    ['new, but there', [top, group('./a')], [change('+', './a')], /\.\/a is new, but the base has it$/],
    ['moved to what is there', [top, group('./a'), group('./b')], [change('>', './a', 'type=file', 'from=./b')], /\.\/a is new, but the base has it$/],
    ['changed, but not there', [top], [change('~', './a')], /\.\/a is changed, but the base does not have it$/],
    ['other metadata, but not there', [top], [change('=', './a')], /\.\/a is changed, but the base does not have it$/],
    ['gone, but not there', [top], [change('-', './a')], /\.\/a is gone, but the base does not have it$/],
    ['a directory goes, what is in it stays', [top, group('./a', 'type=dir'), group('./a/b')], [change('-', './a')], /\.\/a\/b has no directory above it$/],
    ['a directory becomes a file, what is in it stays', [top, group('./a', 'type=dir'), group('./a/b')], [change('~', './a')], /\.\/a\/b has no directory above it$/],
    ['new below nothing', [top], [change('+', './a/b')], /\.\/a\/b has no directory above it$/],
    ['new below a file', [top, group('./a')], [change('+', './a/b')], /\.\/a\/b has no directory above it$/],
    ['unread below nothing', [top], [change('!', './a/b')], /\.\/a\/b has no directory above it$/],
    ['against nothing', [], [change('-', '.')], /\. is gone/],
  ])('%s', async (_, base, changes, why) => {
    const froms = new Set(changes.some(({mark}) => mark === '>') ? ['./b'] : [])
    expect(await refusal(() => applied(base, changes, {froms}))).toMatch(why)
  })

  test('a move from a path that is not there, or was said to be kept', async () => {
    const move = change('>', './c', 'type=file', 'from=./b')
    expect(await refusal(() => applied([top], [move], {froms: new Set(['./b'])}))).toMatch(/was moved from a path that is not there/)
    expect(await refusal(() => applied([top, group('./b')], [change('~', './b'), move], {froms: new Set(['./b'])}))).toMatch(/was moved from a path that is not there/)
    expect(await refusal(() => applied([top, group('./b')], [move, change('>', './d', 'type=file', 'from=./b')], {froms: new Set(['./b'])}))).toMatch(/was moved twice/)
  })

  test('with few words, however long the path is', async () => {
    expect((await refusal(() => applied([top], [change('-', `./${'a/'.repeat(2000)}a`)]))).length).toBeLessThan(400)
  })
})

test('changes fit in every way that the table names', async () => {
  const base = [top, group('./a'), group('./b', 'type=file size=6'), group('./d', 'type=dir'), group('./d/e'), group('./x', 'type=file', 'note=changed')]
  const changes = [
    change('~', './a', 'type=file size=1'), change('>', './c', 'type=file size=6', 'flags=nodump', 'from=./b'), change('-', './d'), change('-', './d/e'),
    change('=', './x', 'type=file'), change('!', './y'), change('+', './z', '', 'left-out=socket'),
  ]
  expect(await applied(base, changes, {froms: new Set(['./b'])})).toEqual([
    '. type=dir', './a type=file size=1', './c type=file size=6', '#bk ./c flags=nodump', './x type=file', '#bk ./y error=EIO', '#bk ./z left-out=socket',
  ])
})

test('what could not be read keeps its lines, stale, and all that is below', async () => {
  const base = [top, group('./d', 'type=dir', 'note=changed', 'zz=1'), group('./d/e'), group('./f', '', 'error=EACCES')]
  expect(await applied(base, [change('!', './d'), change('!', './f')])).toEqual([
    '. type=dir', './d type=dir', '#bk ./d note=changed', '#bk ./d stale=EIO', '#bk ./d zz=1', './d/e type=fifo', '#bk ./f error=EIO',
  ])
})

describe('a store is told', () => {
  async function storedOf(base: readonly Group[], changes: readonly Change[], options: ApplyOptions = {}): Promise<string[]> {
    const stored: Change[] = []
    await applied(base, changes, {...options, stored: (one) => stored.push(one)})
    return stored.map(formatChange).join('').split('\n').slice(0, -1)
  }

  test.each<[name: string, base: readonly Group[], changes: readonly Change[], stored: readonly string[]]>([
    ['of a move as new and gone', [top, group('./b', 'type=file')], [change('>', './a', 'type=file', 'from=./b')], ['+ ./a type=file', '- ./b']],
    ['of a move the other way', [top, group('./a', 'type=file')], [change('>', './b', 'type=file', 'from=./a')], ['- ./a', '+ ./b type=file']],
    ['of an unread path that was there as other metadata', [top, group('./a')], [change('!', './a')], ['= ./a type=fifo', '= #bk ./a stale=EIO']],
    ['of an unread path that was not there', [top], [change('!', './a')], ['! #bk ./a error=EIO']],
    ['nothing of what is still unread', [top, group('./a', 'type=fifo', 'stale=EIO'), group('./b', '', 'error=EIO')], [change('!', './a'), change('!', './b')], []],
    ['nothing of what is as it was', [top, group('./a')], [change('=', './a')], []],
  ])('%s', async (_, base, changes, stored) => {
    const froms = new Set(changes.flatMap(({mark, group: {comments}}) => (mark === '>' ? comments.map((comment) => comment.split('=')[1]!) : [])))
    expect(await storedOf(base, changes, {froms})).toEqual(stored)
  })

  test('of what was mended on the way', async () => {
    const mend = (one: Group): Group => (one.path === './a' || one.path === './c' ? withComments(one, {note: 'changed'}) : one)
    expect(await storedOf([top, group('./a'), group('./b')], [change('+', './c')], {mend})).toEqual([
      '= ./a type=fifo', '= #bk ./a note=changed', '+ ./c type=fifo', '+ #bk ./c note=changed',
    ])
  })
})

describe('changes that follow one another join', () => {
  // From the first column by the second to the third: what stands for both.
  test.each<[first: string, second: string, joined: string]>([
    ['+', '~', '+'], ['+', '=', '+'], ['+', '-', ''], ['~', '~', '~'], ['~', '=', '~'], ['~', '-', '-'], ['=', '~', '~'], ['=', '=', '='], ['=', '-', '-'],
    ['-', '+', '~'], ['-', '!', '~'], ['!', '=', '+'], ['!', '~', '+'], ['!', '-', ''], ['', '+', '+'], ['-', '', '-'],
  ])('%s then %s is %s', (first, second, joined) => {
    const list = (mark: string, words: string): Change[] => (mark === '' ? [] : [change(mark as Mark, './a', mark === '-' || mark === '!' ? '' : words)])
    const result = composeChanges([list(first, 'type=fifo'), list(second, 'type=dir')])
    expect(result.map(({mark}) => mark).join('')).toBe(joined)
    const last = second === '' ? list(first, 'type=fifo') : list(second, 'type=dir')
    if (joined !== '') expect(result[0]!.group).toEqual(last[0]!.group)
  })

  test('and again, through three lists and more', () => {
    const lists = ['+', '-', '+', '~', '-', '+'].map((mark) => [change(mark as Mark, './a')])
    expect(lists.map((_, i) => composeChanges(lists.slice(0, i + 1)).map(({mark}) => mark).join(''))).toEqual(['+', '', '+', '+', '', '+'])
    const known = ['-', '+', '=', '-', '!', '='].map((mark) => [change(mark as Mark, './a')])
    expect(known.map((_, i) => composeChanges(known.slice(0, i + 1)).map(({mark}) => mark).join(''))).toEqual(['-', '~', '~', '-', '~', '~'])
  })

  test('in the order of paths', () => {
    const joined = composeChanges([[change('+', './a/b'), change('+', './c')], [change('+', './a-'), change('+', './b')]])
    expect(joined.map(({group: {path}}) => path)).toEqual(['./a-', './a/b', './b', './c'])
    expect(composeChanges([])).toEqual([])
  })
})

test('a change of any byte of the changes is refused, or leads to another digest than they announce', async () => {
  const one = '1'.repeat(64)
  const old = indexText(['. type=dir', './a type=fifo', `./b type=file size=6 sha256=${one}`, './d type=dir', './d/e type=fifo'])
  const next = indexText(['. type=dir', './a type=fifo mode=0600', `./c type=file size=6 sha256=${one}`, '#bk ./d error=EIO'])
  const {text, end} = await diffOf(old, next)
  const base = (await readIndex(old)).groups
  const expected = await targetText(text)
  let refused = 0
  for (let at = 0; at < text.length; at++) {
    for (const other of ['', '0', 'a', '-', '\n', ' ', String.fromCharCode(text.charCodeAt(at) ^ 1)]) {
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      const result = await outcome(() => targetText(changed))
      if (typeof result !== 'string') refused++
      else if (result !== expected) expect((await readIndex(result)).end.digest).not.toBe((await readChanges(changed)).end.target)
    }
  }
  expect((await readIndex(expected)).end.digest).toBe(end.target)
  expect(refused).toBeGreaterThan(1000)

  async function targetText(changesText: string): Promise<string> {
    const {changes, header} = await readChanges(changesText)
    const froms = new Set(changes.flatMap(({mark, group: {comments, path}}) => (mark === '>' ? comments.map((it) => it.slice(`#bk ${path} from=`.length)) : [])))
    const result: Group[] = []
    for await (const batch of applyChanges(batchOf(base), batchOf(changes), {froms})) result.push(...batch)
    return printed(result, header.root)
  }
})
