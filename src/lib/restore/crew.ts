/*
 * Hands jobs to threads, or does them in line where threads would take longer to start than the work takes. Only a few jobs are
 * under way at a time, so that whoever makes them waits and memory stays flat.
 */
import {createPool, workerUrl, type Pool} from '../sys/workers.ts'
import {Restorer} from './restorer.ts'
import type {Job, Outcome, RestoreContext} from './job.ts'

export interface Crew {
  /** Resolves when there is room for the next job. Throws what an earlier job failed with. */
  give(job: Job): Promise<void>
  /** Resolves when all jobs are done. */
  idle(): Promise<void>
}

const IN_FLIGHT = 2

/** A job, with what all jobs of the run have in common: threads are started before that is known. */
export interface Order {
  readonly context: RestoreContext
  readonly job: Job
}

export interface Threads {
  readonly size: number
  readonly pool: Pool<Order, Outcome>
}

/** Starts threads, which takes them some time: as early as it is clear that there is work for them. */
export function startThreads(size: number): Threads {
  return {size, pool: createPool<Order, Outcome>({url: workerUrl(import.meta.url, './worker'), size, inFlight: IN_FLIGHT})}
}

/**
 * @param threads undefined does everything in line
 * @param onOutcome is told of each job that is done
 */
export function createCrew(context: RestoreContext, threads: Threads | undefined, onOutcome: (outcome: Outcome, job: Job) => void): Crew {
  if (threads === undefined) return inLine(new Restorer(context), onOutcome)
  const {pool, size} = threads
  const running = new Set<Promise<void>>()
  let failure: {readonly error: unknown} | undefined
  const check = (): void => {
    if (failure !== undefined) throw failure.error
  }
  return {
    async give(job) {
      while (running.size > size * IN_FLIGHT) await Promise.race(running)
      check()
      const done: Promise<void> = pool
        .job({context, job}, memoryOf(job))
        .then((outcome) => onOutcome(outcome, job))
        .catch((error: unknown) => void (failure ??= {error}))
        .finally(() => running.delete(done))
      running.add(done)
    },
    async idle() {
      while (running.size > 0) await Promise.race(running)
      check()
    },
  }
}

/* What is handed over and not copied. */
function memoryOf(job: Job): ArrayBuffer[] {
  const bytes = job.kind === 'object' ? [job.bytes] : job.kind === 'frames' ? job.frames.map((work) => work.bytes) : []
  return bytes.flatMap((each) => (each === undefined ? [] : [each.buffer as ArrayBuffer]))
}

function inLine(restorer: Restorer, onOutcome: (outcome: Outcome, job: Job) => void): Crew {
  return {
    async give(job) {
      onOutcome(await restorer.run(job), job)
    },
    async idle() {},
  }
}
