/*
 * A directory as `bk push DIR` lists it without any options: what `bk offer` sends, where nobody may choose, and `bk pull` of this machine.
 */
import {availableParallelism} from 'node:os'
import {storeDirectory} from '../store/place.ts'
import {leftOutOf} from './left-out.ts'
import {treeSource, type TreeContext, type TreeFlags} from './tree-flags.ts'
import type {LocalSource} from './local.ts'

const NO_FLAGS: TreeFlags = {
  'exclude-caches': false,
  'exclude-nodump': false,
  'ignore-inode': false,
  'keep-going': false,
  'no-cache': false,
  // Who packs the files reads them.
  'no-digest': true,
  null: false,
  'one-file-system': false,
}

/**
 * The tree at a path, as typed.
 * @param store what is written to, where that is on this machine: it is left out
 * @throws BkError 2 when it is not there
 */
export async function plainTree(path: string, store: string | undefined, context: Pick<TreeContext, 'speech' | 'env' | 'onProgress'>): Promise<LocalSource> {
  const place = store === undefined ? undefined : storeDirectory(store)
  return await treeSource([path], NO_FLAGS, {...context, kind: 'sha256', workers: Math.min(availableParallelism(), 2), leftOut: (wanted) => leftOutOf(wanted, place)})
}
