/*
 * A store at the other end of two pipes, whoever started what lies between, and what this side remembers of it: both `bk push` to another
 * machine and `bk offer`, which another machine starts, send to it.
 */
import {Peer, type Wire} from '../transfer/peer.ts'
import {readSeen, writeSeen, type Seen} from '../transfer/seen-state.ts'
import {SentState} from '../transfer/sent-state.ts'
import {StreamDestination, type BaseText} from '../transfer/stream-destination.ts'
import {BkError} from './errors.ts'
import type {Greeting} from '../transfer/dialogue.ts'

export interface PeerOptions {
  /** How the store is called in words. */
  readonly nameOf: (greeting: Greeting) => string
  readonly baseText: BaseText | undefined
  /** Directory of what is remembered; need not exist. */
  readonly memory: string
  /** Hears of what somebody has to look at. */
  readonly onWarning: (text: string, hint?: string) => void
  /** Hears of what was committed: in what state it is remembered, and the digest of its index. */
  readonly onCommitted?: ((state: string, tree: string) => void) | undefined
  /** Hears why what was committed could not be remembered; without it that is thrown. */
  readonly onForgotten?: ((error: Error) => void) | undefined
}

/** Meets the store, and says when it is not the one that it was. Throws why nobody answers, or what was refused. */
export async function meetPeer(wire: Wire, {nameOf, baseText, memory, onWarning, onCommitted, onForgotten}: PeerOptions): Promise<StreamDestination> {
  const peer = await Peer.meet(wire)
  const {store, kind, set} = peer.greeting
  const address = nameOf(peer.greeting)
  if (kind === 'sealed') throw new BkError(`${address} is sealed: this version of bk cannot write sealed stores`)
  const name = `${store}.${set}`
  const seen = `${memory}/seen/${name}`
  await compare(peer, seen, address, onWarning)
  return new StreamDestination({
    write: (parts) => peer.send(parts),
    state: new SentState(`${memory}/sent`, name),
    baseText,
    unconfirmed: false,
    peer,
    onCommitted: (record: Seen, tree: string) => {
      writeSeen(seen, record)
      onCommitted?.(name, tree)
    },
    onForgotten,
  })
}

// A store that does not have the record we were told of last is not the one that it was: a disk that was put back, or somebody at work.
async function compare(peer: Peer, path: string, address: string, onWarning: PeerOptions['onWarning']): Promise<void> {
  const seen = readSeen(path)
  if (seen === undefined) return
  const {head} = peer.greeting
  if (head.seq < seen.seq) {
    onWarning(`${address} was ROLLED BACK: it had record ${seen.seq}, and now its last is ${head.seq}`, 'what was backed up in between is gone there: find out who did that')
    return
  }
  const sum = head.seq === seen.seq ? head.sum : await peer.record(seen.seq)
  if (sum === seen.sum) return
  onWarning(`${address} was REWRITTEN: its record ${seen.seq} is not the one that it was`, "find out who did that; 'bk log --check' there says what is whole")
}
