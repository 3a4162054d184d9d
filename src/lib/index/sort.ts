/*
 * Sorts more lines than memory holds. Lines wait as bytes outside the heap; when they are too many they are sorted and set aside as
 * a run, and the runs are merged while they are read. The order is that of `LC_ALL=C sort`; equal lines stay, side by side.
 */
import {Cursor} from './cursor.ts'
import {runsOfLines} from './lines.ts'
import type {Spill, SpillFactory} from './spill.ts'

export interface SortOptions {
  /** Where runs wait. Without it everything is sorted in memory. */
  readonly spill?: SpillFactory | undefined
  /** Bytes of text held in memory; 16 MiB when absent. Sorting takes several times as much. */
  readonly memory?: number | undefined
}

const MEMORY = 16 * 1024 * 1024
const PIECE = 256 * 1024
const BATCH = 1000
const LF = 10
// More runs are merged into one, because each that is open while merging costs a file and a buffer.
const MOST_RUNS = 48

/** Takes lines one by one, then gives them back in order. */
export class LineSorter {
  readonly #spill: SpillFactory | undefined
  readonly #memory: number
  readonly #runs: Spill[] = []
  readonly #pieces: Buffer[] = []
  #bytes = 0
  #piece = Buffer.alloc(0)
  #end = 0

  constructor(options: SortOptions = {}) {
    this.#spill = options.spill
    this.#memory = options.memory ?? MEMORY
  }

  /** Takes a line: latin1 text of at most 65,000 bytes, without LF. */
  add(line: string): void {
    if (this.#end + line.length >= this.#piece.length) this.#pack()
    // Bytes and not strings: a line may be a slice that would keep the whole input alive.
    this.#piece.write(line, this.#end, 'latin1')
    this.#end += line.length + 1
    this.#piece[this.#end - 1] = LF
  }

  /** True when so much waits that `makeRun` has to be called before more is added. */
  get full(): boolean {
    return this.#bytes + this.#end >= this.#memory && this.#spill !== undefined
  }

  /** Sorts what waits in memory and sets it aside. */
  async makeRun(): Promise<void> {
    if (this.#spill === undefined) return
    const run = this.#spill()
    this.#runs.push(run)
    for (const batch of batches(this.#take())) run.write(bytesOf(batch))
    if (this.#runs.length >= MOST_RUNS) await this.#mergeRuns(this.#spill)
  }

  /** All lines in order, in batches. Nothing may be added after. */
  async *sorted(): AsyncGenerator<readonly string[]> {
    if (this.#runs.length === 0) {
      yield* batches(this.#take())
      return
    }
    if (this.#bytes + this.#end > 0) await this.makeRun()
    yield* merge(this.#runs)
  }

  /** Gives up the runs. */
  close(): void {
    for (const run of this.#runs.splice(0)) run.close()
  }

  #pack(): void {
    if (this.#end > 0) this.#pieces.push(this.#piece.subarray(0, this.#end))
    this.#bytes += this.#end
    this.#end = 0
    this.#piece = Buffer.allocUnsafeSlow(PIECE)
  }

  #take(): string[] {
    this.#pack()
    const lines: string[] = []
    for (let piece = this.#pieces.pop(); piece !== undefined; piece = this.#pieces.pop()) {
      const text = piece.toString('latin1')
      for (let at = 0, end = text.indexOf('\n'); end >= 0; at = end + 1, end = text.indexOf('\n', at)) lines.push(text.slice(at, end))
    }
    this.#bytes = 0
    // Without a function strings are compared by their characters, which are bytes here.
    return lines.sort()
  }

  async #mergeRuns(spill: SpillFactory): Promise<void> {
    const whole = spill()
    const runs = this.#runs.splice(0)
    this.#runs.push(whole)
    try {
      for await (const batch of merge(runs)) whole.write(bytesOf(batch))
    } finally {
      for (const run of runs) run.close()
    }
  }
}

function bytesOf(batch: readonly string[]): Buffer {
  return Buffer.from(batch.join('\n') + '\n', 'latin1')
}

function* batches(lines: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < lines.length; at += BATCH) yield lines.slice(at, at + BATCH)
}

async function* linesOf(run: Spill): AsyncGenerator<readonly string[]> {
  for await (const {text} of runsOfLines(run.pieces())) yield text.slice(0, -1).split('\n')
}

async function* merge(runs: readonly Spill[]): AsyncGenerator<readonly string[]> {
  const heap: Cursor<string>[] = []
  for (const run of runs) {
    const cursor = new Cursor(linesOf(run))
    await cursor.advance()
    if (cursor.current !== undefined) heap.push(cursor)
  }
  for (let at = heap.length - 1; at >= 0; at--) sink(heap, at)
  let batch: string[] = []
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    batch.push(top.current!)
    if (batch.length === BATCH) {
      yield batch
      batch = []
    }
    const wait = top.advance()
    if (wait !== undefined) await wait
    if (top.current === undefined) {
      const last = heap.pop()!
      if (last !== top) heap[0] = last
    }
    sink(heap, 0)
  }
  if (batch.length > 0) yield batch
}

/* Moves a cursor down the heap until none below it stands on a smaller line. */
function sink(heap: Cursor<string>[], at: number): void {
  for (;;) {
    let least = at
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && heap[child]!.current! < heap[least]!.current!) least = child
    }
    if (least === at) return
    const moved = heap[at]!
    heap[at] = heap[least]!
    heap[least] = moved
    at = least
  }
}
