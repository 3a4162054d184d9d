// Stores with the history of a tree, and what is planned of them in the layout `old`.

import {join} from 'node:path'
import {planRestore} from '../../../src/lib/restore/restore.ts'
import {openSnapshot} from '../../../src/lib/store/open.ts'
import {tempDir} from '../../harness/temp.ts'
import {addSnapshot, indexText, makeStore, type Contents, type SnapshotOptions} from './make-store.ts'
import {contentsOf, storedChanges, type Snapshot} from './old-histories.ts'

/** Makes a snapshot need no packs but its own. */
export const needsItsOwn: NonNullable<SnapshotOptions['draft']> = (draft) => ({...draft, needs: {...draft.needs, add: new Map([[draft.seq, draft.needs.add.get(draft.seq)!]])}})

/** A store with these snapshots, whose indexes are stored in whatever way. */
export async function storeOf(snapshots: readonly Snapshot[], random: () => number): Promise<string> {
  const store = await makeStore(join(tempDir('old'), 'store'))
  const made: {readonly contents: Contents; readonly object: Buffer}[] = []
  for (const {received, tree} of snapshots) {
    const contents = contentsOf(tree)
    const options: SnapshotOptions = {received, partial: 0}
    const full = indexText(contents).bytes
    // Near, far against the first, far against any.
    const base = [made.at(-1), made[0], made[Math.floor(random() * made.length)], undefined][Math.floor(random() * 5)] ?? made.at(-1)
    if (base === undefined || random() < 0.2) {
      await addSnapshot(store, contents, {...options, draft: needsItsOwn})
      made.push({contents, object: full})
      continue
    }
    const object = storedChanges(base.contents, contents, base.object)
    await addSnapshot(store, contents, {...options, index: {bytes: object, level: 'near'}})
    made.push({contents, object})
  }
  return store
}

/** Plans the newest snapshot, and answers the text of each entry by its path, and which paths are more than on the way. */
export async function planned(store: string, paths: readonly string[] = []): Promise<{readonly entries: Map<string, string>; readonly listed: Set<string>; readonly said: string[]; readonly versions: number; readonly isHeld: boolean}> {
  const said: string[] = []
  const say = (text: string): void => void said.push(text)
  const snapshot = await openSnapshot({operand: store, now: 0n, timeZone: 'UTC'})
  const {plan, versions} = await planRestore(snapshot, paths, {problem: (path, what) => say(`${String(path)}: ${String(what)}`), warn: say, note: say, detail: () => {}}, 'old')
  const entries = new Map<string, string>()
  const listed = new Set<string>()
  for (let number = 0; number < plan.entries.count; number++) {
    entries.set(plan.entries.path(number), plan.entries.text(number))
    if (!plan.onTheWay.has(number)) listed.add(plan.entries.path(number))
  }
  return {entries, listed, said, versions, isHeld: plan.wanted.nowhere.length === 0}
}
