/*
 * Makes a catalog anew that is lost or damaged, out of the packs that are there. Its digest stands in the record, so there is no doubt
 * whether it is the right one: the packs of it are among those that no other catalog names, and which of them is tried.
 */
import {formatCatalog, type CataloguedPack} from '../store/catalog.ts'
import {PackReader} from '../store/objects.ts'
import {catalogName, packName, type Store} from '../store/store.ts'
import {isDamage} from '../store/is-damage.ts'
import type {Bringer} from '../store/state.ts'

/** As many ways to choose packs are tried for one catalog. */
const MAX_TRIES = 100_000
const HEADER = 14

/** Packs that may belong to a catalog, with their ids out of their own tables of contents. */
export async function readCandidates(store: Store, names: readonly string[]): Promise<CataloguedPack[]> {
  const packs: CataloguedPack[] = []
  for (const name of names) {
    try {
      const size = await store.size(packName(name))
      const frames = await new PackReader(store).toc(name)
      packs.push({name, size: size!, ids: frames.flatMap(({members}) => members.map(({id}) => id)).sort()})
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  return packs
}

/**
 * Makes the catalog of a record and puts it into the store.
 * @returns the packs of it, or undefined where no choice of the packs gives it
 */
export async function remakeCatalog(store: Store, record: Bringer, candidates: readonly CataloguedPack[]): Promise<readonly CataloguedPack[] | undefined> {
  const tried = {count: 0}
  for (const choice of choices(record, candidates, tried)) {
    if (choice.length === 0) continue
    const {bytes, digest, packs} = formatCatalog(choice)
    if (digest !== record.catalog) continue
    await store.put(catalogName(digest), [bytes], false)
    return packs
  }
  return undefined
}

/* Those that are together as large as the record says that they are, with their catalog; where it does not say, all, or all but one. */
function* choices({stored}: Bringer, candidates: readonly CataloguedPack[], tried: {count: number}): Generator<CataloguedPack[]> {
  if (stored === undefined) {
    yield [...candidates]
    for (const left of candidates) yield candidates.filter((each) => each !== left)
    return
  }
  const sorted = candidates.map((pack) => ({pack, weight: weightOf(pack)})).sort((a, b) => b.weight - a.weight)
  // What is left behind each, so that a way that cannot become large enough is not gone.
  const rest = sorted.map((_, i) => sorted.slice(i).reduce((sum, {weight}) => sum + weight, 0))
  const chosen: CataloguedPack[] = []
  function* choose(i: number, missing: number): Generator<CataloguedPack[]> {
    if (missing === 0) yield [...chosen]
    if (i >= sorted.length || missing <= 0 || rest[i]! < missing || ++tried.count > MAX_TRIES) return
    const {pack, weight} = sorted[i]!
    chosen.push(pack)
    yield* choose(i + 1, missing - weight)
    chosen.pop()
    yield* choose(i + 1, missing)
  }
  yield* choose(0, stored.bytes - HEADER)
}

/* Of a pack and its lines in the catalog. */
function weightOf({name, size, ids}: CataloguedPack): number {
  return size + `pack ${name} ${size}\n`.length + ids.length * 65
}
