/*
 * Which objects are needed: by every entry of every snapshot that stays. Packs say what they hold, indexes what they reach; the indexes of
 * many nights share nearly everything, and are gone through as changes from one to the next.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {isDamage} from '../store/is-damage.ts'
import {IndexState, type Onlooker, type Undo} from './index-state.ts'
import {indexTrees, type IndexNode} from './index-tree.ts'
import {readStoredChanges} from '../store/levels.ts'
import {findCopies} from '../restore/copies.ts'
import {IdTable} from '../store/id-table.ts'
import {PackReader} from '../store/objects.ts'
import {Reach} from '../store/reach.ts'
import {freeBuffer} from '../sys/memory.ts'
import type {Group} from '../index/group.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** Stands beside the number of the pack that an object is in. */
const LIVE = 2 ** 30

/** What an index has that was not marked with one before it. */
export class Fresh implements Onlooker {
  // By path; undefined before the first is marked, of which everything is new.
  #groups: Map<string, Group> | undefined

  put(group: Group): void {
    this.#groups?.set(group.path, group)
  }

  remove({path}: Group): void {
    this.#groups?.delete(path)
  }

  *take(state: IndexState): Generator<Group> {
    yield* this.#groups?.values() ?? state.groups()
    this.#groups = new Map()
  }
}

export class LiveObjects {
  readonly #log: StoreLog
  /** By id: the number of the first pack that has it, and whether it is needed. */
  readonly #table = new IdTable()
  readonly #packs: string[] = []
  readonly #reach: Reach
  // Lists of chunks lie together: their packs' tables are kept.
  readonly #lists: PackReader

  constructor(log: StoreLog) {
    this.#log = log
    this.#lists = new PackReader(log.store)
    this.#reach = new Reach({packOf: (id) => this.#mark(id), getList: (id) => this.list(id)})
  }

  /** Adds a pack that a snapshot may need. */
  addPack(name: string, ids: readonly string[]): void {
    const number = this.#packs.push(name) - 1
    for (const id of ids) this.#table.add(id, number)
  }

  /** Whether an object is needed by what was marked. */
  has(id: string): boolean {
    return this.#table.get(id) >= LIVE
  }

  /** Marks what an entry reaches. Lists of chunks are followed by `finish`. */
  add(group: Group): void {
    this.#reach.addOld(group)
  }

  /** Marks an index. */
  addIndex(id: string): void {
    this.#reach.addObject(id)
  }

  /** Marks what lists of chunks reach that were marked since. Throws BkError 65 for one that is damaged. */
  async finish(): Promise<void> {
    await this.#reach.finish()
  }

  /** Reads a list of chunks. */
  async list(id: string): Promise<Buffer> {
    return await this.read(id, this.#lists)
  }

  /**
   * Marks what snapshots need. All their packs were added.
   * @throws BkError 65 where that cannot be known, since an index or a list of chunks is damaged
   */
  async mark(snapshots: readonly SnapshotRecord[]): Promise<void> {
    for (const ofSet of Map.groupBy(snapshots, ({set}) => set).values()) {
      for (const root of await indexTrees(ofSet, (id) => this.index(id))) await this.#family(root)
    }
    await this.finish()
  }

  async #family(root: IndexNode): Promise<void> {
    if (root.bad !== undefined) throw new BkError(`an index is damaged: ${root.bad}`, {status: 65})
    const full = await this.index(root.id)
    const fresh = new Fresh()
    const state = await IndexState.read(full, fresh)
    await this.#visit(root, state, fresh)
    freeBuffer(full)
  }

  /* An index may be there only because others are changes against it: what it alone reaches is not needed. */
  async #visit(node: IndexNode, state: IndexState, fresh: Fresh): Promise<void> {
    this.addIndex(node.id)
    if (node.snapshots.length > 0) for (const group of fresh.take(state)) this.add(group)
    for (const child of node.children) {
      const undo: Undo = []
      const {changes} = await readStoredChanges(await this.index(child.id))
      await state.apply(changes, undo)
      await this.#visit(child, state, fresh)
      await state.revert(undo)
    }
  }

  /** Reads an index. With a reader for each: a frame of one may be as large as all other memory. */
  async index(id: string): Promise<Buffer> {
    return await this.read(id, new PackReader(this.#log.store))
  }

  /** Reads an object: out of the pack that a snapshot needs, or any other. Throws BkError 65 for one that is lost. */
  async read(id: string, reader: PackReader): Promise<Buffer> {
    const first = this.#packOf(id)
    try {
      return await reader.object(first, id)
    } catch (error) {
      if (!isDamage(error)) throw error
      for (const pack of (await findCopies(this.#log, new Map([[id, '']]))).get(id) ?? []) {
        const bytes = pack === first ? undefined : await objectOr(reader, pack, id)
        if (bytes !== undefined) return bytes
      }
      throw new BkError(`object ${id} is lost: pack ${first} ${errorCode(error) === 'ENOENT' ? 'is missing' : reasonOf(error)}`, {status: 65, cause: error})
    }
  }

  #packOf(id: string): string {
    const value = this.#table.get(id)
    if (value < 0) throw new BkError(`object ${id} is in no pack that is needed`, {status: 65})
    return this.#packs[value % LIVE]!
  }

  #mark(id: string): string {
    const pack = this.#packOf(id)
    const value = this.#table.get(id)
    if (value < LIVE) this.#table.set(id, value + LIVE)
    return pack
  }
}

async function objectOr(reader: PackReader, pack: string, id: string): Promise<Buffer | undefined> {
  try {
    return await reader.object(pack, id)
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}
