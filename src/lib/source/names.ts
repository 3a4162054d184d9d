/*
 * The names in one directory: in the order of an index, only those that an index can hold, and in chunks where there are
 * very many. Names are raw bytes as latin1 strings; in transport they are joined by slashes, which no name has.
 */
import {escapeBytes, unescapeText} from '../index/escape.ts'

/** Names in the order of their escaped spelling, and whether none of them needs an escape. The array is changed. */
export function sortNames(names: string[]): {readonly names: string[]; readonly plain: boolean} {
  if (names.length === 0) return {names, plain: true}
  const joined = names.join('/')
  if (escapeBytes(joined) === joined) return {names: names.sort(), plain: true}
  return {names: names.map(escapeBytes).sort().map(unescapeText), plain: false}
}

/** The names in a text that joins them. */
export function splitNames(joined: string): string[] {
  return joined === '' ? [] : joined.split('/')
}

const longestName = 255
const longestPath = 4_096
const deepest = 1_000

/** The names whose paths an index can hold, for a directory of this raw path (with a slash behind it, '' for the root). */
export function fittingNames(directory: string, names: string[]): string[] {
  const room = Math.min(longestName, longestPath - 2 - directory.length)
  // Counted only where it can matter: a thousand components have at least two thousand bytes.
  const isDeep = directory.length > deepest && 2 + directory.split('/').length - 1 > deepest
  if (isDeep) return []
  return names.every((name) => name.length <= room) ? names : names.filter((name) => name.length <= room)
}

/* Names in a chunk: about as many as one job takes on. */
const chunkSize = 2_000

/**
 * Cuts sorted names into chunks that can be visited one after the other. A cut is where no name before it can be a
 * directory whose content comes after the cut. `pending` are directories (escaped) whose content is still to come.
 */
export function chunksOf(names: readonly string[], pending: readonly string[]): (readonly string[])[] {
  if (names.length <= 1.5 * chunkSize) return [names]
  const chunks: (readonly string[])[] = []
  let start = 0
  for (let cut = chunkSize; cut < names.length; cut++) {
    if (isInside(escapeBytes(names[cut]!), (name) => pending.includes(name) || holds(names, name))) continue
    chunks.push(names.slice(start, cut))
    start = cut
    cut += chunkSize - 1
  }
  chunks.push(names.slice(start))
  return chunks
}

/* Whether a name stands between another one and what would be below that: `a-b` between `a` and `a/x`. */
function isInside(name: string, exists: (name: string) => boolean): boolean {
  for (let end = 1; end < name.length; end++) if (name[end]! < '/' && exists(name.slice(0, end))) return true
  return false
}

/* Whether an escaped name is among sorted names. */
function holds(names: readonly string[], escaped: string): boolean {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (escapeBytes(names[middle]!) < escaped) low = middle + 1
    else high = middle
  }
  return low < names.length && escapeBytes(names[low]!) === escaped
}
