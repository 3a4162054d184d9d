/*
 * Goes through a tree in the order of its index. That order is by the escaped name for an entry and by the escaped name
 * with a slash for what is below it: `a`, `a-b`, `a/x`. So a directory's own line comes at once, and its content waits
 * until the names that sort before the slash are through.
 *
 * A walk stops when its share of work is used up and says what is left, so that jobs are short and any worker can go on.
 */
import {escapeBytes} from '../index/escape.ts'
import type {Harvest} from './harvest.ts'
import type {Job, JobResult, SentCursor, SentFrame, SentListing} from './job.ts'
import {TreeCursor, type NameTree} from './name-tree.ts'
import {chunksOf, splitNames} from './names.ts'

/** The trees of names that a walk follows. */
export interface Trees {
  readonly known: NameTree | undefined
  readonly reference: NameTree | undefined
  readonly selected: NameTree | undefined
}

/** A directory whose names are known. */
export interface Listing {
  /** Raw, from the root, with a slash behind it; '' is the root's own. */
  readonly path: string
  /** In order. */
  readonly names: readonly string[]
  /** No name needs an escape. */
  readonly plain: boolean
  readonly id: number
  readonly known: TreeCursor | undefined
  readonly reference: TreeCursor | undefined
  readonly selected: TreeCursor | undefined
  readonly device: bigint | undefined
}

/** A directory on the way. */
export interface Frame {
  readonly listing: Listing
  /** The path of the directory, escaped, with a slash behind it. */
  readonly escaped: string
  readonly isAscii: boolean
  /** The next name. */
  at: number
  /** Subdirectories that are still to come, the first one last. */
  readonly pending: {readonly key: string; readonly listing: Listing}[]
}

/** What is asked for is more than the job's share: it is left to the next one. */
export const TOO_MUCH = Symbol('too much')

/** Looks at one name. Returns the directory's names if it is one with something to visit in it; TOO_MUCH changes nothing. */
export type Visit = (frame: Frame, name: string, escaped: string, harvest: Harvest) => Listing | typeof TOO_MUCH | undefined

/** How much text one job may make. */
const mostText = 512 * 1024

/* After how many entries the clock is looked at. */
const clockEvery = 16

/** Does a job: visits what it is about until that is done or the share is used up. */
export function walk(job: Job, trees: Trees, visit: Visit, harvest: Harvest): JobResult {
  const stack = job.frames.map((sent) => receiveFrame(sent, trees)).reverse()
  const {share} = job
  const end = performance.now() + share.milliseconds
  let entries = 0
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const {names, plain} = frame.listing
    const name = names[frame.at]
    const waiting = frame.pending.at(-1)
    const escaped = name === undefined || plain ? name : escapeBytes(name)
    if (waiting !== undefined && (escaped === undefined || waiting.key < escaped)) {
      frame.pending.pop()
      stack.push(openFrame(waiting.listing))
    } else if (name === undefined || escaped === undefined) {
      stack.pop()
    } else {
      if (entries >= share.entries || harvest.length > mostText || harvest.bytes > share.bytes) break
      if (entries % clockEvery === 0 && entries > 0 && performance.now() > end) break
      entries++
      const found = visit(frame, name, escaped, harvest)
      if (found === TOO_MUCH) break
      frame.at++
      if (found !== undefined) frame.pending.push({key: `${escaped}/`, listing: found})
    }
  }
  return harvest.finish(stack.reverse().flatMap(sendFrame))
}

function openFrame(listing: Listing): Frame {
  const {path} = listing
  const escaped = `./${escapeBytes(path)}`
  return {listing, escaped, isAscii: escaped.length === path.length + 2, at: 0, pending: []}
}

/* What is left of a directory. Very many names become several frames, so that no message and no job is large. */
function sendFrame(frame: Frame): SentFrame[] {
  const {listing, at} = frame
  const names = listing.names.slice(at)
  const pending = frame.pending.map(({listing}) => sendListing(listing, listing.names))
  if (names.length === 0 && pending.length === 0) return []
  const dirs = frame.pending.map(({key}) => key.slice(0, -1))
  return chunksOf(names, dirs).map((chunk, index) => ({...sendListing(listing, chunk), pending: index === 0 ? pending : []}))
}

function sendListing(listing: Listing, names: readonly string[]): SentListing {
  const {path, id, known, reference, selected, device} = listing
  return {path, names: names.join('/'), id, known: sendCursor(known), reference: sendCursor(reference), selected: sendCursor(selected), device}
}

function sendCursor(cursor: TreeCursor | undefined): SentCursor | undefined {
  return cursor === undefined ? undefined : [cursor.node, cursor.at]
}

function receiveFrame(sent: SentFrame, trees: Trees): Frame {
  const frame = openFrame(receiveListing(sent, trees))
  for (const below of sent.pending) {
    const listing = receiveListing(below, trees)
    frame.pending.push({key: `${escapeBytes(listing.path.slice(sent.path.length, -1))}/`, listing})
  }
  return frame
}

function receiveListing(sent: SentListing, trees: Trees): Listing {
  const names = splitNames(sent.names)
  const cursor = (tree: NameTree | undefined, place: SentCursor | undefined): TreeCursor | undefined =>
    tree === undefined || place === undefined ? undefined : new TreeCursor(tree, ...place)
  return {
    path: sent.path,
    names,
    plain: escapeBytes(sent.names) === sent.names,
    id: sent.id,
    known: cursor(trees.known, sent.known),
    reference: cursor(trees.reference, sent.reference),
    selected: cursor(trees.selected, sent.selected),
    device: sent.device,
  }
}
