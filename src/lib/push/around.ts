/*
 * What stands around a push: commands before and after it, and a watcher on the web. Each hears of the end, whatever it is, and none changes
 * what is committed.
 */
import {constants} from 'node:os'
import {describeFailure} from '../cli/failure.ts'
import {BkError} from '../cli/errors.ts'
import {exitStatus} from '../cli/exit.ts'
import {outcomeVariables, runHook, runHookNow, type HookEnvironment, type Outcome} from './hooks.ts'
import {ping} from './ping.ts'
import type {Speech} from '../cli/speech.ts'

export interface Around {
  /** Shell command to run first; when it fails, nothing is pushed. */
  readonly before: string | undefined
  /** Shell command to run last, also when a signal ends bk. */
  readonly after: string | undefined
  readonly ping: URL | undefined
  /** What the commands inherit. */
  readonly env: HookEnvironment
  /** How the user called the command, for what it says in hints. */
  readonly calledAs: string
  readonly speech: Speech
  /** Registers what has to be done when a signal comes, as cleanup.ts does. */
  readonly onInterrupt: (undo: (signal?: NodeJS.Signals) => void) => () => void
}

/**
 * Does the work between `before` and `after`. Resolves to its answer, one line.
 * @throws what the work throws, and BkError 2 when `before` fails
 */
export async function withAround(around: Around, work: () => Promise<{readonly answer: string; readonly summary: string}>): Promise<string> {
  const {after, before, calledAs, env, onInterrupt, speech} = around
  const tell = watcher(around)
  const taken = after === undefined ? () => {} : onInterrupt((signal) => void runHookNow(after, {...env, ...outcomeVariables(interruptedBy(signal))}))
  let outcome = interruptedBy(undefined)
  tell('start', '')
  try {
    if (before !== undefined) await mustSucceed(before, env)
    const {answer, summary} = await work()
    outcome = {status: speech.status(), answer, error: ''}
    tell(outcome.status === exitStatus.done ? 'success' : 'fail', `${answer}\n${summary}\n`)
    return answer
  } catch (error) {
    const {message, status} = describeFailure(error, calledAs)
    outcome = {status, answer: '', error: message}
    tell('fail', `${message}\n`)
    throw error
  } finally {
    taken()
    if (after !== undefined) await sayFailure(after, {...env, ...outcomeVariables(outcome)}, speech)
    await tell.done()
  }
}

function interruptedBy(signal: NodeJS.Signals | undefined): Outcome {
  return {status: signal === undefined ? exitStatus.interrupted : 128 + constants.signals[signal], answer: '', error: 'interrupted'}
}

async function mustSucceed(command: string, env: HookEnvironment): Promise<void> {
  const {status} = await runHook(command, env)
  if (status !== 0) throw new BkError(`the command of --before ended with ${status}: nothing was pushed`)
}

async function sayFailure(command: string, env: HookEnvironment, speech: Speech): Promise<void> {
  const {status} = await runHook(command, env)
  if (status !== 0) speech.warn(`the command of --after ended with ${status}`)
}

interface Watcher {
  (kind: Parameters<typeof ping>[1], text: string): void
  done(): Promise<void>
}

/* Pings go out one after the other, beside the work. */
function watcher({ping: url, speech}: Around): Watcher {
  let last = Promise.resolve()
  const tell = (kind: Parameters<typeof ping>[1], text: string): void => {
    if (url === undefined) return
    last = last.then(async () => {
      const why = await ping(url, kind, text)
      if (why !== undefined) speech.note(`the watcher was not told: ${why}`)
    })
  }
  return Object.assign(tell, {done: () => last})
}
