/*
 * Who does the work of a walk. Looking at files is done by the main thread and workers together, `threads` of them in all:
 * the main thread begins at once, while a worker takes as long to start as looking at some thousand files, and a tree
 * that is done by then needs no worker at all. Reading files is left to workers alone as soon as there is much of it, since
 * results and Ctrl-C must not wait for a large file.
 */
import {createPool, workerUrl, type Pool} from '../sys/workers.ts'
import {KEPT, MADE, type Job, type JobResult, type SentFrame, type Share} from './job.ts'
import {Rope} from './rope.ts'
import type {Runner, WalkSetup} from './runner.ts'

/* A worker's job. */
const workerShare: Share = {entries: 5_000, milliseconds: 20, bytes: 64 * 1024 * 1024, patient: true}
/* While there is not enough to be done by others, as at the beginning, jobs are smaller: what they leave can be shared. */
const smallShare: Share = {...workerShare, milliseconds: 4, bytes: 4 * 1024 * 1024}
/* The main thread's. */
const ownShare: Share = {...workerShare, milliseconds: 4, bytes: 1024 * 1024, patient: false}

/*
 * How long the main thread walks alone, in milliseconds, before it calls for help. A worker costs 35 ms of processor time
 * to start, and then compiles what the main thread has compiled: where little is to be read that pays above some fifty thousand
 * entries. Where nothing is remembered every file is read, and that pays at once.
 */
const alone = {known: 200, unknown: 12} as const
/* Milliseconds that have to be left for a worker to be worth its start. */
const worthAWorker = 100
const manyEntries = 50_000
/* How many bytes it reads itself before it leaves that to others. */
const ownBytes = 8 * 1024 * 1024
/* Text that may wait for something before it in the order: about a hundred thousand entries. */
const mostHeld = 16 * 1024 * 1024
/* The most directories in one job. */
const mostFrames = 32

interface Crew {
  readonly pool: Pool<Job, JobResult>
  readonly size: number
  /** It takes the main thread's place. */
  readonly relieves: boolean
  jobs: number
}

export class Workforce {
  readonly #setup: WalkSetup
  readonly #threads: number
  readonly #alone: number
  readonly #expected: number | undefined
  readonly #crews: Crew[] = []
  #rope = new Rope([])
  #walkers = false
  #readers = false
  // Whether the workers that take the main thread's place are at work.
  #relieved = false
  #failure: {readonly error: unknown} | undefined
  #wake = (): void => {}

  /** `expected` is the number of entries, where it is known. */
  constructor(setup: WalkSetup, threads: number, expected: number | undefined) {
    this.#setup = setup
    this.#threads = threads
    this.#alone = expected === undefined ? alone.unknown : alone.known
    this.#expected = expected
    if ((expected ?? 0) > manyEntries) this.#callWalkers()
  }

  /* The workers that walk beside the main thread. */
  #callWalkers(): void {
    if (!this.#walkers) this.#call(this.#threads - 1)
    this.#walkers = true
  }

  /** Results in the order of the index; `run` does jobs in this thread. */
  async *results(first: SentFrame, run: Runner): AsyncGenerator<JobResult> {
    this.#rope = new Rope([first])
    let bytes = 0
    let entries = 0
    const began = performance.now()
    while (!this.#rope.isEmpty) {
      if (this.#failure !== undefined) throw this.#failure.error
      const result = this.#rope.shift()
      if (result !== undefined) {
        yield result
        continue
      }
      // First itself: what it leaves can then be handed out, also to workers that are still to come.
      const own = this.#relieved ? undefined : this.#walk(run)
      this.#handOut()
      if (own === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      bytes += own.bytes
      const isStuck = own.parts.length === 0 && own.frames.length > 0
      if (isStuck || bytes > ownBytes) this.#callReader()
      entries += entriesIn(own)
      if (this.#isLong(performance.now() - began, entries)) this.#callWalkers()
      // Let results of others in. Where this thread could do nothing with the first that waits, it waits for them.
      await new Promise<void>((resolve) => (isStuck ? (this.#wake = resolve) : setImmediate(resolve)))
    }
  }

  /* Whether the walk takes so much longer that another thread would help: as fast as it was so far, for as many entries as there were last time. */
  #isLong(elapsed: number, entries: number): boolean {
    if (elapsed < this.#alone) return false
    return this.#expected === undefined || entries === 0 || (elapsed / entries) * (this.#expected - entries) > worthAWorker || entries > this.#expected
  }

  /** Ends the workers, done or not. */
  async close(): Promise<void> {
    await Promise.all(this.#crews.map(({pool}) => pool.close()))
  }

  /* The worker that takes the main thread's place. */
  #callReader(): void {
    if (!this.#readers) this.#call(1, true)
    this.#readers = true
    this.#callWalkers()
    this.#handOut()
  }

  #call(size: number, relieves = false): void {
    if (size === 0) return
    const pool = createPool<Job, JobResult>({url: workerUrl(import.meta.url, './walk-worker'), size, workerData: this.#setup})
    this.#crews.push({pool, size, relieves, jobs: 0})
  }

  /* Does one short job in this thread; undefined when there is none. */
  #walk(run: Runner): JobResult | undefined {
    const taken = this.#rope.take(1)
    if (taken === undefined) return undefined
    const result = run({frames: taken.frames, share: ownShare})
    this.#rope.put(taken, result)
    return result
  }

  /* Keeps every worker busy, and when there is enough to do has a second job at hand for each. */
  #handOut(): void {
    for (const jobs of [1, 2]) {
      for (const crew of this.#crews) while (crew.jobs < jobs * crew.size && this.#give(crew)) crew.jobs++
    }
  }

  #give(crew: Crew): boolean {
    const rope = this.#rope
    if (rope.held > mostHeld && !rope.isFrontWaiting) return false
    const taken = rope.take(Math.min(Math.ceil(rope.waiting / (2 * this.#threads)), mostFrames))
    if (taken === undefined) return false
    const share = rope.waiting < 2 * this.#threads ? smallShare : workerShare
    crew.pool.job({frames: taken.frames, share}).then(
      (result) => {
        crew.jobs--
        if (crew.relieves) this.#relieved = true
        rope.put(taken, result)
        // Whoever takes the results may be busy: the workers must not wait for that.
        this.#handOut()
        this.#wake()
      },
      (error: unknown) => {
        this.#failure = {error}
        this.#wake()
      },
    )
    return true
  }
}

function entriesIn({parts}: JobResult): number {
  let entries = 0
  for (let at = 0; at < parts.length; at += 3) entries += parts[at] === KEPT ? parts[at + 2]! : parts[at] === MADE ? parts[at + 1]! : 0
  return entries
}
