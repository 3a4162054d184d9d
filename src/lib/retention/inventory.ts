/*
 * The packs that snapshots need, with what they hold and which labels mean them: for whoever writes packs anew.
 */
import {BkError} from '../cli/errors.ts'
import {readCatalog} from '../store/read-catalog.ts'
import {packName} from '../store/store.ts'
import type {LiveObjects} from '../history/live.ts'
import type {Labels} from '../store/needs.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {LogState} from '../store/state.ts'

/** A pack that snapshots need. */
export interface NeededPack {
  readonly name: string
  readonly size: number
  /** Digest of a catalog that lists it. */
  readonly catalog: string
  /** Whose it is, in a quota. */
  readonly set: string
  /** Whether not all of it can be read, as far as that is known: it lacks its size, or something in it was said to be lost after it came. */
  readonly isSick: boolean
  /** All that mean it. */
  readonly labels: (readonly [seq: number, n: number])[]
}

/** Packs that are needed, and what they hold. */
export interface Inventory {
  readonly live: LiveObjects
  readonly packs: Map<string, NeededPack>
}

/** Adds what labels mean. Throws BkError 65 for a label that no catalog has. */
export async function addPacks(log: StoreLog, {bringers, doomedCatalogs, damaged}: LogState, labels: Labels, {live, packs}: Inventory): Promise<void> {
  for (const [seq, numbers] of [...labels].sort(([a], [b]) => a - b)) {
    const bringer = bringers.get(seq)
    if (bringer === undefined) throw new BkError(`record ${seq} has no catalog, and packs of it are needed`, {status: 65})
    if (doomedCatalogs.has(bringer.catalog)) continue
    const catalog = await readCatalog(log.store, bringer.catalog)
    for (const n of [...numbers].sort((a, b) => a - b)) {
      const pack = catalog.packs[n - 1]
      if (pack === undefined) throw new BkError(`no pack ${seq}.${n} in the catalog of record ${seq}`, {status: 65})
      const known = packs.get(pack.name)
      if (known !== undefined) known.labels.push([seq, n])
      else {
        live.addPack(pack.name, pack.ids)
        const isSick = (await log.store.size(packName(pack.name))) !== pack.size || (damaged.size > 0 && pack.ids.some((id) => (damaged.get(id) ?? 0) > seq))
        packs.set(pack.name, {name: pack.name, size: pack.size, catalog: bringer.catalog, isSick, set: bringer.sets?.get(n) ?? bringer.set, labels: [[seq, n]]})
      }
    }
  }
}

/** What snapshots need now, together. */
export async function labelsNow(log: StoreLog, {replaced}: LogState, records: readonly SnapshotRecord[]): Promise<Labels> {
  const all = new Map<number, Set<number>>()
  for (const record of records) {
    for (const [seq, numbers] of replaced.resolve(await log.labels(record))) {
      const known = all.get(seq) ?? new Set<number>()
      all.set(seq, known)
      for (const n of numbers) known.add(n)
    }
  }
  return all
}

/** Bytes of packs. */
export function sizeOf(packs: readonly {readonly size: number}[]): number {
  return packs.reduce((sum, {size}) => sum + size, 0)
}

/** All labels that mean some packs. */
export function labelsOf(packs: readonly NeededPack[]): Labels {
  const labels = new Map<number, Set<number>>()
  for (const [seq, n] of packs.flatMap((pack) => pack.labels)) labels.set(seq, (labels.get(seq) ?? new Set<number>()).add(n))
  return labels
}

/** The ids that a pack should have. Throws BkError 65 for a catalog that is damaged. */
export async function idsIn({store}: StoreLog, {name, catalog}: NeededPack): Promise<readonly string[]> {
  return (await readCatalog(store, catalog)).packs.find((pack) => pack.name === name)!.ids
}
