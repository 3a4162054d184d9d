/*
 * Where `bk send` sends to: a store at hand, one on another machine, or standard output.
 */
import {resolve} from 'node:path'
import {IndexReader} from '../index/read.ts'
import {parseAddress} from '../store/address.ts'
import {openLog} from '../store/open.ts'
import {textOf} from '../store/levels.ts'
import {objectId} from '../store/object-id.ts'
import {readFile} from '../sys/calls.ts'
import {systemClock} from '../sys/clock.ts'
import {digestIn} from '../transfer/index-out.ts'
import {LocalDestination} from '../transfer/local-destination.ts'
import {SentState} from '../transfer/sent-state.ts'
import {StreamDestination, type BaseText} from '../transfer/stream-destination.ts'
import {removeOnInterrupt} from './cleanup.ts'
import {requireNotTerminal, stdoutError} from './output.ts'
import {stateDirectory} from './places.ts'
import {setName} from './set-name.ts'
import type {Destination} from '../transfer/destination.ts'
import type {Speech} from './speech.ts'

export interface SinkOptions {
  /** A store, or undefined for standard output. */
  readonly store: string | undefined
  /** As given. */
  readonly set: string | undefined
  /** File with the index that the changes are against. */
  readonly base: string | undefined
  /** Whether it is known that what was sent last was not confirmed. */
  readonly unconfirmed: boolean
  /** Bytes a second to another machine, at most. */
  readonly rate: number | undefined
  /** Says what somebody has to look at. */
  readonly speech: Pick<Speech, 'warn' | 'hint'>
}

export interface Sink {
  readonly destination: Destination
  /** Text of the newest index that the destination has, for an input that is an index itself. */
  newestText(): Promise<AsyncIterable<Buffer> | undefined>
  /** Bytes that went to another machine so far; undefined where there is none. */
  sentBytes(): number | undefined
  /** Ends the connection, if there is one. */
  close(): Promise<void>
}

/** Opens the destination. */
export async function openSink(options: SinkOptions): Promise<Sink> {
  const {destination, sentBytes, close} = await openDestination(options)
  const newestText = async (): Promise<AsyncIterable<Buffer> | undefined> => {
    const newest = await destination.newest()
    return newest === undefined ? undefined : textOf(await destination.chain(newest))
  }
  return {destination, newestText, sentBytes, close}
}

async function openDestination(options: SinkOptions): Promise<Omit<Sink, 'newestText'>> {
  const {store, set, base, unconfirmed, rate, speech} = options
  const nobody = {sentBytes: () => undefined, close: async () => {}}
  if (store === undefined) return {destination: openStream(base, unconfirmed), ...nobody}
  if (parseAddress(store).kind === 'local') {
    const log = await openLog(store, {onTemp: removeOnInterrupt})
    return {destination: new LocalDestination(log, setName(set), systemClock), ...nobody}
  }
  const onWarning = (text: string, hint?: string): void => {
    speech.warn(text)
    if (hint !== undefined) speech.hint(hint)
  }
  const {openRemote} = await import('./remote-sink.ts')
  return await openRemote({address: store, set: set === undefined ? undefined : setName(set), defaultSet: setName(undefined), baseText: baseText(base), rate, onWarning})
}

function openStream(base: string | undefined, unconfirmed: boolean): Destination {
  requireNotTerminal('a stream', "pipe it into 'ssh HOST' or 'bk receive STORE', or give --to STORE")
  // Two vaults may keep different objects for the same tree: what was sent is remembered by the file that says what each has.
  const state = new SentState(`${stateDirectory()}/sent`, base === undefined ? 'unnamed' : objectId(Buffer.from(resolve(base))))
  return new StreamDestination({write: writeStdout, state, baseText: baseText(base), unconfirmed})
}

// Only what the end line says; the text itself is read when it is needed, and held to that then.
function baseText(path: string | undefined): BaseText | undefined {
  const digest = path === undefined ? undefined : digestIn(path)
  if (path === undefined || digest === undefined) return undefined
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
