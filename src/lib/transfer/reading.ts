/*
 * The workers as the sender sees them: they read batches of small files, and large files piece by piece, and compress what came of it.
 * A large file stays with one worker, which holds its place and its running hash; the others do the rest meanwhile.
 */
import {realpathSync} from 'node:fs'
import {BkError, reasonOf} from '../cli/errors.ts'
import {escapeBytes, unescapeText} from '../index/escape.ts'
import {freeBuffer} from '../sys/memory.ts'
import {createPool, workerUrl, type Pool} from '../sys/workers.ts'
import {SLAB_SIZE, type ContentRequest, type ContentWorkerData, type FileReaders, type FileRequest, type FilesAnswer, type FrameAnswer, type Members, type PieceAnswer} from './content.ts'
import {compressInPool, type Compressed} from './packer.ts'
import type {Level} from '../store/zstd.ts'

type WorkerAnswer = FilesAnswer | PieceAnswer | FrameAnswer | undefined
type Worker = Pool<ContentRequest, WorkerAnswer>

/** A request that may use a slab. */
type SlabRequest = Exclude<ContentRequest, {readonly kind: 'close' | 'compress'}>

/** Pieces of a large file asked for ahead. */
const PIECES_AHEAD = 4
/** Pieces of shared memory for each worker: what is being read, waits, and is being compressed. Where none is free, an answer comes in memory of its own. */
const SLABS = 12

/** A fixed number of workers that read files of this machine and compress. */
export class Readers implements FileReaders {
  readonly readsAll = false
  readonly #top: string
  #directory: string | undefined
  readonly #workers: readonly Worker[]
  // By worker: jobs that it has, and large files.
  readonly #load: number[]
  readonly #open: number[]
  readonly #slabs: readonly SharedArrayBuffer[]
  readonly #free: number[]
  #sessions = 0

  /** @param top directory that paths are relative to: bytes as a latin1 string */
  constructor(count: number, top: string) {
    this.#top = top
    const url = workerUrl(import.meta.url, './content-worker')
    this.#slabs = Array.from({length: SLABS * count}, () => new SharedArrayBuffer(SLAB_SIZE))
    this.#free = [...this.#slabs.keys()]
    const workerData: ContentWorkerData = {slabs: this.#slabs}
    const start = (): Worker => createPool<ContentRequest, WorkerAnswer>({url, size: 1, inFlight: 4, workerData})
    this.#workers = Array.from({length: count}, start)
    this.#load = this.#workers.map(() => 0)
    this.#open = this.#workers.map(() => 0)
  }

  get count(): number {
    return this.#workers.length
  }

  // Where it really is, because a path that leads anywhere else is taken for one that was tampered with.
  place(path: string): string {
    const directory = (this.#directory ??= realDirectory(this.#top))
    return path === '.' ? directory : `${directory === '/' ? '' : directory}${unescapeText(path).slice(1)}`
  }

  // Of a file system that was unmounted meanwhile everything has vanished: that is no backup.
  async mustBeThere(): Promise<void> {
    if (this.#directory !== undefined) realDirectory(this.#top)
  }

  async files(files: readonly FileRequest[]): Promise<FilesAnswer> {
    return await this.#ask<FilesAnswer>(this.#idlest(), {kind: 'files', files, slab: this.#free.pop()})
  }

  // Begins at once, and goes on as pieces are taken.
  pieces(file: FileRequest, cut: number | undefined): AsyncGenerator<PieceAnswer> {
    const index = this.#idlest(this.#open)
    const open = this.#open
    open[index]!++
    const session = ++this.#sessions
    const asked: Promise<PieceAnswer>[] = []
    const ask = (): void => {
      const slab = this.#free.pop()
      const piece = this.#ask<PieceAnswer>(index, asked.length === 0 ? {kind: 'open', session, file, cut, slab} : {kind: 'more', session, slab})
      // Whoever takes it hears of its failure; nobody may ever take it.
      piece.catch(() => {})
      asked.push(piece)
    }
    while (asked.length < PIECES_AHEAD) ask()
    const worker = this.#workers[index]!
    return (async function* () {
      try {
        for (let at = 0; ; at++) {
          const piece = await asked[at]!
          delete asked[at]
          yield piece
          if (piece.end !== undefined) return
          ask()
        }
      } finally {
        open[index]!--
        // What was asked for ahead and is not wanted any more.
        for (const piece of asked) piece?.then(({release}) => release?.(), () => {})
        await worker.job({kind: 'close', session})
      }
    })()
  }

  memory(): Members {
    const slab = this.#free.pop()
    if (slab === undefined) return {buffer: Buffer.allocUnsafeSlow(SLAB_SIZE), members: []}
    return {buffer: new Uint8Array(this.#slabs[slab]!), members: [], slab, release: () => void this.#free.push(slab)}
  }

  async compress(frame: Members, level: Level): Promise<Compressed> {
    const {slab, buffer, release} = frame
    if (slab === undefined) return await compressInPool(frame, level)
    const {inSlab, tooLarge} = (await this.#job(this.#idlest(), {kind: 'compress', slab, used: buffer.length, level})) as FrameAnswer
    if (tooLarge === undefined) return {bytes: new Uint8Array(this.#slabs[slab]!, 0, inSlab), release}
    release?.()
    return {bytes: tooLarge, release: () => freeBuffer(tooLarge)}
  }

  async #ask<Answer extends FilesAnswer | PieceAnswer>(index: number, request: SlabRequest): Promise<Answer> {
    const {slab} = request
    const answer = (await this.#job(index, request)) as Answer
    if (slab !== undefined && answer.inSlab !== undefined) {
      return {...answer, buffer: new Uint8Array(this.#slabs[slab]!, 0, answer.inSlab), slab, release: () => void this.#free.push(slab)}
    }
    if (slab !== undefined) this.#free.push(slab)
    return {...answer, release: () => freeBuffer(answer.buffer)}
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()))
  }

  async #job(index: number, request: ContentRequest): Promise<WorkerAnswer> {
    this.#load[index]!++
    try {
      return await this.#workers[index]!.job(request)
    } finally {
      this.#load[index]!--
    }
  }

  #idlest(by: readonly number[] = this.#load): number {
    let best = 0
    for (let i = 1; i < by.length; i++) if (by[i]! < by[best]!) best = i
    return best
  }
}

/* The real path of the directory to read below, bytes as latin1. Throws BkError 2 when there is none. */
function realDirectory(directory: string): string {
  try {
    return realpathSync.native(Buffer.from(directory, 'latin1'), 'latin1' as BufferEncoding)
  } catch (error) {
    throw new BkError(`cannot read ${escapeBytes(directory)}: ${reasonOf(error)}`, {cause: error})
  }
}
