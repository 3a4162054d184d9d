/*
 * What lists of chunks reach, each list read once: the objects below it, and whether all of them can be had.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {MAX_DEPTH, parseList} from '../store/chunk-list.ts'
import {isDamage} from '../store/is-damage.ts'

/** All that a list reaches, itself left out. */
export interface Closure {
  /** Numbers of the packs of what only one pack has, each once. */
  readonly packs: readonly number[]
  /** Ids that several packs have, or none. */
  readonly others: readonly string[]
  /** Bytes of content; undefined where a list could not be read. */
  readonly size: number | undefined
  /** Why the content cannot come back; undefined where it can. */
  readonly lost: string | undefined
}

export interface ListOptions {
  /** Reads a list. Throws BkError 65 for one that is lost. */
  readonly get: (id: string) => Promise<Buffer>
  /** The pack of an object that only one has; undefined for others. */
  readonly onlyPack: (id: string) => number | undefined
  /** Why an object is lost; undefined where it is not, or where nobody knows. */
  readonly lost: (id: string) => string | undefined
}

export class Lists {
  readonly #options: ListOptions
  readonly #closures = new Map<string, Closure>()

  constructor(options: ListOptions) {
    this.#options = options
  }

  /** What a list reaches; undefined where it has to be read first. */
  known(id: string): Closure | undefined {
    return this.#closures.get(id)
  }

  /** What a list reaches. */
  async closure(id: string, depth = 0): Promise<Closure> {
    const known = this.#closures.get(id)
    if (known !== undefined) return known
    const closure = await this.#read(id, depth)
    this.#closures.set(id, closure)
    return closure
  }

  async #read(id: string, depth: number): Promise<Closure> {
    const packs = new Set<number>()
    const others = new Set<string>()
    let size: number | undefined = 0
    let lost: string | undefined
    const take = (each: string): void => {
      const pack = this.#options.onlyPack(each)
      if (pack === undefined) others.add(each)
      else packs.add(pack)
      lost ??= this.#options.lost(each)
    }
    let bytes: Buffer
    try {
      bytes = await this.#options.get(id)
    } catch (error) {
      if (!isDamage(error)) throw error
      return {packs: [], others: [], size: undefined, lost: this.#options.lost(id)}
    }
    try {
      if (depth > MAX_DEPTH) throw new BkError('lists of chunks nest too deep', {status: 65})
      for (const line of parseList(bytes)) {
        take(line.id)
        if (line.kind === 'list') {
          const below = await this.closure(line.id, depth + 1)
          for (const pack of below.packs) packs.add(pack)
          for (const other of below.others) others.add(other)
          lost ??= below.lost
          if (below.size === undefined) size = undefined
          else if (below.size !== line.size) lost ??= 'a list of chunks does not add up'
        }
        if (size !== undefined) size += line.size
      }
    } catch (error) {
      if (!isDamage(error)) throw error
      size = undefined
      lost ??= reasonOf(error)
    }
    return {packs: [...packs], others: [...others], size, lost}
  }
}
