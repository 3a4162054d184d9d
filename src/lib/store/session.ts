/*
 * What sessions that were cut off have left in a store: packs that no record names yet (docs/format.md, 6.4). The next run of the same
 * set goes on from them instead of sending everything again, and until they are gone they count in the set's quota. Several sessions of
 * a set may run at once: each adds its packs to the list that it finds, and takes away what it has committed.
 */
import {isFailure} from '../cli/errors.ts'
import {readToc} from './pack.ts'
import {formatSession, MAX_SESSION, parseSession, sessionName, type ListedPack} from './session-list.ts'
import {packName, type Store} from './store.ts'
import type {CataloguedPack} from './catalog.ts'

/** A session is worth going on with for this long after its last byte. */
const KEPT_SECONDS = 24 * 3600
/** And its packs stay an hour longer, for who has just decided to count on them. */
const GONE_SECONDS = KEPT_SECONDS + 3600

/** The list is written anew at most once a second, and the longer it is the more seldom: it costs nothing beside the packs. */
function secondsBetween(packs: number): number {
  return 1 + packs / 200
}

/** The packs on the list of a set. */
export async function listedPacks(store: Store, set: string): Promise<readonly ListedPack[]> {
  try {
    return parseSession(await store.get(sessionName(set), {offset: 0, length: MAX_SESSION}))
  } catch (error) {
    // Whatever is wrong with it, it is only not used.
    if (isFailure(error)) return []
    throw error
  }
}

/** Changes the list of a set, alone. What it was may be gone by then, so that `change` is told what it is. */
export async function changeList(store: Store, set: string, change: (list: readonly ListedPack[]) => Promise<readonly ListedPack[]>): Promise<readonly ListedPack[]> {
  const work = async (): Promise<readonly ListedPack[]> => {
    const before = await listedPacks(store, set)
    const list = await change(before)
    if (list.length > 0) await store.put(sessionName(set), [formatSession(list)], false)
    else await store.remove(sessionName(set))
    return list
  }
  return store.alone === undefined ? await work() : await store.alone(work)
}

/** A clock that was wrong must not keep packs for years. */
export function isOver({time}: ListedPack, now: number): boolean {
  return Math.abs(now - time) > GONE_SECONDS
}

/** Keeps the list of a running session. */
export class Session {
  readonly #store: Store
  readonly #set: string
  readonly #own = new Map<string, number>()
  // Packs of earlier sessions that this one counts on, and when those ended.
  readonly #adopted = new Map<string, number>()
  #listed = {packs: 0, small: 0, bytes: 0}
  #unlisted = {packs: 0, small: 0, bytes: 0}
  #written = 0

  constructor(store: Store, set: string) {
    this.#store = store
    this.#set = set
  }

  /** What is on the list, of this session and others, as it was last read or written, with what this one has added since. */
  get total(): Tally {
    return sumOf(this.#listed, this.#unlisted)
  }

  /** Packs that are durable but not on the list yet. */
  get unlisted(): Tally {
    return this.#unlisted
  }

  /** Whether this session brought a pack, or counts on it. */
  has(pack: string): boolean {
    return this.#own.has(pack)
  }

  /** Notes a pack that is durable. `now` in seconds since 1970. */
  async add(pack: Pick<CataloguedPack, 'name' | 'size'>, now: number): Promise<void> {
    this.#own.set(pack.name, pack.size)
    this.#unlisted = sumOf(this.#unlisted, tallyOf([pack]))
    if (now - this.#written >= secondsBetween(this.#own.size) || now < this.#written) await this.flush(now)
  }

  /** Counts on packs that earlier sessions have left: as long as this one goes on, their time is its own. */
  async adopt(packs: readonly Pick<CataloguedPack, 'name' | 'size'>[], now: number): Promise<void> {
    const fresh = packs.filter(({name}) => !this.#own.has(name))
    if (fresh.length === 0) return
    const times = new Map((await listedPacks(this.#store, this.#set)).map(({name, time}) => [name, time]))
    for (const {name, size} of fresh) {
      this.#own.set(name, size)
      this.#adopted.set(name, times.get(name) ?? now)
    }
    await this.#write(now)
  }

  /** Writes what is not on the list yet. */
  async flush(now: number): Promise<void> {
    if (this.#unlisted.packs > 0) await this.#write(now)
  }

  /** Looks at the list again: others may have written to it. */
  async refresh(): Promise<void> {
    this.#listed = tallyOf(await listedPacks(this.#store, this.#set))
  }

  /** The session has come to its end: what a record names now goes off the list. What came in vain stays, until its time is over. */
  async end(committed: ReadonlySet<string>, now: number): Promise<void> {
    if (this.#own.size === 0) return
    await this.#replace((name) => (committed.has(name) ? undefined : (this.#adopted.get(name) ?? now)))
    this.#own.clear()
  }

  async #write(now: number): Promise<void> {
    this.#written = now
    await this.#replace(() => now)
  }

  /* `timeOf` says when a pack of this session is over, undefined that it is not to be on the list. */
  async #replace(timeOf: (name: string) => number | undefined): Promise<void> {
    const own = [...this.#own].map(([name, size]) => ({name, size, time: timeOf(name)})).filter((pack): pack is ListedPack => pack.time !== undefined)
    const list = await changeList(this.#store, this.#set, async (before) => [...before.filter(({name}) => !this.#own.has(name)), ...own])
    this.#listed = tallyOf(list)
    this.#unlisted = tallyOf([])
  }
}

/** Some packs, counted. */
export interface Tally {
  readonly packs: number
  /** Those that are far smaller than an honest writer's, but for its last. */
  readonly small: number
  readonly bytes: number
}

/** A pack of fewer bytes is small. */
export const SMALL_PACK = 1 << 20

function tallyOf(packs: readonly {readonly size: number}[]): Tally {
  let [small, bytes] = [0, 0]
  for (const {size} of packs) {
    bytes += size
    if (size < SMALL_PACK) small++
  }
  return {packs: packs.length, small, bytes}
}

function sumOf(a: Tally, b: Tally): Tally {
  return {packs: a.packs + b.packs, small: a.small + b.small, bytes: a.bytes + b.bytes}
}

/** The packs that cut sessions of the set have left, as far as they are whole. */
export async function leftPacks(store: Store, set: string, now: number): Promise<CataloguedPack[]> {
  const packs: CataloguedPack[] = []
  for (const {name, size, time} of await listedPacks(store, set)) {
    const pack = Math.abs(now - time) > KEPT_SECONDS ? undefined : await readPack(store, name, size)
    if (pack !== undefined) packs.push(pack)
  }
  return packs
}

async function readPack(store: Store, name: string, size: number): Promise<CataloguedPack | undefined> {
  const file = packName(name)
  try {
    if ((await store.size(file)) !== size) return undefined
    const frames = await readToc({size, read: (offset, length) => store.get(file, {offset, length})})
    return {name, size, ids: frames.flatMap(({members}) => members.map(({id}) => id)).sort()}
  } catch (error) {
    if (isFailure(error)) return undefined
    throw error
  }
}
