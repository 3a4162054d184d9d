/*
 * Catalogs by themselves, for whoever goes through all of them: a log remembers every one that it is asked for.
 */
import {BkError} from '../cli/errors.ts'
import {parseCatalog, type CataloguedPack} from './catalog.ts'
import {objectId} from './object-id.ts'
import {catalogName, type Store} from './store.ts'

/**
 * Reads a catalog and holds it to its sum and its grammar. `size` is that of the catalog itself, in bytes.
 * @throws BkError 65 for one that is damaged
 */
export async function readCatalog(store: Store, digest: string): Promise<{readonly packs: readonly CataloguedPack[]; readonly size: number}> {
  const bytes = await store.get(catalogName(digest))
  if (objectId(bytes) !== digest) throw new BkError('its sum is wrong', {status: 65})
  const packs = parseCatalog(bytes)
  // Ids are held to the grammar when they are asked for.
  for (const pack of packs) void pack.ids
  return {packs, size: bytes.length}
}
