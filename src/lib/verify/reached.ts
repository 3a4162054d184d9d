/*
 * What an index reaches, counted while it changes into the next: how many of its lines lead into each pack. A pack of which the count is
 * not nought is needed, and no other.
 */
import {BkError} from '../cli/errors.ts'
import {commentValue, type Group} from '../index/group.ts'
import {idOfDigest} from '../store/object-id.ts'
import {Lists, type Closure} from './lists.ts'
import type {Damage} from './damage.ts'
import type {IdPacks} from './id-packs.ts'
import type {Onlooker} from '../history/index-state.ts'
import type {LostFiles} from './lost-files.ts'

const SIZE = / size=(\d+)/

export interface ReachedOptions {
  readonly ids: IdPacks
  readonly damage: Damage
  readonly lost: LostFiles
  /** Reads an object, verified. */
  readonly fetch: (id: string) => Promise<Buffer>
  /** How many packs there are. */
  readonly packs: number
}

export class Reached implements Onlooker {
  /** By the number of a pack: how often it is reached. */
  readonly counts: Uint32Array
  /** How often objects are reached that several packs have. */
  readonly shared = new Map<string, number>()
  /** And those that none has: indexes of dropped snapshots, on the way to others, may reach such ones. */
  readonly nowhere = new Map<string, number>()
  /** Lists that could not be read: what they reach is unknown. */
  unknown = 0
  readonly #options: ReachedOptions
  readonly #lists: Lists
  readonly #listCounts = new Map<string, number>()

  constructor(options: ReachedOptions) {
    this.#options = options
    this.counts = new Uint32Array(options.packs)
    this.#lists = new Lists({get: options.fetch, onlyPack: (id) => options.ids.onlyPack(id), lost: (id) => this.#whyLost(id)})
  }

  /** Begins with another full index. */
  reset(): void {
    this.counts.fill(0)
    this.shared.clear()
    this.nowhere.clear()
    this.#listCounts.clear()
    this.unknown = 0
    this.#options.lost.closeAll()
  }

  put(group: Group): void | Promise<void> {
    const list = listOf(group)
    if (list === undefined || this.#lists.known(list) !== undefined) return this.#put(group, list)
    return this.#lists.closure(list).then(() => this.#put(group, list))
  }

  #put(group: Group, list: string | undefined): void {
    if (this.#change(group, list, 1)) this.#options.lost.open(group.path)
  }

  remove(group: Group): void {
    this.#change(group, listOf(group), -1)
    this.#options.lost.close(group.path)
  }

  /** Counts an object that is reached by other ways than a line. */
  object(id: string, by: 1 | -1): void {
    const {ids} = this.#options
    const pack = ids.onlyPack(id)
    if (pack !== undefined) {
      this.counts[pack]! += by
      return
    }
    const among = ids.has(id) ? this.shared : this.nowhere
    const count = (among.get(id) ?? 0) + by
    if (count === 0) among.delete(id)
    else among.set(id, count)
  }

  /* Counts what a group reaches; true where its content is lost. */
  #change(group: Group, list: string | undefined, by: 1 | -1): boolean {
    const {line, path} = group
    if (line === '') return false
    let isLost = false
    const take = (id: string): void => {
      this.object(id, by)
      isLost ||= this.#whyLost(id) !== undefined
    }
    if (line.startsWith(' type=file', path.length)) {
      const size = Number(SIZE.exec(line.slice(path.length))?.[1] ?? -1)
      if (list !== undefined) {
        take(list)
        const closure = this.#lists.known(list)!
        this.#countList(list, closure, by)
        isLost ||= closure.lost !== undefined || (closure.size !== undefined && closure.size !== size)
      } else if (size !== 0) {
        const at = line.length - 64
        // Stored indexes have it on every file; one that lacks it cannot be restored.
        if (size < 0 || !line.startsWith(' sha256=', at - 8)) isLost = true
        else take(idOfDigest(line.slice(at)))
      }
    }
    for (const comment of group.comments) {
      const long = /=@([0-9a-f]{64})$/.exec(comment)
      if (long !== null && comment.startsWith(`#bk ${path} xattr.`)) take(long[1]!)
    }
    return isLost
  }

  #countList(list: string, closure: Closure, by: 1 | -1): void {
    const before = this.#listCounts.get(list) ?? 0
    this.#listCounts.set(list, before + by)
    if (by === 1 ? before > 0 : before > 1) return
    if (by === -1) this.#listCounts.delete(list)
    for (const pack of closure.packs) this.counts[pack]! += by
    for (const id of closure.others) this.object(id, by)
    if (closure.size === undefined) this.unknown += by
  }

  #whyLost(id: string): string | undefined {
    if (this.#options.damage.isNone) return undefined
    const bad = this.#options.damage.objects.get(id)
    return bad === undefined || bad.copy !== undefined ? undefined : bad.why
  }
}

function listOf(group: Group): string | undefined {
  return group.comments.length === 0 ? undefined : commentValue(group, 'chunks')
}

/** Thrown where something was found damaged that everything before was judged without. */
export class Again extends Error {}

/** An object that cannot be had. */
export function lostObject(id: string, why: string): BkError {
  return new BkError(`object ${id} ${why.startsWith('is in no ') ? why : `is lost: ${why}`}`, {status: 65})
}
