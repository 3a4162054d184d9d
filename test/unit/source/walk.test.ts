// The order of a walk, however it is cut into jobs: that of the escaped paths, as `LC_ALL=C sort` has it.

import fc from 'fast-check'
import {expect, test} from 'vitest'
import {Harvest} from '../../../src/lib/source/harvest.ts'
import type {JobResult, SentFrame} from '../../../src/lib/source/job.ts'
import {sortNames} from '../../../src/lib/source/names.ts'
import {Rope} from '../../../src/lib/source/rope.ts'
import {TOO_MUCH, walk, type Visit} from '../../../src/lib/source/walk.ts'
import {escaped, name} from '../index/arbitrary.ts'
import {law} from '../index/texts.ts'

/** A tree in memory: names to what is below, undefined for what is no directory. */
type Folder = Map<string, Folder | undefined>

const share = {milliseconds: 60_000, bytes: 1, patient: true}
const noTrees = {known: undefined, reference: undefined, selected: undefined}
const top: SentFrame = {path: '', names: '.', id: 0, known: undefined, reference: undefined, selected: undefined, device: undefined, pending: []}

/** Writes a line for each name, `PATH`, and goes into what is a folder. `reluctant` refuses each name when it is first asked. */
function visitor(root: Folder, reluctant = false): Visit {
  const asked = new Set<string>()
  return (frame, each, spelled, harvest) => {
    const raw = frame.listing.path + each
    if (reluctant && asked.size !== asked.add(raw).size) return TOO_MUCH
    harvest.comment(`${each === '.' ? '.' : frame.escaped + spelled}\n`)
    const parts = raw === '.' ? [] : raw.split('/')
    const folder = parts.reduce<Folder | undefined>((above, part) => above?.get(part), root)
    if (folder === undefined || folder.size === 0) return undefined
    const path = raw === '.' ? '' : `${raw}/`
    return {path, ...sortNames([...folder.keys()]), id: 0, known: undefined, reference: undefined, selected: undefined, device: undefined}
  }
}

function pathsOf(folder: Folder, path: string): string[] {
  return [path, ...[...folder].flatMap(([each, below]) => (below === undefined ? [`${path}/${escaped(each)}`] : pathsOf(below, `${path}/${escaped(each)}`)))]
}

function textOf(result: JobResult): string {
  return Buffer.from(result.text).toString('latin1')
}

const folder: fc.Arbitrary<Folder> = fc.letrec<{folder: Folder}>((tie) => ({
  folder: fc
    .array(fc.tuple(name, fc.oneof({maxDepth: 4, withCrossShrink: true}, fc.constant(undefined), tie('folder') as fc.Arbitrary<Folder>)), {maxLength: 8})
    .map((entries) => new Map(entries)),
})).folder

test('one job', async () => {
  await law(fc.property(folder, (tree) => {
    const result = walk({frames: [top], share: {...share, entries: 1e9}}, noTrees, visitor(tree), new Harvest(false))
    expect(result.frames).toEqual([])
    expect(textOf(result).split('\n').slice(0, -1)).toEqual(pathsOf(tree, '.').sort())
  }), 200)
})

test('many small jobs, several directories to each, done in any order', async () => {
  await law(fc.property(folder, fc.integer({min: 1, max: 9}), fc.array(fc.nat(7), {minLength: 20}), fc.boolean(), (tree, entries, choices, reluctant) => {
    const rope = new Rope([top])
    const visit = visitor(tree, reluctant)
    const running: {taken: ReturnType<Rope['take']>; result: JobResult}[] = []
    let text = ''
    for (let step = 0; !rope.isEmpty; step++) {
      const choice = choices[step % choices.length]!
      const taken = running.length < 3 ? rope.take(1 + (choice % 3)) : undefined
      if (taken !== undefined) {
        // As it goes to a worker and comes back.
        const job = structuredClone({frames: taken.frames, share: {...share, entries}})
        running.push({taken, result: structuredClone(walk(job, noTrees, visit, new Harvest(false)))})
      }
      if (taken === undefined || choice > 3) {
        const [done] = running.splice(choice % running.length, 1)
        rope.put(done!.taken!, done!.result)
      }
      for (let first = rope.shift(); first !== undefined; first = rope.shift()) text += textOf(first)
    }
    expect(text.split('\n').slice(0, -1)).toEqual(pathsOf(tree, '.').sort())
  }), 300)
})

test('a job that takes too long stops', () => {
  const tree: Folder = new Map(Array.from({length: 100}, (_, index) => [`f${index}`, undefined]))
  const result = walk({frames: [top], share: {...share, entries: 1e9, milliseconds: 0}}, noTrees, visitor(tree), new Harvest(false))
  const visited = textOf(result).split('\n').length - 1
  expect(visited).toBeGreaterThan(0)
  expect(visited).toBeLessThan(100)
  expect(result.frames).toHaveLength(1)
})

test('a directory of very many names becomes several jobs', () => {
  const tree: Folder = new Map(Array.from({length: 10_000}, (_, index) => [`f${index}`, index % 100 === 0 ? new Map([['x', undefined]]) : undefined]))
  const first = walk({frames: [top], share: {...share, entries: 10}}, noTrees, visitor(tree), new Harvest(false))
  expect(first.frames.length).toBeGreaterThan(3)
  expect(Math.max(...first.frames.map(({names}) => names.length))).toBeLessThan(30_000)
  const rest = walk({frames: first.frames, share: {...share, entries: 1e9}}, noTrees, visitor(tree), new Harvest(false))
  expect((textOf(first) + textOf(rest)).split('\n').slice(0, -1)).toEqual(pathsOf(tree, '.').sort())
})
