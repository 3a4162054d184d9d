/*
 * A stream as the destination. One way nobody answers, so the writer counts only on what its own memory says that the base has. With a
 * peer at the other end he can ask, and does where his memory is not enough. The receiving end checks everything anyway.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {commentValue, type Group} from '../index/group.ts'
import {groupsOf, type Chain} from '../store/levels.ts'
import {idOfDigest} from '../store/object-id.ts'
import {parseList} from '../store/chunk-list.ts'
import {Known} from './known.ts'
import {MEMBER} from './dialogue.ts'
import {formatSnapshotLines} from './snapshot-lines.ts'
import {streamMember, STREAM_END} from './stream.ts'
import type {Pack} from '../store/pack.ts'
import type {BaseFacts, Destination, Keepsake, LostIds, SnapshotFacts} from './destination.ts'
import type {Peer} from './peer.ts'
import type {Remembered, SentState} from './sent-state.ts'

/** The text of an index that the caller has in a file. */
export interface BaseText {
  readonly digest: string
  read(): Promise<Buffer>
}

export interface StreamOptions {
  readonly write: (parts: readonly Uint8Array[]) => Promise<void>
  readonly state: SentState
  /** The file that the changes will be against, if the caller knows. */
  readonly baseText: BaseText | undefined
  /** Whether it is known that what was sent last was not confirmed. */
  readonly unconfirmed: boolean
  /** Who answers, if anybody does. */
  readonly peer?: Peer | undefined
  /** Hears of what was committed, with the digest of its index. */
  readonly onCommitted?: ((record: {readonly seq: number; readonly sum: string}, tree: string) => void) | undefined
  /** Hears why what was committed could not be remembered, which costs time and never data; without it that is thrown. */
  readonly onForgotten?: ((error: Error) => void) | undefined
}

/**
 * A cut costs the pack that was on its way and what lay in buffers behind it, which may be as much: with this size 16 MiB at most, where
 * packs of 16 MiB were seen to cost 18.
 */
const PACK_ON_THE_WIRE = 8 << 20

/** Stands for "in some pack of the base's": which one only the store knows. */
const IN_BASE = 'base'

export class StreamDestination implements Destination {
  readonly packSize: number | undefined
  readonly #options: StreamOptions
  readonly #sent: string[] = []
  readonly #lists = new Map<string, Buffer>()
  #remembered: Remembered | undefined
  #assumed: string | undefined
  #asks: boolean
  #known: Promise<Known> | undefined
  #loaded: Known | undefined
  #lost: Promise<LostIds> | undefined
  #hasBase = false
  #doubtful = false

  constructor(options: StreamOptions) {
    const {state, peer} = options
    this.#options = options
    // In one way nobody goes on from what has arrived.
    this.packSize = peer === undefined ? undefined : PACK_ON_THE_WIRE
    // What changes are most likely against, and what therefore is in the store.
    this.#assumed = peer === undefined ? options.baseText?.digest : peer.greeting.newest
    this.#remembered = this.#assumed === undefined ? undefined : state.read(this.#assumed)
    const isKnown = this.#remembered !== undefined || options.baseText?.digest === this.#assumed
    if (!isKnown) this.#assumed = undefined
    // After a cut session the store has more than the writer knows of.
    this.#asks = peer !== undefined && (peer.greeting.session > 0 || (peer.greeting.newest !== undefined && this.#remembered === undefined))
  }

  known(): Promise<Known> {
    return (this.#known ??= this.#loadKnown())
  }

  async lost(): Promise<LostIds | undefined> {
    const {peer} = this.#options
    return peer === undefined || peer.greeting.damaged === 0 ? undefined : await (this.#lost ??= peer.damaged())
  }

  // All that the base reaches is in the store, since the base is a snapshot there, but for what is lost. Without its lists of chunks only
  // whole files are known.
  async #loadKnown(): Promise<Known> {
    const known = (this.#loaded = new Known())
    if (this.#assumed === undefined) return known
    const ids: string[] = []
    const chain = await (this.#remembered?.chain() ?? this.#chainOfFile())
    for await (const batch of groupsOf(chain)) for (const group of batch) addId(group, ids)
    for (const [id, bytes] of this.#remembered?.lists() ?? []) {
      ids.push(id)
      this.#lists.set(id, bytes)
      for (const line of parseList(bytes)) ids.push(line.id)
    }
    const lost = await this.lost()
    known.addPack(IN_BASE, lost === undefined ? ids : ids.filter((id) => !lost.has(id)))
    return known
  }

  async learn(ids: () => readonly string[]): Promise<void> {
    const {peer} = this.#options
    if (peer === undefined || !this.#asks || this.#loaded === undefined) return
    const known = this.#loaded
    const unknown = ids().filter((id) => !known.has(id))
    if (unknown.length === 0) return
    for (const [pack, found] of await peer.have(unknown)) known.addPack(pack, found)
  }

  async newest(): Promise<BaseFacts | undefined> {
    return this.#assumed === undefined ? undefined : await this.base(this.#assumed)
  }

  async base(digest: string): Promise<BaseFacts | undefined> {
    const {state, baseText, peer} = this.#options
    const theirs = await peer?.tree(digest)
    if (peer !== undefined && theirs === undefined) return undefined
    if (this.#loaded !== undefined && this.#assumed !== undefined && this.#assumed !== digest) throw anotherBase(peer)
    const remembered = this.#remembered?.facts.tree === digest ? this.#remembered : state.read(digest)
    if (remembered !== undefined) {
      this.#remembered = remembered
      this.#hasBase = true
      // Which object the store keeps for the base is sure only when all went well. Else the index goes whole: a store that refuses a change
      // against an object it does not have would refuse it every night.
      this.#doubtful = theirs === undefined ? this.#options.unconfirmed || state.wasBase(digest) : theirs.index.id !== remembered.facts.index.id || (await this.#isIndexLost(remembered))
      return {...remembered.facts, ...(this.#doubtful && {index: undefined}), needed: new Set([IN_BASE])}
    }
    if (baseText?.digest !== digest) return undefined
    this.#hasBase = true
    return {partial: 0, entries: 0, bytes: 0, index: undefined, tree: digest, needed: new Set([IN_BASE])}
  }

  async #isIndexLost(remembered: Remembered): Promise<boolean> {
    const lost = await this.lost()
    return lost !== undefined && (await remembered.chain()).links.some(({id}) => lost.has(id))
  }

  async lostBase(digest: string): Promise<Chain | undefined> {
    const {state, baseText, peer} = this.#options
    if (peer === undefined) return undefined
    // From now on nothing is taken for granted.
    this.#asks = true
    return (await state.read(digest)?.chain()) ?? (baseText?.digest === digest ? await this.#chainOfFile() : undefined)
  }

  async chain(facts: BaseFacts): Promise<Chain> {
    if (this.#remembered?.facts.tree !== facts.tree) return await this.#chainOfFile()
    const chain = await this.#remembered.chain()
    return this.#doubtful ? {...chain, links: []} : chain
  }

  async #chainOfFile(): Promise<Chain> {
    const full = await this.#options.baseText!.read()
    const root = /^#mtree\n#bk index 1 root=([^ \n]+)\n/.exec(full.toString('latin1', 0, 20_000))?.[1] ?? '/'
    return {links: [], full, changes: [], root}
  }

  packOf(id: string): string | undefined {
    return this.#loaded?.packOf(id) ?? (this.#hasBase ? IN_BASE : undefined)
  }

  async getList(id: string): Promise<Buffer | undefined> {
    return this.#lists.get(id)
  }

  onList(id: string, bytes: Buffer): void {
    this.#lists.set(id, bytes)
  }

  async pack({name, parts, ids}: Pack): Promise<void> {
    this.#sent.push(name)
    await this.#write([...streamMember(`pack/${name}`, parts), ...streamMember(`ids/${name}`, [Buffer.from(`${ids.join('\n')}\n`, 'latin1')])])
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    await this.#options.write(this.#options.peer === undefined ? parts : [MEMBER, ...parts])
  }

  async commit(facts: SnapshotFacts, keepsake?: Keepsake): Promise<string> {
    const {peer, state, onCommitted, onForgotten} = this.#options
    const {claimed, partial, entries, bytes, index, tree, base, needed, note} = facts
    const add = peer === undefined ? this.#sent.filter((name) => needed.has(name)) : [...needed].filter((name) => name !== IN_BASE)
    // Changes against nothing may need what the newest snapshot has: then that is what they are sent against.
    const against = base ?? (needed.has(IN_BASE) ? this.#assumed : undefined)
    const lines = formatSnapshotLines({claimed, partial, entries, bytes, index, tree, base: against, add, drop: [], saw: undefined, note})
    await this.#write([...streamMember('snapshot', [lines]), STREAM_END])
    const committed = await peer?.finish()
    try {
      if (keepsake !== undefined) state.write(facts, keepsake, (id) => this.#lists.get(id))
      if (committed !== undefined) onCommitted?.(committed, tree)
    } catch (error) {
      if (onForgotten === undefined || !(error instanceof Error) || errorCode(error) === undefined) throw error
      onForgotten(error)
    }
    return committed?.line ?? ''
  }
}

function anotherBase(peer: Peer | undefined): BkError {
  if (peer === undefined) {
    return new BkError('the changes are against another index than the one that was given as their base', {hint: "name the OLD of 'bk diff': 'bk send --base OLD'"})
  }
  return new BkError('the changes are against an older snapshot than the newest of the set', {hint: "make them against the newest: 'bk index STORE@latest >remote.idx'"})
}

function addId(group: Group, ids: string[]): void {
  const {line, path} = group
  if (!line.startsWith(' type=file', path.length) || line.includes(' size=0 ')) return
  const list = group.comments.length === 0 ? undefined : commentValue(group, 'chunks')
  const digest = / sha256=([0-9a-f]{64})$/.exec(line)?.[1]
  if (list !== undefined) ids.push(list)
  else if (digest !== undefined) ids.push(idOfDigest(digest))
}
