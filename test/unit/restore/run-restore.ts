// Restores in the test's own process, and keeps what was said.

import {restore, type Restored, type RestoreOptions} from '../../../src/lib/restore/restore.ts'
import {openSnapshot} from '../../../src/lib/store/open.ts'

export type Said = {readonly kind: 'problem' | 'warning' | 'note' | 'detail'; readonly text: string}

export type Outcome = {readonly restored: Restored; readonly said: readonly Said[]}

type Options = Partial<Omit<RestoreOptions, 'snapshot' | 'to' | 'reporter'>> & {readonly set?: string}

/** Restores STORE@WHEN into `to`, as root and with two threads where it is worth it unless options say otherwise. */
export async function runRestore(operand: string, to: string, {set, ...options}: Options = {}): Promise<Outcome> {
  const said: Said[] = []
  const say = (kind: Said['kind']) => (text: string): void => void said.push({kind, text})
  const snapshot = await openSnapshot({operand, set, now: 1_795_000_000_000_000_000n, timeZone: 'UTC'})
  const restored = await restore({
    snapshot,
    to: Buffer.from(to),
    paths: [],
    overwrite: false,
    numericOwner: false,
    sparse: false,
    asRoot: true,
    umask: 0o022,
    threads: 2,
    ...options,
    reporter: {
      problem: (path, what) => say('problem')(`${Buffer.from(path as Uint8Array).toString('latin1')}: ${what instanceof Error ? what.message : what}`),
      warn: say('warning'),
      note: say('note'),
      detail: say('detail'),
    },
  })
  return {restored, said}
}

/** What was said of one kind. */
export function ofKind({said}: Outcome, kind: Said['kind']): string[] {
  return said.filter((each) => each.kind === kind).map(({text}) => text)
}
