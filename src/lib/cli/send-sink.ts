/*
 * Where `bk send` sends to: a store at hand, or standard output.
 */
import {resolve} from 'node:path'
import {IndexReader} from '../index/read.ts'
import {openLog} from '../store/open.ts'
import {textOf} from '../store/levels.ts'
import {objectId} from '../store/object-id.ts'
import {readFile} from '../sys/calls.ts'
import {systemClock} from '../sys/clock.ts'
import {digestIn} from '../transfer/index-out.ts'
import {LocalDestination} from '../transfer/local-destination.ts'
import {SentState} from '../transfer/sent-state.ts'
import {StreamDestination, type BaseText} from '../transfer/stream-destination.ts'
import {requireNotTerminal, stdoutError} from './output.ts'
import {stateDirectory} from './places.ts'
import type {Destination} from '../transfer/destination.ts'
import type {OnTemp} from '../sys/atomic.ts'

export interface SinkOptions {
  /** A store, or undefined for standard output. */
  readonly store: string | undefined
  readonly set: string
  /** File with the index that the changes are against. */
  readonly base: string | undefined
  /** Whether it is known that what was sent last was not confirmed. */
  readonly unconfirmed: boolean
  readonly onTemp: OnTemp
}

export interface Sink {
  readonly destination: Destination
  /** Text of the newest index that the destination has, for an input that is an index itself. */
  newestText(): Promise<AsyncIterable<Buffer> | undefined>
}

/** Opens the destination. */
export async function openSink({store, set, base, unconfirmed, onTemp}: SinkOptions): Promise<Sink> {
  const destination = store === undefined ? openStream(base, unconfirmed) : new LocalDestination(await openLog(store, {onTemp}), set, systemClock)
  const newestText = async (): Promise<AsyncIterable<Buffer> | undefined> => {
    const newest = await destination.newest()
    return newest === undefined ? undefined : textOf(await destination.chain(newest))
  }
  return {destination, newestText}
}

function openStream(base: string | undefined, unconfirmed: boolean): Destination {
  requireNotTerminal('a stream', "pipe it into 'ssh HOST' or 'bk receive STORE', or give --to STORE")
  // Two vaults may keep different objects for the same tree: what was sent is remembered by the file that says what each has.
  const state = new SentState(`${stateDirectory()}/sent`, base === undefined ? 'unnamed' : objectId(Buffer.from(resolve(base))))
  return new StreamDestination({write: writeStdout, state, baseText: base === undefined ? undefined : baseText(base), unconfirmed})
}

// Only what the end line says; the text itself is read when it is needed, and held to that then.
function baseText(path: string): BaseText | undefined {
  const digest = digestIn(path)
  if (digest === undefined) return undefined
  return {
    digest,
    read: async () => {
      const bytes = readFile(path)
      const reader = new IndexReader([bytes])
      for await (const batch of reader.batches()) void batch
      return bytes
    },
  }
}

// Resolves when the system has taken all of it: the sender uses the memory again.
async function writeStdout(parts: readonly Uint8Array[]): Promise<void> {
  for (const part of parts) {
    await new Promise<void>((done, failed) => {
      process.stdout.write(part, (error) => (error ? failed(stdoutError(error)) : done()))
    })
  }
}
