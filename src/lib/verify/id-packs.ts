/*
 * Which pack has an object, for the snapshots of one set: out of the catalogs that they need packs of. Most objects are in one pack only;
 * a writer that lost its memory, or another set, may have sent one again.
 */
import {IdTable} from '../store/id-table.ts'
import {isDamage} from '../store/is-damage.ts'
import {readCatalog} from '../store/read-catalog.ts'
import type {Holdings} from './holdings.ts'
import type {Store} from '../store/store.ts'
import type {Standing} from './standing.ts'
import type {Bringer} from '../store/state.ts'

export class IdPacks {
  readonly #table = new IdTable()
  readonly #several = new Map<string, number[]>()

  /** The packs of some records' catalogs; what is damaged, or may be gone, is left out. */
  static async of(store: Store, bringers: readonly Bringer[], holdings: Holdings, standing: Pick<Standing, 'mayBeGone'>): Promise<IdPacks> {
    const ids = new IdPacks()
    const seen = new Set<number>()
    for (const {seq, catalog} of bringers) {
      const numbers = holdings.labels.get(seq)
      if (numbers === undefined) continue
      try {
        const {packs} = await readCatalog(store, catalog)
        for (const [i, pack] of packs.entries()) {
          const number = numbers[i]!
          if (seen.has(number) || standing.mayBeGone(pack.name)) continue
          seen.add(number)
          for (const id of pack.ids) ids.#add(id, number)
        }
      } catch (error) {
        if (!isDamage(error)) throw error
      }
    }
    return ids
  }

  #add(id: string, pack: number): void {
    if (this.#table.add(id, pack)) return
    const packs = this.#several.get(id)
    if (packs === undefined) this.#several.set(id, [this.#table.get(id), pack])
    else packs.push(pack)
  }

  has(id: string): boolean {
    return this.#table.get(id) >= 0
  }

  /** The number of the pack that has an object, where that is one. */
  onlyPack(id: string): number | undefined {
    const pack = this.#table.get(id)
    return pack < 0 || (this.#several.size > 0 && this.#several.has(id)) ? undefined : pack
  }

  /** The numbers of all packs that have an object. */
  packs(id: string): readonly number[] {
    const pack = this.#table.get(id)
    return this.#several.get(id) ?? (pack < 0 ? [] : [pack])
  }
}
