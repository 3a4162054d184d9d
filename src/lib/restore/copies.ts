/*
 * Where else an object may be had: every pack of every catalog that lists it, and at last those that no catalog names. One pass over the
 * catalogs, however much is lost.
 */
import {isFailure} from '../cli/errors.ts'
import {unnamedPacks} from '../store/unnamed.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {StoreLog} from '../store/log.ts'

/** By id: the packs that list it. The pack in which it was lost is among them, since only one of its frames may be bad. */
export async function findCopies(log: StoreLog, lost: ReadonlyMap<string, string>): Promise<Map<string, string[]>> {
  const copies = new Map<string, string[]>()
  const named = new Set<string>()
  const take = ({name, ids}: Pick<CataloguedPack, 'name' | 'ids'>): void => {
    for (const id of ids) {
      if (!lost.has(id)) continue
      const packs = copies.get(id)
      if (packs === undefined) copies.set(id, [name])
      else packs.push(name)
    }
  }
  for await (const record of log.backwards(() => {})) {
    if (record.catalog === undefined) continue
    for (const pack of await catalogOf(log, record.seq)) {
      named.add(pack.name)
      take(pack)
    }
  }
  if (copies.size < lost.size) for await (const pack of unnamedPacks(log.store, named)) take(pack)
  return copies
}

async function catalogOf(log: StoreLog, seq: number): Promise<readonly CataloguedPack[]> {
  try {
    return await log.catalog(seq)
  } catch (error) {
    if (!isFailure(error)) throw error
    // A damaged catalog of another snapshot must not keep this one from coming back.
    return []
  }
}
