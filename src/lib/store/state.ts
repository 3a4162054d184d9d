/*
 * What a store means now: its records, with everything that edits have done to them. Whether a snapshot is kept, when it counts as
 * received, until when it is pinned, which packs nobody may count on: asked here, and nowhere else.
 */
import {damagedBy, parseEdit, replacedBy, type Amended, type Edit, type Replacement} from './edits.ts'
import {Replaced} from './replaced.ts'
import type {Head, StoreLog} from './log.ts'
import type {OnDamage} from './on-damage.ts'
import type {EditRecord, SnapshotRecord, Stored, StoreRecord} from './record.ts'

/** Kept until a time, and why. */
export interface Pin {
  readonly until: string
  readonly note: string | undefined
}

/** A snapshot that is kept. */
export interface KeptSnapshot {
  readonly record: SnapshotRecord
  readonly pin: Pin | undefined
}

/** When a snapshot was received, dropped or not. */
export interface Receipt {
  readonly record: SnapshotRecord
  /** As corrected: UTC, as in records. */
  readonly received: string
  /** Whether it was corrected. */
  readonly isSet: boolean
}

/** A record that brought packs. */
export interface Bringer {
  readonly seq: number
  readonly catalog: string
  /** Whose they are, in a quota; of packs that stand for others, by their number, where that is another's. */
  readonly set: string
  readonly sets?: ReadonlyMap<number, string> | undefined
  readonly stored?: Pick<Stored, 'bytes'> | undefined
}

export interface LogState {
  readonly head: Head
  /** Oldest first. */
  readonly kept: readonly KeptSnapshot[]
  /** Of all snapshots, dropped ones too, oldest first. */
  readonly receipts: readonly Receipt[]
  /** By number: why. */
  readonly dropped: ReadonlyMap<number, string>
  /** Records of snapshots that are dropped, oldest first. */
  readonly droppedRecords: readonly SnapshotRecord[]
  /** By set. */
  readonly rules: ReadonlyMap<string, {readonly zone: string; readonly words: string}>
  readonly doomedPacks: ReadonlySet<string>
  readonly doomedCatalogs: ReadonlySet<string>
  /** What is in the place of packs. */
  readonly replaced: Replaced
  /** And when it came there, in order. */
  readonly replacements: readonly Replacement[]
  /** By number: records whose catalogs name packs, oldest first. */
  readonly bringers: ReadonlyMap<number, Bringer>
  /** Paths that were purged, oldest first; one may be there twice. */
  readonly purged: readonly string[]
  /** Objects that were said to be lost, and the last record that says so. One that a catalog of a later record lists has come again. */
  readonly damaged: ReadonlyMap<string, number>
  /** Lines of verbs that this version does not know. */
  readonly unknown: readonly string[]
}

/**
 * Reads all of a log.
 * @param onDamage hears of records that are damaged, and it goes on with what is whole: for whoever writes nothing
 * @throws BkError 65 for such a record, if nobody hears of it
 */
export async function readState(log: StoreLog, onDamage?: OnDamage): Promise<LogState> {
  const records: StoreRecord[] = []
  for await (const record of log.backwards(onDamage)) records.push(record)
  return {...stateOf(records.reverse()), head: await log.head()}
}

/** What records mean together, oldest first. Throws BkError 65 for an edit that is none. */
export function stateOf(records: readonly StoreRecord[]): Omit<LogState, 'head'> {
  const edits = records.flatMap((record) => (record.kind === 'edit' ? record.lines.map(parseEdit) : []))
  return {...fold(records.filter((record) => record.kind === 'snapshot'), edits), bringers: bringersOf(records), damaged: damagedIn(records)}
}

function bringersOf(records: readonly StoreRecord[]): Map<number, Bringer> {
  const bringers = new Map<number, Bringer>()
  for (const record of records) {
    const {seq, catalog, stored} = record
    if (catalog === undefined) continue
    if (record.kind === 'snapshot') bringers.set(seq, {seq, catalog, set: record.set, stored})
    else {
      const sets = setsOf(record)
      bringers.set(seq, {seq, catalog, set: sets.values().next().value ?? '', sets, stored})
    }
  }
  return bringers
}

function setsOf({seq, lines}: EditRecord): Map<number, string> {
  const sets = new Map<number, string>()
  for (const {set, fresh} of replacedBy(lines)) for (const n of fresh.get(seq) ?? []) sets.set(n, set)
  return sets
}

function damagedIn(records: readonly StoreRecord[]): Map<string, number> {
  const damaged = new Map<string, number>()
  for (const record of records) if (record.kind === 'edit') for (const id of damagedBy(record.lines)) damaged.set(id, record.seq)
  return damaged
}

function fold(snapshots: readonly SnapshotRecord[], edits: readonly Edit[]): Omit<LogState, 'head' | 'bringers' | 'damaged'> {
  const dropped = new Map<number, string>()
  const rules = new Map<string, {zone: string; words: string}>()
  const pins = new Map<number, Pin>()
  const times = new Map<number, string>()
  const doomed = {packs: new Set<string>(), catalogs: new Set<string>()}
  const indexes = new Map<number, Amended>()
  const replaced = new Replaced()
  const replacements: Replacement[] = []
  const unknown: string[] = []
  for (const edit of edits) {
    if (edit.verb === 'drop') for (const seq of edit.numbers) dropped.set(seq, edit.why)
    else if (edit.verb === 'rules') rules.set(edit.set, {zone: edit.zone, words: edit.words})
    else if (edit.verb === 'pin' && edit.until === undefined) pins.delete(edit.seq)
    else if (edit.verb === 'pin') pins.set(edit.seq, {until: edit.until!, note: edit.note})
    else if (edit.verb === 'time') times.set(edit.seq, edit.time)
    else if (edit.verb === 'doom') for (const name of edit.names) doomed[edit.what].add(name)
    else if (edit.verb === 'index') indexes.set(edit.seq, edit.index)
    else if (edit.verb === 'replace') {
      replaced.add(edit)
      replacements.push(edit)
    } else if (edit.verb === 'unknown') unknown.push(edit.line)
  }
  const amended = snapshots.map((record) => (indexes.has(record.seq) ? {...record, ...indexes.get(record.seq)} : record))
  return {
    kept: amended.filter(({seq}) => !dropped.has(seq)).map((record) => ({record, pin: pins.get(record.seq)})),
    receipts: snapshots.map((record) => ({record, received: times.get(record.seq) ?? record.received, isSet: times.has(record.seq)})),
    dropped,
    droppedRecords: amended.filter(({seq}) => dropped.has(seq)),
    rules,
    doomedPacks: doomed.packs,
    doomedCatalogs: doomed.catalogs,
    replaced,
    replacements,
    purged: edits.flatMap((edit) => (edit.verb === 'purged' ? [edit.path] : [])),
    unknown,
  }
}
