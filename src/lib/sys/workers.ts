// Worker threads for what costs processor time or waits for a disk: synchronous calls in two threads are several times as fast as
// asynchronous ones in one. A pool hands small jobs to its workers, a few to each so that none waits for its next, and the rest wait
// in line: memory stays bounded as long as who gives jobs awaits their results.
//
// A worker's module calls serveJobs once. Errors cross with their code, path, status and hint, which structured clone drops.
// Nobody prints in a worker. How a worker's file is found is decided here alone (workerUrl).

import {parentPort, Worker, type Transferable} from 'node:worker_threads'

import {BkError} from '../cli/errors.ts'

/** Where a worker's module lies: beside the caller's, with the same ending, so that it works from src/*.ts and dist/*.js. */
export function workerUrl(callersUrl: string, path: string): URL {
  const ending = /\.[a-z]+$/.exec(new URL(callersUrl).pathname)?.[0] ?? '.js'
  return new URL(path + ending, callersUrl)
}

export interface PoolOptions {
  /** The worker's module, from workerUrl. */
  readonly url: URL
  /** How many threads. */
  readonly size: number
  /** What every worker finds as workerData. */
  readonly workerData?: unknown
  /** Handed over to the workers with workerData; only sensible for a pool of one, or for shared ports. */
  readonly transfer?: readonly Transferable[]
  /** Jobs given to one worker at a time, 2 if not said: one in work, one at hand. */
  readonly inFlight?: number
  /** The most MiB of JavaScript objects in one worker (buffers are not counted); over that it ends and its jobs fail. */
  readonly memory?: number
}

export interface Pool<Message, Result> {
  /** Have a job done by some worker; `transfer` moves buffers there instead of copying them. */
  job(message: Message, transfer?: readonly Transferable[]): Promise<Result>
  /** End the workers. Jobs that are not done fail. */
  close(): Promise<void>
}

interface Job {
  readonly message: unknown
  readonly transfer: readonly Transferable[]
  readonly resolve: (result: never) => void
  readonly reject: (reason: unknown) => void
}

interface Request {
  readonly id: number
  readonly message: unknown
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: SentError
}

interface Member {
  readonly worker: Worker
  readonly jobs: Map<number, Job>
}

/**
 * Start a pool. It does not keep the process alive but while jobs are in work.
 * A worker that ends, whatever the reason, fails its jobs; the others go on; when none is left every further job fails.
 */
export function createPool<Message, Result>(options: PoolOptions): Pool<Message, Result> {
  const {inFlight = 2} = options
  const members = new Set<Member>()
  const waiting: Job[] = []
  let lastId = 0
  let ended: Error | undefined

  const give = (member: Member, job: Job) => {
    const id = (lastId += 1)
    if (member.jobs.size === 0) member.worker.ref()
    member.jobs.set(id, job)
    try {
      member.worker.postMessage({id, message: job.message} satisfies Request, job.transfer)
    } catch (error) {
      // Something in the message cannot be cloned.
      finish(member, id)?.reject(error)
    }
  }
  const finish = (member: Member, id: number): Job | undefined => {
    const job = member.jobs.get(id)
    member.jobs.delete(id)
    // One that is being ended has to hold the process until it is: an answer may come that late.
    if (member.jobs.size === 0 && members.has(member)) member.worker.unref()
    return job
  }
  const leastBusy = (): Member | undefined => {
    let best: Member | undefined
    for (const member of members) {
      if (member.jobs.size < inFlight && (!best || member.jobs.size < best.jobs.size)) best = member
    }
    return best
  }
  const dispatch = () => {
    for (;;) {
      const member = leastBusy()
      const job = member && waiting.shift()
      if (!job) return
      give(member, job)
    }
  }
  const lose = (member: Member, reason: Error) => {
    if (!members.delete(member)) return
    for (const job of member.jobs.values()) job.reject(reason)
    member.jobs.clear()
    if (members.size > 0) return
    ended ??= reason
    for (const job of waiting.splice(0)) job.reject(reason)
  }
  const start = () => {
    const worker = new Worker(options.url, {
      workerData: options.workerData,
      transferList: [...(options.transfer ?? [])],
      // A small young generation costs time, the default of a large machine 35 MB more for each thread (measured).
      resourceLimits: {maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: options.memory ?? 256},
      // Not the command line of whoever started us: a test runner's loader, --input-type.
      execArgv: [],
      // Descriptors that libc.ts opened and fs closes would be warned of, on stderr.
      trackUnmanagedFds: false,
    })
    const member: Member = {worker, jobs: new Map()}
    members.add(member)
    worker.on('message', ({id, result, error}: Reply) => {
      const job = finish(member, id)
      if (error) job?.reject(receiveError(error))
      else job?.resolve(result as never)
      dispatch()
    })
    worker.on('messageerror', (cause) => {
      lose(member, new Error('worker sent what cannot be read', {cause}))
      void worker.terminate()
    })
    worker.on('error', (cause) => {
      lose(member, new Error(`worker failed: ${cause instanceof Error ? cause.message : String(cause)}`, {cause}))
    })
    worker.on('exit', (status) => {
      lose(member, new Error(`worker ended with ${status}`))
      dispatch()
    })
    // After the listeners: a listener for messages holds the process again.
    worker.unref()
  }
  for (let count = 0; count < options.size; count += 1) start()

  return {
    job: (message, transfer = []) =>
      new Promise<Result>((resolve, reject) => {
        if (ended) {
          reject(ended)
          return
        }
        waiting.push({message, transfer, resolve, reject})
        dispatch()
      }),
    close: async () => {
      const workers = [...members].map((member) => member.worker)
      ended ??= new Error('worker pool is closed')
      for (const member of members) lose(member, ended)
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

/** A result of which parts are moved to the main thread instead of copied. */
class HandedOver {
  readonly result: unknown
  readonly transfer: readonly Transferable[]

  constructor(result: unknown, transfer: readonly Transferable[]) {
    this.result = result
    this.transfer = transfer
  }
}

/** In a worker: the answer to a job, whose buffers in `transfer` are moved and not copied. */
export function handOver<Result>(result: Result, transfer: readonly Transferable[]): Result {
  // serveJobs alone ever sees it.
  return new HandedOver(result, transfer) as unknown as Result
}

/** In a worker: do every job that comes by `work`, whose answer, or error, is the job's. Asynchronous work may overlap. */
export function serveJobs<Message, Result>(work: (message: Message) => Result | Promise<Result>): void {
  const port = parentPort
  if (!port) throw new Error('serveJobs is for worker threads')
  const reply = (answer: Reply, transfer: readonly Transferable[] = []) => {
    port.postMessage(answer, transfer)
  }
  port.on('message', ({id, message}: Request) => {
    const done = (result: unknown) => {
      if (result instanceof HandedOver) reply({id, result: result.result}, result.transfer)
      else reply({id, result})
    }
    const failed = (error: unknown) => {
      reply({id, error: sendError(error)})
    }
    try {
      const result = work(message as Message)
      // A synchronous answer leaves at once, without a turn of the promise queue.
      if (result instanceof Promise) result.then(done).catch(failed)
      else done(result)
    } catch (error) {
      failed(error)
    }
  })
}

/** An error as plain data. */
interface SentError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly details: Readonly<Record<string, string | number>>
  readonly cause?: SentError
}

const detailNames = ['code', 'errno', 'syscall', 'path', 'dest', 'status', 'hint'] as const

function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return {name: 'Error', message: String(error), details: {}}
  const details: Record<string, string | number> = {}
  for (const name of detailNames) {
    const value = (error as unknown as Record<string, unknown>)[name]
    if (typeof value === 'string' || typeof value === 'number') details[name] = value
  }
  const {name, message, stack, cause} = error
  return {name, message, details, ...(stack === undefined ? {} : {stack}), ...(cause === undefined ? {} : {cause: sendError(cause)})}
}

function receiveError({name, message, stack, details, cause}: SentError): Error {
  const inner = cause && receiveError(cause)
  const error =
    name === 'BkError'
      ? new BkError(message, {...(details as {status?: BkError['status']; hint?: string}), cause: inner})
      : Object.assign(new Error(message, inner && {cause: inner}), details)
  if (name !== error.name) Object.defineProperty(error, 'name', {value: name, configurable: true})
  if (stack !== undefined) error.stack = stack
  return error
}
