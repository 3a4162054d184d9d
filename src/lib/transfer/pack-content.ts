/*
 * The first half of sending: goes through the changes in order, reads the files that are new, packs what the store lacks,
 * and hands on every change as it turned out to be. Reading runs ahead of packing by a few batches; order is kept.
 */
import {entryOf, commentValue, sameGroup} from '../index/group.ts'
import {makeLists} from '../store/chunk-list.ts'
import {WHOLE_FILE} from '../store/chunker.ts'
import {memberSize} from '../store/member.ts'
import {FRAME_SIZE, type Member} from '../store/pack.ts'
import {idOfDigest} from '../store/object-id.ts'
import {corrected, isAsListed, type OwnerNames} from './correct.ts'
import {hasLongAttributes, readLongAttributes} from './long-attributes.ts'
import type {Change} from '../index/changes.ts'
import type {FileAnswer, FileReaders, FileRequest, FilesAnswer, Members, PieceAnswer} from './content.ts'
import type {Destination} from './destination.ts'
import type {ReadReporter} from './sending.ts'
import type {Known} from './known.ts'
import {asMember, type Packer} from './packer.ts'

export interface ContentOptions {
  readonly known: Known
  readonly packer: Packer
  readonly readers: FileReaders
  /** Adds to `known` what else the store has of these objects. */
  readonly learn: Destination['learn']
  /** Hears of each list of chunks that a file was found to have. */
  readonly onList: (id: string, bytes: Buffer) => void
  readonly names: OwnerNames
  readonly reporter: ReadReporter
}

/** Changes that are handled together: some have files to read, the rest just keep their place. */
interface Batch {
  readonly changes: readonly Change[]
  /** By position in `changes`. */
  readonly reads: readonly number[]
  readonly requests: readonly FileRequest[]
}

/** Small files of one batch, at most. */
const BATCH_FILES = 256
/** Changes without a file that are handed on together, at most. */
const BATCH_CHANGES = 4096
/** A file may be read this often before it is stored as it was read last. */
const READS = 2

/** What was read and packed. */
export interface ContentTotals {
  files: number
  bytes: number
  /** Files that vanished or could not be read. */
  missed: number
}

/** Reads and packs what changes need; yields the changes as they turned out, in order. */
export class ContentPass {
  readonly totals: ContentTotals = {files: 0, bytes: 0, missed: 0}
  /** Old paths of moved files that could not be read under their new ones: they are gone all the same. */
  readonly lostMoves: string[] = []
  readonly #options: ContentOptions
  // Large files that wait to be read, and those that are being read.
  readonly #large: {readonly change: Change; readonly request: FileRequest}[] = []
  readonly #begun = new Map<Change, AsyncGenerator<PieceAnswer>>()
  // Bytes of the files to read, as far as they were listed; and whether that is all of them.
  #wanted = 0
  #allListed = false
  // Lists of chunks are packed together behind all content: who checks what a snapshot reaches reads all of them and little else.
  #lists: {id: string; bytes: Buffer}[] = []

  constructor(options: ContentOptions) {
    this.#options = options
  }

  async *run(changes: AsyncIterable<readonly Change[]>): AsyncGenerator<readonly Change[]> {
    const ahead = this.#options.readers.count * 3
    const reading: {batch: Batch; answer: Promise<FilesAnswer> | undefined}[] = []
    for await (const batch of this.#batches(changes)) {
      const answer = batch.requests.length === 0 ? undefined : this.#options.readers.files(batch.requests)
      answer?.then(({files}) => this.#queueLarge(batch, files)).catch(() => {})
      reading.push({batch, answer})
      while (reading.length > ahead) yield await this.#settle(reading.shift()!)
    }
    while (reading.length > 0) yield await this.#settle(reading.shift()!)
    await this.#packLists()
    if (this.totals.missed > 0) await this.#options.readers.mustBeThere()
  }

  async *#batches(source: AsyncIterable<readonly Change[]>): AsyncGenerator<Batch> {
    let changes: Change[] = []
    let reads: number[] = []
    let requests: FileRequest[] = []
    let size = 0
    for await (const group of source) {
      await this.#options.learn?.(() => group.flatMap(contentId))
      for (const change of group) {
        const request = this.#request(change)
        if (request !== undefined) {
          reads.push(changes.length)
          requests.push(request)
          size += Math.min(request.size ?? 0, WHOLE_FILE)
          this.#wanted += request.size ?? 0
        }
        changes.push(change)
        if (size >= FRAME_SIZE || requests.length >= BATCH_FILES || changes.length >= BATCH_CHANGES) {
          yield {changes, reads, requests}
          changes = []
          reads = []
          requests = []
          size = 0
        }
      }
    }
    this.#allListed = true
    if (changes.length > 0) yield {changes, reads, requests}
  }

  /** What has to be read for a change; undefined when its content is in the store or it has none. */
  #request({mark, group}: Change): FileRequest | undefined {
    if (mark === '-' || mark === '!' || !group.line.startsWith(' type=file', group.path.length)) return undefined
    const entry = entryOf(group)!
    const isTrusted = mark === '=' || !this.#options.readers.readsAll
    if (isTrusted && entry.sha256 !== undefined && entry.time !== undefined && entry.size !== undefined) {
      const id = commentValue(group, 'chunks') ?? idOfDigest(entry.sha256)
      if (entry.size === 0 || this.#options.known.has(id)) return undefined
    }
    return {path: this.#options.readers.place(group.path), size: entry.size, time: entry.time}
  }

  async #settle(reading: {batch: Batch; answer: Promise<FilesAnswer> | undefined}): Promise<readonly Change[]> {
    const changes = await this.#settleFiles(reading)
    if (!changes.some(hasLongAttributes)) return changes
    const result: Change[] = []
    for (const change of changes) result.push(hasLongAttributes(change) ? await this.#packAttributes(change) : change)
    return result
  }

  async #packAttributes(given: Change): Promise<Change> {
    const {known} = this.#options
    const {change, objects} = readLongAttributes(given, this.#options.readers.place(given.group.path), (id) => known.has(id))
    for (const {id, bytes} of objects) if (known.take(id)) await this.#options.packer.add(asMember(id, bytes))
    if (!sameGroup(change.group, given.group)) this.totals.missed++
    return change
  }

  async #settleFiles({batch, answer}: {batch: Batch; answer: Promise<FilesAnswer> | undefined}): Promise<readonly Change[]> {
    if (answer === undefined) return batch.changes
    const {files, ...members} = await answer
    await this.#pack(members)
    const result: (Change | undefined)[] = [...batch.changes]
    for (const [i, position] of batch.reads.entries()) {
      const change = batch.changes[position]!
      const file = files[i]!
      result[position] = file.status === 'large' ? await this.#readLarge(change, batch.requests[i]!) : this.#take(change, file)
    }
    return result.filter((change) => change !== undefined)
  }

  #take(change: Change, answer: Exclude<FileAnswer, {status: 'large'}>, chunked?: {chunks: string; cut: number}): Change | undefined {
    const {reporter, names} = this.#options
    const {path} = change.group
    const from = change.mark === '>' && answer.status !== 'read' ? commentValue(change.group, 'from') : undefined
    if (from !== undefined) this.lostMoves.push(from)
    if (answer.status !== 'read') this.totals.missed++
    if (answer.status === 'failed') reporter.problem(path, answer.code)
    else if (answer.status === 'vanished') reporter.note(path, answer.why === 'gone' ? 'vanished' : 'is no longer a file')
    else {
      this.totals.files++
      this.totals.bytes += answer.stat.size
      if (answer.changed) reporter.note(path, 'changed while it was read')
      else if (!isAsListed(change.group, answer)) reporter.differs?.(path)
      this.#progress(path, 0)
    }
    return corrected(change, answer, names, chunked)
  }

  #progress(path: string, more: number): void {
    const {files, bytes} = this.totals
    this.#options.reporter.progress?.({files, bytes: bytes + more, totalBytes: this.#allListed ? this.#wanted : undefined, path})
  }

  // A large file keeps one worker busy. The next ones begin before their turn, so that the others are busy too.
  #beginLarge(): void {
    while (this.#begun.size < this.#options.readers.count) {
      const next = this.#large.shift()
      if (next === undefined) return
      this.#begun.set(next.change, this.#piecesOf(next.change, next.request))
    }
  }

  #queueLarge(batch: Batch, files: readonly FileAnswer[]): void {
    for (const [i, position] of batch.reads.entries()) {
      if (files[i]!.status === 'large') this.#large.push({change: batch.changes[position]!, request: batch.requests[i]!})
    }
    this.#beginLarge()
  }

  #piecesOf(change: Change, request: FileRequest): AsyncGenerator<PieceAnswer> {
    const cut = Number(commentValue(change.group, 'cut') ?? 0) || undefined
    return this.#options.readers.pieces(request, cut)
  }

  #begunOf(change: Change, request: FileRequest): AsyncGenerator<PieceAnswer> {
    const begun = this.#begun.get(change)
    if (begun !== undefined) return begun
    // Its turn came before it could begin.
    this.#large.splice(this.#large.findIndex((large) => large.change === change), 1)
    const pieces = this.#piecesOf(change, request)
    this.#begun.set(change, pieces)
    return pieces
  }

  async #readLarge(change: Change, request: FileRequest): Promise<Change | undefined> {
    let pieces = this.#begunOf(change, request)
    for (let reads = 1; ; reads++) {
      const chunks: {id: string; size: number}[] = []
      let read = 0
      for await (const piece of pieces) {
        for (const member of piece.members) {
          chunks.push(member)
          read += member.size
        }
        this.#progress(change.group.path, read)
        await this.#pack(piece)
        if (piece.end === undefined) continue
        const end = piece.end as Exclude<FileAnswer, {status: 'large'}>
        this.#begun.delete(change)
        this.#beginLarge()
        if (end.status !== 'read' || chunks.length === 0) return this.#take(change, end)
        if (end.changed && reads < READS) break
        const {id, objects} = makeLists(chunks)
        await this.#options.learn?.(() => objects.map((object) => object.id))
        for (const object of objects) {
          // Also of lists that the store has: the memory of them may be lost.
          this.#options.onList(object.id, object.bytes)
          if (this.#options.known.take(object.id)) this.#lists.push(object)
        }
        return this.#take(change, end, {chunks: id, cut: piece.cut})
      }
      pieces = this.#piecesOf(change, request)
    }
  }

  /** Packs those members that the store lacks: the others go, and what is left moves up. */
  async #pack(part: Members): Promise<void> {
    const {buffer, members} = part
    await this.#options.learn?.(() => members.map(({id}) => id))
    const kept: Member[] = []
    let src = 0
    let dst = 0
    for (const member of members) {
      const room = memberSize(member.size)
      if (this.#options.known.take(member.id)) {
        if (src > dst) buffer.copyWithin(dst, src, src + room)
        dst += room
        kept.push(member)
      }
      src += room
    }
    await this.#options.packer.add({...part, buffer: buffer.subarray(0, dst), members: kept})
  }

  async #packLists(): Promise<void> {
    for (const {id, bytes} of this.#lists) await this.#options.packer.add(asMember(id, bytes))
    this.#lists = []
  }
}

/** The id of a change's content as far as the index says it; for nothing else than files. */
function contentId({mark, group}: Change): string[] {
  if (mark === '-' || mark === '!' || !group.line.startsWith(' type=file', group.path.length)) return []
  const entry = entryOf(group)!
  return entry.sha256 === undefined || entry.size === 0 ? [] : [commentValue(group, 'chunks') ?? idOfDigest(entry.sha256)]
}
