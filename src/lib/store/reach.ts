/*
 * Which packs a snapshot reaches: every line of its index names the object of its content, and lists of chunks name more.
 * Whoever commits goes through the whole index once, so that no record can promise a file that the store does not hold.
 * Of what is new, sizes are compared too: a file and its parts are as large as is said.
 */
import {BkError} from '../cli/errors.ts'
import {commentValue, type Group} from '../index/group.ts'
import {MAX_DEPTH, parseList} from './chunk-list.ts'
import {idOfDigest} from './object-id.ts'

export interface ReachOptions {
  /** Name of the pack that an object lies in, among those the snapshot may use. `size` is what was said of it, where that is new. */
  readonly packOf: (id: string, size?: number) => string | undefined
  /** Fetches a list of chunks; undefined for one that somebody else will check. */
  readonly getList: (id: string) => Promise<Buffer | undefined>
}

const SHA256 = ' sha256='
const SIZE = / size=(\d+) time=/
const NOTHING = ' sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Goes through an index and gathers what it reaches. */
export class Reach {
  /** Names of the packs. */
  readonly packs = new Set<string>()
  /** Entries and sizes of files, summed up on the way. */
  entries = 0
  bytes = 0
  /** Ids of the lists of chunks; all of them after `finish`. */
  readonly lists = new Set<string>()

  readonly #options: ReachOptions
  // Bytes of content that each list stands for.
  readonly #sizes = new Map<string, number>()
  // Topmost lists of files that a snapshot had before.
  readonly #old = new Set<string>()
  // How many levels of lists lie below each that was followed.
  readonly #depths = new Map<string, number>()

  constructor(options: ReachOptions) {
    this.#options = options
  }

  /**
   * Takes the next group.
   * @throws BkError 77 when its content is in no pack, 65 when it is not what its line says
   */
  add(group: Group): void {
    this.#add(group, this.#held)
  }

  /** Takes the next group, which an earlier snapshot had as it is: it was compared with its content when it came. */
  addOld(group: Group): void {
    this.#add(group, this.#unheld)
  }

  #add(group: Group, hold: Hold): void {
    const {line, path} = group
    if (line === '') return
    this.entries++
    if (line.startsWith(' type=file', path.length)) this.#addFile(group, hold)
    for (const comment of group.comments) {
      const long = /=@([0-9a-f]{64})$/.exec(comment)
      if (long !== null && comment.startsWith(`#bk ${path} xattr.`)) this.#object(long[1]!, path)
    }
  }

  #addFile(group: Group, hold: Hold): void {
    const {line, path} = group
    const match = SIZE.exec(line)
    if (match === null) throw new BkError(`a file without size or time: ${path}`, {status: 65})
    // sha256 is the last keyword of a line.
    const at = line.length - 64
    if (!line.startsWith(SHA256, at - SHA256.length)) throw new BkError(`a file without sha256: ${path}`, {status: 65})
    if (match[1] === '0') {
      if (!line.endsWith(NOTHING)) throw new BkError(`a file of no bytes has the sha256 of some: ${path}`, {status: 65})
      return
    }
    const size = Number(match[1])
    this.bytes += size
    const list = group.comments.length === 0 ? undefined : commentValue(group, 'chunks')
    if (list === undefined) hold(idOfDigest(line.slice(at)), path, size)
    else {
      this.#object(list, path)
      this.#list(list, size)
      if (hold === this.#unheld) this.#old.add(list)
    }
  }

  #list(id: string, size: number): void {
    const before = this.#sizes.get(id)
    if (before !== undefined && before !== size) throw unfit(id)
    this.#sizes.set(id, size)
    this.lists.add(id)
  }

  /** Adds an object that is reached by other ways than a line: the index itself. */
  addObject(id: string): void {
    this.#object(id, 'the index')
  }

  #object(id: string, path: string, size?: number): void {
    const pack = this.#options.packOf(id, size)
    if (pack === undefined) throw new BkError(`refused missing-object: the content of ${path} is in no pack (${id})`, {status: 77})
    this.packs.add(pack)
  }

  readonly #held: Hold = (id, path, size) => this.#object(id, path, size)
  readonly #unheld: Hold = (id, path) => this.#object(id, path)

  /** Follows the lists of chunks seen so far. */
  async finish(): Promise<void> {
    const tops = [...this.lists]
    // These first, because what lies below them was compared with its content as well.
    for (const id of tops) if (this.#old.has(id)) await this.#follow(id, 0, this.#unheld)
    for (const id of tops) if (!this.#old.has(id)) await this.#follow(id, 0, this.#held)
  }

  /* The levels of lists below one that lies so deep. */
  async #follow(id: string, depth: number, hold: Hold): Promise<number> {
    const known = this.#depths.get(id)
    if (depth + (known ?? 0) > MAX_DEPTH) throw new BkError('lists of chunks nest too deep', {status: 65})
    if (known !== undefined) return known
    const bytes = await this.#options.getList(id)
    const lines = bytes === undefined ? [] : parseList(bytes)
    if (bytes !== undefined && lines.reduce((sum, {size}) => sum + size, 0) !== this.#sizes.get(id)) throw unfit(id)
    let levels = 0
    for (const line of lines) {
      if (line.kind === 'chunk') hold(line.id, 'a list of chunks', line.size)
      else {
        this.#object(line.id, 'a list of chunks')
        this.#list(line.id, line.size)
        levels = Math.max(levels, 1 + (await this.#follow(line.id, depth + 1, hold)))
      }
    }
    this.#depths.set(id, levels)
    return levels
  }
}

/** Takes an object of content, and compares its size or not. */
type Hold = (id: string, path: string, size: number) => void

function unfit(list: string): BkError {
  return new BkError(`a list of chunks is of another size than what it stands for: ${list}`, {status: 65})
}
