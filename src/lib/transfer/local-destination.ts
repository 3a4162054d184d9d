/*
 * A store at hand as the destination: no stream, no second look at what was just packed, the same commit as everywhere.
 */
import {BkError, isFailure} from '../cli/errors.ts'
import {commitSnapshot} from '../store/commit.ts'
import {readChain, type Chain} from '../store/levels.ts'
import {LostObjects} from '../store/lost.ts'
import {PackReader} from '../store/objects.ts'
import {removeOver} from '../store/session-rest.ts'
import {leftPacks, Session} from '../store/session.ts'
import {Guard, stricter} from '../store/limits.ts'
import {packName} from '../store/store.ts'
import {recordTime, type SnapshotRecord} from '../store/record.ts'
import {Known} from './known.ts'
import {compactPack, type CataloguedPack} from '../store/catalog.ts'
import type {Limits} from '../store/settings.ts'
import type {StoreLog} from '../store/log.ts'
import type {Pack} from '../store/pack.ts'
import type {Clock} from '../sys/clock.ts'
import type {BaseFacts, Destination, SnapshotFacts} from './destination.ts'

/** Bytes of new lists of chunks that are kept, so that who follows them does not have to unpack them again. */
const LISTS_KEPT = 8 << 20

export class LocalDestination implements Destination {
  readonly #log: StoreLog
  readonly #set: string
  readonly #clock: Clock
  readonly #packs: CataloguedPack[] = []
  readonly #reader: PackReader
  readonly #session: Session
  readonly #lists = new Map<string, Buffer>()
  #listed = 0
  readonly #guard: Guard | undefined
  #known: Promise<Known> | undefined
  #loaded: Known | undefined
  readonly #lostBySeq = new Map<number, LostObjects>()
  // Of the snapshot that the new one is a change against, or else of the newest.
  #lost: LostObjects | undefined
  #hasBase = false

  /** @param limits of whoever brings what is not trusted, beside those of the store; undefined for whoever the store belongs to */
  constructor(log: StoreLog, set: string, clock: Clock, limits?: Limits) {
    this.#log = log
    this.#set = set
    this.#clock = clock
    this.#reader = new PackReader(log.store)
    this.#session = new Session(log.store, set)
    if (limits === undefined) return
    this.#guard = new Guard({log, set, limits: stricter(log.settings.limits, limits), session: this.#session, now: () => this.#seconds})
  }

  /** Before anything is read, where there are limits. Throws BkError 77. */
  async begin(): Promise<void> {
    await this.#guard?.begin()
  }

  /** The stricter of the limits. */
  get limits(): Limits {
    return this.#guard?.limits ?? {}
  }

  /** However it ended: what came of it is on the list of the set's session, and counts. */
  async finish(): Promise<void> {
    await this.#session.flush(this.#seconds)
  }

  get #seconds(): number {
    return Number(this.#clock.now() / 1_000_000_000n)
  }

  known(): Promise<Known> {
    return (this.#known ??= this.#loadKnown())
  }

  // What the set's newest snapshot needs; for a new set what the newest of the others need, since a plain store shares.
  async #loadKnown(): Promise<Known> {
    const known = (this.#loaded = new Known())
    const own = await this.#log.newest(this.#set)
    const newest = own === undefined ? await this.#newestOfOthers() : [own]
    const seen = new Set<string>()
    for (const record of newest) {
      const lost = await this.#lostOf(record)
      for await (const pack of this.#log.eachPack(record)) {
        if (seen.has(pack.name)) continue
        seen.add(pack.name)
        // What is not there any more must not be counted on.
        if ((await this.#log.store.size(packName(pack.name))) === pack.size) known.addPack(pack.name, lost.good(pack.ids))
      }
    }
    const left = (await leftPacks(this.#log.store, this.#set, this.#seconds)).filter(({name}) => !seen.has(name))
    for (const pack of left) known.addPack(pack.name, pack.ids)
    this.#packs.push(...left)
    await this.#session.adopt(left, this.#seconds)
    return known
  }

  async #lostOf(record: SnapshotRecord): Promise<LostObjects> {
    const lost = this.#lostBySeq.get(record.seq) ?? (await LostObjects.of(this.#log, record))
    this.#lostBySeq.set(record.seq, lost)
    return lost
  }

  async #take(pack: CataloguedPack): Promise<void> {
    this.#packs.push(pack)
    await this.#session.add(pack, this.#seconds)
  }

  async #newestOfOthers(): Promise<SnapshotRecord[]> {
    const bySet = new Map<string, SnapshotRecord>()
    for await (const record of this.#log.keptBackwards()) if (!bySet.has(record.set)) bySet.set(record.set, record)
    return [...bySet.values()]
  }

  async newest(): Promise<BaseFacts | undefined> {
    return await this.#facts(await this.#log.newest(this.#set))
  }

  async base(digest: string): Promise<BaseFacts | undefined> {
    const facts = await this.#facts(await this.#log.newest(this.#set, ({tree}) => tree === digest))
    this.#hasBase = facts !== undefined
    return facts
  }

  async lost(): Promise<LostObjects | undefined> {
    return this.#lost === undefined || this.#lost.size === 0 ? undefined : this.#lost
  }

  async #facts(record: SnapshotRecord | undefined): Promise<BaseFacts | undefined> {
    if (record === undefined) return undefined
    const packs = await this.#log.listed(record)
    const {partial, entries, bytes, index, tree} = record
    const facts = {partial, entries, bytes, index, tree, needed: new Set(packs.map(({name}) => name))}
    this.#lost = await this.#lostOf(record)
    return this.#lost.size === 0 || (await this.#isReadable(facts)) ? facts : undefined
  }

  /* Of an index that is lost nothing can be told any more: then the next one is whole. */
  async #isReadable(facts: BaseFacts): Promise<boolean> {
    try {
      await this.chain(facts)
      return true
    } catch (error) {
      if (!isFailure(error)) throw error
      return false
    }
  }

  async chain(facts: BaseFacts): Promise<Chain> {
    const {index} = facts
    if (index === undefined) throw new Error('a snapshot of a store has an index')
    const record = await this.#log.newest(this.#set, ({tree}) => tree === facts.tree)
    // An older snapshot may have packs that the newest no longer needs.
    if (record!.seq !== (await this.#log.newest(this.#set))!.seq) {
      const known = await this.known()
      const lost = await this.#lostOf(record!)
      for await (const pack of this.#log.eachPack(record!)) known.addPack(pack.name, lost.good(pack.ids))
    }
    // Not by `known`: on a night in which nothing changed nobody has to look at the ids of all objects.
    const holders = new Map((await this.#log.listed(record!)).flatMap(({name, only}) => (only === undefined ? [] : [[only, name]])))
    // By a reader of its own, which goes with the chain: a frame of one may be as large as all other memory.
    const reader = new PackReader(this.#log.store)
    return await readChain(index.id, async (id) => await objectIn(reader, holders.get(id) ?? (await this.known()).packOf(id), id))
  }

  packOf(id: string): string | undefined {
    // What the base has lost the snapshot may have lost as well.
    return this.#loaded?.packOf(id) ?? (this.#hasBase ? this.#lost?.reach(id) : undefined)
  }

  async getList(id: string): Promise<Buffer | undefined> {
    const list = this.#lists.get(id)
    if (list !== undefined) return list
    const pack = (await this.known()).packOf(id)
    return pack === undefined && this.#lost?.has(id) === true ? undefined : await objectIn(this.#reader, pack, id)
  }

  onList(id: string, bytes: Buffer): void {
    if (this.#listed + bytes.length > LISTS_KEPT) return
    this.#listed += bytes.length
    this.#lists.set(id, bytes)
  }

  async pack(pack: Pack): Promise<void> {
    await this.#guard?.beforePack(pack.size)
    await this.#log.store.put(packName(pack.name), pack.parts, false)
    await this.#take(compactPack(pack.name, pack.size, Buffer.from(`${pack.ids.join('\n')}\n`, 'latin1')))
    await this.#guard?.afterPack()
  }

  async commit(facts: SnapshotFacts): Promise<string> {
    const {claimed, partial, entries, bytes, index, tree, needed, note} = facts
    this.#guard?.checkEntries(entries)
    const received = recordTime(this.#clock.now())
    const brought = this.#packs.filter(({name}) => needed.has(name))
    const {seq, sum} = await commitSnapshot(this.#log, {
      set: this.#set, received, claimed, partial, entries, bytes, index, tree, saw: undefined, note, needed, packs: brought, lost: this.#lost?.still,
      admit: (added) => this.#guard?.beforeRecord(added) ?? Promise.resolve(),
    })
    await this.#session.end(new Set(brought.map(({name}) => name)), this.#seconds)
    await removeOver(this.#log, this.#set, this.#seconds)
    // Nobody sends more by this, and who learns from what was sent needs the room.
    this.#loaded?.clear()
    this.#known = this.#loaded = undefined
    return `committed ${seq} ${sum}`
  }
}

async function objectIn(reader: PackReader, pack: string | undefined, id: string): Promise<Buffer> {
  if (pack === undefined) throw new BkError(`object ${id} is in no pack`, {status: 65})
  return await reader.object(pack, id)
}
