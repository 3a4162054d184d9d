/**
 * The shell commands around a push: a dump of a database, a snapshot of a volume. They are what a line in cron is, for
 * /bin/sh. Nothing of what they print gets between the records of standard output: it goes to standard error. They stay in
 * bk's own process group, so that an interrupt from the terminal, or from a service manager, reaches them as it reaches bk.
 */
import {spawn, spawnSync, type SpawnSyncReturns} from 'node:child_process'
import {constants} from 'node:os'
import {BkError, reasonOf} from '../cli/errors.ts'
import {oneLine} from '../cli/escape.ts'

/** How a hook ended: its status as a shell shows it, 128 and the number of the signal if it died of one. */
export type HookEnd = {readonly status: number; readonly signal: NodeJS.Signals | null}

/** All variables of the hook. */
export type HookEnvironment = Readonly<Record<string, string | undefined>>

/** How a push ended, for the hook after it. */
export type Outcome = {
  /** The exit status that bk is going to end with, as far as it is known. */
  readonly status: number
  /** `committed 18 SUM`, or nothing. */
  readonly answer: string
  /** Why it failed, or nothing. */
  readonly error: string
}

/** The variables that the hook after a push learns the outcome from. No option of bk is called like them, so that a bk in the hook takes none for one. */
export function outcomeVariables({status, answer, error}: Outcome): Record<'BK_STATUS' | 'BK_ANSWER' | 'BK_ERROR', string> {
  return {BK_STATUS: String(status), BK_ANSWER: oneLine(answer), BK_ERROR: oneLine(error)}
}

/** Runs a command and waits, while this thread goes on. Its input is empty. Throws a BkError only where no shell can be started. */
export async function runHook(command: string, env: HookEnvironment): Promise<HookEnd> {
  try {
    const child = spawn('/bin/sh', ['-c', command], {env, stdio})
    return await new Promise((done, failed) => {
      child.once('error', failed)
      child.once('exit', (code, signal) => done(hookEnd(code, signal)))
    })
  } catch (error) {
    throw cannotRun(error)
  }
}

/** The same at once, for a process that is about to die of a signal and can wait for nothing. */
export function runHookNow(command: string, env: HookEnvironment): HookEnd {
  const {error, status, signal}: SpawnSyncReturns<Buffer> = spawnSync('/bin/sh', ['-c', command], {env, stdio})
  if (error !== undefined) throw cannotRun(error)
  return hookEnd(status, signal)
}

/* Input from /dev/null; 2 is bk's own standard error. */
const stdio: ['ignore', 2, 2] = ['ignore', 2, 2]

function hookEnd(code: number | null, signal: NodeJS.Signals | null): HookEnd {
  return {status: signal === null ? (code ?? 0) : 128 + constants.signals[signal], signal}
}

function cannotRun(error: unknown): BkError {
  return new BkError(`cannot run /bin/sh: ${reasonOf(error)}`, {cause: error})
}
