// What a pull over SFTP makes of a tree as its source tells of it: the changes, carried out, give what a few naive lines over whole
// trees say, whatever was there before and whatever was ever copied.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {applyChanges} from '../../../src/lib/index/apply.ts'
import {linesOf, type Change} from '../../../src/lib/index/changes.ts'
import {batchOf} from '../../../src/lib/index/cursor.ts'
import {compare, type CompareOptions} from '../../../src/lib/pull/compare.ts'
import {groupsOf, type Thing, type Tree} from '../index/arbitrary.ts'
import {law} from '../index/texts.ts'

type Words = Readonly<Record<string, string>>

const [settled, later, fresh] = ['1700000000.000000000', '1700000005.000000005', '1800000000.000000000']
const now = '2026-11-22T08:30:05Z'
// The first two have the same size, so that only a digest or a time tells them apart.
const contents = [[1, 7], [2, 7], [3, 9]].map(([digit, size]) => ({size: String(size), md5: String(digit).repeat(32), sha256: String(digit).repeat(64)}))

const names = ['a', 'a-', 'b']
const under = (path: string): string[] => names.map((name) => `${path}/${name}`)
const paths = under('.').flatMap((one) => [one, ...under(one).flatMap((two) => [two, ...under(two)])])
const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'))

const pick = <T>(...all: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...all)
const some = (comments: Readonly<Record<string, string>>): fc.Arbitrary<Readonly<Record<string, string>>> =>
  fc.subarray(Object.entries(comments)).map((entries) => Object.fromEntries(entries))

const content = pick(...contents)
const time = pick(settled, settled, later, fresh)
const owner = {mode: '0644', uid: '0', gid: '0'}

/** A tree of which each path may have a thing, if there is a directory above it. */
const treeOf = (top: Words, thing: fc.Arbitrary<Thing | undefined>): fc.Arbitrary<Tree> =>
  fc.array(thing, {minLength: paths.length, maxLength: paths.length}).map((things) => {
    const tree = new Map<string, Thing>([['.', {words: top, comments: {}}]])
    for (const [at, path] of paths.entries()) if (tree.get(parent(path))?.words?.['type'] === 'dir' && things[at] !== undefined) tree.set(path, things[at])
    return tree
  })
const thing = (words: fc.Arbitrary<Words | undefined>, comments: fc.Arbitrary<Words> = fc.constant({})): fc.Arbitrary<Thing> => fc.record({words, comments})
const nothing = fc.constant(undefined)

const oldDirectory = {type: 'dir', mode: '0755', uid: '0', gid: '0', uname: 'root', time: settled}
const oldFile = fc.tuple(content, time, fc.boolean()).map(([{size, md5, sha256}, at, hasMd5]) => ({type: 'file', ...owner, uname: 'root', size, time: at, ...(hasMd5 ? {md5} : {}), sha256}))
const oldTree = treeOf(oldDirectory, fc.oneof(
  nothing,
  {weight: 3, arbitrary: thing(fc.constant(oldDirectory), some({gone: '2020-01-01T00:00:00Z', stale: 'EIO'}))},
  {weight: 4, arbitrary: thing(oldFile, some({gone: '2020-01-01T00:00:00Z', note: 'not-as-listed', stale: 'EIO', 'xattr.user.a': 'YQ=='}))},
  thing(oldFile, fc.constant({chunks: 'c'.repeat(64), cut: '15'})),
  thing(pick({type: 'link', mode: '0777', time: settled, link: 'x'})),
  thing(nothing, pick<Words>({error: 'EACCES'}, {'left-out': 'socket'})),
))

const knownTree: fc.Arbitrary<Tree> = fc.array(fc.option(fc.tuple(content, time), {nil: undefined}), {minLength: paths.length, maxLength: paths.length}).map((found) =>
  new Map(paths.flatMap((path, at): [string, Thing][] => {
    if (found[at] === undefined) return []
    const [{size, md5, sha256}, known] = found[at]
    return [[path, {words: {type: 'file', size, time: known, md5, sha256}, comments: {}}]]
  })))

/** What lists of several kinds say of files and directories. */
const kinds = {
  md5: {dir: {type: 'dir'}, file: ({md5}: typeof contents[number]) => ({type: 'file', md5})},
  sha256: {dir: {type: 'dir'}, file: ({sha256}: typeof contents[number]) => ({type: 'file', sha256})},
  walk: {dir: {type: 'dir', mode: '0755', uid: '0', gid: '0', time: settled}, file: ({size}: typeof contents[number], at: string) => ({type: 'file', ...owner, size, time: at})},
  index: {
    dir: {type: 'dir', mode: '0700', uid: '1', gid: '0', uname: 'other', time: settled},
    file: ({size, sha256}: typeof contents[number], at: string) => ({type: 'file', ...owner, uname: 'root', size, time: at, sha256}),
  },
}
const forged = {chunks: 'd'.repeat(64), cut: '16', flags: 'nodump', gone: now, note: 'changed', stale: 'EACCES', 'xattr.user.b': 'Yg==', 'xattr.user.c': `@${'e'.repeat(64)}`}
const seenTree = pick(...Object.values(kinds)).chain((kind) => treeOf(kind.dir, fc.oneof(
  nothing,
  {weight: 3, arbitrary: thing(fc.constant(kind.dir), pick<Words>({}, {}, {error: 'ENAMETOOLONG'}, {hardlink: '.'}))},
  {weight: 4, arbitrary: thing(fc.tuple(content, time).map(([found, at]) => kind.file(found, at)), fc.oneof(fc.constant({}), some(forged)))},
  thing(pick({type: 'link', mode: '0777', time: settled, link: 'x'}, {type: 'link', mode: '0777', time: settled, link: 'y'})),
  thing(nothing, pick<Words>({error: 'EACCES'}, {'left-out': 'socket'})),
)))

const order = ['type', 'mode', 'uid', 'gid', 'uname', 'gname', 'size', 'time', 'link', 'md5', 'sha256']
const sorted = (words: Readonly<Record<string, string | undefined>>): Words =>
  Object.fromEntries(order.flatMap((key) => (words[key] === undefined ? [] : [[key, words[key]]])))
const without = (comments: Words, ...keys: readonly string[]): Words => Object.fromEntries(Object.entries(comments).filter(([key]) => !keys.includes(key)))

function isSameContent(a: Words, b: Words): boolean {
  if (a['type'] !== b['type']) return false
  if (a['type'] === 'link') return a['link'] === b['link']
  if (a['type'] !== 'file') return true
  for (const digest of ['sha256', 'md5']) if (a[digest] !== undefined && b[digest] !== undefined) return a[digest] === b[digest]
  return a['size'] !== undefined && a['size'] === b['size'] && a['time'] === b['time']
}

/** As above, but a file of which only size and time agree has to be old enough. */
function isCertain(before: Thing | undefined, seen: Words): boolean {
  if (before?.words === undefined || before.comments['stale'] !== undefined || !isSameContent(before.words, seen)) return false
  const hasDigest = ['sha256', 'md5'].some((digest) => before.words![digest] !== undefined && seen[digest] !== undefined)
  return seen['type'] !== 'file' || hasDigest || seen['time'] !== fresh
}

type Case = {readonly seen: Tree; readonly old: Tree | undefined; readonly known: Tree | undefined; readonly cumulative: boolean; readonly leaveOut: string | undefined}

/** What is to come of it, path by path. */
function expected({seen: all, old = new Map(), known = new Map(), cumulative, leaveOut}: Case): {readonly tree: Tree; readonly unchanged: number} {
  const seen = new Map([...all].filter(([path]) => path !== leaveOut))
  const tree = new Map<string, Thing>()
  let unchanged = 0
  // Parents before what lies below them.
  for (const path of new Set(['.', ...paths])) {
    const [there, before] = [seen.get(path), old.get(path)]
    const result = there === undefined ? lost(path, before) : found(path, there, before)
    if (result !== undefined) tree.set(path, result)
  }
  return {tree, unchanged}

  function lost(path: string, before: Thing | undefined): Thing | undefined {
    if (before === undefined) return undefined
    for (let up = path; up !== '.'; ) {
      up = parent(up)
      const above = seen.get(up)
      if (above?.words === undefined && above?.comments['error'] !== undefined) return before
    }
    if (!cumulative || before.words === undefined || path === leaveOut) return undefined
    if (tree.get(parent(path))?.words?.['type'] !== 'dir') return undefined
    return {words: before.words, comments: {gone: now, ...before.comments}}
  }

  function found(path: string, {words, comments}: Thing, before: Thing | undefined): Thing | undefined {
    if (words === undefined) {
      if (comments['error'] === undefined || before?.words === undefined) return {words, comments}
      return {words: before.words, comments: {...before.comments, stale: comments['error']}}
    }
    const said = without(comments, 'chunks', 'cut', 'gone', 'note', 'stale', 'xattr.user.c', ...(words['type'] === 'dir' ? ['hardlink'] : []))
    const isBare = words['mode'] === undefined && words['type'] !== 'link'
    const anew: Thing = {words: isBare ? sorted({...words, mode: '0600'}) : words, comments: said}
    const isCopied = cumulative && words['type'] === 'file'
    if (isCopied ? !isCertain(known.get(path), words) : !isCertain(before, words)) return anew
    if (words['type'] === 'file') unchanged++
    if (before?.words === undefined) return before
    if (isCopied && !isSameContent(before.words, words)) return {words: before.words, comments: without(before.comments, 'gone')}
    const has = before.words
    const uname = words['uname'] ?? (words['uid'] === undefined ? has['uname'] : undefined)
    const merged = sorted({...has, ...words, uname, ...(words['type'] === 'file' && {size: has['size'], md5: has['md5'] ?? words['md5'], sha256: has['sha256']})})
    const chunks = Object.fromEntries(Object.entries(before.comments).filter(([key]) => key === 'chunks' || key === 'cut'))
    return {words: merged, comments: {...said, ...chunks}}
  }
}

const optionsOf = ({seen, old, known, cumulative, leaveOut}: Case): CompareOptions => ({
  root: '/srv',
  seen: batchOf(groupsOf(seen)),
  old: old && {groups: batchOf(groupsOf(old)), digest: 'f'.repeat(64), root: () => '/srv'},
  cumulative: cumulative ? {known: known && batchOf(groupsOf(known)), now} : undefined,
  isSettled: (at) => at !== fresh,
  leaveOut,
  describe: async (entry) => ({...entry, mode: 0o600}),
})

describe('what a source tells of its tree', () => {
  const cases: fc.Arbitrary<Case> = fc.record({
    seen: seenTree,
    old: fc.option(oldTree, {nil: undefined, freq: 8}),
    known: fc.option(knownTree, {nil: undefined, freq: 8}),
    cumulative: fc.boolean(),
    leaveOut: pick(undefined, './b', './a/a-'),
    // A list is a file.
  }).map((it) => ({...it, leaveOut: it.leaveOut !== undefined && it.seen.get(it.leaveOut)?.words?.['type'] === 'dir' ? undefined : it.leaveOut}))

  test('gives the tree that a naive look at it gives', async () => {
    await law(fc.asyncProperty(cases, async (it) => {
      const source = compare(optionsOf(it))
      const changes: Change[] = []
      for await (const batch of source.batches()) changes.push(...batch)
      const result = []
      for await (const batch of applyChanges(batchOf(groupsOf(it.old ?? new Map())), batchOf(changes))) result.push(...batch)
      const {tree, unchanged} = expected(it)
      expect(result).toEqual(groupsOf(tree))
      const files = [...it.seen].filter(([path, {words}]) => path !== it.leaveOut && words?.['type'] === 'file').length
      expect(source.counts).toMatchObject({files, unchanged})
      expect(source.end).toMatchObject({lines: changes.reduce((sum, change) => sum + linesOf(change), 0), base: it.old && 'f'.repeat(64)})
    }), 2000)
  })

  test('and once more, it is the same', async () => {
    await law(fc.asyncProperty(cases, async (it) => {
      // Where the time tells nothing the file is looked at again, and an error is told again.
      const seen = new Map([...it.seen].filter(([, {words, comments}]) => words !== undefined && comments['error'] === undefined && words['time'] !== fresh))
      const again: Case = {...it, seen: new Map([...seen].filter(([path]) => path === '.' || seen.has(parent(path)))), known: undefined, cumulative: false}
      const {tree} = expected(again)
      const source = compare(optionsOf({...again, old: tree}))
      const changes: Change[] = []
      for await (const batch of source.batches()) changes.push(...batch)
      // A new file has no digest before it is read, so a list of digests cannot know it.
      expect(changes.filter(({mark}) => mark !== '=' && mark !== '~')).toEqual([])
      expect(changes.filter(({group}) => !/ type=file/.test(group.line))).toEqual([])
    }), 300)
  })
})

describe('what has no end', () => {
  const groups = async function* (count: number, comments: readonly string[]) {
    yield [{path: '.', line: '. type=dir mode=0755', comments: []}]
    for (let at = 0; at < count; at++) yield [{path: `./${String(at).padStart(8, '0')}`, line: `./${String(at).padStart(8, '0')} type=link mode=0777 link=x`, comments}]
  }

  test('is refused before it is more than an index can hold', async () => {
    const comments = Array.from({length: 100}, (_, at) => `#bk x xattr.user.${at}=${'A'.repeat(40_000)}`)
    const source = compare({...optionsOf({seen: new Map(), old: undefined, known: undefined, cumulative: false, leaveOut: undefined}), seen: groups(300, comments)})
    const take = async (): Promise<void> => {
      for await (const batch of source.batches()) expect(batch.length).toBeGreaterThan(0)
    }
    await expect(take()).rejects.toMatchObject({status: 65, message: expect.stringMatching(/more than an index can hold/)})
  })
})
