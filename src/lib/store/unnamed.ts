/*
 * Packs that no catalog names which can be read: where a catalog or a record is damaged, what it has brought is there all the same. Their own
 * tables of contents say what they hold, and every object is held to its id.
 */
import {isFailure} from '../cli/errors.ts'
import {readToc} from './pack.ts'
import {packFiles} from './pack-files.ts'
import {packName, type Store} from './store.ts'

/** The packs of a store that are not among `named`, with their ids; those that are none are passed over. */
export async function* unnamedPacks(store: Store, named: ReadonlySet<string>): AsyncGenerator<{readonly name: string; readonly ids: readonly string[]}> {
  for await (const name of packFiles(store)) {
    const ids = named.has(name) ? undefined : await idsOf(store, name)
    if (ids !== undefined) yield {name, ids}
  }
}

async function idsOf(store: Store, name: string): Promise<string[] | undefined> {
  const file = packName(name)
  try {
    const frames = await readToc({size: (await store.size(file)) ?? 0, read: (offset, length) => store.get(file, {offset, length})})
    return frames.flatMap(({members}) => members.map(({id}) => id))
  } catch (error) {
    if (!isFailure(error)) throw error
    return undefined
  }
}
