/*
 * Objects in the order of a tree, which is nearly that in which they were packed: frames are unpacked once and kept for a while, for as many
 * packs as a tree has gathered over the years. Every object is checked each time it is read, and one that is bad is sought in every other
 * copy that the store has.
 */
import {isFailure} from '../cli/errors.ts'
import {IdTable} from '../store/id-table.ts'
import {verified, type Objects} from '../store/objects.ts'
import {contentOffsets, openFrame} from '../store/pack.ts'
import {packName, type Store} from '../store/store.ts'
import {freeBuffer} from '../sys/memory.ts'

/** Bytes of unpacked frames that are kept: one for each pack that takes turns with others. */
const KEPT = 32 << 20
const TABLES_KEPT = 16
/** Frames that are fetched before their turn, over a line that takes its time for each. */
const AHEAD = 12

interface OpenFrame {
  readonly content: Buffer
  /** By id: where its bytes begin and end. */
  readonly places: ReadonlyMap<string, readonly [start: number, end: number]>
}

export class Contents {
  readonly #store: Store
  readonly #objects: Objects
  // From an id to the number of its frame, for packs whose table was read. By that number: which pack, and which of its frames.
  readonly #frames = new IdTable()
  readonly #packOf: string[] = []
  readonly #indexOf: number[] = []
  readonly #read = new Map<string, Promise<void>>()
  readonly #known = new Set<string>()
  readonly #tables = new Set<string>()
  readonly #open = new Map<number, OpenFrame>()
  readonly #loading = new Map<number, Promise<OpenFrame>>()
  // Those that were fetched ahead and are waiting for their turn.
  readonly #unused = new Set<number>()
  // Whose bytes somebody may be looking at.
  #inUse = -1
  #kept = 0

  constructor(store: Store, objects: Objects) {
    this.#store = store
    this.#objects = objects
  }

  /**
   * An object's bytes, verified. They may be gone as soon as the next one is asked for. Most often there is nothing to wait for.
   * @throws BkError 65 when no copy in the store verifies
   */
  get(id: string): Buffer | Promise<Buffer> {
    const number = this.#frames.get(id)
    const frame = this.#open.get(number)
    if (frame === undefined) return this.#fetch(id, number)
    this.#use(number)
    // The one that was used last is the last to go.
    this.#open.delete(number)
    this.#open.set(number, frame)
    try {
      return bytesOf(frame, id)
    } catch {
      return this.#objects.get(id)
    }
  }

  /** Begins to fetch what an object is in, for a later `get`. False where enough is on its way: ask again. */
  ahead(id: string): boolean {
    const number = this.#frames.get(id)
    if (this.#open.has(number) || this.#loading.has(number)) return true
    if (this.#loading.size + this.#unused.size >= AHEAD) return false
    // Whatever fails is told by `get`, which tries again.
    if (number >= 0) {
      this.#unused.add(number)
      this.#load(number).catch(() => this.#unused.delete(number))
      return true
    }
    const pack = this.#objects.packOf(id)
    if (pack === undefined || this.#known.has(pack)) return true
    this.#readTable(pack).catch(() => {})
    return false
  }

  #use(number: number): void {
    this.#unused.delete(number)
    this.#inUse = number
  }

  async #fetch(id: string, known: number): Promise<Buffer> {
    try {
      const number = known < 0 ? await this.#find(id) : known
      if (number >= 0) {
        this.#use(number)
        return bytesOf(await this.#load(number), id)
      }
    } catch (error) {
      if (!isFailure(error)) throw error
    }
    return await this.#objects.get(id)
  }

  /* The number of an object's frame, or -1. */
  async #find(id: string): Promise<number> {
    const pack = this.#objects.packOf(id)
    if (pack === undefined) return -1
    await this.#readTable(pack)
    return this.#frames.get(id)
  }

  /* Each pack's table is read once, well or not. */
  #readTable(pack: string): Promise<void> {
    const known = this.#read.get(pack)
    if (known !== undefined) return known
    const reading = this.#enterTable(pack).finally(() => this.#known.add(pack))
    this.#read.set(pack, reading)
    return reading
  }

  async #enterTable(pack: string): Promise<void> {
    for (const [index, {members}] of (await this.#objects.packs.toc(pack)).entries()) {
      const number = this.#packOf.push(pack) - 1
      this.#indexOf.push(index)
      for (const member of members) this.#frames.add(member.id, number)
    }
  }

  #load(number: number): Promise<OpenFrame> {
    const known = this.#loading.get(number)
    if (known !== undefined) return known
    const loading = this.#openFrame(number).finally(() => this.#loading.delete(number))
    this.#loading.set(number, loading)
    return loading
  }

  async #openFrame(number: number): Promise<OpenFrame> {
    const pack = this.#packOf[number]!
    const frame = (await this.#objects.packs.toc(pack))[this.#indexOf[number]!]!
    this.#keepTable(pack)
    const bytes = await this.#store.get(packName(pack), {offset: frame.offset, length: frame.compressed})
    const content = openFrame(frame, bytes)
    freeBuffer(bytes)
    const offsets = contentOffsets(frame)
    const places = new Map(frame.members.map(({id, size}, member) => [id, [offsets[member]!, offsets[member]! + size] as const]))
    const open: OpenFrame = {content, places}
    this.#open.set(number, open)
    this.#kept += content.length
    this.#makeRoom()
    return open
  }

  #keepTable(pack: string): void {
    this.#tables.delete(pack)
    this.#tables.add(pack)
    if (this.#tables.size <= TABLES_KEPT) return
    const [first] = this.#tables
    this.#tables.delete(first!)
    this.#objects.packs.forget(first!)
  }

  #makeRoom(): void {
    for (const [number, {content}] of this.#open) {
      if (this.#kept <= KEPT) return
      if (number === this.#inUse) continue
      this.#open.delete(number)
      this.#unused.delete(number)
      this.#kept -= content.length
      freeBuffer(content)
    }
  }
}

function bytesOf({content, places}: OpenFrame, id: string): Buffer {
  const [start, end] = places.get(id)!
  return verified(id, content.subarray(start, end))
}
