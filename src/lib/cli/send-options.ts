/*
 * How every command that sends goes about it: what reads, compresses and speaks is the same for send and push.
 */
import {randomBytes} from 'node:crypto'
import {availableParallelism} from 'node:os'
import {toBytes, unescapeText} from '../index/escape.ts'
import {systemClock} from '../sys/clock.ts'
import {createSpill} from '../sys/spill.ts'
import {loadUsers} from '../sys/users.ts'
import {usageError} from './errors.ts'
import type {Level} from '../store/zstd.ts'
import type {SendOptions} from '../transfer/sending.ts'
import type {Progress} from './progress.ts'
import type {Speech} from './speech.ts'

/** What flags say of a send, with this machine's clock, owners and random numbers. Throws 64 for what is no level of compression. */
export function sendOptions(
  flags: {readonly compress: string | undefined; readonly jobs: number | undefined},
  speech: Speech,
  progress: Progress,
): Omit<SendOptions, 'directory'> {
  return {
    level: parseLevel(flags.compress ?? '1'),
    workers: flags.jobs ?? Math.min(availableParallelism(), 8),
    clock: systemClock,
    names: loadUsers(),
    reporter: {
      problem: (path, code) => speech.problem(toBytes(unescapeText(path)), Object.assign(new Error(code), {code})),
      note: (path, what) => speech.note(`${path}: ${what}`),
      progress: (done) => progress.update(done),
    },
    spill: createSpill,
    lead: () => randomBytes(16),
  }
}

function parseLevel(text: string): Level {
  if (text === 'none') return 'none'
  const level = Number(text)
  if (!/^\d{1,2}$/.test(text) || level < 1 || level > 19) throw usageError(`not a level of compression: ${text}`, 'give 1 to 19, or none')
  return level
}
