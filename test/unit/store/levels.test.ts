// Levels of stored indexes: what a chain of them reads as, and what they cost over the years.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {composeChanges} from '../../../src/lib/index/apply.ts'
import {changesEndLine, changesHeader, formatChange, linesOf, type Change} from '../../../src/lib/index/changes.ts'
import {groupsOf, MAX_CHANGES, nextLevel, readChain, textOf, type Chain, type Link} from '../../../src/lib/store/levels.ts'
import {compressFrameSync} from '../../../src/lib/store/zstd.ts'
import type {Group} from '../../../src/lib/index/group.ts'
import {seeded} from '../../harness/faults.ts'
import {edited, edits, groupsOf as groupsOfTree, tree} from '../index/arbitrary.ts'
import {diffOf, indexText, law, printed, readIndex, refusal} from '../index/texts.ts'
import {applyChanges} from '../../../src/lib/index/apply.ts'
import {batchOf} from '../../../src/lib/index/cursor.ts'
import {sha256} from './memory-store.ts'

/** Objects by id, and what was asked for. */
class Objects {
  readonly all = new Map<string, Buffer>()

  put(text: string | Buffer): string {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    const id = sha256(bytes)
    this.all.set(id, bytes)
    return id
  }

  readonly get = async (id: string): Promise<Buffer> => {
    const bytes = this.all.get(id)
    if (bytes === undefined) throw new Error(`no object ${id}`)
    return bytes
  }
}

function changesText(object: string, base: string, target: string, changes: readonly Change[], root = '/srv', partial = 0): string {
  const lines = changes.reduce((sum, change) => sum + linesOf(change), 0)
  return changesHeader({root, object}) + changes.map(formatChange).join('') + changesEndLine({base, target, lines, partial})
}

const digestOf = (text: string): string => sha256(text.slice(0, text.lastIndexOf('#bk end ')))

async function whole(chain: Chain): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of textOf(chain)) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

async function storedChanges(old: string, next: string): Promise<{readonly stored: Change[]; readonly target: string}> {
  const {changes} = await diffOf(old, next)
  const froms = new Set(changes.flatMap(({mark, group: {path, comments}}) => (mark !== '>' ? [] : comments.flatMap((it) => (it.startsWith(`#bk ${path} from=`) ? [it.slice(path.length + 10)] : [])))))
  const stored: Change[] = []
  const result: Group[] = []
  const base = (await readIndex(old)).groups
  for await (const batch of applyChanges(batchOf(base), batchOf(changes), {froms, stored: (change) => stored.push(change)})) result.push(...batch)
  return {stored, target: printed(result)}
}

const full = indexText(['. type=dir', './a type=fifo', './b type=fifo'])
const entry = (path: string, words = 'type=fifo'): Group => ({path, line: `${path} ${words}`, comments: []})

describe('a chain reads as', () => {
  test('the full index alone', async () => {
    const objects = new Objects()
    const id = objects.put(full)
    const chain = await readChain(id, objects.get)
    expect(chain).toMatchObject({root: '/srv', changes: [], links: [{id, size: full.length}]})
    expect(await whole(chain)).toBe(full)
  })

  test('a full, a far and nears, with the root of the newest', async () => {
    const objects = new Objects()
    const id = objects.put(full)
    const far = objects.put(changesText(id, digestOf(full), sha256('1'), [{mark: '~', group: entry('./a', 'type=dir')}, {mark: '+', group: entry('./a/c')}]))
    const near = objects.put(changesText(far, sha256('1'), sha256('2'), [{mark: '-', group: {path: './a/c', line: '', comments: []}}, {mark: '=', group: entry('./b', 'type=fifo mode=0600')}]))
    const last = objects.put(changesText(near, sha256('2'), sha256('3'), [{mark: '+', group: entry('./a/d')}], '/elsewhere'))
    const chain = await readChain(last, objects.get)
    expect(chain.links.map((link) => link.id)).toEqual([last, near, far, id])
    expect(chain.links.map(({size}) => size)).toEqual([last, near, far, id].map((one) => objects.all.get(one)!.length))
    expect(chain.root).toBe('/elsewhere')
    expect(await whole(chain)).toBe(indexText(['. type=dir', './a type=dir', './a/d type=fifo', './b type=fifo mode=0600'], '/elsewhere'))
    const groups: Group[] = []
    for await (const batch of groupsOf(chain)) groups.push(...batch)
    expect(groups.map(({path}) => path)).toEqual(['.', './a', './a/d', './b'])
  })

  test('what was sent, whatever happened in between', async () => {
    await law(
      fc.asyncProperty(tree, edits, edits, edits, async (it, ...all) => {
        const objects = new Objects()
        let text = printed(groupsOfTree(it))
        let state = it
        let id = objects.put(text)
        for (const one of all) {
          state = edited(state, one)
          const {stored, target} = await storedChanges(text, printed(groupsOfTree(state)))
          id = objects.put(changesText(id, digestOf(text), digestOf(target), stored))
          text = target
          expect(await whole(await readChain(id, objects.get))).toBe(text)
        }
      }),
      60,
    )
  })
})

describe('a chain is refused', () => {
  test.each([
    ['changes that name no object', () => `#bk changes 1 root=/srv\n${changesEndLine({base: sha256(''), target: sha256(''), lines: 0, partial: 0})}`, /does not say what it is a change against/],
    ['a move', (id: string) => changesText(id, sha256(''), sha256(''), [{mark: '>', group: {path: './c', line: './c type=file', comments: ['#bk ./c from=./a']}}]), /has a move in it/],
    ['what is no index', () => 'hello\n', /not a list of changes/],
    ['nothing', () => '', /cut off/],
    ['changes that are cut off', (id: string) => changesText(id, sha256(''), sha256(''), []).slice(0, -20), /cut off/],
  ])('for %s', async (_, text, why) => {
    const objects = new Objects()
    const id = objects.put(text(objects.put(full)))
    expect(await refusal(async () => whole(await readChain(id, objects.get)))).toMatch(why)
  })

  test('for changes that do not fit what is below', async () => {
    const objects = new Objects()
    const id = objects.put(changesText(objects.put(full), digestOf(full), sha256(''), [{mark: '+', group: entry('./a')}]))
    expect(await refusal(async () => whole(await readChain(id, objects.get)))).toMatch(/do not fit their base/)
  })

  test('for changes that are too many, or too long, where somebody says what they may weigh', async () => {
    const objects = new Objects()
    const far = changesText(objects.put(full), digestOf(full), sha256('1'), [{mark: '+', group: entry('./a/c')}, {mark: '+', group: entry('./a/d')}])
    const near = changesText(objects.put(far), sha256('1'), sha256('2'), [{mark: '-', group: {path: './a/c', line: '', comments: []}}])
    const weight = far.length + near.length + 7 * 64
    const id = objects.put(near)
    expect((await readChain(id, objects.get, weight)).links).toMatchObject([{lines: 3}, {lines: 4}, {}])
    expect(await refusal(() => readChain(id, objects.get, weight - 1))).toMatch(/too many changes/)
  })

  test('when it goes in circles', async () => {
    let asked = 0
    const text = Buffer.from(changesText(sha256('x'), sha256(''), sha256(''), []))
    expect(await refusal(() => readChain(sha256('x'), async () => (asked++, text)))).toMatch(/does not end/)
    expect(asked).toBeLessThan(5000)
  })
})

describe('the next level', () => {
  const link = (size: number): Link => ({id: '', size})
  const of = (size: number): Pick<Link, 'size'> => ({size})
  const never = (): Link => {
    throw new Error('asked for the far without need')
  }

  test('is full where there is nothing to be a change against', () => {
    expect(nextLevel(undefined, of(1), never)).toBe('full')
    expect(nextLevel([], of(1), never)).toBe('full')
  })

  test('is near while little has gathered and the chain is short', () => {
    expect(nextLevel([link(1000)], of(100), never)).toBe('near')
    expect(nextLevel([link(100), link(400), link(1000)], of(100), never)).toBe('near')
    expect(nextLevel([...Array.from({length: 63}, () => link(1)), link(400), link(1000)], of(1), never)).toBe('near')
  })

  test('is far, or full where the far would be most of one, when they are not', () => {
    expect(nextLevel([link(1000)], of(500), () => of(500))).toBe('far')
    expect(nextLevel([link(1000)], of(500), () => of(501))).toBe('full')
    expect(nextLevel([link(250), link(400), link(1000)], of(250), () => of(400))).toBe('far')
    expect(nextLevel([...Array.from({length: 64}, () => link(1)), link(400), link(1000)], of(1), () => of(470))).toBe('far')
    expect(nextLevel([...Array.from({length: 64}, () => link(1)), link(400), link(1000)], of(1), () => of(600))).toBe('full')
  })

  test('has no more changes in all than may be read', () => {
    const huge = link(2 ** 40)
    expect(nextLevel([huge], of(MAX_CHANGES), never)).toBe('near')
    expect(nextLevel([huge], of(MAX_CHANGES + 1), () => of(MAX_CHANGES))).toBe('far')
    expect(nextLevel([huge], of(MAX_CHANGES + 1), () => of(MAX_CHANGES + 1))).toBe('full')
    const many = Math.floor((MAX_CHANGES - 1000) / 64)
    expect(nextLevel([huge], {size: 1000, lines: many}, never)).toBe('near')
    expect(nextLevel([huge], {size: 1000, lines: many + 1}, () => ({size: 1000, lines: many}))).toBe('far')
    expect(nextLevel([huge], {size: 1000, lines: many + 1}, () => ({size: 1000, lines: many + 1}))).toBe('full')
    expect(nextLevel([{...link(1000), lines: many}, huge], of(100), () => of(5))).toBe('far')
    const half = link(MAX_CHANGES / 2)
    expect(nextLevel([link(100), half, huge], of(MAX_CHANGES / 2 - 100), never)).toBe('near')
    expect(nextLevel([link(100), half, huge], of(MAX_CHANGES / 2 - 99), () => of(1000))).toBe('far')
  })
})

/** Stores so many snapshots of an index as send does; says what that costs and checks what can be read in the end. */
async function simulate(entries: number, snapshots: number, pick: (random: () => number) => number[]): Promise<{stored: number; changed: number; longest: number; read: number}> {
  const random = seeded(1)
  const paths = ['.', ...Array.from({length: entries - 1}, (_, i) => (i % 20 === 0 ? `./usr${i}` : `./usr${i - (i % 20)}/file-${i % 20}.txt`))].sort()
  const line = (path: string, day: number): string => {
    const rest = `mode=0644 uid=0 gid=0 uname=root gname=root`
    const time = `time=${1_763_800_000 + day * 86_400 - Math.floor(random() * 80_000)}.${String(Math.floor(random() * 1e9)).padStart(9, '0')}`
    const isDirectory = !path.includes('/file-')
    return isDirectory ? `${path} type=dir ${rest} ${time}` : `${path} type=file ${rest} size=${Math.floor(Math.exp(random() * 14))} ${time} sha256=${sha256(String(random()))}`
  }
  const lines = paths.map((path) => line(path, 0))
  const cost = (text: string): number => compressFrameSync(Buffer.from(text, 'latin1'), 1).length
  const objects = new Objects()
  let text = indexText(lines)
  let chain: Link[] = [{id: objects.put(text), size: text.length}]
  let digest = digestOf(text)
  let fullDigest = digest
  let since: Change[] = []
  let [stored, changed, longest, read] = [0, 0, 0, 0]
  for (let day = 1; day <= snapshots; day++) {
    const changes: Change[] = [...new Set(pick(random))].sort((a, b) => a - b).map((i) => {
      lines[i] = line(paths[i]!, day)
      return {mark: '~', group: {path: paths[i]!, line: lines[i]!, comments: []}}
    })
    const target = sha256(String(day))
    const near = changesText(chain[0]!.id, digest, target, changes)
    since = composeChanges([since, changes])
    let far = ''
    const level = nextLevel(chain, {size: near.length}, () => ({size: (far ||= changesText(chain.at(-1)!.id, fullDigest, target, since)).length}))
    text = level === 'near' ? near : level === 'far' ? far : indexText(lines)
    stored += cost(text)
    changed += cost(near)
    const link = {id: objects.put(text), size: text.length}
    chain = level === 'near' ? [link, ...chain] : level === 'far' ? [link, chain.at(-1)!] : [link]
    digest = target
    if (level === 'full') [since, fullDigest] = [[], target]
    longest = Math.max(longest, chain.length)
    read = Math.max(read, chain.reduce((sum, {size}) => sum + size, 0) / chain.at(-1)!.size)
  }
  const result = await readChain(chain[0]!.id, objects.get)
  expect(result.links.map(({id, size}) => ({id, size}))).toEqual(chain)
  expect(await whole(result)).toBe(indexText(lines))
  return {stored, changed, longest, read}
}

// The design's promise: over 200 snapshots of which each changes one entry in a hundred, indexes cost less than three times what changed.
describe('over many snapshots indexes cost', () => {
  test.each([
    ['one entry in a hundred, others each time', 20_000, 200, (random: () => number) => Array.from({length: 200}, () => Math.floor(random() * 20_000)), 2],
    ['one entry in a hundred, the same each time', 20_000, 200, () => Array.from({length: 200}, (_, i) => i * 100 + 3), 1.1],
    ['one entry in ten', 5_000, 40, (random: () => number) => Array.from({length: 500}, () => Math.floor(random() * 5_000)), 2.6],
    ['one entry in three', 3_000, 20, (random: () => number) => Array.from({length: 1_000}, () => Math.floor(random() * 3_000)), 2.6],
    ['a single entry, 2,000 times', 5_000, 2_000, (random: () => number) => [Math.floor(random() * 5_000)], 6],
  ])('when %s changes', async (_, entries, snapshots, pick, times) => {
    const {stored, changed, longest, read} = await simulate(entries, snapshots, pick)
    expect(stored / changed).toBeLessThan(times)
    expect(longest).toBeLessThanOrEqual(66)
    expect(read).toBeLessThan(2.5)
  })
})
