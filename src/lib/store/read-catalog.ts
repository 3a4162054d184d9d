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

/**
 * The packs that a catalog names, held to its sum and without the ids, of which there may be millions. `size` is that of the catalog itself.
 * @throws BkError 65 for one that is damaged
 */
export async function readPackLines(store: Store, digest: string): Promise<{readonly packs: readonly Pick<CataloguedPack, 'name' | 'size'>[]; readonly size: number}> {
  const bytes = await store.get(catalogName(digest))
  if (objectId(bytes) !== digest) throw new BkError(`a catalog is damaged: ${catalogName(digest)}`, {status: 65, hint: `bk verify ${store.where}`})
  return {packs: [...packLines(bytes)], size: bytes.length}
}

/** The packs that the text of a catalog names, in order, without their ids. */
export function* packLines(text: Buffer): Generator<{readonly name: string; readonly size: number}> {
  // No other line has a p in it: ids are hexadecimal, and there may be millions of them.
  for (let at = text.indexOf('\npack '); at >= 0; at = text.indexOf('\npack ', at + 1)) {
    const line = /^pack ([0-9a-f]{64}) (\d+)\n/.exec(text.toString('latin1', at + 1, at + 100))
    if (line !== null) yield {name: line[1]!, size: Number(line[2])}
  }
}
