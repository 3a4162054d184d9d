/*
 * Diff is a merge of two sorted texts. Lines that are equal as text, nearly all of a usual night, are not parsed. A move
 * can only be told at the end (its old path may come later), so where there is an OLD the changes wait in a list, on disk
 * above a limit, until both sides are read; where there is none they flow.
 */
import {detached} from './escape.ts'
import {ChangesReader, changesEndLine, changesHeader, formatChange, linesOf, type Change, type ChangesEnd} from './changes.ts'
import {carryOver, contentKey, sameContent} from './content.ts'
import {entryOf, NO_COMMENTS, sameGroup, withComments, commentValue, type Group} from './group.ts'
import {parentOf} from './path.ts'
import {IndexWriter} from './write.ts'
import type {IndexReader, Same} from './read.ts'
import type {Spill, SpillFactory} from './spill.ts'

export interface DiffOptions {
  /** Where changes wait that are too many for memory. */
  readonly spill: SpillFactory
  /** How many changes wait in memory (default 20,000). */
  readonly inMemory?: number
  /** Receives the text of the target as it is made. */
  readonly onTarget?: (piece: Buffer) => void
}

/** A diff in progress: iterate `batches`, then `end` and `root` are there. */
export class Diff {
  root = ''
  end: ChangesEnd | undefined
  readonly #old: IndexReader | undefined
  readonly #new: IndexReader
  readonly #options: DiffOptions
  // Paths that NEW could not read: what OLD has below them stays.
  readonly #unread = new Set<string>()
  #target: IndexWriter | undefined
  #lines = 0

  /** `old` undefined is an absent OLD, an empty tree. */
  constructor(old: IndexReader | undefined, next: IndexReader, options: DiffOptions) {
    this.#old = old
    this.#new = next
    this.#options = options
  }

  /**
   * The changes in order, in batches.
   * @throws BkError 65 for what either reader refuses
   */
  async *batches(): AsyncGenerator<readonly Change[]> {
    const merged = this.#merge()
    if (this.#old === undefined) yield* this.#counted(merged)
    else yield* this.#counted(withMoves(merged, this.#options))
    const {digest: target, partial} = this.#target!.end()
    this.root = this.#new.root
    this.end = {base: this.#old?.end?.digest, target, lines: this.#lines, partial}
  }

  async *#counted(batches: AsyncIterable<readonly Found[]>): AsyncGenerator<readonly Change[]> {
    for await (const batch of batches) {
      this.root = this.#new.root
      for (const change of batch) this.#lines += linesOf(change)
      yield batch
    }
  }

  async *#merge(): AsyncGenerator<readonly Found[]> {
    const old = new Side(this.#old)
    const next = new Side(this.#new)
    await Promise.all([old.advance(), next.advance()])
    const target = (this.#target = new IndexWriter(this.#new.root, this.#options.onTarget ?? (() => {})))
    let batch: Found[] = []
    while (old.current !== undefined || next.current !== undefined) {
      const a = old.current
      const b = next.current
      const order = a === undefined ? 1 : b === undefined ? -1 : a.path < b.path ? -1 : a.path > b.path ? 1 : 0
      if (order < 0) {
        if (this.#isBelowUnread(a!.path)) target.add(a!)
        else batch.push({mark: '-', group: {path: a!.path, line: '', comments: NO_COMMENTS}, content: contentKey(a!)})
      } else if (order === 0 && sameGroup(a!, b!)) {
        target.add(a!)
      } else {
        const found = this.#compare(order === 0 ? a : undefined, b!)
        target.add(found.result)
        if (found.change !== undefined) batch.push(found.change)
      }
      // Both sides are past the same path: what follows is the same, too, most often for long.
      if (order === 0) for (let same = next.passSame(old); same !== undefined; same = next.passSame(old)) target.addLines(same.text, same.entries)
      if (order >= 0) {
        // What is found is on its way while more is made, so that whoever reads it has something to do from the beginning.
        if (next.isUsedUp && batch.length > 0) {
          yield batch
          batch = []
        }
        let wait = next.advance()
        if (wait !== undefined) await wait
        while (order === 0 && next.current !== undefined && old.pass(next.current)) {
          target.add(next.current)
          wait = next.advance()
          if (wait !== undefined) await wait
        }
      }
      if (order <= 0) {
        const wait = old.advance()
        if (wait !== undefined) await wait
      }
      if (batch.length >= 1000) {
        yield batch
        batch = []
      }
    }
    yield batch
  }

  #isBelowUnread(path: string): boolean {
    if (this.#unread.size === 0) return false
    for (let up: string | undefined = path; up !== undefined; up = parentOf(up)) if (this.#unread.has(up)) return true
    return false
  }

  #compare(old: Group | undefined, next: Group): {readonly result: Group; readonly change?: Found} {
    const error = next.line === '' ? commentValue(next, 'error') : undefined
    if (error !== undefined) {
      this.#unread.add(next.path)
      return {result: staleGroup(old, next, error), change: {mark: '!', group: next}}
    }
    if (old === undefined) return {result: next, change: {mark: '+', group: next}}
    const oldEntry = entryOf(old)
    const nextEntry = entryOf(next)
    if (oldEntry === undefined || nextEntry === undefined || !sameContent(oldEntry, nextEntry)) return {result: next, change: {mark: '~', group: next}}
    const group = carryOver(old, oldEntry, next, nextEntry)
    return sameGroup(old, group) ? {result: old} : {result: group, change: {mark: '=', group}}
  }
}

/** One of the two texts, of which most is passed over. */
class Side {
  /** The group it stands on; undefined before the first advance and at the end. */
  current: Group | undefined
  readonly #reader: IndexReader | undefined

  constructor(reader: IndexReader | undefined) {
    this.#reader = reader
  }

  /** Whether the next step has to wait. */
  get isUsedUp(): boolean {
    return this.#reader?.isUsedUp === true
  }

  /** Steps to the next group. Returns a promise only if it has to wait. */
  advance(): Promise<void> | undefined {
    const group = this.#reader?.next()
    if (group instanceof Promise) return group.then((next) => void (this.current = next))
    this.current = group
    return undefined
  }

  /** Passes over what follows `current` if it is this group. */
  pass(group: Group): boolean {
    return this.#reader !== undefined && this.#reader.pass(group)
  }

  /** Passes over what follows on both sides, as far as it is the same. */
  passSame(other: Side): Same | undefined {
    return this.#reader === undefined || other.#reader === undefined ? undefined : this.#reader.passSame(other.#reader)
  }
}

/** What stands in the target for a path that could not be read: OLD's lines marked stale, or the error where OLD has none. */
export function staleGroup(old: Group | undefined, next: Group, error: string): Group {
  return old === undefined || old.line === '' ? next : withComments(old, {stale: error})
}

/** A change; a gone path with the key of its content, since it could be one end of a move. */
interface Found extends Change {
  readonly content?: string | undefined
}

/** The whole text of changes that are made, in pieces. */
export async function* diffText(diff: {readonly root: string; readonly end: ChangesEnd | undefined; batches(): AsyncIterable<readonly Change[]>}): AsyncGenerator<string> {
  let text = ''
  let first = true
  for await (const batch of diff.batches()) {
    if (first) text = changesHeader({root: diff.root})
    first = false
    for (const change of batch) text += formatChange(change)
    if (text.length > 0) yield text
    text = ''
  }
  yield changesEndLine(diff.end!)
}

/** Turns a new path and a gone one with the same content into a move. */
async function* withMoves(found: AsyncIterable<readonly Found[]>, options: DiffOptions): AsyncGenerator<readonly Change[]> {
  const limit = options.inMemory ?? 20_000
  const gone = new Map<string, string[]>()
  let waiting: Change[] = []
  let spill: Spill | undefined
  let lines = 0
  try {
    for await (const batch of found) {
      for (const change of batch) {
        if (change.mark === '-' && change.content !== undefined) push(gone, detached(change.content), detached(change.group.path))
        waiting.push(change)
        lines += linesOf(change)
      }
      if (waiting.length >= limit) {
        spill ??= startSpill(options.spill)
        spill.write(textOf(waiting))
        waiting = []
      }
    }
    if (spill === undefined) {
      yield applyMoves(waiting, movesOf(waiting, gone))
      return
    }
    spill.write(textOf(waiting))
    waiting = []
    spill.write(Buffer.from(changesEndLine({base: undefined, target: '0'.repeat(64), lines, partial: 0})))
    const moves: Moves = {from: new Map(), used: new Set()}
    for await (const batch of spilled(spill)) movesOf(batch, gone, moves)
    for await (const batch of spilled(spill)) yield applyMoves(batch, moves)
  } finally {
    spill?.close()
  }
}

interface Moves {
  /** Old path by new path. */
  readonly from: Map<string, string>
  readonly used: Set<string>
}

function movesOf(changes: readonly Change[], gone: Map<string, string[]>, moves: Moves = {from: new Map(), used: new Set()}): Moves {
  if (gone.size === 0) return moves
  for (const {mark, group} of changes) {
    if (mark !== '+') continue
    const key = contentKey(group)
    const from = key === undefined ? undefined : gone.get(key)?.shift()
    if (from === undefined) continue
    moves.from.set(detached(group.path), from)
    moves.used.add(from)
  }
  return moves
}

function applyMoves(changes: readonly Change[], moves: Moves): readonly Change[] {
  if (moves.used.size === 0) return changes
  const result: Change[] = []
  for (const change of changes) {
    const {mark, group} = change
    const from = mark === '+' ? moves.from.get(group.path) : undefined
    if (from !== undefined) result.push({mark: '>', group: withComments(group, {from})})
    else if (mark !== '-' || !moves.used.has(group.path)) result.push(change)
  }
  return result
}

function push(map: Map<string, string[]>, key: string, path: string): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [path])
  else list.push(path)
}

function startSpill(factory: SpillFactory): Spill {
  const spill = factory()
  spill.write(Buffer.from(changesHeader({root: '/'})))
  return spill
}

function textOf(changes: readonly Change[]): Buffer {
  return Buffer.from(changes.map(formatChange).join(''), 'latin1')
}

async function* spilled(spill: Spill): AsyncGenerator<readonly Change[]> {
  const reader = new ChangesReader(spill.pieces())
  yield* reader.batches()
}
