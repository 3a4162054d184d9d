/*
 * What the records of a store say that it has: which snapshots are there, which catalogs name packs, and which packs may be gone. The one
 * place where verify asks that.
 */
import {stateOf} from '../store/state.ts'
import type {SnapshotRecord, Stored, StoreRecord} from '../store/record.ts'

/** A record that has a catalog. */
export interface Bringer {
  readonly seq: number
  readonly catalog: string
  readonly stored?: Stored | undefined
}

export interface Standing {
  /** In order. */
  readonly snapshots: readonly SnapshotRecord[]
  /** All whose catalogs should be there, in order. */
  readonly bringers: readonly Bringer[]
  /** Whether a pack may be gone: it is doomed, or others replace it. */
  readonly mayBeGone: (pack: string) => boolean
  /** The packs that have what is needed of one; undefined for one that nothing replaces. */
  readonly replacedBy: (pack: string) => readonly string[] | undefined
}

/** What records say, those of them that can be read. */
export function standingOf(records: readonly StoreRecord[]): Standing {
  const {kept, receipts, doomedPacks, doomedCatalogs} = stateOf(records)
  return {
    snapshots: kept.map(({record}) => record),
    bringers: receipts.flatMap(({record: {seq, catalog, stored}}) => (catalog === undefined || doomedCatalogs.has(catalog) ? [] : [{seq, catalog, stored}])),
    mayBeGone: (pack) => doomedPacks.has(pack),
    replacedBy: () => undefined,
  }
}
