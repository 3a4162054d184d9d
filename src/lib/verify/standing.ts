/*
 * What the records of a store say that it has: which snapshots are there, which catalogs name packs, and which packs may be gone. The one
 * place where verify asks that.
 */
import {stateOf, type Bringer} from '../store/state.ts'
import type {Replaced} from '../store/replaced.ts'
import type {SnapshotRecord, StoreRecord} from '../store/record.ts'

export interface Standing {
  /** In order. */
  readonly snapshots: readonly SnapshotRecord[]
  /** All whose catalogs should be there, in order. */
  readonly bringers: readonly Bringer[]
  /** Whether a pack may be gone: it is doomed. */
  readonly mayBeGone: (pack: string) => boolean
  /** What is in the place of packs. */
  readonly replaced: Replaced
}

/** What records say, those of them that can be read. */
export function standingOf(records: readonly StoreRecord[]): Standing {
  const {kept, bringers, replaced, doomedPacks, doomedCatalogs} = stateOf(records)
  return {
    snapshots: kept.map(({record}) => record),
    bringers: [...bringers.values()].filter(({catalog}) => !doomedCatalogs.has(catalog)),
    mayBeGone: (pack) => doomedPacks.has(pack),
    replaced,
  }
}
