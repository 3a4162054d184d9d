/*
 * The packs that are in a store, whoever names them.
 */
import type {Store} from './store.ts'

/** Names of all packs whose files are there. */
export async function* packFiles(store: Store): AsyncGenerator<string> {
  // Some places list what is in folders below, and others the folders.
  for (const folder of await store.list('packs/')) {
    for (const file of folder.endsWith('.zst') ? [folder] : await store.list(`${folder}/`)) {
      const name = /\/([0-9a-f]{64})\.tar\.zst$/.exec(file)?.[1]
      if (name !== undefined) yield name
    }
  }
}
