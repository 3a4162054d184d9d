/*
 * One push of the same at a time, in words.
 */
import {BkError} from '../cli/errors.ts'
import {exitStatus} from '../cli/exit.ts'
import {tryLock, waitForLock} from './lock.ts'
import type {Reporter} from '../cli/speech.ts'

/**
 * Sees to it that nobody else does what `identity` names. Returns the function that lets others; they need not wait for it, since it goes
 * with the process.
 * @param wait for who does it now
 * @throws BkError 75 when somebody does
 */
export async function alone(directory: string, identity: readonly string[], wait: boolean, reporter: Pick<Reporter, 'note' | 'detail'>): Promise<() => void> {
  const who = (pid: number | undefined): string => `another push of the same${pid === undefined ? '' : ` (process ${pid})`}`
  const attempt = wait
    ? await waitForLock(directory, identity, {onWait: (pid) => reporter.note(`waits for ${who(pid)}`)})
    : tryLock(directory, identity)
  if (attempt.kind === 'held') return attempt.release
  if (attempt.kind === 'busy') throw new BkError(`${who(attempt.pid)} is at work`, {status: exitStatus.tryLater, hint: '--wait waits for its end'})
  reporter.detail(`there is no lock: ${attempt.why}`)
  return () => {}
}
