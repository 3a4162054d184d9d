/*
 * The reading workers as the sender sees them: batches of small files, and large files piece by piece. A large file stays
 * with one worker, which holds its place and its running hash; the others go on with small ones meanwhile.
 */
import {freeBuffer} from '../sys/memory.ts'
import {createPool, workerUrl, type Pool} from '../sys/workers.ts'
import {SPARE_SIZE, type ContentRequest, type FileRequest, type FilesAnswer, type Members, type PieceAnswer} from './content.ts'

type Worker = Pool<ContentRequest, FilesAnswer | PieceAnswer | undefined>

/** Pieces of a large file asked for ahead. */
const PIECES_AHEAD = 2

/** A fixed number of workers that read files. */
export class Readers {
  readonly #workers: readonly Worker[]
  readonly #load: number[]
  #sessions = 0
  readonly #spare: ArrayBuffer[] = []

  constructor(count: number) {
    const url = workerUrl(import.meta.url, './content-worker')
    this.#workers = Array.from({length: count}, () => createPool<ContentRequest, FilesAnswer | PieceAnswer | undefined>({url, size: 1, inFlight: 3}))
    this.#load = this.#workers.map(() => 0)
  }

  get count(): number {
    return this.#workers.length
  }

  /** Reads small files; one answer, one buffer. */
  async files(files: readonly FileRequest[]): Promise<FilesAnswer> {
    const spare = this.#spare.pop()
    return this.#lent(await this.#busy((worker) => worker.job({kind: 'files', files, spare}, moved(spare))) as FilesAnswer)
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
    const spare = this.#spare.pop()
    const asked: Promise<PieceAnswer>[] = [worker.job({kind: 'open', session, file, cut, spare}, moved(spare)) as Promise<PieceAnswer>]
    try {
      for (;;) {
        while (asked.length < PIECES_AHEAD) {
          const more = this.#spare.pop()
          const next = worker.job({kind: 'more', session, spare: more}, moved(more)) as Promise<PieceAnswer>
          next.catch(() => {})
          asked.push(next)
        }
        const piece = this.#lent(await asked.shift()!)
        yield piece
        if (piece.end !== undefined) return
      }
    } finally {
      this.#load[index]! -= PIECES_AHEAD
      await worker.job({kind: 'close', session})
    }
  }

  // The buffer of an answer comes back to be used again.
  #lent<Answer extends Members>(answer: Answer): Answer {
    const memory = answer.buffer.buffer
    if (!(memory instanceof ArrayBuffer)) return answer
    return {...answer, release: () => (memory.byteLength === SPARE_SIZE ? void this.#spare.push(memory) : freeBuffer(answer.buffer))}
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

function moved(spare: ArrayBuffer | undefined): ArrayBuffer[] {
  return spare === undefined ? [] : [spare]
}
