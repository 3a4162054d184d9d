/*
 * Commit, everywhere the same (design, "The store"): packs durable, read the head, check under it that every pack
 * needed exists and that the limits hold, catalog durable, create the next record if nobody has. Nothing is locked: whoever finds the number taken looks again.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {formatCatalog, type CataloguedPack} from './catalog.ts'
import {doomedBy} from './edits.ts'
import {diffNeeds, type Labels, type Needs} from './needs.ts'
import {formatEditRecord, formatSnapshot, parseRecord, type Described, type SnapshotRecord} from './record.ts'
import {catalogName, packName, recordName} from './store.ts'
import {usedBy} from './usage.ts'
import {readState, type LogState} from './state.ts'
import type {StoreLog} from './log.ts'

/** What is to be committed. */
export interface Draft extends Described {
  readonly set: string
  readonly received: string
  readonly saw: {readonly seq: number; readonly sum: string} | undefined
  /** Packs that came with it and are durable. Those that nothing needs are left out of `needed`. */
  readonly packs: readonly CataloguedPack[]
  /** Names of the packs that the snapshot needs. */
  readonly needed: ReadonlySet<string>
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
  const catalog = draft.packs.length === 0 ? undefined : formatCatalog(draft.packs)
  let isCatalogThere = catalog === undefined
  const brought = (catalog?.bytes.length ?? 0) + draft.packs.reduce((sum, {size}) => sum + size, 0)
  const sizes = new Map((catalog?.packs ?? []).map(({name, size}) => [name, size]))
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const head = await log.head()
    const seq = head.seq + 1
    const before = await log.newest(draft.set)
    const {labels, since} = await labelsOf(log, draft, seq, catalog?.packs ?? [], before, sizes)
    await checkPacks(log, draft.needed, sizes, await doomedSince(log, since))
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
      prev: head.sum,
    })
    const bytes = Buffer.from(text, 'latin1')
    // A record stays for ever, and one that cannot be read would end every reading of the log.
    parseRecord(bytes)
    await draft.admit?.((catalog?.bytes.length ?? 0) + bytes.length)
    if (catalog !== undefined && !isCatalogThere) await store.put(catalogName(catalog.digest), [catalog.bytes], false)
    isCatalogThere = true
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
    const {text, sum} = formatEditRecord({seq, lines, prev: state.head.sum})
    // As above: what cannot be read must not be written.
    if (parseRecord(Buffer.from(text, 'latin1')).kind !== 'edit') throw new Error('an edit that is none')
    if (await log.store.put(recordName(seq), [Buffer.from(text, 'latin1')], true)) return {seq, sum}
  }
  throw new BkError('the log is written to faster than this can be committed', {status: 75})
}

async function labelsOf(
  log: StoreLog,
  draft: Draft,
  seq: number,
  fresh: readonly CataloguedPack[],
  before: SnapshotRecord | undefined,
  sizes: Map<string, number>,
): Promise<{readonly labels: Labels; readonly since: number}> {
  const labels = new Map<number, Set<number>>()
  const missing = new Set(draft.needed)
  const take = (at: number, packs: readonly CataloguedPack[]): void => {
    packs.forEach(({name, size}, i) => {
      if (!missing.delete(name)) return
      sizes.set(name, size)
      const numbers = labels.get(at) ?? new Set<number>()
      labels.set(at, numbers.add(i + 1))
    })
  }
  take(seq, fresh)
  if (missing.size > 0 && before !== undefined) {
    for (const at of (await log.labels(before)).keys()) take(at, await log.catalog(at))
  }
  // What the snapshot before needs was not doomed when that was committed.
  const since = missing.size === 0 ? (before?.seq ?? 0) : 0
  if (missing.size > 0) {
    for await (const record of log.backwards()) {
      if (missing.size === 0) break
      if (record.kind === 'snapshot' && record.catalog !== undefined) take(record.seq, await catalogIfThere(log, record.seq))
    }
  }
  for (const name of missing) throw missingPack(name)
  return {labels, since}
}

/* A catalog goes when its last pack has. */
async function catalogIfThere(log: StoreLog, seq: number): Promise<readonly CataloguedPack[]> {
  try {
    return await log.catalog(seq)
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

async function checkPacks(log: StoreLog, needed: ReadonlySet<string>, sizes: ReadonlyMap<string, number>, doomed: ReadonlySet<string>): Promise<void> {
  for (const name of needed) {
    if (doomed.has(name) || (await log.store.size(packName(name))) !== sizes.get(name)) throw missingPack(name)
  }
}

function missingPack(name: string): BkError {
  return new BkError(`refused missing-object: pack ${name} is not in the store, or is cut off`, {status: 77})
}
