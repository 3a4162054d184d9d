// The layout `old`: whatever the history of a tree, all versions are there, the tree is as it was, and nothing has the name of another.

import {spawnSync} from 'node:child_process'
import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {pathProblem} from '../../../src/lib/index/path.ts'
import {rounds} from '../../harness/faults.ts'
import {tempDir} from '../../harness/temp.ts'
import {contentsOf, expectedOf, groupOf, inIndex, randomHistory, type Expected, type Node, type Snapshot} from './old-histories.ts'
import {planned, storeOf} from './old-stores.ts'
import {ofKind, runRestore} from './run-restore.ts'

const DEEP = Number(process.env['SLOW'] ?? 1)

/* The text of an entry, without what is said of unread paths. */
function plain(text: string): string {
  return text.split('\n').filter((line) => !/^#bk \S+ error=/.test(line)).join('\n')
}

function textsOf(expected: Expected): Map<string, string> {
  return new Map([...expected].map(([path, node]) => {
    const {line, comments} = groupOf(path, node)
    return [inIndex(path), [line, ...comments].join('\n')]
  }))
}

describe('any history', () => {
  it('comes back with every version, however indexes are stored', async () => {
    const seen = {versions: 0, otherOld: 0, taken: 0, cut: 0, displaced: 0}
    await rounds(60 * DEEP, async (random) => {
      const snapshots = randomHistory(random, 1 + Math.floor(random() * 9), 1 + Math.floor(random() * 40))
      const {all, versions} = expectedOf(snapshots)
      const plan = await planned(await storeOf(snapshots, random))
      expect(plan.said).toEqual([])
      expect(plan.isHeld).toBe(true)
      expect(new Map([...plan.entries].map(([path, text]) => [path, plain(text)]))).toEqual(new Map([...textsOf(all)].sort(([a], [b]) => (a < b ? -1 : 1))))
      expect(plan.versions).toBe(versions)
      // Without what was added, the tree is what it is without the layout.
      const now = snapshots.at(-1)!.tree
      for (const {path, line} of contentsOf(now).groups) if (line !== '') expect(plan.entries.has(path)).toBe(true)
      seen.versions += versions
      for (const path of all.keys()) {
        if (`/${path}`.endsWith('/.old.2')) seen.otherOld++
        if (path.endsWith('Z.2')) seen.taken++
        if (/~[0-9a-f]{8}\.2026/.test(path)) seen.cut++
      }
      seen.displaced += [...all].filter(([path, {kind, from}]) => from === undefined && kind === 'dir' && /\.old(?:\.\d+)?\/[^/]+$/.test(path) && !path.endsWith('.old') && !now.has(path)).length
    })
    // The odd cases were among them.
    for (const [what, count] of Object.entries(seen)) expect([what, count > 3 * DEEP]).toEqual([what, true])
  }, 120_000)

  it('parts of it have the names that they have in the whole', async () => {
    await rounds(40 * DEEP, async (random) => {
      const snapshots = randomHistory(random, 2 + Math.floor(random() * 6), 1 + Math.floor(random() * 30))
      const {all} = expectedOf(snapshots)
      const paths = [...all.keys()].filter((path) => path !== '')
      if (paths.length === 0) return
      const asked = paths[Math.floor(random() * paths.length)]!
      const store = await storeOf(snapshots, random)
      const whole = await planned(store)
      const part = await planned(store, [`./${asked}`])
      const below = (path: string): boolean => path === inIndex(asked) || path.startsWith(`${inIndex(asked)}/`)
      // An `.old` that was a directory of the tree once has that one's mode only where something of that is wanted.
      for (const [path, text] of part.entries) if (!/ type=dir/.test(text)) expect(plain(whole.entries.get(path)!)).toBe(plain(text))
      const expected = [...all].filter(([path, {from}]) => below(inIndex(path)) || (from !== undefined && below(inIndex(from)))).map(([path]) => inIndex(path))
      expect([...part.listed].filter((path) => !/ type=dir/.test(part.entries.get(path)!)).sort()).toEqual(expected.filter((path) => !/ type=dir/.test(whole.entries.get(path)!)).sort())
      // Nothing is planned where no directory is.
      for (const path of part.entries.keys()) if (path !== '.') expect(part.entries.get(path.slice(0, path.lastIndexOf('/')))).toMatch(/^\S+ type=dir /)
      for (const path of expected) expect(part.listed.has(path)).toBe(true)
    })
  }, 60_000)

  it('is written, each version with its bytes and its mode', async () => {
    await rounds(6 * DEEP, async (random) => {
      const snapshots = randomHistory(random, 6, 40)
      const {all, versions} = expectedOf(snapshots)
      const to = join(tempDir('old'), 'out')
      const outcome = await runRestore(await storeOf(snapshots, random), to, {layout: 'old'})
      expect([ofKind(outcome, 'problem'), ofKind(outcome, 'warning'), outcome.restored.versions]).toEqual([[], [], versions])
      const {stdout} = spawnSync('find', ['.', '-mindepth', '1', '-printf', String.raw`%P\0`], {cwd: to, encoding: 'latin1'})
      expect(stdout.split('\0').slice(0, -1).sort()).toEqual([...all.keys()].filter((path) => path !== '').sort())
      for (const [path, {kind, content, mode}] of all) {
        const at = Buffer.concat([Buffer.from(`${to}/`), Buffer.from(path, 'latin1')])
        if (kind === 'file') expect([fs.readFileSync(at, 'utf8'), fs.statSync(at).mode & 0o777]).toEqual([content, mode])
      }
    })
  }, 60_000)
})

it.for([0.1, 0.25, 0.5, 0.9])('what was gone and came back is a version for each time, with indexes stored as %f says', async (way) => {
  const treeOf = (content: string | undefined): Snapshot['tree'] => {
    const tree = new Map<string, Node>([['', {kind: 'dir', mode: 0o755, content: ''}]])
    for (const path of content === undefined ? [] : ['a', 'z']) tree.set(path, {kind: 'file', mode: 0o644, content: content!})
    return tree
  }
  const snapshots = ['one\n', undefined, 'one\n', 'two\n', 'two\n', 'one\n', undefined, undefined, 'one\n', 'one\n'].map((content, i) => ({received: `2026-11-22T08:30:0${i}Z`, tree: treeOf(content)}))
  const store = await storeOf(snapshots, () => way)
  const {entries, versions} = await planned(store)
  expect([...entries.keys()].filter((path) => path.startsWith('./.old/z'))).toEqual([0, 2, 3, 5].map((second) => `./.old/z.20261122T08300${second}Z`))
  expect([versions, entries.size]).toEqual([8, 8 + 4])
})

describe('where there is hardly room for a path', () => {
  const folders = (path: string): [string, Node][] => path.split('/').map((_, i, parts) => [parts.slice(0, i + 1).join('/'), {kind: 'dir', mode: 0o755, content: ''}])
  const file = (content: string): Node => ({kind: 'file', mode: 0o644, content})
  const top: [string, Node] = ['', {kind: 'dir', mode: 0o755, content: ''}]

  it.for([
    ['long', `${Array.from({length: 19}, () => 'd'.repeat(210)).join('/')}/${'e'.repeat(70)}`],
    ['deep', Array.from({length: 998}, () => 'd').join('/')],
  ] as const)('a %s one: versions lie in a directory above', async ([, path]) => {
    const trees = [new Map([top, ...folders(path), [`${path}/f`, file('one\n')]]), new Map([top, ...folders(path), [`${path}/f`, file('two\n')]]), new Map([top])]
    const snapshots = trees.map((tree, i) => ({received: `2026-11-22T08:30:0${i}Z`, tree}))
    for (const count of [2, 3]) {
      const {entries, said} = await planned(await storeOf(snapshots.slice(0, count), () => 0.5))
      const versions = [...entries.keys()].filter((each) => each.endsWith('Z'))
      expect([said, versions.map((each) => each.split('/').at(-1))]).toEqual([[], ['f.20261122T083000Z', 'f.20261122T083001Z'].slice(0, count - 1)])
      for (const each of entries.keys()) expect(pathProblem(each)).toBeUndefined()
    }
  })
})
