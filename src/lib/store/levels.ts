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

/** One stored index on the way to the full one. */
export interface Link {
  readonly id: string
  /** Bytes of its text. */
  readonly size: number
}

/** An index taken apart: the full text, and the changes since then. */
export interface Chain {
  readonly links: readonly Link[]
  readonly full: Buffer
  /** One list that leads from the full index to the newest. */
  readonly changes: readonly Change[]
  /** Where the newest index is relative to; escaped. */
  readonly root: string
}

/**
 * Reads a stored index with all that it is a change against.
 * @param get fetches an object by id
 * @throws BkError 65 for objects that are not indexes, or do not fit each other
 */
export async function readChain(id: string, get: (id: string) => Promise<Buffer>): Promise<Chain> {
  const links: Link[] = []
  const lists: (readonly Change[])[] = []
  let root: string | undefined
  for (let at = id; links.length < MAX_CHAIN; ) {
    const bytes = await get(at)
    if (bytes.subarray(0, 6).toString('latin1') === '#mtree') {
      links.push({id: at, size: bytes.length})
      root ??= rootOf(bytes)
      return {links, full: bytes, changes: composeChanges(lists.reverse()), root}
    }
    const {changes, header} = await readChanges(bytes)
    if (header.object === undefined) throw new BkError('a stored index does not say what it is a change against', {status: 65})
    root ??= header.root
    links.push({id: at, size: bytes.length})
    lists.push(changes)
    at = header.object
  }
  throw new BkError('the chain of stored indexes does not end', {status: 65})
}

function rootOf(full: Buffer): string {
  const line = full.subarray(0, 20_000).toString('latin1').split('\n', 2)[1] ?? ''
  return line.replace(/^#bk index \d+ root=/, '')
}

async function readChanges(bytes: Buffer): Promise<{readonly changes: Change[]; readonly header: NonNullable<ChangesReader['header']>}> {
  const reader = new ChangesReader([bytes])
  const changes: Change[] = []
  for await (const batch of reader.batches()) {
    for (const change of batch) {
      if (change.mark === '>') throw new BkError('a stored index has a move in it', {status: 65})
      changes.push(change)
    }
  }
  return {changes, header: reader.header!}
}

/**
 * The groups of an index that was taken apart.
 * @param strict holds the full text to the whole grammar: for one that was not held to it before
 */
export function groupsOf({full, changes}: Chain, strict = false): AsyncGenerator<readonly Group[]> {
  const base = new IndexReader([full], {strict}).batches()
  return changes.length === 0 ? base : applyChanges(base, batchOf(changes))
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
 * @param change bytes of the changes against the base
 * @param far bytes of the changes against the full
 */
export function nextLevel(chain: readonly Link[] | undefined, change: number, far: () => number): IndexLevel {
  if (chain === undefined || chain.length === 0) return 'full'
  const full = chain[chain.length - 1]!.size
  // The link above the full one counts as the far, whatever it was made as: what matters is how much has gathered behind it.
  const nears = chain.slice(0, -2)
  const gathered = nears.reduce((sum, {size}) => sum + size, change)
  if (nears.length < MAX_NEARS && gathered * 2 < full) return 'near'
  return far() * 2 > full ? 'full' : 'far'
}
