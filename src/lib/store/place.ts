/*
 * Where a store is, for who changes the working directory, and for who must not read what it writes.
 */
import {realpathSync} from 'node:fs'
import {resolve} from 'node:path'
import {parseAddress} from './address.ts'

/** The address of a store that means the same from every working directory. */
export function fixedAddress(store: string): string {
  return parseAddress(store).kind === 'local' ? resolve(store) : store
}

/** The directory of a store where it really is, raw (latin1); undefined for one on another machine, or none. */
export function storeDirectory(store: string): string | undefined {
  if (parseAddress(store).kind !== 'local') return undefined
  try {
    return realpathSync.native(store, 'buffer').toString('latin1')
  } catch {
    return undefined
  }
}
