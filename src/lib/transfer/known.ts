/*
 * Which objects the store has, as far as the writer may use them, and in which pack each lies. Objects of this session are
 * known from the moment they are taken, so that content that comes twice is packed once.
 */
import {IdTable} from '../store/id-table.ts'
import {isId} from '../store/store.ts'
import type {Pack} from '../store/pack.ts'

/** Taken in this session, in a pack that is not closed yet. */
const OPEN = 0xffff_ffff

export class Known {
  readonly #table = new IdTable()
  readonly #packs: string[] = []

  /** Adds a pack of the store. */
  addPack(name: string, ids: readonly string[]): void {
    const index = this.#packs.push(name) - 1
    for (const id of ids) this.#table.add(id, index)
  }

  /** Whether an object is there already. */
  has(id: string): boolean {
    return this.#table.get(id) >= 0
  }

  /** Takes an object into this session; false when it is there already. */
  take(id: string): boolean {
    if (!isId(id)) throw new Error(`not an id: ${id}`)
    return this.#table.add(id, OPEN)
  }

  /** A pack of this session was closed: its objects lie in it. */
  closePack({name, ids}: Pick<Pack, 'name' | 'ids'>): void {
    const index = this.#packs.push(name) - 1
    for (const id of ids) this.#table.set(id, index)
  }

  /** Gives the memory back: nothing is known any more. */
  clear(): void {
    this.#table.clear()
    this.#packs.length = 0
  }

  /** Name of the pack an object lies in; undefined when it is not known, or its pack is still open. */
  packOf(id: string): string | undefined {
    const index = this.#table.get(id)
    return index < 0 || index === OPEN ? undefined : this.#packs[index]
  }
}
