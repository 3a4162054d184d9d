/*
 * The order of members: each directory is at once followed by all that lies below it. An index has another (`./a-b` stands between `./a` and
 * `./a/x`), in which tar would give a directory its time and mode too early, before the last of its files has come.
 */
import {KINDS, type EntryTable} from '../restore/entry-table.ts'

interface Open {
  /** What all paths below the directory begin with. */
  readonly prefix: string
  /** First entry below it. */
  readonly start: number
  at: number
}

/** The numbers of all entries, directories before what they hold. */
export function* depthFirst(entries: Pick<EntryTable, 'count' | 'path' | 'kind'>): Generator<number> {
  if (entries.count === 0) return
  yield 0
  // Where what lies below a directory begins and ends; it has been passed before its place in the order is reached.
  const passed = new Map<number, number>()
  const open: Open[] = [{prefix: `${entries.path(0)}/`, start: 1, at: 1}]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const path = top.at < entries.count ? entries.path(top.at) : ''
    if (!path.startsWith(top.prefix)) {
      passed.set(top.start, top.at)
      open.pop()
      continue
    }
    if (path.includes('/', top.prefix.length)) {
      const end = passed.get(top.at)!
      passed.delete(top.at)
      top.at = end
      continue
    }
    const number = top.at++
    yield number
    if (entries.kind(number) !== KINDS.directory) continue
    const prefix = `${path}/`
    const start = firstFrom(entries, top.at, prefix)
    if (start < entries.count && entries.path(start).startsWith(prefix)) open.push({prefix, start, at: start})
  }
}

/* The first entry from `low` on whose path is not before this one. */
function firstFrom(entries: Pick<EntryTable, 'count' | 'path'>, from: number, wanted: string): number {
  let low = from
  let high = entries.count
  // Most often it is the very next.
  if (low < high && entries.path(low) >= wanted) return low
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries.path(middle) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
