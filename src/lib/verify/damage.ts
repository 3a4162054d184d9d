/*
 * What is known to be damaged, and what is lost by it: an object is lost when no pack of any catalog has a good copy of it, as restore
 * would look for one.
 */
import {holdsObject, type CataloguedPack} from '../store/catalog.ts'
import {isDamage} from '../store/is-damage.ts'
import {readCatalog} from '../store/read-catalog.ts'
import {unnamedPacks} from '../store/unnamed.ts'
import type {HeldPack} from './holdings.ts'
import type {Store} from '../store/store.ts'
import type {Standing} from './standing.ts'
import type {PackVerdict} from './check-pack.ts'

/** An object that is not to be had where it should be. */
export interface BadObject {
  /** What is wrong there. */
  readonly why: string
  /** A pack that has a good copy; undefined where the object is lost. */
  readonly copy: string | undefined
}

export class Damage {
  /** Verdicts on packs that are not as they should be, by name. */
  readonly packs = new Map<string, PackVerdict>()
  /** By id. There after `settle`. */
  objects: ReadonlyMap<string, BadObject> = new Map()
  /** Objects that a set's packs should hold and do not. */
  readonly #nowhere = new Set<string>()

  #isToSettle = false

  /** Whether something was added since. */
  get isToSettle(): boolean {
    return this.#isToSettle
  }

  get isNone(): boolean {
    return this.objects.size === 0
  }

  addPack(pack: HeldPack, verdict: PackVerdict): void {
    if (verdict.why === undefined) return
    this.packs.set(pack.name, verdict)
    this.#isToSettle = true
  }

  /** Adds an object that no pack of its set lists. True for one that was not known. */
  addNowhere(id: string): boolean {
    if (this.objects.has(id) || this.#nowhere.has(id)) return false
    this.#nowhere.add(id)
    this.#isToSettle = true
    return true
  }

  /** Finds out which objects are bad by all that was added so far, and looks for other copies of them. `named` are the packs that catalogs name. */
  async settle(store: Store, standing: Standing, named: ReadonlyMap<string, unknown>): Promise<void> {
    const bad = new Map<string, {why: string; copy: string | undefined}>()
    for (const id of this.#nowhere) bad.set(id, {why: 'is in no pack', copy: undefined})
    for await (const {name, ids} of cataloguedPacks(store, standing)) {
      const verdict = this.packs.get(name)
      if (verdict === undefined) continue
      const good = goodOf(verdict)
      const why = `pack ${name} ${verdict.why}`
      for (const id of ids) if (!good(id) && !bad.has(id)) bad.set(id, {why, copy: undefined})
    }
    if (bad.size > 0) await this.#findCopies(bad, store, standing)
    if ([...bad.values()].some(({copy}) => copy === undefined)) await this.#findUnnamed(bad, store, named)
    this.objects = bad
    this.#isToSettle = false
  }

  /* As restore does at last: what a damaged record or catalog has brought is in packs that nobody names. */
  async #findUnnamed(bad: ReadonlyMap<string, {copy: string | undefined}>, store: Store, named: ReadonlyMap<string, unknown>): Promise<void> {
    for await (const {name, ids} of unnamedPacks(store, new Set(named.keys()))) {
      const verdict = this.packs.get(name)
      const good = verdict === undefined ? () => true : goodOf(verdict)
      for (const id of ids) {
        const object = bad.get(id)
        if (object !== undefined && object.copy === undefined && good(id)) object.copy = name
      }
    }
  }

  async #findCopies(bad: ReadonlyMap<string, {copy: string | undefined}>, store: Store, standing: Standing): Promise<void> {
    for await (const pack of cataloguedPacks(store, standing)) {
      const verdict = this.packs.get(pack.name)
      const good = verdict === undefined ? () => true : goodOf(verdict)
      if (bad.size * 20 < pack.ids.length) {
        for (const [id, object] of bad) if (object.copy === undefined && holdsObject(pack, id) && good(id)) object.copy = pack.name
      } else {
        for (const id of pack.ids) {
          const object = bad.get(id)
          if (object !== undefined && object.copy === undefined && good(id)) object.copy = pack.name
        }
      }
    }
  }
}

/* Whether an object that the catalog lists can be read from a pack. */
function goodOf({bad, ids}: PackVerdict): (id: string) => boolean {
  if (bad === 'all') return () => false
  const broken = new Set(bad)
  if (ids === undefined) return (id) => !broken.has(id)
  const there = new Set(ids)
  return (id) => there.has(id) && !broken.has(id)
}

/* One catalog at a time: what is damaged has been told of already. */
async function* cataloguedPacks(store: Store, {bringers, mayBeGone}: Standing): AsyncGenerator<CataloguedPack> {
  for (const {catalog} of bringers) {
    try {
      for (const pack of (await readCatalog(store, catalog)).packs) if (!mayBeGone(pack.name)) yield pack
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
}
