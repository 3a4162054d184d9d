/*
 * Packs that no catalog names which can be read: where a catalog or a record is damaged, what it has brought is there all the same. Their own
 * tables of contents say what they hold, and every object is held to its id.
 */
import {isFailure} from '../cli/errors.ts'
import {readToc} from './pack.ts'
import {packName, type Store} from './store.ts'

/** The packs of a store that are not among `named`, with their ids; those that are none are passed over. */
export async function* unnamedPacks(store: Store, named: ReadonlySet<string>): AsyncGenerator<{readonly name: string; readonly ids: readonly string[]}> {
  for (const folder of await store.list('packs/')) {
    for (const file of folder.endsWith('.zst') ? [folder] : await store.list(`${folder}/`)) {
      const name = /\/([0-9a-f]{64})\.tar\.zst$/.exec(file)?.[1]
      const ids = name === undefined || named.has(name) ? undefined : await idsOf(store, name)
      if (ids !== undefined) yield {name: name!, ids}
    }
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
