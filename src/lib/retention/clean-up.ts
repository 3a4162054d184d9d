/*
 * Deletes what nobody needs (docs/decisions/0009): first an edit says what is doomed, so that nobody counts on it, then files go. It can be
 * killed at any instant and is gone through again by the next run.
 */
import {BkError} from '../cli/errors.ts'
import {formatEdit} from '../store/edits.ts'
import {commitEdit} from '../store/commit.ts'
import {listedPacks} from '../store/session.ts'
import {readPackLines} from '../store/read-catalog.ts'
import {packFiles} from '../store/pack-files.ts'
import {readState, type LogState} from '../store/state.ts'
import {catalogName, isId, packName} from '../store/store.ts'
import {unneededLabels} from './unneeded.ts'
import type {Labels} from '../store/needs.ts'
import type {StoreLog} from '../store/log.ts'

export interface CleanUpOptions {
  /** Seconds since 1970. */
  readonly now: number
  /** Lets go also of what a sender at work may count on. */
  readonly atOnce: boolean
}

/** What went. */
export interface Freed {
  packs: number
  catalogs: number
  bytes: number
}

/** What nobody names is left alone for so many seconds: somebody may be about to name it. */
const UNNAMED = 25 * 3600

/** What is to go. */
interface Doomed {
  readonly packs: Set<string>
  readonly catalogs: Set<string>
  /** By set: bytes that it has brought. */
  readonly freed: Map<string, number>
}

/**
 * Deletes what no kept snapshot needs.
 * @throws BkError 77 in a store of a later version, 65 where the log is damaged: then nothing is deleted
 */
export async function cleanUp(log: StoreLog, options: CleanUpOptions): Promise<Freed> {
  const freed: Freed = {packs: 0, catalogs: 0, bytes: 0}
  const files = new Set(await Array.fromAsync(packFiles(log.store)))
  await commitEdit(log, async (state) => {
    mustKnowAll(state)
    const {packs, catalogs, freed: bytes} = await findDoomed(log, state, files, options)
    return [
      ...formatEdit({verb: 'doom', what: 'packs', names: [...packs].sort()}),
      ...formatEdit({verb: 'doom', what: 'catalogs', names: [...catalogs].sort()}),
      ...[...bytes].flatMap(([set, sum]) => formatEdit({verb: 'freed', set, bytes: sum})),
    ]
  })
  const {doomedPacks, doomedCatalogs} = await readState(log)
  for (const name of doomedPacks) if (files.has(name)) freed.packs += await remove(log, packName(name), freed)
  const catalogs = new Set((await log.store.list('catalogs/')).map((name) => name.slice('catalogs/'.length)))
  for (const name of doomedCatalogs) if (catalogs.has(name)) freed.catalogs += await remove(log, catalogName(name), freed)
  return freed
}

/** Whoever does not know what an edit means does not know what it would break. Throws BkError 77. */
export function mustKnowAll({unknown}: LogState): void {
  const [line] = unknown
  if (line !== undefined) throw new BkError(`the log says something that this version does not know: ${line.slice(0, 80)}`, {status: 77, hint: 'update bk'})
}

async function findDoomed(log: StoreLog, state: LogState, files: ReadonlySet<string>, {now, atOnce}: CleanUpOptions): Promise<Doomed> {
  const {labels, inUse} = await unneededLabels(log, state, atOnce ? undefined : now)
  const listed = await allListed(log)
  const going = new Map<string, Freeing[]>()
  for (const [seq, numbers] of labels) {
    const bringer = state.bringers.get(seq)
    if (bringer === undefined || state.doomedCatalogs.has(bringer.catalog)) continue
    const {packs} = await readPackLines(log.store, bringer.catalog)
    for (const [i, {name, size}] of packs.entries()) {
      if (!numbers.has(i + 1) || state.doomedPacks.has(name) || listed.has(name)) continue
      const freeing = going.get(name) ?? []
      going.set(name, freeing)
      // What others are in the place of was taken off when they came there.
      if (!state.replaced.has(seq, i + 1)) freeing.push({set: bringer.sets?.get(i + 1) ?? bringer.set, size})
    }
  }
  if (going.size > 0) await leaveNeeded(log, state, inUse, going)
  const doomed: Doomed = {packs: new Set(going.keys()), catalogs: new Set(), freed: new Map()}
  for (const {set, size} of [...going.values()].flat()) count(doomed.freed, set, size)
  await addCatalogs(log, state, labels, doomed)
  await addUnnamed(log, state, files, {inUse, listed, doomed, now})
  await addUnnamedCatalogs(log, state, doomed, now)
  return doomed
}

/* What a set that has brought a pack gets back for it. */
interface Freeing {
  readonly size: number
  readonly set: string
}

function count(sums: Map<string, number>, set: string, bytes: number): void {
  sums.set(set, (sums.get(set) ?? 0) + bytes)
}

/* A pack may be in two catalogs: two sessions counted on what a third had left. */
async function leaveNeeded(log: StoreLog, state: LogState, inUse: Labels, going: Map<string, Freeing[]>): Promise<void> {
  for (const [seq, numbers] of inUse) {
    const bringer = state.bringers.get(seq)
    if (bringer === undefined) throw new BkError(`record ${seq} has no catalog, and packs of it are needed`, {status: 65})
    // With --now it went, though a sender might have counted on it.
    if (state.doomedCatalogs.has(bringer.catalog)) continue
    const {packs} = await readPackLines(log.store, bringer.catalog)
    for (const [n, {name}] of packs.entries()) if (numbers.has(n + 1)) going.delete(name)
  }
}

/* Catalogs of which no pack is left. */
async function addCatalogs(log: StoreLog, state: LogState, labels: Labels, {packs: going, catalogs, freed}: Doomed): Promise<void> {
  for (const seq of labels.keys()) {
    const bringer = state.bringers.get(seq)
    if (bringer === undefined || state.doomedCatalogs.has(bringer.catalog)) continue
    const {packs, size} = await readPackLines(log.store, bringer.catalog)
    if (!packs.every(({name}) => going.has(name) || state.doomedPacks.has(name))) continue
    catalogs.add(bringer.catalog)
    count(freed, bringer.set, size)
  }
}

interface Known {
  readonly inUse: Labels
  readonly listed: ReadonlySet<string>
  readonly doomed: Doomed
  readonly now: number
}

/* Packs that nothing names. All catalogs are gone through only when there are more files than there should be. */
async function addUnnamed(log: StoreLog, state: LogState, files: ReadonlySet<string>, {inUse, listed, doomed, now}: Known): Promise<void> {
  // What has just been doomed is there yet.
  const expected = [...inUse.values()].reduce((sum, numbers) => sum + numbers.size, doomed.packs.size)
  if (files.size <= expected || log.store.made === undefined) return
  const named = new Set<string>()
  for (const {catalog} of state.bringers.values()) {
    if (!state.doomedCatalogs.has(catalog)) for (const {name} of (await readPackLines(log.store, catalog)).packs) named.add(name)
  }
  for (const name of files) {
    if (named.has(name) || listed.has(name) || state.doomedPacks.has(name)) continue
    const made = await log.store.made(packName(name))
    if (made !== undefined && now - made > UNNAMED) doomed.packs.add(name)
  }
}

/* Catalogs of records that were never made. */
async function addUnnamedCatalogs({store}: StoreLog, {bringers, doomedCatalogs}: LogState, {catalogs}: Doomed, now: number): Promise<void> {
  if (store.made === undefined) return
  const named = new Set([...bringers.values()].map(({catalog}) => catalog))
  for (const file of await store.list('catalogs/')) {
    const digest = file.slice('catalogs/'.length)
    if (!isId(digest) || named.has(digest) || doomedCatalogs.has(digest)) continue
    const made = await store.made(file)
    if (made !== undefined && now - made > UNNAMED) catalogs.add(digest)
  }
}

async function allListed({store}: StoreLog): Promise<Set<string>> {
  const names = new Set<string>()
  for (const file of await store.list('sessions/')) for (const {name} of await listedPacks(store, file.slice('sessions/'.length))) names.add(name)
  return names
}

/* One that is gone already does not count. */
async function remove({store}: StoreLog, name: string, freed: Freed): Promise<number> {
  const size = await store.size(name)
  await store.remove(name)
  freed.bytes += size ?? 0
  return size === undefined ? 0 : 1
}
