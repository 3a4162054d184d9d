// Verifies a store in memory, and keeps what was found and said.

import {verifyStore, type StoreOptions} from '../../../src/lib/verify/store.ts'
import type {Finding} from '../../../src/lib/verify/finding.ts'
import type {Summary} from '../../../src/lib/verify/summary.ts'
import {CopyingStore} from './made-store.ts'

export type Verified = {readonly findings: readonly Finding[]; readonly notes: readonly string[]; readonly summary: Summary}

/** Every pack is read unless options say otherwise. */
export async function verified(store: CopyingStore, options: Partial<StoreOptions> = {}): Promise<Verified> {
  const findings: Finding[] = []
  const notes: string[] = []
  const walk = verifyStore(store, {
    read: {subset: undefined, isCut: false, isTimeUp: () => false},
    repair: false,
    day: 0,
    threads: 0,
    note: (text) => notes.push(text),
    warn: (text) => notes.push(text),
    ...options,
  })
  for (;;) {
    const {value, done} = await walk.next()
    if (done === true) return {findings, notes, summary: value}
    findings.push(value)
  }
}

export function storeOf(files: ReadonlyMap<string, Buffer>): CopyingStore {
  const store = new CopyingStore()
  for (const [name, bytes] of files) store.files.set(name, bytes)
  return store
}
