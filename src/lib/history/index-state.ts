/*
 * One index at a time out of many that share nearly everything: the full text stays as it is, with the place of each entry in it, and what
 * has changed since lies over it. Going from one index to the next costs what they differ by, and so does going back.
 */
import {createHash} from 'node:crypto'
import {BkError} from '../cli/errors.ts'
import {isDirectoryLine, isUnread, type Group} from '../index/group.ts'
import {parentOf} from '../index/path.ts'
import {IndexReader} from '../index/read.ts'
import {endLine, indexHeader} from '../index/write.ts'
import type {Change} from '../index/changes.ts'
import type {IndexEnd} from '../index/read.ts'

/** Told of what comes into an index and what goes. */
export interface Onlooker {
  put(group: Group): void | Promise<void>
  remove(group: Group): void | Promise<void>
}

/** What going back needs: what of each path lay over the full text before, if anything. What it had besides is there again then. */
export type Undo = {readonly path: string; readonly before: Group | null | undefined}[]

const SIZE = / size=(\d+)/

export class IndexState {
  entries = 0
  /** Sum of the sizes of all files. */
  bytes = 0
  partial = 0
  root: string
  /** Of the full text. */
  readonly end: IndexEnd
  readonly #full: Buffer
  readonly #onlooker: Onlooker
  // Where each group begins in the full text, and where the last ends.
  readonly #starts: Uint32Array
  // What lies over the full text; null is gone.
  readonly #over = new Map<string, Group | null>()

  private constructor(full: Buffer, starts: Uint32Array, reader: IndexReader, onlooker: Onlooker) {
    this.#full = full
    this.#starts = starts
    this.#onlooker = onlooker
    this.root = reader.root
    this.end = reader.end!
  }

  /**
   * Takes a full index, held to the whole grammar.
   * @throws BkError 65 for what is none
   */
  static async read(full: Buffer, onlooker: Onlooker): Promise<IndexState> {
    const reader = new IndexReader([full])
    let starts = new Uint32Array(1024)
    let count = 0
    let at = 0
    let bytes = 0
    for await (const batch of reader.batches()) {
      if (at === 0) at = indexHeader(reader.root).length
      for (const group of batch) {
        if (count + 1 >= starts.length) {
          const more = new Uint32Array(starts.length * 2)
          more.set(starts)
          starts = more
        }
        starts[count++] = at
        at += sizeOf(group)
        bytes += bytesOf(group)
        const wait = onlooker.put(group)
        if (wait !== undefined) await wait
      }
    }
    starts[count] = at
    const state = new IndexState(full, starts.subarray(0, count + 1), reader, onlooker)
    state.entries = state.end.entries
    state.bytes = bytes
    state.partial = state.end.partial
    return state
  }

  /**
   * Carries changes out.
   * @throws BkError 65 for a change that does not fit; what was carried out before it is in `undo`
   */
  async apply(changes: readonly Change[], undo: Undo): Promise<void> {
    for (const {mark, group} of changes) {
      const {path} = group
      const old = this.#at(path)
      const isNew = mark === '+' || mark === '!'
      if (isNew ? old !== undefined : old === undefined) throw misfit(path, isNew ? 'is new, but the base has it' : 'is not in the base')
      undo.push({path, before: this.#over.get(path)})
      await this.#set(path, old, mark === '-' ? null : group)
    }
    for (const {mark, group} of changes) {
      // What was there before has its directory, or will not be read as a whole.
      const above = mark === '+' || mark === '!' ? parentOf(group.path) : undefined
      const directory = above === undefined ? undefined : this.#at(above)
      if (above !== undefined && (directory === undefined || !isDirectoryLine(directory.line, above))) throw misfit(group.path, 'has no directory above it')
    }
  }

  /** Goes back. */
  async revert(undo: Undo): Promise<void> {
    for (const {path, before} of undo.toReversed()) {
      const now = this.#over.get(path) ?? undefined
      if (before === undefined) this.#over.delete(path)
      else this.#over.set(path, before)
      await this.#tell(now, this.#at(path))
    }
  }

  async #set(path: string, old: Group | undefined, next: Group | null): Promise<void> {
    this.#over.set(path, next)
    await this.#tell(old, next ?? undefined)
  }

  async #tell(old: Group | undefined, next: Group | undefined): Promise<void> {
    if (old !== undefined) {
      this.#count(old, -1)
      const wait = this.#onlooker.remove(old)
      if (wait !== undefined) await wait
    }
    if (next === undefined) return
    this.#count(next, 1)
    const wait = this.#onlooker.put(next)
    if (wait !== undefined) await wait
  }

  #count(group: Group, by: 1 | -1): void {
    if (group.line !== '') this.entries += by
    this.bytes += by * bytesOf(group)
    if (isUnread(group)) this.partial += by
  }

  /** What the index has at a path now. */
  #at(path: string): Group | undefined {
    const over = this.#over.get(path)
    if (over !== undefined) return over ?? undefined
    const place = this.#find(path)
    return place < 0 || this.#pathAt(place) !== path ? undefined : this.#groupAt(place)
  }

  /* The last group of the full text whose path is at most this; -1 for none. It is not before `from`. */
  #find(path: string, from = 0): number {
    const end = this.#starts.length - 1
    let low = from
    let high = end
    // Who asks in order finds what he asks for close by.
    if (from > 0) for (let step = 1; (high = Math.min(end, low + step)) < end && this.#pathAt(high) <= path; step *= 2) low = high + 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#pathAt(middle) <= path) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #pathAt(place: number): string {
    const start = this.#starts[place]!
    const from = this.#full[start] === HASH ? start + 4 : start
    return this.#full.latin1Slice(from, this.#full.indexOf(SPACE, from))
  }

  #groupAt(place: number): Group {
    const lines = this.#full.latin1Slice(this.#starts[place]!, this.#starts[place + 1]! - 1).split('\n')
    const line = lines[0]!.startsWith('#') ? '' : lines.shift()!
    return {path: this.#pathAt(place), line, comments: lines}
  }

  /** All that the index has now, in no order. */
  *groups(): Generator<Group> {
    for (let place = 0; place + 1 < this.#starts.length; place++) if (!this.#over.has(this.#pathAt(place))) yield this.#groupAt(place)
    for (const group of this.#over.values()) if (group !== null) yield group
  }

  /**
   * Reads the whole index as it is now: its order, its directories, and what it comes to.
   * @throws BkError 65
   */
  async whole(): Promise<IndexEnd> {
    const digest = this.digest()
    const reader = new IndexReader(this.#withEnd(digest), {strict: false})
    for await (const batch of reader.batches()) void batch
    return reader.end!
  }

  /** The digest of the whole index as it is now. */
  digest(): string {
    const hash = createHash('sha256')
    for (const piece of this.#pieces()) hash.update(piece)
    return hash.digest('hex')
  }

  *#withEnd(digest: string): Generator<Buffer> {
    yield* this.#pieces()
    yield Buffer.from(endLine({entries: this.entries, partial: this.partial, digest}), 'latin1')
  }

  *#pieces(): Generator<Buffer> {
    yield Buffer.from(indexHeader(this.root), 'latin1')
    let from = this.#starts[0]!
    let place = 0
    for (const path of [...this.#over.keys()].sort()) {
      place = this.#find(path, Math.max(0, place))
      const isThere = place >= 0 && this.#pathAt(place) === path
      const until = this.#starts[isThere ? place : place + 1]!
      if (until > from) yield this.#full.subarray(from, until)
      from = Math.max(from, isThere ? this.#starts[place + 1]! : until)
      const group = this.#over.get(path)
      if (group !== null && group !== undefined) yield Buffer.from(textOf(group), 'latin1')
    }
    const end = this.#starts.at(-1)!
    if (end > from) yield this.#full.subarray(from, end)
  }
}

const [SPACE, HASH] = [32, 35]

function textOf({line, comments}: Group): string {
  return [...(line === '' ? [] : [line]), ...comments].map((text) => `${text}\n`).join('')
}

function sizeOf({line, comments}: Group): number {
  let size = line === '' ? 0 : line.length + 1
  for (const comment of comments) size += comment.length + 1
  return size
}

function bytesOf({path, line}: Group): number {
  return line.startsWith(' type=file', path.length) ? Number(SIZE.exec(line.slice(path.length))?.[1] ?? 0) : 0
}

function misfit(path: string, what: string): BkError {
  return new BkError(`the changes do not fit their base: ${path.slice(0, 200)} ${what}`, {status: 65})
}
