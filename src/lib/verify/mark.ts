/*
 * Marks objects that are lost as damaged, by an edit (docs/format.md, 6.2): writers are told that the store lacks them, and send them again.
 * Each is marked once, and again only when it came again since and was lost again.
 */
import {commitEdit} from '../store/commit.ts'
import {formatEdit} from '../store/edits.ts'
import {StoreLog} from '../store/log.ts'
import {readCatalog} from '../store/read-catalog.ts'
import {isDamage} from '../store/is-damage.ts'
import type {LogState} from '../store/state.ts'
import type {Store} from '../store/store.ts'

/** A record of more could not be read. */
const MOST_IN_EDIT = 200_000

/**
 * Marks those of the objects that are not marked yet.
 * @param last the record up to which the store was looked at when they were found to be lost
 * @returns how many were marked
 * @throws BkError 65 where the log is damaged, and what hinders writing
 */
export async function markLost(store: Store, ids: readonly string[], last: number): Promise<number> {
  const log = await StoreLog.open(store)
  let marked = 0
  for (let at = 0; at < ids.length; at += MOST_IN_EDIT) {
    const some = ids.slice(at, at + MOST_IN_EDIT)
    let unmarked: string[] = []
    await commitEdit(log, async (state) => {
      unmarked = await unmarkedOf(store, state, some, last)
      return unmarked.length === 0 ? [] : formatEdit({verb: 'damaged', ids: unmarked})
    })
    marked += unmarked.length
  }
  return marked
}

async function unmarkedOf(store: Store, state: LogState, ids: readonly string[], last: number): Promise<string[]> {
  const came = await cameAfter(store, state, new Map(ids.map((id) => [id, state.damaged.get(id) ?? last])))
  return ids.filter((id) => {
    const seq = came.get(id)
    if (seq !== undefined && seq > last) return false
    return seq !== undefined || !state.damaged.has(id)
  })
}

/* By id: the last record after the given one that brought it. */
async function cameAfter(store: Store, {bringers, doomedCatalogs}: LogState, since: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const first = [...since.values()].reduce((least, seq) => Math.min(least, seq), Infinity)
  const came = new Map<string, number>()
  for (const {seq, catalog} of bringers.values()) {
    if (seq <= first || doomedCatalogs.has(catalog)) continue
    try {
      for (const {ids} of (await readCatalog(store, catalog)).packs) for (const id of ids) if (seq > (since.get(id) ?? Infinity)) came.set(id, seq)
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  return came
}
