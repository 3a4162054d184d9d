/*
 * Indexes in a store have levels (docs/format.md, 5.3; docs/decisions/0002-index-levels.md): a full one, far ones that are
 * changes against it, near ones that are changes against the snapshot before. Reading folds the changes into one list and
 * merges it with the full index once, however long the chain is.
 */
import {BkError} from '../cli/errors.ts'
import {applyChanges, composeChanges} from '../index/apply.ts'
import {ChangesReader, type Change} from '../index/changes.ts'
import {batchOf} from '../index/cursor.ts'
import {IndexReader} from '../index/read.ts'
import {IndexWriter} from '../index/write.ts'
import type {Group} from '../index/group.ts'
import type {IndexLevel} from './record.ts'

/** Nears that may follow one another before a far is due: as many more files have to be opened to read the newest. */
const MAX_NEARS = 64
/** A chain longer than this is nobody's who obeys the rule above: refused, so that no reader goes round in circles. */
const MAX_CHAIN = 4096

/**
 * What the changes on the way to the full index may weigh together: they are held in memory as a list, and whoever adds a snapshot
 * decides what it costs others to read it. Such a list takes at most 500 MB, as a rule half of that.
 */
export const MAX_CHANGES = 128 << 20
/** A line weighs its text and so many bytes. */
const LINE_WEIGHT = 64

/** One stored index on the way to the full one. */
export interface Link {
  readonly id: string
  /** Bytes of its text. */
  readonly size: number
  /** How many lines it has; not counted for the full one. */
  readonly lines?: number
}

/** An index taken apart: the full text, and the changes since then. */
export interface Chain {
  readonly links: readonly Link[]
  readonly full: Buffer
  /** One list that leads from the full index to the newest. */
  readonly changes: readonly Change[]
  /** Those that the newest is stored as, against the index below it; undefined where it is the full one. */
  readonly own?: readonly Change[] | undefined
  /** Where the newest index is relative to; escaped. */
  readonly root: string
}

/**
 * Reads a stored index with all that it is a change against.
 * @param get fetches an object by id
 * @param most what its changes may weigh, for one that was not held to MAX_CHANGES before
 * @throws BkError 65 for objects that are not indexes, or do not fit each other
 */
export async function readChain(id: string, get: (id: string) => Promise<Buffer>, most = Infinity): Promise<Chain> {
  const links: Link[] = []
  const lists: (readonly Change[])[] = []
  let root: string | undefined
  let room = most
  for (let at = id; links.length < MAX_CHAIN; ) {
    const bytes = await get(at)
    if (bytes.subarray(0, 6).toString('latin1') === '#mtree') {
      links.push({id: at, size: bytes.length})
      root ??= rootOf(bytes)
      const own = lists[0]
      return {links, full: bytes, changes: composeChanges(lists.reverse()), own, root}
    }
    const link = {id: at, size: bytes.length, lines: countLines(bytes)}
    room -= weightOf(link)
    if (room < 0) throw new BkError('an index is stored as too many changes', {status: 65})
    const {changes, object, root: here} = await readStoredChanges(bytes)
    if (object === undefined) throw new BkError('a stored index does not say what it is a change against', {status: 65})
    root ??= here
    links.push(link)
    lists.push(changes)
    at = object
  }
  throw new BkError('the chain of stored indexes does not end', {status: 65})
}

/** Escaped path that a full index is relative to. */
export function rootOf(full: Buffer): string {
  const line = full.subarray(0, 20_000).toString('latin1').split('\n', 2)[1] ?? ''
  return line.replace(/^#bk index \d+ root=/, '')
}

/** A stored index that is changes. */
export interface StoredChanges {
  readonly changes: readonly Change[]
  readonly root: string
  /** Id of the object that they are against; undefined in a text that is none of a store. */
  readonly object: string | undefined
  /** Digest of the index that they are against; undefined for one of nothing. */
  readonly base: string | undefined
  /** Digest of the index that they make. */
  readonly target: string
}

/** Reads changes, held to the whole grammar of stored ones. Throws BkError 65. */
export async function readStoredChanges(bytes: Buffer): Promise<StoredChanges> {
  const reader = new ChangesReader([bytes])
  const changes: Change[] = []
  for await (const batch of reader.batches()) {
    for (const change of batch) {
      if (change.mark === '>') throw new BkError('a stored index has a move in it', {status: 65})
      changes.push(change)
    }
  }
  const {base, target} = reader.end!
  return {changes, root: reader.root, object: reader.header!.object, base, target}
}

/**
 * The groups of an index that was taken apart.
 * @param strict holds the full text to the whole grammar: for one that was not held to it before
 */
export function groupsOf({full, changes}: Chain, strict = false): AsyncGenerator<readonly Group[]> {
  const base = new IndexReader([full], {strict}).batches()
  return changes.length === 0 ? base : applyChanges(base, batchOf(changes))
}

/** Whether a path is as it was in the index that the newest is stored as changes against. Paths are asked for in order. */
export function oldPaths({own}: Chain): (path: string) => boolean {
  let next = 0
  return (path) => {
    if (own === undefined) return false
    while (next < own.length && own[next]!.group.path < path) next++
    return own[next]?.group.path !== path
  }
}

/** The text of an index that was taken apart, in pieces. */
export async function* textOf(chain: Chain): AsyncGenerator<Buffer> {
  if (chain.changes.length === 0 && chain.links.length === 1) {
    yield chain.full
    return
  }
  const pieces: Buffer[] = []
  const writer = new IndexWriter(chain.root, (piece) => pieces.push(piece))
  for await (const batch of groupsOf(chain)) {
    for (const group of batch) writer.add(group)
    yield* pieces.splice(0)
  }
  writer.end()
  yield* pieces
}

/**
 * Which level the next index gets.
 * @param chain the links from the base's index down to its full one, or undefined where the base's texts are not at hand
 * @param change the changes against the base
 * @param far the changes against the full
 */
export function nextLevel(chain: readonly Link[] | undefined, change: Text, far: () => Text): IndexLevel {
  if (chain === undefined || chain.length === 0) return 'full'
  const full = chain[chain.length - 1]!.size
  // The link above the full one counts as the far, whatever it was made as: what matters is how much has gathered behind it.
  const nears = chain.slice(0, -2)
  const gathered = nears.reduce((sum, {size}) => sum + size, change.size)
  const weight = chain.slice(0, -1).reduce((sum, link) => sum + weightOf(link), weightOf(change))
  if (nears.length < MAX_NEARS && gathered * 2 < full && weight <= MAX_CHANGES) return 'near'
  return far().size * 2 > full || weightOf(far()) > MAX_CHANGES ? 'full' : 'far'
}

type Text = Pick<Link, 'size' | 'lines'>

function weightOf({size, lines = 0}: Text): number {
  return size + lines * LINE_WEIGHT
}

/** How many lines a text has. */
export function countLines(text: Buffer): number {
  let count = 0
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) count++
  return count
}
