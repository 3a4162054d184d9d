/*
 * Finds and reads objects. An object is sought in the packs that its snapshot needs and, when it is missing or wrong there,
 * in every other copy that the store has; the first that verifies wins. So a later bad push breaks nothing before it, and a
 * later good one heals. Content is checked against its id at every read.
 */
import {BkError, errorCode, reasonOf, isFailure} from '../cli/errors.ts'
import {IdTable} from './id-table.ts'
import {objectId} from './object-id.ts'
import {contentOffsets, openFrame, readToc, type Frame} from './pack.ts'
import {packName, type Store} from './store.ts'
import {unnamedPacks} from './unnamed.ts'
import type {CataloguedPack} from './catalog.ts'
import type {StoreLog} from './log.ts'
import type {SnapshotRecord} from './record.ts'

/** Where in a pack an object lies. */
export interface Place {
  readonly pack: string
  /** Number of the frame, from 0. */
  readonly frame: number
  /** Number of the member in the frame, from 0. */
  readonly member: number
}

const FRAMES_KEPT = 4
const PLACES_KEPT = 8

/** Reads packs of a store: tables of contents once, frames with a small memory. */
export class PackReader {
  readonly #store: Store
  readonly #tocs = new Map<string, Promise<readonly Frame[]>>()
  readonly #frames = new Map<string, Promise<Buffer>>()
  // Where the members of a pack lie, for the packs asked last.
  readonly #places = new Map<string, Map<string, Place>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** A pack's frames. Throws BkError 65 when it is not a pack, ENOENT when it is not there. */
  toc(pack: string): Promise<readonly Frame[]> {
    let toc = this.#tocs.get(pack)
    if (toc === undefined) this.#tocs.set(pack, (toc = this.#readToc(pack)))
    return toc
  }

  /** Forgets a pack's table, for readers that go through packs one after the other. */
  forget(pack: string): void {
    this.#tocs.delete(pack)
  }

  async #readToc(pack: string): Promise<readonly Frame[]> {
    const name = packName(pack)
    const size = await this.#store.size(name)
    if (size === undefined) throw Object.assign(new Error(`no pack ${pack}`), {code: 'ENOENT'})
    return await readToc({size, read: (offset, length) => this.#store.get(name, {offset, length})})
  }

  /** The unpacked content of a frame. */
  frame(pack: string, frame: Frame): Promise<Buffer> {
    const key = `${pack} ${frame.offset}`
    const known = this.#frames.get(key)
    if (known !== undefined) return known
    const content = this.#store.get(packName(pack), {offset: frame.offset, length: frame.compressed}).then((bytes) => openFrame(frame, bytes))
    this.#frames.set(key, content)
    if (this.#frames.size > FRAMES_KEPT) this.#frames.delete(this.#frames.keys().next().value!)
    content.catch(() => this.#frames.delete(key))
    return content
  }

  /**
   * An object's bytes out of one pack, verified.
   * @throws BkError 65 when the pack does not hold them, ENOENT when there is no such pack
   */
  async object(pack: string, id: string): Promise<Buffer> {
    const place = (await this.#placesIn(pack)).get(id)
    if (place === undefined) throw new BkError(`does not hold ${id}, which its catalog lists`, {status: 65})
    const frame = (await this.toc(pack))[place.frame]!
    return verified(id, memberBytes(await this.frame(pack, frame), frame, place.member))
  }

  async #placesIn(pack: string): Promise<Map<string, Place>> {
    let places = this.#places.get(pack)
    if (places === undefined) {
      places = new Map()
      for (const [i, frame] of (await this.toc(pack)).entries()) {
        for (const [j, {id}] of frame.members.entries()) places.set(id, {pack, frame: i, member: j})
      }
      this.#places.set(pack, places)
      if (this.#places.size > PLACES_KEPT) this.#places.delete(this.#places.keys().next().value!)
    }
    return places
  }
}

/** The objects that one snapshot reaches. */
export class Objects {
  readonly packs: PackReader
  readonly #log: StoreLog
  readonly #names: readonly string[]
  readonly #table: IdTable
  /** Damage that another copy made good: what is wrong with which pack, and how many objects were read elsewhere for it. */
  readonly healed = new Map<string, number>()
  /** Records and catalogs that could not be read, in words: what they would have said was looked for elsewhere. */
  readonly damage: readonly string[]
  // Packs that no catalog names, once somebody has had to look.
  #unnamed: readonly {readonly name: string; readonly ids: readonly string[]}[] | undefined

  private constructor(log: StoreLog, names: readonly string[], table: IdTable, damage: readonly string[]) {
    this.#log = log
    this.#names = names
    this.#table = table
    this.damage = damage
    this.packs = new PackReader(log.store)
  }

  /** Prepares to read what a snapshot reaches. What says where that is may be damaged: then it is sought everywhere. */
  static async of(log: StoreLog, record: SnapshotRecord): Promise<Objects> {
    const names: string[] = []
    const table = new IdTable()
    const damage: string[] = []
    for await (const pack of log.eachPack(record, ({message}) => damage.push(message))) {
      for (const id of pack.ids) table.add(id, names.length)
      names.push(pack.name)
    }
    return new Objects(log, names, table, damage)
  }

  /** Gives back what says where objects are. They can be asked for as before, and are sought in all packs then. */
  release(): void {
    this.#table.clear()
  }

  /** The pack that should hold an object, or undefined when none that the snapshot needs lists it. */
  packOf(id: string): string | undefined {
    const index = this.#table.get(id)
    return index < 0 ? undefined : this.#names[index]
  }

  /**
   * An object's bytes, verified.
   * @throws BkError 65 when no copy in the store verifies
   */
  async get(id: string): Promise<Buffer> {
    const first = this.packOf(id)
    const why: string[] = []
    if (first !== undefined) {
      const bytes = await this.#try(first, id, why)
      if (bytes !== undefined) return bytes
    }
    for await (const pack of this.#others(id, first)) {
      const bytes = await this.#try(pack, id, why)
      if (bytes === undefined) continue
      for (const damage of why) this.heal(damage)
      return bytes
    }
    throw new BkError(`object ${id} is ${why.length === 0 ? 'in no pack' : `lost: ${why[0]}`}`, {status: 65})
  }

  /** Notes damage that did not matter to one object more. */
  heal(damage: string): void {
    this.healed.set(damage, (this.healed.get(damage) ?? 0) + 1)
  }

  async #try(pack: string, id: string, why: string[]): Promise<Buffer | undefined> {
    try {
      return await this.packs.object(pack, id)
    } catch (error) {
      if (!isFailure(error)) throw error
      const words = errorCode(error) === 'ENOENT' ? 'is missing' : reasonOf(error).replace(/^the pack /, '')
      why.push(`pack ${pack} ${words}`)
      return undefined
    }
  }

  async *#others(id: string, not: string | undefined): AsyncGenerator<string> {
    // A damaged record has no catalog that anybody knows of; those of all others are looked at.
    const named = new Set<string>()
    for await (const record of this.#log.backwards(() => {})) {
      if (record.catalog === undefined) continue
      for (const pack of await this.#packsOf(record.seq)) {
        named.add(pack.name)
        if (pack.name !== not && holds(pack.ids, id)) yield pack.name
      }
    }
    this.#unnamed ??= await Array.fromAsync(unnamedPacks(this.#log.store, named))
    for (const {name, ids} of this.#unnamed) if (ids.includes(id)) yield name
  }

  // A damaged catalog of another snapshot must not keep this one from being read.
  async #packsOf(seq: number): Promise<readonly CataloguedPack[]> {
    try {
      return await this.#log.catalog(seq)
    } catch (error) {
      if (!isFailure(error)) throw error
      return []
    }
  }
}

function holds(sorted: readonly string[], id: string): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < id) low = middle + 1
    else high = middle
  }
  return sorted[low] === id
}

/** The bytes of a frame's member, not yet verified. */
export function memberBytes(content: Buffer, frame: Frame, member: number): Buffer {
  const offset = contentOffsets(frame)[member]!
  return content.subarray(offset, offset + frame.members[member]!.size)
}

/** The bytes, if they are those of the id; throws BkError 65. */
export function verified(id: string, bytes: Buffer): Buffer {
  if (objectId(bytes) !== id) throw new BkError(`holds other bytes under the name ${id}`, {status: 65})
  return bytes
}
