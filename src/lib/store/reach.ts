/*
 * Which packs a snapshot reaches: every line of its index names the object of its content, and lists of chunks name more.
 * Whoever commits goes through the whole index once, so that no record can promise a file that the store does not hold.
 */
import {BkError} from '../cli/errors.ts'
import {commentValue, type Group} from '../index/group.ts'
import {parseList} from './chunk-list.ts'
import {idOfDigest} from './object-id.ts'

export interface ReachOptions {
  /** Name of the pack that an object lies in, among those the snapshot may use. */
  readonly packOf: (id: string) => string | undefined
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

  constructor(options: ReachOptions) {
    this.#options = options
  }

  /**
   * Takes the next group.
   * @throws BkError 77 when its content is in no pack
   */
  add(group: Group): void {
    const {line, path} = group
    if (line === '') return
    this.entries++
    if (line.startsWith(' type=file', path.length)) this.#addFile(group)
    for (const comment of group.comments) {
      const long = /=@([0-9a-f]{64})$/.exec(comment)
      if (long !== null && comment.startsWith(`#bk ${path} xattr.`)) this.#object(long[1]!, path)
    }
  }

  #addFile(group: Group): void {
    const {line, path} = group
    const size = SIZE.exec(line)
    if (size === null) throw new BkError(`a file without size or time: ${path}`, {status: 65})
    // sha256 is the last keyword of a line.
    const at = line.length - 64
    if (!line.startsWith(SHA256, at - SHA256.length)) throw new BkError(`a file without sha256: ${path}`, {status: 65})
    if (size[1] === '0') {
      if (!line.endsWith(NOTHING)) throw new BkError(`a file of no bytes has the sha256 of some: ${path}`, {status: 65})
      return
    }
    this.bytes += Number(size[1])
    const list = group.comments.length === 0 ? undefined : commentValue(group, 'chunks')
    if (list === undefined) this.#object(idOfDigest(line.slice(at)), path)
    else {
      this.#object(list, path)
      this.#list(list, Number(size[1]))
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

  #object(id: string, path: string): void {
    const pack = this.#options.packOf(id)
    if (pack === undefined) throw new BkError(`refused missing-object: the content of ${path} is in no pack (${id})`, {status: 77})
    this.packs.add(pack)
  }

  /** Follows the lists of chunks seen so far. */
  async finish(): Promise<void> {
    const waiting = [...this.lists]
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const bytes = await this.#options.getList(id)
      if (bytes === undefined) continue
      const lines = parseList(bytes)
      if (lines.reduce((sum, {size}) => sum + size, 0) !== this.#sizes.get(id)) throw unfit(id)
      for (const line of lines) {
        this.#object(line.id, 'a list of chunks')
        if (line.kind !== 'list') continue
        const isNew = !this.lists.has(line.id)
        this.#list(line.id, line.size)
        if (isNew) waiting.push(line.id)
      }
    }
  }
}

function unfit(list: string): BkError {
  return new BkError(`a list of chunks is of another size than what it stands for: ${list}`, {status: 65})
}
