/*
 * Which packs a store should have, out of its catalogs: every catalog is held to its digest and its grammar. Ids are not kept, since a
 * store may have many millions: whoever wants them reads the catalog again.
 */
import {hash} from 'node:crypto'
import {readCatalog} from '../store/read-catalog.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {Store} from '../store/store.ts'
import {whyNot} from './records.ts'
import type {Bringer} from '../store/state.ts'

/** A pack as a catalog names it. */
export interface HeldPack {
  readonly name: string
  readonly size: number
  /** sha256 of its ids, sorted, a line each; undefined where no catalog says them. */
  readonly ids: string | undefined
}

/** What is wrong with a catalog. */
export interface BadCatalog {
  readonly record: Bringer
  readonly why: string
}

export class Holdings {
  /** A pack's place here is its number. */
  readonly packs: HeldPack[] = []
  /** By record: the numbers of its catalog's packs, in the order in which labels count them; undefined where that is damaged. */
  readonly labels = new Map<number, readonly number[] | undefined>()
  readonly numbers = new Map<string, number>()
  /** Packs that no catalog names, where that may be because it is damaged. */
  readonly unnamed: HeldPack[] = []

  /** Takes the packs of a record's catalog. */
  add(record: Pick<Bringer, 'seq'>, packs: readonly CataloguedPack[]): void {
    const numbers = packs.map(({name, size, ids}) => {
      const known = this.numbers.get(name)
      if (known !== undefined) return known
      this.numbers.set(name, this.packs.length)
      return this.packs.push({name, size, ids: idsDigest(ids)}) - 1
    })
    this.labels.set(record.seq, numbers)
  }
}

/** The sha256 by which two lists of ids are compared. */
export function idsDigest(sorted: readonly string[]): string {
  return hash('sha256', sorted.join('\n'), 'hex')
}


/** Reads all catalogs. Answers what is wrong with which. */
export async function readHoldings(store: Store, bringers: readonly Bringer[], holdings: Holdings): Promise<BadCatalog[]> {
  const bad: BadCatalog[] = []
  for (const record of bringers) {
    try {
      const {packs, size} = await readCatalog(store, record.catalog)
      holdings.add(record, packs)
      const bytes = packs.reduce((sum, pack) => sum + pack.size, size)
      if (record.stored !== undefined && record.stored.bytes !== bytes) {
        bad.push({record, why: `is of ${bytes} bytes with its packs, and record ${record.seq} says ${record.stored.bytes}`})
      }
    } catch (error) {
      holdings.labels.set(record.seq, undefined)
      bad.push({record, why: whyNot(error)})
    }
  }
  return bad
}
