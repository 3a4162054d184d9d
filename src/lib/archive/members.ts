/*
 * Writes the members of an archive, in the order of a walk. Whatever the store has lost is told: a file that was stored as one object is then
 * left out, and so are its other names; of a large file, whose size is written before its content is read, the lost chunks are zeros,
 * so that everything behind it can still be unpacked.
 */
import {createHash, type Hash} from 'node:crypto'
import {BkError, reasonOf} from '../cli/errors.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {KINDS} from '../restore/entry-table.ts'
import {partsToWrite} from '../restore/holes.ts'
import {parseItem, type Extent, type Item} from '../restore/item.ts'
import {chunksOf, type ListLine} from '../store/chunk-list.ts'
import {idOfDigest} from '../store/object-id.ts'
import {dataOf} from './chunks.ts'
import {memberOf, memberPath} from './metadata.ts'
import {depthFirst} from './order.ts'
import {memberHeader, paddingOf, sparseMap, type Member} from './pax.ts'
import type {Reporter} from '../cli/speech.ts'
import type {Plan} from '../restore/plan.ts'
import type {Contents} from './contents.ts'
import type {Pieces} from './pieces.ts'

/** How far it is. */
export interface Progress {
  readonly files: number
  readonly bytes: number
  readonly totalBytes: number
  /** Escaped path of what was written last. */
  readonly path: string | undefined
}

export interface MemberOptions {
  readonly plan: Plan
  readonly contents: Pick<Contents, 'get' | 'ahead'>
  /** Whether the store answers slowly, and is asked for things before their turn. */
  readonly isFar: boolean
  readonly pieces: Pieces
  /** For entries whose time is unknown. */
  readonly received: string
  /** Make holes of long runs of zeros, in files that had none too. */
  readonly sparse: boolean
  readonly reporter: Pick<Reporter, 'problem'>
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Chunks of a large file that are fetched before their turn: some of them share a frame. */
const CHUNKS_AHEAD = 64
/** Entries between two reports. */
const REPORTED = 64
const ZEROS = Buffer.alloc(1 << 20)

export class Members {
  /** Everything but directories. */
  files = 0
  bytes = 0
  /** Escaped paths of what is not in it as it was, each with what it is: `missing` or `damaged`. */
  readonly lost: (readonly [what: 'missing' | 'damaged', path: string])[] = []
  readonly #options: MemberOptions
  // By entry with the first name: the name under which it came first here; undefined when it could not be had.
  readonly #names = new Map<number, string | undefined>()
  readonly #withNames: ReadonlySet<number>
  #coming: string | undefined

  constructor(options: MemberOptions) {
    this.#options = options
    this.#withNames = new Set(options.plan.links.values())
  }

  /** Writes them all, yielding the pieces that get full. */
  async *write(): AsyncGenerator<Buffer> {
    const {plan: {entries, links}, pieces} = this.#options
    let count = 0
    const comingIds = this.#options.isFar ? this.#comingIds() : undefined
    for (const number of depthFirst(entries)) {
      this.#lookAhead(comingIds)
      const first = links.get(number) ?? number
      if (this.#names.has(first)) this.#link(number, first)
      else yield* this.#entry(number, first)
      if (pieces.isFull) yield* pieces.take()
      if (++count % REPORTED === 0) this.#report(number)
    }
  }

  /** The header of the topmost directory, which may be there any number of times. */
  top(): Buffer {
    const {plan: {entries}, received} = this.#options
    return memberHeader(memberOf(parseItem(entries.text(0)), received))
  }

  /* What will be asked for first of each file, in order. */
  *#comingIds(): Generator<string> {
    const {entries, lists} = this.#options.plan
    for (const number of depthFirst(entries)) {
      const kind = entries.kind(number)
      if (kind === KINDS.whole) yield idOfDigest(parseItem(entries.text(number)).entry.sha256!)
      else if (kind === KINDS.chunked) yield lists.get(number)!
    }
  }

  #lookAhead(ids: Iterator<string> | undefined): void {
    if (ids === undefined) return
    for (;;) {
      this.#coming ??= ids.next().value as string | undefined
      if (this.#coming === undefined || !this.#options.contents.ahead(this.#coming)) return
      this.#coming = undefined
    }
  }

  #report(number: number): void {
    const {plan, onProgress} = this.#options
    onProgress?.({files: this.files, bytes: this.bytes, totalBytes: plan.bytes, path: plan.entries.path(number)})
  }

  /* What an entry is, is said by the one with the first name: all names of an inode are the same but for the path. */
  async *#entry(number: number, first: number): AsyncGenerator<Buffer> {
    const {plan: {entries}, received, pieces} = this.#options
    const item = parseItem(entries.text(first))
    const escaped = entries.path(number)
    const kind = entries.kind(first)
    const member = {...memberOf(item, received), ...(number === first ? {} : {path: memberPath(escaped, false)})}
    let isThere = true
    if (kind === KINDS.whole) isThere = await this.#whole(member, item, escaped)
    else if (kind === KINDS.chunked) isThere = yield* this.#chunked(member, item, escaped, first)
    else pieces.add(memberHeader(member))
    if (kind !== KINDS.directory && isThere) this.files++
    if (this.#withNames.has(first)) this.#names.set(first, isThere ? escaped : undefined)
  }

  #link(number: number, first: number): void {
    const {plan: {entries}, received, pieces} = this.#options
    const escaped = entries.path(number)
    const name = this.#names.get(first)
    if (name === undefined) {
      this.#lose('missing', escaped, `it is left out: it is a hard link to ${entries.path(first)}, whose content is lost`)
      return
    }
    const {mode, uid, gid, uname, gname, time} = memberOf(parseItem(entries.text(first)), received)
    pieces.add(memberHeader({type: 'hardlink', path: memberPath(escaped, false), link: memberPath(name, false), mode, uid, gid, uname, gname, time, size: 0}))
    this.files++
  }

  /* Where a file had data, as far as there may be holes in it. */
  #hint({sparse}: Item): readonly Extent[] | undefined {
    return sparse ?? (this.#options.sparse ? [] : undefined)
  }

  async #whole(member: Member, item: Item, escaped: string): Promise<boolean> {
    const {contents, pieces} = this.#options
    const {entry} = item
    let bytes: Buffer
    try {
      const got = contents.get(idOfDigest(entry.sha256!))
      bytes = got instanceof Promise ? await got : got
      if (bytes.length !== entry.size) throw new BkError(`has ${bytes.length} bytes, its entry says ${entry.size}`, {status: 65})
    } catch (error) {
      if (!(error instanceof BkError)) throw error
      this.#lose('missing', escaped, `it is left out: its content is lost: ${reasonOf(error)}`)
      return false
    }
    const hint = this.#hint(item)
    const data = hint === undefined ? undefined : [...partsToWrite(bytes, 0, hint)]
    const size = this.#begin(member, bytes.length, data)
    if (data === undefined) pieces.add(bytes)
    else for (const [start, end] of data) pieces.add(bytes.subarray(start, end))
    pieces.zeros(paddingOf(size))
    this.bytes += bytes.length
    return true
  }

  /* Writes the header of a file, and the map of one with holes. Answers how many bytes of data follow. */
  #begin(member: Member, size: number, data: readonly Extent[] | undefined): number {
    const {pieces} = this.#options
    const left = data?.reduce((sum, [start, end]) => sum + end - start, 0) ?? size
    if (data === undefined || left === size) {
      pieces.add(memberHeader({...member, size}))
      return size
    }
    const map = sparseMap(data, size)
    pieces.add(memberHeader({...member, size: map.length + left, sparse: size}))
    pieces.add(map)
    return left
  }

  async *#chunked(member: Member, item: Item, escaped: string, first: number): AsyncGenerator<Buffer, boolean> {
    const {plan, contents, pieces} = this.#options
    const list = plan.lists.get(first)!
    const {size = 0, sha256} = item.entry
    const get = async (id: string): Promise<Buffer> => await contents.get(id)
    let data: readonly Extent[]
    try {
      data = await dataOf(list, size, this.#hint(item), get)
    } catch (error) {
      if (!(error instanceof BkError)) throw error
      this.#lose('missing', escaped, `it is left out: its content is lost: ${reasonOf(error)}`)
      return false
    }
    const left = this.#begin(member, size, data)
    const hash = createHash('sha256')
    let why: string | undefined
    let at = 0
    let extent = 0
    const chunks = chunksOf(list, get)
    for await (const chunk of this.#options.isFar ? this.#aheadOf(chunks, data) : chunks) {
      while (extent < data.length && data[extent]![1] <= at) extent++
      const isData = extent < data.length && data[extent]![0] <= at
      at += chunk.size
      try {
        if (!isData) updateZeros(hash, chunk.size)
        else {
          const bytes = await get(chunk.id)
          if (bytes.length !== chunk.size) throw new BkError(`object ${chunk.id} is not of the size that its list says`, {status: 65})
          hash.update(bytes)
          pieces.add(bytes)
        }
      } catch (error) {
        if (!(error instanceof BkError)) throw error
        why ??= `there are zeros in place of what is lost of it: ${reasonOf(error)}`
        pieces.zeros(chunk.size)
      }
      this.bytes += chunk.size
      if (!pieces.isFull) continue
      yield* pieces.take()
      this.#report(first)
    }
    pieces.zeros(paddingOf(left))
    if (why === undefined && hash.digest('hex') !== sha256) why = 'its pieces do not make the content that the index names'
    if (why !== undefined) this.#lose('damaged', escaped, why)
    return true
  }

  /* The same chunks, those that follow being fetched meanwhile. */
  async *#aheadOf(chunks: AsyncGenerator<ListLine>, data: readonly Extent[]): AsyncGenerator<ListLine> {
    const waiting: ListLine[] = []
    let at = 0
    let extent = 0
    for await (const chunk of chunks) {
      waiting.push(chunk)
      while (extent < data.length && data[extent]![1] <= at) extent++
      const isData = extent < data.length && data[extent]![0] <= at
      at += chunk.size
      if (isData) this.#options.contents.ahead(chunk.id)
      if (waiting.length > CHUNKS_AHEAD) yield waiting.shift()!
    }
    yield* waiting
  }

  #lose(what: 'missing' | 'damaged', escaped: string, why: string): void {
    this.lost.push([what, escaped])
    this.#options.reporter.problem(toBytes(unescapeText(escaped)), why)
  }
}

function updateZeros(hash: Hash, count: number): void {
  for (let left = count; left > 0; left -= ZEROS.length) hash.update(ZEROS.subarray(0, left))
}
