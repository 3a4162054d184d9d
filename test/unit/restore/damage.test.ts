// Stores that are damaged: what is lost is named with the pack, everything else comes back, and another copy heals.

import fs from 'node:fs'
import {basename, join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {addSnapshot, makeStore, readTree} from './make-store.ts'
import {ofKind, runRestore} from './run-restore.ts'

/** A tree of small files, one with the content of another, and a large one; a store with many packs and frames. */
async function prepared(): Promise<{readonly dir: string; readonly src: string; readonly store: string}> {
  const dir = tempDir('damage')
  const src = join(dir, 'src')
  const content = (i: number): string => `file ${i} `.repeat(200 + i)
  makeTree(src, Array.from({length: 40}, (_, i) => ({path: `d/f${i}`, type: 'file' as const, content: content(i)})))
  makeTree(src, [
    {path: 'copy', type: 'file', content: content(3)},
    {path: 'second', type: 'hardlink', target: 'd/f5'},
    {path: 'large', type: 'file', content: Buffer.from(Array.from({length: 900_000}, (_, i) => (i * i * 31 + (i >> 7)) & 255))},
  ])
  const store = await makeStore(join(dir, 'store'))
  await addSnapshot(store, readTree(src), {frame: 8_000, pack: 4_000})
  return {dir, src, store}
}

function packsOf(store: string): string[] {
  return fs.readdirSync(join(store, 'packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).map((name) => join(store, 'packs', name)).sort()
}

/** The pack whose table of contents names an object. */
function packWith(store: string, id: string): string {
  return packsOf(store).find((pack) => fs.readFileSync(pack, 'latin1').includes(`\n${id} `))!
}

function idOf(src: string, path: string): string {
  return / sha256=(\S+)/.exec(readTree(src).groups.find((group) => group.path === path)!.line)![1]!
}

function indexPack(store: string): string {
  return packsOf(store).find((pack) => fs.statSync(pack).size > 0 && fs.readFileSync(pack, 'latin1').includes(`\n${indexId(store)} `))!
}

function indexId(store: string): string {
  return /^index (\S+)/m.exec(fs.readFileSync(join(store, 'log/000001'), 'latin1'))![1]!
}

function change(path: string, edit: (bytes: Buffer) => Buffer): void {
  const bytes = fs.readFileSync(path)
  fs.rmSync(path)
  fs.writeFileSync(path, edit(bytes))
}

const damages: Readonly<Record<string, (pack: string) => void>> = {
  missing: (pack) => fs.rmSync(pack),
  empty: (pack) => change(pack, () => Buffer.alloc(0)),
  'cut in the middle': (pack) => change(pack, (bytes) => bytes.subarray(0, bytes.length >> 1)),
  'cut by a byte': (pack) => change(pack, (bytes) => bytes.subarray(0, -1)),
  'flipped in the first frame': (pack) => change(pack, (bytes) => {
    bytes[60]! ^= 1
    return bytes
  }),
  'flipped in the table of contents': (pack) => change(pack, (bytes) => {
    bytes[bytes.indexOf('#bk toc')]! ^= 1
    return bytes
  }),
  'another pack': (pack) => change(pack, () => fs.readFileSync(packsOf(join(pack, '../../..')).find((other) => other !== pack)!)),
  'a directory': (pack) => {
    fs.rmSync(pack)
    fs.mkdirSync(pack)
  },
}

describe.for(Object.keys(damages))('a pack that is %s', (name) => {
  it('loses the files in it and no other', async () => {
    const {dir, src, store} = await prepared()
    const id = idOf(src, './copy')
    const pack = packWith(store, id)
    const inPack = fs.readFileSync(pack, 'latin1')
    damages[name]!(pack)
    const outcome = await runRestore(store, join(dir, 'out'))
    const problems = ofKind(outcome, 'problem')
    const lost = problems.map((text) => text.slice(0, text.indexOf(':')))
    // Every file that is named is in that pack, and those with the content are named.
    const inThatPack = readTree(src).groups.filter((group) => inPack.includes(/ sha256=(\S+)/.exec(group.line)?.[1] ?? 'none')).map((group) => group.path)
    expect(inThatPack).toEqual(expect.arrayContaining(['./copy', './d/f3']))
    expect(inThatPack).toEqual(expect.arrayContaining(lost))
    expect(lost).toEqual(expect.arrayContaining(['./copy', './d/f3']))
    for (const text of problems) if (!text.includes('hard link')) expect(text).toContain(`its content is lost: pack ${basename(pack, '.tar.zst')}`)
    expect(outcome.restored.failed).toBe(problems.length)
    // What was not named is there, and nothing of what was.
    const gone = sameTree(src, join(dir, 'out')).filter((line) => !line.includes(': time '))
    expect(gone.sort()).toEqual(lost.map((path) => `${path}: only in ${src}`).sort())
  })
})

it('says nothing of a second name of a file that is lost but that it is lost too', async () => {
  const {dir, src, store} = await prepared()
  fs.rmSync(packWith(store, idOf(src, './second')))
  const outcome = await runRestore(store, join(dir, 'out'))
  const problems = ofKind(outcome, 'problem').filter((text) => /second|f5:/.test(text))
  expect(problems).toHaveLength(2)
  expect(problems.find((text) => text.startsWith('./second'))).toBe('./second: ./d/f5, which it is a hard link to, could not be restored')
})

it('a large file that lacks one piece is not there at all, nor is any part of it', async () => {
  const {dir, src, store} = await prepared()
  const contents = readTree(src)
  const list = /chunks=(\S+)/.exec(contents.groups.find((group) => group.path === './large')!.comments.join('\n'))![1]!
  const [, chunk] = /^chunk (\S+)/m.exec(contents.objects.get(list)!.toString())!
  fs.rmSync(packWith(store, chunk!))
  const outcome = await runRestore(store, join(dir, 'out'))
  expect(ofKind(outcome, 'problem').some((text) => text.startsWith('./large: its content is lost: pack '))).toBe(true)
  expect(fs.readdirSync(join(dir, 'out')).sort()).toEqual(['copy', 'd', 'second'])
})

it('a list of chunks that is lost loses its file', async () => {
  const {dir, src, store} = await prepared()
  const list = /chunks=(\S+)/.exec(readTree(src).groups.find((group) => group.path === './large')!.comments.join('\n'))![1]!
  fs.rmSync(packWith(store, list))
  const outcome = await runRestore(store, join(dir, 'out'))
  expect(ofKind(outcome, 'problem').find((text) => text.startsWith('./large: '))).toMatch(/its content is lost: object \S+ is lost: pack \S+ is missing/)
})

it('another copy heals, and the damage is told', async () => {
  const {dir, src, store} = await prepared()
  const pack = packWith(store, idOf(src, './copy'))
  const other = packsOf(store).find((each) => each !== pack && each !== indexPack(store))!
  // A later backup that packed everything again, of another set.
  await addSnapshot(store, readTree(src), {set: 'other', frame: 50_000, pack: 1_000_000})
  damages['cut in the middle']!(pack)
  fs.rmSync(other)
  const outcome = await runRestore(`${store}@1`, join(dir, 'out'))
  expect(outcome.restored.failed).toBe(0)
  expect(sameTree(src, join(dir, 'out'))).toEqual([])
  expect(ofKind(outcome, 'warning')).toHaveLength(2)
  expect(ofKind(outcome, 'warning').join('\n')).toMatch(new RegExp(`pack ${basename(pack, '.tar.zst')} .*; \\d+ objects? w.* taken from other packs`))
})

it('a list of chunks, or the index, that another copy heals is told of too', async () => {
  const {dir, src, store} = await prepared()
  const list = /chunks=(\S+)/.exec(readTree(src).groups.find((group) => group.path === './large')!.comments.join('\n'))![1]!
  const packs = new Set([packWith(store, list), indexPack(store)])
  await addSnapshot(store, readTree(src), {set: 'other', frame: 50_000, pack: 1_000_000})
  for (const pack of packs) fs.rmSync(pack)
  const outcome = await runRestore(`${store}@1`, join(dir, 'out'))
  expect(sameTree(src, join(dir, 'out'))).toEqual([])
  expect(ofKind(outcome, 'warning').map((text) => text.replace(/an object was|\d+ objects were/, 'N')).toSorted())
    .toEqual([...packs].map((pack) => `pack ${basename(pack, '.tar.zst')} is missing; N taken from other packs`).toSorted())
})

it('an index that is lost ends the restore, and nothing is made', async () => {
  const {dir, store} = await prepared()
  fs.rmSync(indexPack(store))
  await expect(runRestore(store, join(dir, 'out'))).rejects.toMatchObject({status: 65, message: expect.stringMatching(/^object \S+ is lost: pack \S+ is missing$/) as string})
  expect(fs.existsSync(join(dir, 'out'))).toBe(false)
})

it('content that is not in any catalog is named', async () => {
  const {dir, src, store} = await prepared()
  const contents = readTree(src)
  const id = idOf(src, './d/f7')
  await addSnapshot(store, {...contents, objects: new Map([...contents.objects].filter(([each]) => each !== id))}, {
    set: 'liar',
    draft: (draft) => ({...draft, needs: {...draft.needs, add: new Map([[draft.seq, draft.needs.add.get(draft.seq)!]])}}),
  })
  // The object is in a pack of another set: it is found there all the same.
  const healed = await runRestore(`${store}@2`, join(dir, 'healed'))
  expect(healed.restored.failed).toBe(0)
  fs.rmSync(packWith(store, id))
  const outcome = await runRestore(`${store}@2`, join(dir, 'out'))
  expect(ofKind(outcome, 'problem')).toEqual([`./d/f7: its content is lost: object ${id} is in no pack`])
})
