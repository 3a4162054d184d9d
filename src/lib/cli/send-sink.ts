/*
 * Where `bk send` sends to: a store at hand, one on another machine, or standard output.
 */
import {resolve} from 'node:path'
import {IndexReader} from '../index/read.ts'
import {parseAddress} from '../store/address.ts'
import {openLog} from '../store/open.ts'
import {textOf, type Chain} from '../store/levels.ts'
import {objectId} from '../store/object-id.ts'
import {readFile} from '../sys/calls.ts'
import {systemClock} from '../sys/clock.ts'
import {freeBuffer} from '../sys/memory.ts'
import {digestIn} from '../transfer/index-out.ts'
import {LocalDestination} from '../transfer/local-destination.ts'
import {SentState} from '../transfer/sent-state.ts'
import {StreamDestination, type BaseText} from '../transfer/stream-destination.ts'
import {removeOnInterrupt} from './temporary.ts'
import {requireNotTerminal, writeParts} from './output.ts'
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

/** A destination on its way. */
export interface Opening {
  readonly sink: Promise<Sink>
  /** What the newest index there is, as far as is known before anybody has answered. */
  readonly guess?: Guess | undefined
}

/** An index that a store is likely to have as its newest. */
export interface Guess {
  readonly digest: string
  readonly chain: () => Promise<Chain>
}

/** Opens the destination. */
export async function openSink(options: SinkOptions): Promise<Sink> {
  return await (await beginSink(options)).sink
}

/** Begins to open the destination: resolves at once, or as soon as another program does what takes long. Whoever needs the sink hears of a failure. */
export async function beginSink(options: SinkOptions): Promise<Opening> {
  const {way, guess} = await beginDestination(options)
  const sink = way.then(sinkOf)
  sink.catch(() => {})
  return {sink, guess}
}

/** What a destination is to who sends. */
export function sinkOf({destination, sentBytes, close}: Omit<Sink, 'newestText'>): Sink {
  const newestText = async (): Promise<AsyncIterable<Buffer> | undefined> => {
    const newest = await destination.newest()
    return newest === undefined ? undefined : textOnce(await destination.chain(newest))
  }
  return {destination, newestText, sentBytes, close}
}

/* The text of an index that nobody else will look at: whoever sends reads it again, and should not find this one in the way. */
async function* textOnce(chain: Chain): AsyncGenerator<Buffer> {
  yield* textOf(chain)
  freeBuffer(chain.full)
}

async function beginDestination(options: SinkOptions): Promise<{readonly way: Promise<Omit<Sink, 'newestText'>>; readonly guess?: Guess | undefined}> {
  const {store, set, base, rate, speech} = options
  if (store === undefined || parseAddress(store).kind === 'local') return {way: openHere(options)}
  const onWarning = (text: string, hint?: string): void => {
    speech.warn(text)
    if (hint !== undefined) speech.hint(hint)
  }
  const {beginRemote} = await import('./remote-sink.ts')
  return beginRemote({address: store, set: set === undefined ? undefined : setName(set), defaultSet: setName(undefined), baseText: baseText(base), rate, onWarning})
}

async function openHere({store, set, base, unconfirmed}: SinkOptions): Promise<Omit<Sink, 'newestText'>> {
  const nobody = {sentBytes: () => undefined, close: async () => {}}
  if (store === undefined) return {destination: openStream(base, unconfirmed), ...nobody}
  const log = await openLog(store, {onTemp: removeOnInterrupt})
  return {destination: new LocalDestination(log, setName(set), systemClock), ...nobody}
}

function openStream(base: string | undefined, unconfirmed: boolean): Destination {
  requireNotTerminal('a stream', "pipe it into 'ssh HOST' or 'bk receive STORE', or give --to STORE")
  // Two vaults may keep different objects for the same tree: what was sent is remembered by the file that says what each has.
  const state = new SentState(`${stateDirectory()}/sent`, base === undefined ? 'unnamed' : objectId(Buffer.from(resolve(base))))
  return new StreamDestination({write: writeParts, state, baseText: baseText(base), unconfirmed})
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
