// Runs one command, bounded in time, and accounts for all its processes: wall time, processor time as the kernel counts it for reaped
// children, memory as sampled from /proc. The command gets a process group of its own and nothing of it is left behind.

import {type ChildProcess, spawn} from 'node:child_process'
import {readFileSync, readdirSync} from 'node:fs'
import koffi from 'koffi'

export interface Measured {
  /** seconds from start to the end of the shell that ran it */
  readonly wall: number
  /** seconds of processor time of the command and of every descendant it waited for */
  readonly user: number
  readonly system: number
  /** largest peak of one process, largest sum over all at one instant (shared pages count for each), in KiB; 0: too short to see */
  readonly maxRss: number
  readonly sumRss: number
  /** exit status, or `timeout`, `signal SIGKILL`, `left-processes` */
  readonly status: string
  readonly stdout: string
  readonly stderr: string
}

export interface Run {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  /** seconds */
  readonly limit: number
}

const getrusage = koffi.load('libc.so.6').func('int getrusage(int who, void *usage)')
const children = -1
const keptOutput = 4000

/** Measures one command; a failing one is a result like any other. Aborting `signal` kills it. */
export async function measure({command, env, limit}: Run, signal: AbortSignal): Promise<Measured> {
  const before = processorTime()
  const start = process.hrtime.bigint()
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], {env: {...env}, detached: true, stdio: ['ignore', 'pipe', 'pipe']})
  const pid = child.pid
  if (pid === undefined) throw new Error('cannot start bash')
  const memory = {max: 0, sum: 0}
  const stop = (): void => void signalGroup(pid, 'SIGKILL')
  signal.addEventListener('abort', stop, {once: true})
  let timedOut = false
  const limiters = [
    setTimeout(() => {
      timedOut = signalGroup(pid, 'SIGTERM')
    }, limit * 1000),
    setTimeout(stop, limit * 1000 + 5000),
  ]
  const stopSampling = sampleMemory(pid, memory)
  const output = {stdout: tail(child, 'stdout'), stderr: tail(child, 'stderr')}
  const exit = await new Promise<{code: number | null; signal: string | null; at: bigint}>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, by) => resolve({code, signal: by, at: process.hrtime.bigint()}))
  })
  const after = processorTime()
  for (const timer of limiters) clearTimeout(timer)
  stopSampling()
  signal.removeEventListener('abort', stop)
  const left = signalGroup(pid, 'SIGKILL')
  const [stdout, stderr] = await Promise.all([output.stdout, output.stderr])
  return {
    wall: Number(exit.at - start) / 1e9,
    user: after.user - before.user,
    system: after.system - before.system,
    maxRss: memory.max,
    sumRss: memory.sum,
    status: timedOut ? 'timeout' : left ? 'left-processes' : exit.signal ? `signal ${exit.signal}` : String(exit.code),
    stdout,
    stderr,
  }
}

/** What the kernel counted for the children of this process that have ended, in seconds. */
function processorTime(): {user: number; system: number} {
  const usage = Buffer.alloc(256)
  if (getrusage(children, usage) !== 0) throw new Error('getrusage failed')
  const seconds = (at: number): number => Number(usage.readBigInt64LE(at)) + Number(usage.readBigInt64LE(at + 8)) / 1e6
  return {user: seconds(0), system: seconds(16)}
}

/** Sends a signal to a whole group; false when nothing of it is left. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

/** The end of a stream, enough for an error message; all of it is read, so that nobody blocks. */
async function tail(child: ChildProcess, name: 'stdout' | 'stderr'): Promise<string> {
  let kept = ''
  for await (const piece of child[name]!.setEncoding('utf8')) kept = (kept + piece).slice(-keptOutput)
  return kept
}

// Not ru_maxrss: it counts the memory of the process that forked, which is this harness. VmHWM begins anew at exec. One look at three
// processes of many threads took 0.5 ms, at a single-threaded one 0.2: every 10 ms that was 3 % of two busy processors, and nothing to
// who left one of them idle. So it is done seldom, and often only at the beginning, for runs that are short.
function sampleMemory(pid: number, memory: {max: number; sum: number}): () => void {
  let timer: NodeJS.Timeout
  let pause = 5
  const look = (): void => {
    let sum = 0
    for (const {peak, now} of residentBelow(pid)) {
      sum += now
      memory.max = Math.max(memory.max, peak)
    }
    memory.sum = Math.max(memory.sum, memory.max, sum)
    pause = Math.min(pause * 2, 100)
    timer = setTimeout(look, pause)
  }
  timer = setTimeout(look, pause)
  return () => clearTimeout(timer)
}

function residentBelow(pid: number): {peak: number; now: number}[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kib = (word: string): number => Number(new RegExp(`^${word}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    const own = {peak: kib('VmHWM'), now: kib('VmRSS')}
    const childrenOf = (task: string): string[] => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean)
    return [own, ...readdirSync(`/proc/${pid}/task`).flatMap(childrenOf).flatMap((child) => residentBelow(Number(child)))]
  } catch {
    return [] // ended while we looked
  }
}
