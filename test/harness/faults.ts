// Kills processes of a running pipe with SIGKILL at random instants, in a way that can be repeated: all randomness comes from a
// seed, and what fails says which one it was.

import {startShell} from './bk.ts'
import type {Result, RunOptions} from './bk.ts'
import {until} from './limits.ts'
import {descendants} from './processes.ts'
import type {Process} from './processes.ts'

/** Numbers from 0 to below 1 that depend on the seed alone (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Runs `round` as often as told, each with its own random numbers. An error names the seed of its round: with BK_SEED=that the first
 * round is this one.
 */
export async function rounds(count: number, round: (random: () => number, index: number) => Promise<void>): Promise<void> {
  const first = Number(process.env['BK_SEED'] ?? Math.floor(Math.random() * 1e9))
  for (let index = 0; index < count; index++) {
    try {
      await round(seeded(first + index), index)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`round ${index + 1} of ${count}, BK_SEED=${first + index}: ${reason}`, {cause: error})
    }
  }
}

export type Killed = {
  readonly result: Result
  /** false when the process had ended before its time came */
  readonly killed: boolean
}

export type Kill = {
  /** matches the command line of the process to kill, as in `ps`: /bk\.js send/ */
  readonly victim: RegExp
  /** milliseconds from the victim's start to its end */
  readonly after: number
}

/** Runs a script as `sh` of bk.ts does, kills one of its processes on the way, and answers how the script ended. */
export async function killDuring(script: string, {victim, after}: Kill, options: RunOptions = {}): Promise<Killed> {
  const {pid, child, done} = startShell(script, options)
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
  // bash itself has the whole script in its command line, and forks before it becomes another program: neither is the victim.
  const find = (): Process | undefined => descendants(pid).find(({command}) => !command.includes(script) && victim.test(command))
  const found = await until(`a process matches ${victim}`, () => find() ?? (ended() ? 'ended' : undefined))
  if (found === 'ended') return {result: await done, killed: false}
  const started = performance.now()
  const timeUp = new Promise((resolve) => setTimeout(resolve, Math.max(0, after - (performance.now() - started))))
  await Promise.race([timeUp, done])
  const killed = !ended() && find()?.pid === found.pid && kill(found.pid)
  return {result: await done, killed}
}

/* It may end between the look and the shot. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}
