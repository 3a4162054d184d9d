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
import type {ReadReporter, SendSettings} from '../transfer/sending.ts'
import type {Progress} from './progress.ts'
import type {Speech} from './speech.ts'

/**
 * What flags say of a send, with this machine's clock, owners and random numbers. Throws 64 for what is no level of compression.
 * @param sentBytes how much has gone to another machine, if there is one
 */
export function sendOptions(
  flags: {readonly compress: string | undefined; readonly jobs: number | undefined},
  speech: Speech,
  progress: Progress,
  sentBytes: () => number | undefined,
): SendSettings {
  let read: Parameters<NonNullable<ReadReporter['progress']>>[0] | undefined
  let packed = 0
  // All was read, and a slow line is busy with it yet.
  progress.follow(() => {
    const sent = sentBytes()
    if (sent === undefined || read?.totalBytes === undefined || read.bytes < read.totalBytes || sent >= packed) return undefined
    return {phase: 'sending', files: read.files, bytes: sent, totalBytes: packed, path: read.path}
  })
  return {
    level: parseLevel(flags.compress ?? '1'),
    workers: flags.jobs ?? Math.min(availableParallelism(), 8),
    clock: systemClock,
    names: loadUsers(),
    reporter: {
      problem: (path, code) => speech.problem(toBytes(unescapeText(path)), Object.assign(new Error(code), {code})),
      note: (path, what) => speech.note(`${path}: ${what}`),
      progress: (done) => progress.update((read = done)),
      packed: (bytes) => void (packed += bytes),
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
