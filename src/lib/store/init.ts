/*
 * Makes a store. bk-store comes last, so that a directory is a store only when all of it is there.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {syncDirectory} from '../sys/atomic.ts'
import {calls} from '../sys/calls.ts'
import {LocalStore} from './local.ts'
import {objectId} from './object-id.ts'
import {formatSettings, type Limits} from './settings.ts'
import {SETTINGS, type Store} from './store.ts'

/** What a store is to be. */
export interface InitOptions {
  readonly limits: Limits
  /** Sixteen random bytes: the store's id. */
  readonly id: Uint8Array
  /** Files that stand beside bk-store: how to get everything back without bk. */
  readonly files: ReadonlyMap<string, Buffer>
}

/** Makes the directory of a local store: a new one, or one that is empty. Throws BkError 2. */
export function makeStoreDirectory(path: string): Store {
  try {
    calls.mkdir(path, 0o700)
    syncDirectory(path.replace(/[^/]*\/*$/, '') || (path.startsWith('/') ? '/' : '.'))
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') throw new BkError(`cannot make ${path}: the directory above it does not exist`, {cause: error})
    if (code !== 'EEXIST') throw new BkError(`cannot make ${path}: ${reasonOf(error)}`, {cause: error})
    checkEmpty(path)
  }
  return new LocalStore(path)
}

function checkEmpty(path: string): void {
  let names: string[]
  try {
    names = calls.readdir(path)
  } catch (error) {
    throw new BkError(`cannot use ${path}: ${reasonOf(error)}`, {cause: error})
  }
  if (names.includes(SETTINGS)) throw new BkError(`${path} is a store already`)
  // What a new file system has at its top.
  if (names.some((name) => name !== 'lost+found')) throw new BkError(`${path} is not empty`, {hint: 'give a directory that does not exist yet'})
}

/** Fills an empty store. */
export async function initStore(store: Store, {limits, id, files}: InitOptions): Promise<void> {
  for (const [name, bytes] of files) await store.put(name, [bytes], false)
  const settings = formatSettings({
    id: Buffer.from(id).toString('hex'),
    kind: 'plain',
    limits,
    files: new Map([...files].map(([name, bytes]) => [name, objectId(bytes)])),
    unknown: [],
  })
  if (!(await store.put(SETTINGS, [settings], true))) throw new BkError(`${store.where} is a store already`)
}
