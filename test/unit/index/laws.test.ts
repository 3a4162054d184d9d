// What holds for every index and every pair of indexes, whatever is in them. The expected results are computed here by a few naive
// lines over whole trees, from the words of docs/format.md.

import {execFileSync} from 'node:child_process'
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {applyChanges, composeChanges} from '../../../src/lib/index/apply.ts'
import {batchOf} from '../../../src/lib/index/cursor.ts'
import {commentValue, type Group} from '../../../src/lib/index/group.ts'
import {IndexWriter} from '../../../src/lib/index/write.ts'
import type {Change} from '../../../src/lib/index/changes.ts'
import {edited, edits, escaped, groupsOf, tree, type Thing, type Tree} from './arbitrary.ts'
import {bytes, diffOf, law, linesOf, printed, readChanges, readIndex, refusal, sha256} from './texts.ts'

const pair = fc.tuple(tree, edits).map(([before, changes]): [Tree, Tree] => [before, edited(before, changes)])

const cuts = fc.array(fc.nat({max: 4000}), {maxLength: 12})

function inPieces(text: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b)
  return [...ends, text.length].map((end, i) => text.subarray(ends[i - 1] ?? 0, end))
}

async function applied(base: readonly Group[], changes: readonly Change[], stored?: (change: Change) => void): Promise<Group[]> {
  const froms = new Set(changes.flatMap(({mark, group}) => (mark === '>' ? [commentValue(group, 'from')!] : [])))
  const result: Group[] = []
  for await (const batch of applyChanges(batchOf(base), batchOf(changes), {froms, ...(stored === undefined ? {} : {stored})})) result.push(...batch)
  return result
}

describe('an index', () => {
  test('is read as it was printed', async () => {
    await law(fc.asyncProperty(tree, fc.boolean(), async (it, strict) => {
      const groups = groupsOf(it)
      const text = printed(groups)
      const read = await readIndex(text, strict)
      expect(read.groups).toEqual(groups)
      expect(read.end.digest).toBe(sha256(text.slice(0, text.lastIndexOf('#bk end '))))
      expect(read.end.entries).toBe([...it.values()].filter(({words}) => words !== undefined).length)
      expect(read.end.partial).toBe([...it.values()].filter(({comments}) => 'error' in comments || 'stale' in comments).length)
    }), 300)
  })

  test('is printed as it was read', async () => {
    await law(fc.asyncProperty(tree, async (it) => {
      const text = printed(groupsOf(it), '/a\\040b')
      const {groups, root, end} = await readIndex(text)
      const pieces: Buffer[] = []
      const writer = new IndexWriter(root, (piece) => pieces.push(piece))
      for (const group of groups) writer.add(group)
      expect(writer.end()).toEqual(end)
      expect(Buffer.concat(pieces).toString('latin1')).toBe(text)
    }), 200)
  })

  test('reads the same in pieces of any size', async () => {
    await law(fc.asyncProperty(tree, cuts, async (it, places) => {
      const text = bytes(printed(groupsOf(it)))
      const pieces = inPieces(text, places)
      expect(await readIndex(pieces)).toEqual(await readIndex([text]))
    }), 200)
  })

  test('is sorted as LC_ALL=C sort sorts its lines', async () => {
    await law(fc.property(fc.array(tree, {minLength: 1, maxLength: 12}), (trees) => {
      const lines = groupsOf(new Map(trees.flatMap((it) => [...it]))).map(({path}) => path)
      const text = lines.map((line) => `${line} type=dir\n`).join('')
      expect(execFileSync('sort', {input: bytes(text), env: {LC_ALL: 'C'}}).toString('latin1')).toBe(text)
      expect([...lines].sort()).toEqual(lines)
    }), 10)
  })
})

describe('changes', () => {
  test('of an index to itself are none', async () => {
    await law(fc.asyncProperty(tree, async (it) => {
      const text = printed(groupsOf(it))
      // What could not be read is said again each time.
      const {changes, end, target} = await diffOf(text, text)
      expect(changes.filter(({mark}) => mark !== '!')).toEqual([])
      expect(end.target).toBe(end.base)
      expect(target).toBe(text)
    }), 200)
  })

  test('carried out give what the format says, with the digest that they announce', async () => {
    await law(fc.asyncProperty(pair, async ([before, after]) => {
      const [old, next] = [groupsOf(before), groupsOf(after)]
      const {changes, end, target} = await diffOf(printed(old), printed(next))
      const expected = printed(groupsOf(targetOf(before, after)))
      expect(target).toBe(expected)
      expect(printed(await applied(old, changes))).toBe(expected)
      expect(end.target).toBe((await readIndex(expected)).end.digest)
      expect(end.partial).toBe((await readIndex(expected)).end.partial)
      expect(end.base).toBe((await readIndex(printed(old))).end.digest)
    }), 600)
  })

  test('from nothing give the whole index', async () => {
    await law(fc.asyncProperty(tree, async (it) => {
      const text = printed(groupsOf(it))
      const {changes, end} = await diffOf(undefined, text)
      expect(end.base).toBeUndefined()
      expect(printed(await applied([], changes))).toBe(text)
      expect(changes.every(({mark, group}) => mark === (group.line === '' && commentValue(group, 'error') !== undefined ? '!' : '+'))).toBe(true)
    }), 100)
  })

  test('have the marks that the table says', async () => {
    await law(fc.asyncProperty(pair, async ([before, after]) => {
      const old = new Map(groupsOf(before).map((group) => [group.path, group]))
      const target = new Map(groupsOf(targetOf(before, after)).map((group) => [group.path, group]))
      const {changes} = await diffOf(printed(old.values()), printed(groupsOf(after)))
      const froms: string[] = []
      for (const {mark, group} of changes) {
        expect(old.has(group.path)).toBe(mark === '!' ? old.has(group.path) : '~=-'.includes(mark))
        expect(target.has(group.path)).toBe(mark !== '-')
        if (mark === '>') {
          const from = commentValue(group, 'from')!
          froms.push(from)
          expect(old.has(from) && !target.has(from)).toBe(true)
          expect(contentOf(old.get(from)!)).toBe(contentOf(group))
        }
      }
      expect(new Set(froms).size).toBe(froms.length)
      const gone = changes.filter(({mark}) => mark === '-').map(({group}) => group.path)
      expect([...gone, ...froms].sort()).toEqual([...old.keys()].filter((path) => !target.has(path)).sort())
    }), 300)
  })

  test('are the same whether they wait in memory or not', async () => {
    await law(fc.asyncProperty(pair, async ([before, after]) => {
      const [old, next] = [printed(groupsOf(before)), printed(groupsOf(after))]
      expect((await diffOf(old, next, {inMemory: 1})).text).toBe((await diffOf(old, next)).text)
    }), 200)
  })

  test('is the same when nobody looks into what both sides have, in pieces of any size', async () => {
    await law(fc.asyncProperty(pair, cuts, cuts, async ([before, after], some, others) => {
      const [old, next] = [before, after].map((it) => bytes(printed(groupsOf(it)))) as [Buffer, Buffer]
      const {text, target} = await diffOf([old], [next])
      const trusted = await diffOf(inPieces(old, some), inPieces(next, others), {}, {trusted: true})
      expect({text: trusted.text, target: trusted.target}).toEqual({text, target})
    }), 600)
  })

  test('are the same in whatever pieces the two sides come', async () => {
    await law(fc.asyncProperty(pair, cuts, cuts, async ([before, after], some, others) => {
      const [old, next] = [printed(groupsOf(before)), printed(groupsOf(after))]
      const {changes, end, target} = await diffOf(inPieces(bytes(old), some), inPieces(bytes(next), others))
      expect({changes, end, target}).toEqual(await diffOf(old, next).then((whole) => ({changes: whole.changes, end: whole.end, target: whole.target})))
    }), 300)
  })

  test('and what is wrong with OLD is found, in whatever pieces it comes', async () => {
    await law(fc.asyncProperty(tree, cuts, fc.nat(), fc.constantFrom('', '\n', '#', 'x', ' ', './z type=fifo\n'), async (it, places, place, other) => {
      const text = printed(groupsOf(it))
      const at = place % text.length
      const broken = text.slice(0, at) + other + text.slice(at + (other.endsWith('fifo\n') ? 0 : 1))
      if (broken === text) return
      const outcomeOf = async (pieces: readonly Buffer[]): Promise<string> => await refusal(async () => await diffOf(pieces, text))
      expect(await outcomeOf(inPieces(bytes(broken), places))).toBe(await outcomeOf([bytes(broken)]))
      expect(await outcomeOf([bytes(broken)])).not.toBe('')
    }), 300)
  })

  test('are read as they were printed, in pieces of any size', async () => {
    await law(fc.asyncProperty(pair, fc.nat(), async ([before, after], at) => {
      const {text, changes} = await diffOf(printed(groupsOf(before)), printed(groupsOf(after)))
      const whole = bytes(text)
      const cut = at % whole.length
      const read = await readChanges([whole.subarray(0, cut), whole.subarray(cut)])
      expect(read.changes).toEqual(changes)
      const body = read.changes.flatMap(({mark, group}) => (mark === '-' ? [`- ${group.path}`] : linesOf(group).map((line) => `${mark} ${line}`)))
      expect(text.split('\n').slice(1, -2)).toEqual(body)
    }), 200)
  })

  test('as a store keeps them lead to the same place, one after the other or joined', async () => {
    await law(fc.asyncProperty(pair, edits, edits, async ([before, after], more, last) => {
      const base = groupsOf(before)
      const lists: Change[][] = []
      let at = base
      for (const next of [after, edited(after, more), edited(after, last)]) {
        const stored: Change[] = []
        const {changes, end} = await diffOf(printed(at), printed(groupsOf(next)))
        const old = new Set(at.map(({path}) => path))
        at = await applied(at, changes, (change) => stored.push(change))
        expect((await readIndex(printed(at))).end.digest).toBe(end.target)
        for (const {mark, group} of stored) {
          expect('+~=-!').toContain(mark)
          expect(old.has(group.path)).toBe('~=-'.includes(mark))
        }
        lists.push(stored)
        const joined = composeChanges(lists)
        expect(await applied(base, joined)).toEqual(at)
        for (const {mark, group} of joined) expect(base.some(({path}) => path === group.path)).toBe('~=-'.includes(mark))
        expect(joined.map(({group}) => group.path)).toEqual(joined.map(({group}) => group.path).sort())
      }
    }), 300)
  })
})

/** What applying gives, in the words of docs/format.md, 3. */
function targetOf(before: Tree, after: Tree): Tree {
  const target = new Map<string, Thing>()
  const unread = new Set([...after].filter(([, it]) => it.words === undefined && it.comments['error'] !== undefined).map(([raw]) => raw))
  for (const [raw, it] of before) if (!after.has(raw) && [...unread].some((top) => raw.startsWith(`${top}/`))) target.set(raw, it)
  for (const [raw, it] of after) {
    const old = before.get(raw)
    if (unread.has(raw)) target.set(raw, old?.words === undefined ? it : {...old, comments: {...old.comments, stale: it.comments['error']!}})
    else target.set(raw, old?.words === undefined || it.words === undefined ? it : carried(old, it))
  }
  return target
}

function carried(old: Thing, next: Thing): Thing {
  const [a, b] = [old.words!, next.words!]
  if (a['type'] !== 'file' || b['type'] !== 'file') return next
  const sameStat = a['size'] !== undefined && a['time'] !== undefined && a['size'] === b['size'] && a['time'] === b['time']
  const shared = ['sha256', 'md5'].find((kind) => a[kind] !== undefined && b[kind] !== undefined)
  if (shared === undefined ? !sameStat : a[shared] !== b[shared]) return next
  const words: Record<string, string> = {...b}
  const comments = {...next.comments}
  if (sameStat) {
    const md5 = b['md5'] ?? a['md5']
    const sha256 = b['sha256'] ?? a['sha256']
    delete words['md5']
    delete words['sha256']
    if (md5 !== undefined) words['md5'] = md5
    if (sha256 !== undefined) words['sha256'] = sha256
  }
  for (const key of ['chunks', 'cut']) if (next.comments['chunks'] === undefined && old.comments['chunks'] !== undefined && old.comments[key] !== undefined) comments[key] = old.comments[key]
  return {words, comments}
}

function contentOf({line}: Group): string | undefined {
  return / sha256=([0-9a-f]{64})/.exec(line)?.[1] ?? / md5=([0-9a-f]{32})/.exec(line)?.[1]
}

test('names of the generator are escaped as the library escapes them', () => {
  expect(escaped('a b\n[\xff')).toBe('a\\040b\\012\\133\\377')
})
