/*
 * Commit, everywhere the same (design, "The store"): packs durable, read the head, check under it that every pack
 * needed exists and that the limits hold, catalog durable, create the next record if nobody has. Nothing is locked: whoever finds the number taken looks again.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {formatCatalog, type CataloguedPack} from './catalog.ts'
import {doomedBy, replacedBy} from './edits.ts'
import {diffNeeds, type Labels, type Needs} from './needs.ts'
import {formatEditRecord, formatSnapshot, parseRecord, type Described, type SnapshotRecord} from './record.ts'
import {catalogName, packName, recordName} from './store.ts'
import {Replaced} from './replaced.ts'
import {usedBy} from './usage.ts'
import {readState, type LogState} from './state.ts'
import {marksSince, type StillLost} from './lost.ts'
import type {ListedPack, StoreLog} from './log.ts'

/** What is to be committed. */
export interface Draft extends Described {
  readonly set: string
  readonly received: string
  readonly saw: {readonly seq: number; readonly sum: string} | undefined
  /** Packs that came with it and are durable. Those that nothing needs are left out of `needed`. */
  readonly packs: readonly CataloguedPack[]
  /** Names of the packs that the snapshot needs. */
  readonly needed: ReadonlySet<string>
  /** What it reaches although it is lost; undefined for nothing. */
  readonly lost?: StillLost | undefined
  /**
   * Has the last word, under each head that it would be committed on, before anything of it is written; throws to refuse. `bytes` is what
   * it adds beside the packs: catalog and record.
   */
  readonly admit?: ((bytes: number) => Promise<void>) | undefined
}

/** What was written. */
export interface Committed {
  readonly seq: number
  readonly sum: string
}

/** A whole list of needs stands in at least every 64th snapshot of a set. */
const WHOLE_EVERY = 64
const MAX_TRIES = 1000

/**
 * Commits a snapshot.
 * @throws BkError 77 when a pack that it needs is not in the store
 */
export async function commitSnapshot(log: StoreLog, draft: Draft): Promise<Committed> {
  const {store} = log
  let catalogThere: string | undefined
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const head = await log.head()
    const seq = head.seq + 1
    const before = await log.newest(draft.set)
    const found = await findPacks(log, draft, before)
    const packs = [...draft.packs, ...found.replaced]
    const catalog = packs.length === 0 ? undefined : formatCatalog(packs)
    const brought = (catalog?.bytes.length ?? 0) + packs.reduce((sum, {size}) => sum + size, 0)
    const labels = withFresh(found.labels, seq, catalog?.packs ?? [], draft.needed)
    const sizes = new Map([...found.sizes, ...packs.map(({name, size}): [string, number] => [name, size])])
    await checkPacks(log, draft.needed, sizes, await doomedSince(log, found.since), draft.lost?.packs)
    const {text, sum} = formatSnapshot({
      seq,
      set: draft.set,
      received: draft.received,
      claimed: draft.claimed,
      partial: draft.partial,
      entries: draft.entries,
      bytes: draft.bytes,
      index: draft.index,
      tree: draft.tree,
      catalog: catalog?.digest,
      stored: {bytes: brought, total: (await usedBy(log, draft.set)) + brought},
      needs: await needsOf(log, labels, before),
      epoch: 1,
      saw: draft.saw,
      note: draft.note,
      damaged: await damagedLine(log, draft.lost),
      copied: head.own,
      prev: head.sum,
    })
    const bytes = Buffer.from(text, 'latin1')
    // A record stays for ever, and one that cannot be read would end every reading of the log.
    const {size} = parseRecord(bytes)
    await draft.admit?.((catalog?.bytes.length ?? 0) + size)
    if (catalog !== undefined && catalog.digest !== catalogThere) await store.put(catalogName(catalog.digest), [catalog.bytes], false)
    catalogThere = catalog?.digest
    if (await store.put(recordName(seq), [bytes], true)) return {seq, sum}
  }
  throw new BkError('the log is written to faster than this can be committed', {status: 75})
}

/**
 * Commits an edit. `make` says what it is under the state that it is committed on, and is asked again when somebody else was faster; nothing is
 * written where it says nothing.
 */
export async function commitEdit(log: StoreLog, make: (state: LogState) => Promise<readonly string[]>): Promise<Committed | undefined> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const state = await readState(log)
    const lines = await make(state)
    if (lines.length === 0) return undefined
    const seq = state.head.seq + 1
    const {text, sum} = formatEditRecord({seq, lines, copied: state.head.own, prev: state.head.sum})
    // As above: what cannot be read must not be written.
    if (parseRecord(Buffer.from(text, 'latin1')).kind !== 'edit') throw new Error('an edit that is none')
    if (await log.store.put(recordName(seq), [Buffer.from(text, 'latin1')], true)) return {seq, sum}
  }
  throw new BkError('the log is written to faster than this can be committed', {status: 75})
}

/** Where packs are that did not come with the snapshot. */
interface Found {
  readonly labels: Labels
  /**
   * Packs in whose place others have been put since the writer began to count on them: only they have all that he may have meant. They are
   * in the store until no sender can count on them any more, and come once more with this snapshot.
   */
  readonly replaced: readonly CataloguedPack[]
  /** By name. */
  readonly sizes: ReadonlyMap<string, number>
  /** The record up to which none of them is doomed. */
  readonly since: number
}

async function findPacks(log: StoreLog, draft: Draft, before: SnapshotRecord | undefined): Promise<Found> {
  const labels = new Map<number, Set<number>>()
  const sizes = new Map<string, number>()
  const missing = new Set(draft.needed)
  for (const {name} of draft.packs) missing.delete(name)
  const take = (seq: number, n: number, pack: ListedPack | undefined): void => {
    if (pack === undefined || !missing.delete(pack.name)) return
    sizes.set(pack.name, pack.size)
    labels.set(seq, (labels.get(seq) ?? new Set<number>()).add(n))
  }
  if (missing.size > 0 && before !== undefined) {
    for (const [seq, numbers] of await log.labelsNow(before)) {
      const packs = await log.list(seq)
      for (const n of numbers) take(seq, n, packs[n - 1])
    }
  }
  // What the snapshot before needs was not doomed when that was committed; what is in its place is younger.
  if (missing.size === 0) return {labels, replaced: [], sizes, since: before?.seq ?? 0}
  const replaced = new Replaced()
  const old = new Map<string, CataloguedPack>()
  for await (const record of log.backwards()) {
    if (missing.size === 0) break
    if (record.kind === 'edit') for (const each of replacedBy(record.lines)) replaced.add(each)
    if (record.catalog === undefined) continue
    for (const [i, pack] of (await catalogIfThere(log, record.seq)).entries()) {
      if (!replaced.has(record.seq, i + 1)) take(record.seq, i + 1, pack)
      else if (missing.has(pack.name)) old.set(pack.name, (await log.catalog(record.seq))[i]!)
    }
  }
  for (const name of missing) if (!old.has(name)) throw missingPack(name)
  return {labels, replaced: [...missing].map((name) => old.get(name)!), sizes, since: 0}
}

function withFresh(labels: Labels, seq: number, packs: readonly CataloguedPack[], needed: ReadonlySet<string>): Labels {
  const numbers = new Set(packs.flatMap(({name}, i) => (needed.has(name) ? [i + 1] : [])))
  return numbers.size === 0 ? labels : new Map([...labels, [seq, numbers]])
}

/* A catalog goes when its last pack has. */
async function catalogIfThere(log: StoreLog, seq: number): Promise<readonly ListedPack[]> {
  try {
    return await log.list(seq)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return []
  }
}

/* Packs that records after this one say are about to be deleted. */
async function doomedSince(log: StoreLog, seq: number): Promise<ReadonlySet<string>> {
  const doomed = new Set<string>()
  for await (const record of log.backwards()) {
    if (record.seq <= seq) break
    if (record.kind === 'edit') for (const name of doomedBy(record.lines)) doomed.add(name)
  }
  return doomed
}

async function needsOf(log: StoreLog, labels: Labels, before: SnapshotRecord | undefined): Promise<Needs> {
  if (before === undefined || (await depthOf(log, before)) >= WHOLE_EVERY - 1) return {base: undefined, drop: new Map(), add: labels}
  return diffNeeds(before.seq, await log.labels(before), labels)
}

async function depthOf(log: StoreLog, record: SnapshotRecord): Promise<number> {
  let depth = 0
  for (let at: SnapshotRecord = record; at.needs.base !== undefined; depth++) {
    const next = await log.record(at.needs.base)
    if (next?.kind !== 'snapshot') break
    at = next
  }
  return depth
}

async function checkPacks(
  log: StoreLog, needed: ReadonlySet<string>, sizes: ReadonlyMap<string, number>, doomed: ReadonlySet<string>, lost: ReadonlySet<string> = new Set(),
): Promise<void> {
  for (const name of needed) {
    if (doomed.has(name) || (!lost.has(name) && (await log.store.size(packName(name))) !== sizes.get(name))) throw missingPack(name)
  }
}

/* What was said to be lost since the writer looked may be what the snapshot reaches: who comes next finds out. */
async function damagedLine(log: StoreLog, lost: StillLost | undefined): Promise<readonly number[] | undefined> {
  if (lost === undefined) return undefined
  const marks = [...new Set([...lost.marks, ...(await marksSince(log, lost.asOf))])]
  return marks.length === 0 ? undefined : marks.sort((a, b) => a - b)
}

function missingPack(name: string): BkError {
  return new BkError(`refused missing-object: pack ${name} is not in the store, or is cut off`, {status: 77})
}
