// The versions of files over random histories, stored in whatever way, beside an oracle; with snapshots that were dropped, and indexes that
// are lost.

import fs from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {parseEntryLine} from '../../../src/lib/index/entry.ts'
import {findHistories, historiesOf, type FileHistory} from '../../../src/lib/history/find.ts'
import {parsePattern} from '../../../src/lib/history/pattern.ts'
import {dropSnapshots} from '../../../src/lib/retention/rotate.ts'
import {openIndexOf, openLog} from '../../../src/lib/store/open.ts'
import {packName} from '../../../src/lib/store/store.ts'
import {readState} from '../../../src/lib/store/state.ts'
import {rounds} from '../../harness/faults.ts'
import {removeTree, tempDir} from '../../harness/temp.ts'
import {addSnapshot, group, makeStore} from '../restore/make-store.ts'
import {groupOf, randomHistory, type Snapshot} from '../restore/old-histories.ts'
import {storeOf} from '../restore/old-stores.ts'
import {sha256} from '../store/memory-store.ts'
import {expectedVersions} from './oracle.ts'
import type {Group} from '../../../src/lib/index/group.ts'

type Told = {readonly histories: FileHistory[]; readonly lost: number[]}

async function everything(store: string): Promise<Told> {
  const log = await openLog(store)
  const lost: number[] = []
  const histories: FileHistory[] = []
  const options = {log, state: await readState(log), set: 'test', onLost: (records: readonly {readonly seq: number}[]) => void lost.push(...records.map(({seq}) => seq))}
  for await (const history of findHistories(await parsePattern('**'), options)) histories.push(history)
  return {histories, lost: lost.sort((a, b) => a - b)}
}

/* As text, so that what differs can be read. */
function told({histories}: Told): string[] {
  return histories.flatMap(({path, snapshots, versions}) =>
    versions.map(({change, first, last, entry}) => `${path} ${change} ${snapshots[first]!.seq}-${snapshots[last]!.seq} ${entry?.type ?? '-'} ${entry?.mode ?? '-'} ${entry?.sha256 ?? '-'}`),
  )
}

function expected(numbered: readonly (readonly [number, Snapshot])[]): string[] {
  return [...expectedVersions(numbered)].flatMap(([path, versions]) =>
    path === '.' ? [] : versions.map(({change, first, last, node}) => {
      const entry = node === undefined ? undefined : parseEntryLine(groupOf('x', node).line)
      return `${path} ${change} ${first}-${last} ${entry?.type ?? '-'} ${entry?.mode ?? '-'} ${entry?.sha256 ?? '-'}`
    }),
  )
}

const numbersOf = (snapshots: readonly Snapshot[]): (readonly [number, Snapshot])[] => snapshots.map((snapshot, i) => [i + 1, snapshot])

test('40 random histories', async () => {
  await rounds(40, async (random) => {
    const snapshots = randomHistory(random, 1 + Math.floor(random() * 12), 1 + Math.floor(random() * 8))
    const store = await storeOf(snapshots, random)
    const whole = await everything(store)
    expect(whole.lost).toEqual([])
    expect(told(whole)).toEqual(expected(numbersOf(snapshots)))
    // What was dropped is not told of; what is stored as changes against it is.
    const dropped = snapshots.flatMap((_, i) => (i < snapshots.length - 1 && random() < 0.4 ? [i + 1] : []))
    if (dropped.length > 0) await dropSnapshots(await openLog(store), dropped)
    const kept = numbersOf(snapshots).filter(([number]) => !dropped.includes(number))
    const rest = await everything(store)
    expect(rest.lost).toEqual([])
    expect(told(rest)).toEqual(expected(kept))
    removeTree(store)
  })
})

test('a path alone is answered as among all', async () => {
  await rounds(10, async (random) => {
    const snapshots = randomHistory(random, 8, 6)
    const store = await storeOf(snapshots, random)
    const {histories} = await everything(store)
    const log = await openLog(store)
    const state = await readState(log)
    const paths = [...new Set(snapshots.flatMap(({tree}) => [...tree.keys()]))].filter((path) => path !== '')
    // Relative, absolute, and as it was on the machine: the index is relative to /srv.
    const given = paths.map((path) => ['', './', '/', '/srv/'][Math.floor(random() * 4)]! + path)
    const found = await historiesOf(given, {log, state, set: 'test', onLost: () => {}})
    const names = (list: readonly FileHistory[]): string[] => told({histories: [...list], lost: []}).sort()
    expect(names(found.flat())).toEqual(names(histories))
    expect(found.map((each) => each.length)).toEqual(paths.map(() => 1))
    const [nowhere, top] = await historiesOf(['no/such', '/'], {log, state, set: 'test', onLost: () => {}})
    expect([nowhere, top!.map(({path}) => path)]).toEqual([[], ['.']])
    removeTree(store)
  })
})

test('indexes that are lost are told of, and everything else is answered', async () => {
  await rounds(20, async (random) => {
    const snapshots = randomHistory(random, 8, 4)
    const store = await storeOf(snapshots, random)
    const log = await openLog(store)
    const records = await log.snapshots()
    const chains = await Promise.all(records.map(async (record) => (await openIndexOf({where: store, log, record, before: undefined})).chain.links.map(({id}) => id)))
    const gone = new Set(records.flatMap(({index}) => (random() < 0.2 ? [index.id] : [])))
    for (const {seq} of records) {
      for (const {name, ids} of await log.catalog(seq)) if (ids.some((id) => gone.has(id))) damage(join(store, packName(name)), random)
    }
    const rest = await everything(store)
    // Lost with an index is what is stored as changes against it, and nothing else.
    expect(rest.lost).toEqual(records.flatMap(({seq}, i) => (chains[i]!.some((id) => gone.has(id)) ? [seq] : [])))
    expect(told(rest)).toEqual(expected(numbersOf(snapshots).filter(([number]) => !rest.lost.includes(number))))
    removeTree(store)
  })
})

function damage(file: string, random: () => number): void {
  const bytes = fs.readFileSync(file)
  fs.rmSync(file)
  if (random() < 0.4) return
  if (random() < 0.5) fs.writeFileSync(file, bytes.subarray(0, Math.floor(random() * bytes.length)))
  else fs.writeFileSync(file, bytes.fill(0x55, 24, bytes.length - 60))
}

test('a path means what it is where the index is relative to another place than before', async () => {
  const store = await makeStore(join(tempDir('roots'), 'store'))
  const file = (path: string): Group => group(`${path} type=file size=0 time=1.000000000 sha256=${sha256('')}`)
  await addSnapshot(store, {root: '/', objects: new Map(), groups: [group('. type=dir'), group('./srv type=dir'), file('./srv/a')]})
  await addSnapshot(store, {root: '/srv', objects: new Map(), groups: [group('. type=dir'), file('./a')]})
  const log = await openLog(store)
  const ask = async (path: string): Promise<string[]> => told({histories: [...(await historiesOf([path], {log, state: await readState(log), set: 'test', onLost: () => {}}))[0]!], lost: []}).map((line) => line.split(' file')[0]!)
  expect(await ask('/srv/a')).toEqual(['./srv/a new 1-1', './srv/a gone 2-2 - - -', './a new 2-2'])
  expect(await ask('a')).toEqual(['./a new 2-2'])
  expect(await ask('/a')).toEqual(['./a new 2-2'])
  await expect(ask('../a')).rejects.toMatchObject({status: 64})
})

test('an index that is not the one of its record is as good as lost', async () => {
  const store = await makeStore(join(tempDir('lie'), 'store'))
  for (const n of [1, 2, 3]) {
    const contents = {root: '/', objects: new Map(), groups: [group('. type=dir'), group(`./a type=file size=1 time=1.000000000 sha256=${sha256(String(n))}`)]}
    await addSnapshot(store, contents, {draft: (draft) => (n === 2 ? {...draft, tree: sha256('another')} : draft)})
  }
  const all = await everything(store)
  expect(all.lost).toEqual([2])
  expect(told(all).map((line) => line.split(' file')[0])).toEqual(['./a new 1-1', './a content 3-3'])
})
