// The stores that bench/scale.ts measures in: one of many days of an invented tree, and what it was when it had a tenth of them. And what
// its indexes weigh beside the changes that they tell of.

import {mkdirSync, rmSync} from 'node:fs'
import {spawnSync} from 'node:child_process'
import {join} from 'node:path'
import {LocalStore} from '../src/lib/store/local.ts'
import {StoreLog} from '../src/lib/store/log.ts'
import {InventedStore} from '../test/harness/invented-store.ts'
import type {Owner} from '../test/harness/invented-tree.ts'

export interface StoresPlan {
  readonly work: string
  /** snapshots of the larger store; the smaller one has a tenth */
  readonly snapshots: number
  readonly entries: number
  /** whose files they are, so that who restores them is told nothing new when he pushes them */
  readonly owner: Owner
}

export interface Stores {
  readonly small: string
  readonly large: string
  /** where the tree is said to be, and can be restored to */
  readonly tree: string
  /** of the first 200 snapshots */
  readonly indexes: IndexBytes
}

/** Bytes of the packs that hold indexes, and of the changes as text, each compressed by itself at the same level. */
export interface IndexBytes {
  readonly snapshots: number
  readonly stored: number
  readonly changes: number
  /** the changes without the first day's, on which everything was new */
  readonly later: number
}

/** Snapshots over which indexes are weighed. */
const WEIGHED = 200

/** Makes the stores, from nothing and for ever the same but for the times of receipt: the last is of some hours ago. */
export async function makeStores({work, snapshots, entries, owner}: StoresPlan, say: (line: string) => void): Promise<Stores> {
  rmSync(work, {recursive: true, force: true})
  mkdirSync(work, {recursive: true})
  const [small, large, tree] = ['small', 'large', 'tree'].map((name) => join(work, name)) as [string, string, string]
  const start = Math.floor(Date.now() / 1000) - 3 * 3600 - (snapshots - 1) * 86_400
  const store = new InventedStore({path: large, root: tree, entries, owner, start})
  const began = performance.now()
  let [changes, later] = [0, 0]
  for (let seq = 1; seq <= snapshots; seq++) {
    const bytes = await store.receive(Math.floor(entries / 100))
    if (seq <= WEIGHED) changes += bytes
    if (seq <= WEIGHED && seq > 1) later += bytes
    if (seq === Math.floor(snapshots / 10)) copyStore(large, small)
    if (seq % 100 === 0) say(`${seq} snapshots in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  }
  const weighed = Math.min(WEIGHED, snapshots)
  return {small, large, tree, indexes: {snapshots: weighed, stored: await indexBytes(large, weighed), changes, later}}
}

/** Bytes of the packs that hold the indexes of the first snapshots of a store. */
export async function indexBytes(path: string, snapshots: number): Promise<number> {
  const log = await StoreLog.open(new LocalStore(path))
  let bytes = 0
  for (let seq = 1; seq <= snapshots; seq++) {
    const record = await log.record(seq)
    if (record?.kind !== 'snapshot') throw new Error(`record ${seq} is no snapshot`)
    const holder = record.catalog === undefined ? undefined : (await log.catalog(seq)).find(({ids}) => ids.includes(record.index.id))
    bytes += holder?.size ?? 0
  }
  return bytes
}

/** A copy that may be rotated: files of a store are never written to, so that another name for each will do. */
export function copyStore(src: string, dst: string): void {
  rmSync(dst, {recursive: true, force: true})
  const {status, stderr} = spawnSync('cp', ['-al', '--', src, dst], {encoding: 'utf8'})
  if (status !== 0) throw new Error(`cannot copy ${src}: ${stderr.trim()}`)
}
