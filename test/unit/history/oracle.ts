// What the versions of every path are, by the words of bk-log(1): each snapshot whole in memory, one after the other.

import {inIndex, type Node, type Snapshot} from '../restore/old-histories.ts'

/** A version: what it is to the one before, its first and last snapshot by number, and what it is. */
export type Expected = {readonly change: string; readonly first: number; last: number; readonly node: Node | undefined}

/** @param numbered the snapshots that are there, by number, in order */
export function expectedVersions(numbered: readonly (readonly [number, Snapshot])[]): Map<string, Expected[]> {
  const paths = new Set(numbered.flatMap(([, {tree}]) => [...tree.keys()]))
  const all = new Map<string, Expected[]>()
  for (const path of [...paths].sort((a, b) => (inIndex(a) < inIndex(b) ? -1 : 1))) {
    const versions: Expected[] = []
    let stored: Node | undefined
    for (const [number, {tree}] of numbered) {
      const node = tree.get(path)
      const last = versions.at(-1)
      if (node === undefined && last === undefined) continue
      const state = node === undefined ? 'gone' : node.kind === 'unread' ? 'unread' : 'stored'
      const change = state !== 'stored' ? state : stored === undefined ? 'new' : differenceOf(stored, node!)
      const goesOn = last !== undefined && (state === 'stored' ? change === undefined && last.node !== undefined : last.change === state)
      if (goesOn) last.last = number
      else versions.push({change: change ?? 'again', first: number, last: number, node: state === 'stored' ? node : undefined})
      if (state === 'stored') stored = node
    }
    all.set(inIndex(path), versions)
  }
  return all
}

function differenceOf(a: Node, b: Node): string | undefined {
  if (a.kind !== b.kind || (a.kind === 'file' && a.content !== b.content)) return 'content'
  return a.mode === b.mode ? undefined : 'metadata'
}
