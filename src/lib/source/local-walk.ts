/*
 * Runs a walk. The main thread keeps results in order and hands out work; workers walk and read. Until the first of them
 * is up, which takes as long as looking at some thousand files, the main thread walks itself, and a tree that it can do
 * alone in that time needs no workers at all.
 */
import {createPool, workerUrl, type Pool} from '../sys/workers.ts'
import {openCache, type OpenCache} from './caches.ts'
import {createDelivery} from './deliver.ts'
import {reportIncident} from './incidents.ts'
import type {Job, JobResult, SentFrame, Share} from './job.ts'
import type {LocalOptions} from './local.ts'
import {Rope} from './rope.ts'
import {createRunner, type Runner, type WalkSetup} from './runner.ts'
import type {SharedSelection} from './selection.ts'
import type {Batch} from './source.ts'

/* A worker's job: some milliseconds of looking, or about a second of reading. */
const workerShare: Share = {entries: 2_000, bytes: 256 * 1024 * 1024, patient: true}
/* The main thread's: short, since results and Ctrl-C wait. */
const ownShare: Share = {entries: 250, bytes: 1024 * 1024, patient: false}

/* Trees that had more entries the last time get workers at once, others after some milliseconds of walking. */
const manyEntries = 4_000
const ownTime = 12

/* Text that may wait for something before it in the order: about a hundred thousand entries. */
const mostHeld = 16 * 1024 * 1024
/* The most directories in one job. */
const mostFrames = 32

/** Lists a tree; `root` is '.' where that is the working directory. */
export async function* walkTree(options: LocalOptions, root: string, selection: SharedSelection | undefined): AsyncGenerator<Batch> {
  const cache = openCache(options)
  let work: Work | undefined
  try {
    const setup = setupOf(options, root, selection, cache)
    work = new Work(setup, options.workers, await createRunner(setup))
    if ((cache.old?.cache.shared.count ?? 0) > manyEntries) work.startWorkers()
    const deliver = createDelivery(cache.old, cache.writer)
    for await (const result of work.results()) {
      for (const incident of result.incidents) reportIncident(incident, options)
      const batch = deliver(result)
      if (batch.text.length > 0) yield batch
    }
    cache.writer?.finish()
  } finally {
    cache.close()
    await work?.close()
  }
}

function setupOf(options: LocalOptions, root: string, selection: SharedSelection | undefined, cache: OpenCache): WalkSetup {
  const {digest, exclude = {}, oneFileSystem = false, ignoreInode = false, reference} = options
  const {patterns = [], caches = false, ifPresent = [], largerThan} = exclude
  return {
    root, digest, oneFileSystem, ignoreInode, reference, selection,
    exclude: {patterns, caches, ifPresent, largerThan},
    remembers: cache.writer !== undefined,
    cache: cache.old?.cache.shared,
    ownCache: cache.place,
    ids: new SharedArrayBuffer(4),
  }
}

/* Where every walk begins: at the root's own name. */
function firstFrame(setup: WalkSetup): SentFrame {
  const start = [0, 1] as const
  return {
    path: '', names: '.', id: 0, pending: [], device: undefined,
    known: setup.cache && start,
    reference: setup.reference && start,
    selected: setup.selection && start,
  }
}

/* Hands out jobs and collects their results. */
class Work {
  readonly #setup: WalkSetup
  readonly #size: number
  readonly #run: Runner
  readonly #rope: Rope
  #pool: Pool<Job, JobResult> | undefined
  #isUp = false
  #inFlight = 0
  #failure: {readonly error: unknown} | undefined
  #wake: () => void = () => {}

  constructor(setup: WalkSetup, size: number, run: Runner) {
    this.#setup = setup
    this.#size = size
    this.#run = run
    this.#rope = new Rope([firstFrame(setup)])
  }

  startWorkers(): void {
    this.#pool ??= createPool({url: workerUrl(import.meta.url, './walk-worker'), size: this.#size, workerData: this.#setup})
  }

  /** Results in the order of the index. */
  async *results(): AsyncGenerator<JobResult> {
    let ownTimeLeft = ownTime
    while (!this.#rope.isEmpty) {
      if (this.#failure !== undefined) throw this.#failure.error
      const result = this.#rope.shift()
      if (result !== undefined) {
        yield result
        continue
      }
      this.#handOut()
      if (this.#isUp) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      const began = performance.now()
      if (!this.#walkHere()) this.#isUp = true
      ownTimeLeft -= performance.now() - began
      if (ownTimeLeft < 0 || this.#isUp) this.startWorkers()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async close(): Promise<void> {
    await this.#pool?.close()
  }

  /* Does one short job in this thread; false when there is none, or none that is short. */
  #walkHere(): boolean {
    const taken = this.#rope.take(1)
    if (taken === undefined) return false
    const result = this.#run({frames: taken.frames, share: ownShare})
    this.#rope.put(taken, result)
    return result.parts.length > 0 || result.frames.length === 0
  }

  #handOut(): void {
    const pool = this.#pool
    if (pool === undefined) return
    const most = 2 * this.#size
    while (this.#inFlight < most && this.#rope.waiting > 0) {
      if (this.#rope.held > mostHeld && !this.#rope.isFrontWaiting) return
      const taken = this.#rope.take(Math.min(Math.ceil(this.#rope.waiting / most), mostFrames))
      if (taken === undefined) return
      this.#inFlight++
      pool.job({frames: taken.frames, share: workerShare}).then(
        (result) => {
          this.#isUp = true
          this.#inFlight--
          this.#rope.put(taken, result)
          // Whoever takes the results may be busy: the workers must not wait for that.
          this.#handOut()
          this.#wake()
        },
        (error: unknown) => {
          this.#failure = {error}
          this.#wake()
        },
      )
    }
  }
}
