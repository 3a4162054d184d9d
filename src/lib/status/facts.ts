/*
 * What there is to know of the sets of a store before anybody judges it: gathered from the log, backwards and no further than is needed,
 * and from the lists of sessions. It reads, and decides nothing.
 */
import {isSetName, type SnapshotRecord} from '../store/record.ts'
import {isOver, listedPacks} from '../store/session.ts'
import {broughtBy, usedBy} from '../store/usage.ts'
import {headsBackwards, type Head} from './heads.ts'
import type {StoreLog} from '../store/log.ts'

/** A snapshot and what it brought. */
export interface Snapshot extends Head {
  /** As the record writes the time: UTC, ISO 8601. */
  readonly receivedText: string
  /** Sum of the sizes of all files. */
  readonly bytes: number
  /** Bytes of the packs and the catalog that came with it; undefined where the catalog that says so is gone. */
  readonly brought: number | undefined
  /** Bytes of its record. */
  readonly size: number
  /** Whether it is known that the set had none before. */
  readonly isFirst: boolean
}

/** What cut sessions, or one at work, have left. */
export interface Left {
  readonly packs: number
  readonly bytes: number
  /** When the last of them was noted, in seconds since 1970. */
  readonly time: number
}

/** What is known of a set. */
export interface SetFacts {
  readonly set: string
  /** Newest by number, as the store counts them; undefined where none has come. */
  readonly newest: Snapshot | undefined
  readonly complete: Snapshot | undefined
  /** The one before the newest. */
  readonly before: Snapshot | undefined
  /** Those of the last 24 hours, newest first, as the limit per day counts them. */
  readonly today: readonly Head[]
  /** Bytes that count in its quota. */
  readonly used: number
  /** Packs that came after the newest snapshot, and that no snapshot names. */
  readonly left: Left | undefined
}

const SESSIONS = 'sessions/'
const DAY = 24 * 3600
/*
 * A session that has committed lists what it sent in vain, as when a large file changed while it was read: that is no cut session, and is
 * noted as long after the receipt as a commit takes.
 */
const COMMIT_SECONDS = 300

/**
 * The facts of the sets of a store, by name. Every set that has a snapshot or a session is found; then the whole log is gone through, by
 * its heads. With `only` it is no more than is needed, and sets that nothing is known of have their facts too.
 * @param now seconds since 1970
 * @throws BkError 65 where the log is damaged
 */
export async function readFacts(log: StoreLog, {only, now}: {readonly only: ReadonlySet<string> | undefined; readonly now: number}): Promise<SetFacts[]> {
  const gathered = await gather(log, only, now)
  for (const name of only ?? (await setsWithSessions(log))) {
    if (!gathered.has(name)) gathered.set(name, {today: []})
  }
  const facts: SetFacts[] = []
  for (const set of [...gathered.keys()].sort()) facts.push(await factsOf(log, set, gathered.get(set)!, now))
  return facts
}

async function setsWithSessions({store}: StoreLog): Promise<string[]> {
  return (await store.list(SESSIONS)).map((name) => name.slice(SESSIONS.length)).filter(isSetName)
}

interface Gathered {
  newest?: SnapshotRecord
  complete?: SnapshotRecord
  before?: SnapshotRecord
  readonly today: Head[]
}

async function gather(log: StoreLog, only: ReadonlySet<string> | undefined, now: number): Promise<Map<string, Gathered>> {
  const sets = new Map<string, Gathered>()
  let isToday = true
  for await (const head of headsBackwards(log)) {
    const age = now - head.received
    // As `snapshotsOfDay` counts: up to the first, of whatever set, that is older.
    isToday &&= age < DAY
    if (only !== undefined && !only.has(head.set)) continue
    const set: Gathered = sets.get(head.set) ?? {today: []}
    if (isAsked(set, head)) {
      const record = await log.record(head.seq)
      // Torn: it means nothing.
      if (record?.kind !== 'snapshot') continue
      if (set.newest === undefined) set.newest = record
      else set.before ??= record
      if (record.partial === 0) set.complete ??= record
    }
    sets.set(head.set, set)
    if (isToday && age >= 0) set.today.push(head)
    if (only !== undefined && !isToday && [...only].every((name) => isKnown(sets.get(name)))) break
  }
  return sets
}

function isAsked({newest, before, complete}: Gathered, {partial}: Head): boolean {
  return newest === undefined || before === undefined || (complete === undefined && partial === 0)
}

/* Nothing that an older record says could matter. */
function isKnown(set: Gathered | undefined): boolean {
  if (set?.newest?.stored === undefined || set.complete === undefined) return false
  return set.before !== undefined || isFirst(set.newest)
}

function isFirst({stored}: SnapshotRecord): boolean {
  return stored !== undefined && stored.total === stored.bytes
}

async function factsOf(log: StoreLog, set: string, {newest, complete, before, today}: Gathered, now: number): Promise<SetFacts> {
  const [a, b, c] = [await snapshotOf(log, newest), await snapshotOf(log, complete), await snapshotOf(log, before)]
  const packs = await listedPacks(log.store, set)
  const after = packs.filter(({time}) => a === undefined || time > a.received + COMMIT_SECONDS)
  const brought = newest === undefined ? 0 : newest.stored === undefined ? await usedBy(log, set) : newest.stored.total + newest.size
  return {
    set, newest: a, complete: b, before: c, today,
    // What is over goes before the next session counts.
    used: brought + sizeOf(packs.filter((pack) => !isOver(pack, now))),
    left: after.length === 0 ? undefined : {packs: after.length, bytes: sizeOf(after), time: Math.max(...after.map(({time}) => time))},
  }
}

async function snapshotOf(log: StoreLog, record: SnapshotRecord | undefined): Promise<Snapshot | undefined> {
  if (record === undefined) return undefined
  const {seq, set, received, partial, entries, bytes, size, stored} = record
  const brought = stored === undefined ? await broughtBy(log, record) : {bytes: stored.bytes, catalog: 0}
  return {
    seq, set, received: Date.parse(received) / 1000, receivedText: received, partial, entries, bytes, size,
    brought: brought === undefined ? undefined : brought.bytes + brought.catalog,
    isFirst: isFirst(record),
  }
}

function sizeOf(packs: readonly {readonly size: number}[]): number {
  return packs.reduce((sum, {size}) => sum + size, 0)
}
