// Random faults in every kind of file of a store: all that matter are named, none crashes, and what is said to be lost is exactly what a
// restore does not bring back. 500 in `npm test`, 10,000 by `npm run faults`; BK_SEED repeats one.

import {beforeAll, describe, expect, test} from 'vitest'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {parseSettings} from '../../../src/lib/store/settings.ts'
import type {Finding} from '../../../src/lib/verify/finding.ts'
import {rounds} from '../../harness/faults.ts'
import {LAST, makeLived, makeVerifiable, type CopyingStore} from './made-store.ts'
import {restoreAll, type Came} from './restored.ts'
import {storeOf, verified} from './verified.ts'

const count = Number(process.env['BK_FAULTS'] ?? 500)

let whole: ReadonlyMap<string, Buffer>
let original: ReadonlyMap<number, Came>
let levels: string[]
/* Number of the last record that is whole. */
let last: number

async function use(files: ReadonlyMap<string, Buffer>, lastWhole: number): Promise<void> {
  whole = files
  last = lastWhole
  const log = StoreLog.over(storeOf(whole), parseSettings(whole.get('bk-store')!))
  const snapshots = await log.snapshots()
  levels = snapshots.map(({index}) => index.level)
  original = await restoreAll(log, snapshots)
}

describe('a store that was only pushed to', () => {
  beforeAll(async () => use(await makeVerifiable(), LAST))

  test('a whole store has nothing to be found, and what means nothing is noted', async () => {
    expect([...original.keys()]).toHaveLength(LAST)
    expect(levels).toEqual(expect.arrayContaining(['full', 'far', 'near']))
    for (const came of original.values()) expect(came.lost).toEqual(new Set())
    const {findings, notes, summary} = await verified(storeOf(whole))
    expect(findings).toEqual([])
    expect(summary).toMatchObject({records: LAST, snapshots: LAST, damages: 0, objects: 0, files: 0})
    expect(notes).toEqual([
      `record ${LAST + 1} is torn: it was cut off while it was written, and means nothing`,
      expect.stringMatching(/^1 pack of \d+ bytes that no record and no session names$/),
      '1 name that nobody knows, with 9 bytes: left-over',
    ])
  })

  test(`${count} random faults`, () => rounds(count, async (random) => strikeAndLook(random)), 60_000 + count * 600)
})

describe('a store of which snapshots were dropped, packs written anew, and a path purged', () => {
  beforeAll(async () => {
    const files = await makeLived()
    await use(files, [...files.keys()].filter((name) => name.startsWith('log/')).length)
  })

  test('is whole', async () => {
    expect([...original.keys()]).toEqual([3, 4, 6, 7, 8, 9, last - 1, last])
    const {findings, notes} = await verified(storeOf(whole))
    expect({findings, notes}).toEqual({findings: [], notes: []})
    expect([...whole.values()].filter((bytes) => bytes.includes('\nreplace '))).not.toEqual([])
  })

  test(`${count / 2} random faults`, () => rounds(count / 2, async (random) => strikeAndLook(random)), 60_000 + count * 600)
})

type Fault = {readonly what: string; readonly names: readonly string[]}

/* Does something to some files, and says what and to which. */
function strike(files: Map<string, Buffer>, random: () => number): Fault {
  const names = [...files.keys()].sort()
  const pick = (): string => names[Math.floor(random() * names.length)]!
  const name = pick()
  const bytes = files.get(name)!
  const at = Math.floor(random() * Math.max(1, bytes.length))
  const kind = ['flip', 'cut', 'remove', 'swap', 'swap alike', 'duplicate', 'grow', 'empty', 'overwrite'][Math.floor(random() * 9)]!
  switch (kind) {
    case 'flip': {
      const next = Buffer.from(bytes)
      if (next.length > 0) next[at]! ^= 1 << Math.floor(random() * 8)
      files.set(name, next)
      return {what: `bit flipped at ${at} of ${name}`, names: [name]}
    }
    case 'cut':
      files.set(name, bytes.subarray(0, at))
      return {what: `${name} cut at ${at}`, names: [name]}
    case 'remove':
      files.delete(name)
      return {what: `${name} removed`, names: [name]}
    case 'swap':
    case 'swap alike': {
      const alike = names.filter((each) => kind === 'swap' || each.split('/')[0] === name.split('/')[0])
      const other = alike[Math.floor(random() * alike.length)]!
      files.set(name, files.get(other)!)
      files.set(other, bytes)
      return {what: `${name} and ${other} swapped`, names: [name, other]}
    }
    case 'duplicate': {
      const copy = name.replace(/[0-9a-f](?=[0-9a-f]*(?:\.tar\.zst)?$)/, (digit) => (digit === '7' ? '3' : '7'))
      if (copy === name || files.has(copy)) return {what: 'nothing', names: []}
      files.set(copy, bytes)
      return {what: `${name} copied to ${copy}`, names: [copy]}
    }
    case 'grow':
      files.set(name, Buffer.concat([bytes, Buffer.alloc(1 + Math.floor(random() * 600), Math.floor(random() * 256))]))
      return {what: `${name} grown`, names: [name]}
    case 'overwrite': {
      const next = Buffer.from(bytes)
      next.fill(Math.floor(random() * 256), at, Math.min(next.length, at + 1 + Math.floor(random() * 100)))
      files.set(name, next)
      return {what: `${name} written over at ${at}`, names: [name]}
    }
    default:
      files.set(name, Buffer.alloc(0))
      return {what: `${name} emptied`, names: [name]}
  }
}

/* What has to be found for a file that is not as it was. */
function expected(name: string, is: Buffer | undefined): string | undefined {
  if (name === 'bk-store' || name === 'README' || name === 'recover.sh') return `file ${name}`
  const record = /^log\/0*(\d+)$/.exec(name)
  if (record !== null) {
    const seq = Number(record[1])
    if (seq > last || seq === 0) return undefined
    // Nobody can tell the last one that is whole from one that was torn, or a log without it from one that never had it.
    if (seq === last && is === undefined && ![...whole.keys()].some((each) => each.startsWith('log/') && Number(each.slice(4)) > last)) return undefined
    const hasEnd = is === undefined || /\nsum [0-9a-f]{64}\n$/.test(is.toString('latin1'))
    return seq === last && !hasEnd ? undefined : `record ${seq}`
  }
  const catalog = /^catalogs\/(.*)$/.exec(name)
  if (catalog !== null && whole.has(name)) return `catalog ${catalog[1]}`
  const pack = /^packs\/..\/(.*)\.tar\.zst$/.exec(name)
  // Two of the packs are in no catalog.
  return pack !== null && whole.has(name) && isNamed(pack[1]!) ? `pack ${pack[1]}` : undefined
}

/* The number of the record whose catalog this is, or that of this pack. */
function recordOf(what: string): number | undefined {
  const [kind, name] = what.split(' ') as [string, string]
  const digest = kind === 'catalog' ? name : [...whole].find(([each, bytes]) => each.startsWith('catalogs/') && bytes.includes(`pack ${name} `))?.[0].slice('catalogs/'.length)
  for (const [each, bytes] of whole) if (each.startsWith('log/') && new RegExp(`\\ncatalog ${digest}[ \\n]`).test(bytes.toString('latin1'))) return Number(each.slice(4))
  return undefined
}

function isNamed(pack: string): boolean {
  return [...whole].some(([name, bytes]) => name.startsWith('catalogs/') && bytes.includes(`pack ${pack} `))
}

/* Who loses an edit does not know what was dropped, replaced or purged: then it is named, and what comes back is right. */
function isEdit(name: string): boolean {
  return whole.get(name)?.subarray(0, 17).toString('latin1') === '#bk record 1 edit'
}

async function strikeAndLook(random: () => number): Promise<void> {
  const files = new Map(whole)
  const {what, names} = strike(files, random)
  const changed = names.filter((name) => !(files.get(name) ?? Buffer.from('gone')).equals(whole.get(name) ?? Buffer.from('none')))
  const store = storeOf(files)
  const {findings, summary} = await verified(store)
  const due = new Set(changed.flatMap((name) => expected(name, files.get(name)) ?? []))
  const found = new Set<string>(findings.flatMap((each) => (each.kind === 'file' || each.kind === 'record' || each.kind === 'catalog' || each.kind === 'pack' ? [`${each.kind} ${each.name}`] : [])))
  // The sums of what stands beside it are in bk-store.
  if (due.has('file bk-store')) for (const name of due) if (name.startsWith('file ') && name !== 'file bk-store') due.delete(name)
  // What belongs to a record that is damaged, or its catalog, may be known or not.
  for (const name of [...due, ...found]) {
    if (changed.some((each) => each.startsWith('log/') && Number(each.slice(4)) === recordOf(name))) {
      due.delete(name)
      found.delete(name)
    }
  }
  // And so may a pack that no catalog names, when a catalog is damaged.
  for (const name of found) if (name.startsWith('pack ') && due.size > 0 && !isNamed(name.slice(5))) found.delete(name)
  // A record that comes from nowhere is one too many, or says another number.
  for (const name of found) if (Number(/^record (\d+)/.exec(name)?.[1] ?? 0) > last && changed.some((each) => each.startsWith('log/'))) found.delete(name)
  if (changed.some((name) => /^log\/0*\d+$/.test(name) && !whole.has(name))) for (const name of found) if (Number(/^record (\d+)/.exec(name)?.[1] ?? 0) > last) found.delete(name)
  const hasLostEdit = changed.some((name) => name.startsWith('log/') && (isEdit(name) || files.get(name)?.includes('#bk record 1 edit') === true))
  if (hasLostEdit) for (const name of found) if (!due.has(name)) found.delete(name)
  expect({what, found: [...found].sort()}).toEqual({what, found: [...due].sort()})
  if (due.size > 0) expect(summary.damages, what).toBeGreaterThan(0)
  else if (!changed.some((name) => name.startsWith('log/'))) expect({what, findings}).toEqual({what, findings: []})
  const came = await compareWithRestore(store, what, changed, findings)
  // Of one record that is damaged the next one has a copy.
  if (changed.length === 1 && isRecord(changed[0]!) && Number(changed[0]!.slice(4)) < last) {
    expect({what, lost: findings.filter(({kind}) => kind !== 'record')}).toEqual({what, lost: []})
    expect({what, came}).toEqual({what, came: original})
  }
}

function isRecord(name: string): boolean {
  return /^log\/\d+$/.test(name) && whole.has(name)
}

/* Every file comes back byte for byte, or both say that it does not. */
async function compareWithRestore(store: CopyingStore, what: string, changed: readonly string[], findings: readonly Finding[]): Promise<ReadonlyMap<number, Came>> {
  const log = StoreLog.over(store, parseSettings(whole.get('bk-store')!))
  const snapshots = (await log.snapshots(() => {})).filter(({seq}) => seq <= last)
  const hasWholeLog = !changed.some((name) => name.startsWith('log/'))
  const came = await restoreAll(log, snapshots)
  for (const {seq} of snapshots) {
    const {lost, why, content} = came.get(seq)!
    const said = new Set(findings.flatMap((each) => (each.kind === 'lost' && each.snapshots.includes(seq) ? [each.path] : [])))
    const isSaid = findings.some((each) => each.kind === 'snapshot' && each.name === String(seq))
    const where = `${what}: snapshot ${seq}`
    if (why !== undefined) expect({where, why, isSaid}).toEqual({where, why, isSaid: true})
    else {
      // Of what a damaged record has brought nobody can say where it should be: verify names the record.
      if (hasWholeLog) expect({where, lost: [...said].sort()}).toEqual({where, lost: [...lost].sort()})
      else for (const path of said) expect(lost, `${where} ${path}`).toContain(path)
      for (const [path, sum] of content) if (original.has(seq)) expect(sum, `${where} ${path}`).toBe(original.get(seq)!.content.get(path))
    }
  }
  return came
}
