/*
 * The reading workers as the sender sees them: batches of small files, and large files piece by piece. A large file stays
 * with one worker, which holds its place and its running hash; the others go on with small ones meanwhile.
 */
import {freeBuffer} from '../sys/memory.ts'
import {createPool, workerUrl, type Pool} from '../sys/workers.ts'
import {SLAB_SIZE, type ContentRequest, type ContentWorkerData, type FileRequest, type FilesAnswer, type PieceAnswer} from './content.ts'

type Worker = Pool<ContentRequest, FilesAnswer | PieceAnswer | undefined>

/** A request that may use a slab. */
type SlabRequest = Exclude<ContentRequest, {readonly kind: 'close'}>

/** Pieces of a large file asked for ahead. */
const PIECES_AHEAD = 2
/** Pieces of shared memory for each worker: what is being read, waits, and is being compressed. Where none is free, an answer comes in memory of its own. */
const SLABS = 10

/** A fixed number of workers that read files. */
export class Readers {
  readonly #workers: readonly Worker[]
  readonly #load: number[]
  readonly #slabs: readonly SharedArrayBuffer[]
  readonly #free: number[]
  #sessions = 0

  constructor(count: number) {
    const url = workerUrl(import.meta.url, './content-worker')
    this.#slabs = Array.from({length: SLABS * count}, () => new SharedArrayBuffer(SLAB_SIZE))
    this.#free = [...this.#slabs.keys()]
    const workerData: ContentWorkerData = {slabs: this.#slabs}
    const start = (): Worker => createPool<ContentRequest, FilesAnswer | PieceAnswer | undefined>({url, size: 1, inFlight: 3, workerData})
    this.#workers = Array.from({length: count}, start)
    this.#load = this.#workers.map(() => 0)
  }

  get count(): number {
    return this.#workers.length
  }

  /** Reads small files; one answer, one buffer. */
  async files(files: readonly FileRequest[]): Promise<FilesAnswer> {
    return await this.#busy((worker) => this.#ask<FilesAnswer>(worker, {kind: 'files', files, slab: this.#free.pop()}))
  }

  /**
   * Reads a large file piece by piece; the last piece has `end`.
   * @param cut class that an earlier version of the file was cut with
   */
  async *pieces(file: FileRequest, cut: number | undefined): AsyncGenerator<PieceAnswer> {
    const index = this.#idlest()
    const worker = this.#workers[index]!
    const session = ++this.#sessions
    this.#load[index]! += PIECES_AHEAD
    const asked = [this.#ask<PieceAnswer>(worker, {kind: 'open', session, file, cut, slab: this.#free.pop()})]
    try {
      for (;;) {
        while (asked.length < PIECES_AHEAD) {
          const next = this.#ask<PieceAnswer>(worker, {kind: 'more', session, slab: this.#free.pop()})
          next.catch(() => {})
          asked.push(next)
        }
        const piece = await asked.shift()!
        yield piece
        if (piece.end !== undefined) return
      }
    } finally {
      this.#load[index]! -= PIECES_AHEAD
      // What was asked for ahead and is not wanted any more.
      for (const piece of asked) piece.then(({release}) => release?.(), () => {})
      await worker.job({kind: 'close', session})
    }
  }

  async #ask<Answer extends FilesAnswer | PieceAnswer>(worker: Worker, request: SlabRequest): Promise<Answer> {
    const {slab} = request
    const answer = (await worker.job(request)) as Answer
    if (slab !== undefined && answer.inSlab !== undefined) {
      return {...answer, buffer: new Uint8Array(this.#slabs[slab]!, 0, answer.inSlab), release: () => void this.#free.push(slab)}
    }
    if (slab !== undefined) this.#free.push(slab)
    return {...answer, release: () => freeBuffer(answer.buffer)}
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()))
  }

  async #busy<T>(work: (worker: Worker) => Promise<T>): Promise<T> {
    const index = this.#idlest()
    this.#load[index]!++
    try {
      return await work(this.#workers[index]!)
    } finally {
      this.#load[index]!--
    }
  }

  #idlest(): number {
    let best = 0
    for (let i = 1; i < this.#load.length; i++) if (this.#load[i]! < this.#load[best]!) best = i
    return best
  }
}
