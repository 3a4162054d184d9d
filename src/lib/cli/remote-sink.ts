/*
 * `bk send --to` a store on another machine: `bk receive` there, by the system's ssh, and what this side remembers of the store.
 */
import {setTimeout as wait} from 'node:timers/promises'
import {startSsh, type SshSession} from '../ssh/session.ts'
import {parseSshTarget} from '../ssh/target.ts'
import {readLast, writeLast} from '../transfer/seen-state.ts'
import {SentState} from '../transfer/sent-state.ts'
import {Throttle} from '../transfer/throttle.ts'
import {reasonOf, usageError} from './errors.ts'
import {meetPeer} from './peer-sink.ts'
import {stateDirectory} from './places.ts'
import type {Wire} from '../transfer/peer.ts'
import type {BaseText} from '../transfer/stream-destination.ts'
import type {Guess, Sink} from './send-sink.ts'

export interface RemoteOptions {
  readonly address: string
  /** Set to name where the other side lets us choose; undefined when none was given. */
  readonly set: string | undefined
  readonly defaultSet: string
  readonly baseText: BaseText | undefined
  /** Bytes a second, at most. */
  readonly rate: number | undefined
  /** Hears of what somebody has to look at. */
  readonly onWarning: (text: string, hint?: string) => void
}

/** Begins to open a store on another machine to send to. `close` ends the connection. */
export function beginRemote(options: RemoteOptions): {readonly way: Promise<Omit<Sink, 'newestText'>>; readonly guess: Guess | undefined} {
  const {address, set, defaultSet} = options
  const target = parseSshTarget(address)
  if (target.path === '' && set !== undefined) throw usageError(`${address} is behind a key, whose line names the set`, 'leave --set out')
  const session = startSsh(target, {verb: 'receive', flags: ['--set', set ?? defaultSet]})
  const way = meet(options, session)
  const last = readLast(`${stateDirectory()}/seen`, wordsOf(options))
  const chain = last && new SentState(`${stateDirectory()}/sent`, last.state).read(last.tree)?.chain
  return {way, guess: chain && {digest: last.tree, chain}}
}

/* Behind which store and set lie; a host may stand for another machine tomorrow, which then has another store. */
function wordsOf({address, set, defaultSet}: RemoteOptions): string[] {
  return [address, set ?? defaultSet]
}

async function meet(options: RemoteOptions, session: SshSession): Promise<Omit<Sink, 'newestText'>> {
  const {address, baseText, rate, onWarning} = options
  try {
    const wire = wireOf(session, rate)
    const memory = stateDirectory()
    const onCommitted = (state: string, tree: string): void => writeLast(`${memory}/seen`, wordsOf(options), {state, tree})
    // What is committed is committed, whatever becomes of the memory.
    const onForgotten = (error: Error): void => onWarning(`committed, but it cannot be remembered in ${memory}: ${reasonOf(error)}`, 'the next time every file is read')
    const destination = await meetPeer(wire, {nameOf: () => address, baseText, memory, onWarning, onCommitted, onForgotten})
    return {destination, sentBytes: wire.sentBytes, close: () => session.close()}
  } catch (error) {
    session.kill()
    throw error
  }
}

/* Who is slowed down (--bwlimit) is so piece by piece. */
const PIECE = 256 * 1024

function wireOf(session: SshSession, rate: number | undefined): Wire & Pick<Sink, 'sentBytes'> {
  let sent = 0
  const throttle = rate === undefined ? undefined : new Throttle(Math.max(1, rate), () => performance.now(), wait)
  return {
    pieces: session.output,
    async write(parts) {
      for (const part of parts) {
        for (let at = 0; at < part.length; at += PIECE) {
          const piece = part.length <= PIECE ? part : part.subarray(at, at + PIECE)
          await throttle?.take(piece.length)
          sent += piece.length
          await new Promise<void>((done, failed) => {
            session.input.write(piece, (error) => (error ? failed(error) : done()))
          })
        }
      }
    },
    end: () => new Promise((done) => void session.input.end(() => done())),
    failure: () => session.failure(),
    sentBytes: () => sent,
  }
}
