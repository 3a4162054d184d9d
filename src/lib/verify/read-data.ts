/*
 * Reads packs, in threads: each takes one pack at a time, because the sum of a pack is one stream.
 */
import {parseAddress} from '../store/address.ts'
import {createPool, workerUrl} from '../sys/workers.ts'
import {checkPack, type PackVerdict} from './check-pack.ts'
import type {Store} from '../store/store.ts'
import type {HeldPack} from './holdings.ts'

export interface ReadOptions {
  /** Threads; 0 reads in line. */
  readonly threads: number
  /** Asked before each pack: whether no other is to be begun. */
  readonly isTimeUp: () => boolean
  /** Told of each pack that was read. */
  readonly onPack: (pack: HeldPack, verdict: PackVerdict) => void
}

/** A pack for a thread, and the store that it is in. */
export interface PackOrder {
  readonly where: string
  readonly pack: HeldPack
}

/** Reads packs in the order given, as far as the time allows. Answers how many. */
export async function readPacks(store: Store, packs: readonly HeldPack[], {threads, isTimeUp, onPack}: ReadOptions): Promise<number> {
  // Another machine is reached by one connection.
  const size = parseAddress(store.where).kind === 'local' ? Math.min(threads, packs.length) : 0
  const pool = size === 0 ? undefined : createPool<PackOrder, PackVerdict>({url: workerUrl(import.meta.url, './pack-worker'), size, inFlight: 1})
  let next = 0
  const work = async (): Promise<void> => {
    while (next < packs.length && !isTimeUp()) {
      const pack = packs[next++]!
      onPack(pack, await (pool === undefined ? checkPack(store, pack) : pool.job({where: store.where, pack})))
    }
  }
  try {
    await Promise.all(Array.from({length: Math.max(1, size)}, work))
  } finally {
    await pool?.close()
  }
  return next
}
