/*
 * Compaction (docs/decisions/0009, "Compaction"): packs of which little is needed any more are written anew without the rest, and an edit says
 * which packs take their place. Nothing is deleted here: those that were replaced are unneeded from now on, and go as everything else does
 * that nobody needs, when no sender can count on them any more.
 */
import {isDamage} from '../store/is-damage.ts'
import {formatCatalog} from '../store/catalog.ts'
import {commitEdit} from '../store/commit.ts'
import {formatEdit} from '../store/edits.ts'
import {minus} from '../store/needs.ts'
import {PackReader} from '../store/objects.ts'
import {recordTime, type SnapshotRecord} from '../store/record.ts'
import {readState, type LogState} from '../store/state.ts'
import {catalogName, packName} from '../store/store.ts'
import {LiveObjects} from '../history/live.ts'
import {mustKnowAll} from './clean-up.ts'
import {addPacks, idsIn, labelsNow, labelsOf, sizeOf, type NeededPack} from './inventory.ts'
import {rewrite, type RewriteOptions} from './rewrite.ts'
import {unneededLabels} from './unneeded.ts'
import type {StoreLog} from '../store/log.ts'

export interface CompactOptions extends RewriteOptions {
  /** The store's clock, in seconds since 1970: what is replaced stays for some hours from when others take its place, and writing them may take hours. */
  readonly now: () => number
  /** Does not care for what a sender at work may count on. */
  readonly atOnce: boolean
  /** A pack is written anew when more of its content than this share is not needed; from 0 to 1. */
  readonly waste: number
}

/** What was written anew. */
export interface Compacted {
  /** Packs that others replace. */
  packs: number
  /** Bytes that they take. */
  bytes: number
  /** Bytes of those in their place. */
  fresh: number
}

/** Packs that are replaced by one edit, in bytes: what a kill costs. */
const GROUP = 256 << 20
/** One of which little is needed. */
interface Wasted extends NeededPack {
  readonly dead: readonly string[]
}

/**
 * Writes packs anew that are mostly waste.
 * @throws BkError 65 where it cannot be known what is needed, since something is damaged; 77 in a store of a later version
 */
export async function compact(log: StoreLog, options: CompactOptions): Promise<Compacted> {
  const state = await readState(log)
  mustKnowAll(state)
  const {live, packs} = await findLive(log, state, options)
  const wasted: Wasted[] = []
  for (const pack of packs.values()) {
    const found = await deadIn(log, pack, live, options.waste)
    if (found !== undefined) wasted.push({...pack, ...found})
  }
  const done: Compacted = {packs: 0, bytes: 0, fresh: 0}
  for (const ofSet of Map.groupBy(wasted, ({set}) => set).values()) {
    for (const group of groupsOf(ofSet)) await replace(log, group, {state, live, options, done})
  }
  return done
}

/* What is needed, and the packs that have it, in the order of their records. */
async function findLive(log: StoreLog, state: LogState, {now, atOnce}: CompactOptions): Promise<{live: LiveObjects; packs: Map<string, NeededPack>}> {
  const {needed, counted} = await unneededLabels(log, state, atOnce ? undefined : now())
  const live = new LiveObjects(log)
  const packs = new Map<string, NeededPack>()
  await addPacks(log, state, needed, {live, packs})
  const kept = new Set(state.kept.map(({record}) => record))
  const stays: SnapshotRecord[] = []
  // Of one that was dropped something may be gone: then nobody can count on it.
  for (const record of counted) if (kept.has(record) || (await isWhole(log, state, record, packs))) stays.push(record)
  await live.mark(stays)
  return {live, packs}
}

async function isWhole(log: StoreLog, state: LogState, record: SnapshotRecord, packs: ReadonlyMap<string, NeededPack>): Promise<boolean> {
  const needed = await labelsNow(log, state, [record])
  const there = labelsOf([...packs.values()].filter(({name}) => !state.doomedPacks.has(name)))
  return minus(needed, there).size === 0
}

/* The objects of a pack that nobody needs, where they are more than may be, or not all of it can be read. */
async function deadIn(log: StoreLog, pack: NeededPack, live: LiveObjects, waste: number): Promise<Pick<Wasted, 'dead' | 'isSick'> | undefined> {
  const dead: string[] = []
  let [lost, total] = [0, 0]
  try {
    for (const {members} of pack.isSick ? [] : await new PackReader(log.store).toc(pack.name)) {
      for (const {id, size} of members) {
        total += size
        if (live.has(id)) continue
        dead.push(id)
        lost += size
      }
    }
  } catch (error) {
    if (!isDamage(error)) throw error
    total = 0
  }
  if (total === 0) return {dead: (await idsIn(log, pack)).filter((id) => !live.has(id)), isSick: true}
  return dead.length > 0 && lost > total * waste ? {dead, isSick: false} : undefined
}

function* groupsOf(packs: readonly Wasted[]): Generator<Wasted[]> {
  let group: Wasted[] = []
  let bytes = 0
  for (const pack of packs) {
    group.push(pack)
    bytes += pack.size
    if (bytes < GROUP) continue
    yield group
    group = []
    bytes = 0
  }
  if (group.length > 0) yield group
}

interface Compaction {
  /** As it was when what is needed was found out. */
  readonly state: LogState
  readonly live: LiveObjects
  readonly options: CompactOptions
  readonly done: Compacted
}

async function replace(log: StoreLog, group: readonly Wasted[], {state: seen, live, options, done}: Compaction): Promise<void> {
  const {written, packs} = await rewrite(log, group, live, options)
  if (packs.length === 0) return
  const {bytes, digest} = formatCatalog(packs)
  const fresh = bytes.length + packs.reduce((sum, {size}) => sum + size, 0)
  await log.store.put(catalogName(digest), [bytes], false)
  let replaced: readonly Wasted[] = []
  const committed = await commitEdit(log, async (state) => {
    mustKnowAll(state)
    // What was written may have something that is to be nowhere.
    if (state.purged.length !== seen.purged.length) return []
    replaced = await stillWasted(log, written, seen, state, live)
    const old = sizeOf(replaced)
    // What has come meanwhile may need so much of it that nothing is won.
    if (old <= fresh && !replaced.some(({isSick}) => isSick)) return []
    const {set} = replaced[0]!
    return [
      ...formatEdit({verb: 'catalog', digest, bytes: fresh}),
      ...(old > fresh ? formatEdit({verb: 'freed', set, bytes: old - fresh}) : []),
      ...formatEdit({
        verb: 'replace', set, time: recordTime(BigInt(options.now()) * 1_000_000_000n), old: labelsOf(replaced),
        fresh: new Map([[state.head.seq + 1, new Set(packs.map((_, i) => i + 1))]]),
      }),
    ]
  })
  if (committed === undefined) {
    // Nobody else knows of them.
    for (const {name} of packs) await log.store.remove(packName(name))
    await log.store.remove(catalogName(digest))
    return
  }
  done.packs += replaced.length
  done.bytes += sizeOf(replaced)
  done.fresh += fresh
}

/* Those of which nobody who has come since needs what was left out. */
async function stillWasted(log: StoreLog, group: readonly Wasted[], seen: LogState, state: LogState, live: LiveObjects): Promise<readonly Wasted[]> {
  const isFree = ({name, labels}: Wasted): boolean => !state.doomedPacks.has(name) && !labels.some(([seq, n]) => state.replaced.has(seq, n))
  const fresh = state.kept.map(({record}) => record).filter(({seq}) => seq > seen.head.seq)
  if (fresh.length === 0) return group.filter(isFree)
  const packs = new Map<string, NeededPack>()
  await addPacks(log, state, await labelsNow(log, state, fresh), {live, packs})
  await live.mark(fresh)
  return group.filter((pack) => isFree(pack) && !pack.dead.some((id) => live.has(id))).map((pack) => ({...pack, labels: joined(pack, packs.get(pack.name))}))
}

function joined({labels}: NeededPack, other: NeededPack | undefined): NeededPack['labels'] {
  const more = (other?.labels ?? []).filter(([seq, n]) => !labels.some((each) => each[0] === seq && each[1] === n))
  return [...labels, ...more]
}
