/*
 * A tree on another machine as SFTP shows it: whole seconds, no inodes (so no hard links), no extended attributes, no names of owners.
 * What is not known is not on the lines. The other side is hostile: names are held to the rules of paths, and what it invents without
 * end is refused before it fills the memory.
 *
 * Listings are asked for ahead of their turn, a few directories at each level, so that a walk takes as long as the line is wide and not
 * as long as it is.
 */
import {BkError, errorCode, inputError} from '../cli/errors.ts'
import {escapeBytes, unescapeText} from '../index/escape.ts'
import {formatEntry, type EntryType} from '../index/entry.ts'
import {formatComment} from '../index/group.ts'
import {pathProblem} from '../index/path.ts'
import type {SftpClient} from '../ssh/sftp-client.ts'
import type {Attributes} from '../ssh/sftp-packets.ts'
import type {Batch, Source} from './source.ts'

export interface SftpTreeOptions {
  readonly client: SftpClient
  /** Directory there: absolute, bytes as latin1. */
  readonly root: string
  /** Hears what could not be read. Paths are escaped. */
  readonly onProblem: (path: string, code: string) => void
  /** Hears what is left out, and why. */
  readonly onNote: (path: string, what: string) => void
  readonly onProgress?: ((update: {readonly files: number}) => void) | undefined
  /** Entries, at most. */
  readonly checkEntries: (count: number) => void
  /** Bytes of names that are held at a time; MOST_HELD if not given. */
  readonly mostHeld?: number | undefined
}

/** Directories of one level that are listed ahead. */
const AHEAD = 8
/** Requests for the names of a directory side by side; more for one that goes on. */
const NAMES_AHEAD = {first: 2, most: 16}
/**
 * Bytes of names, and of where links lead, that are held at a time: those of the directories from the top to where the walk is, and of
 * those listed ahead. A name costs so much beside its bytes: a million of the usual length may lie in one directory.
 */
const MOST_HELD = 400_000_000
const NAME_COST = 256
/** Links that are followed at a time. */
const LINKS_AHEAD = 64
/** Bytes of where a link leads, escaped. */
const LONGEST_LINK = 16 << 10
/** Bytes of text that are handed on together. */
const BATCH = 64 << 10

const TYPES: ReadonlyMap<number, EntryType | 'socket'> = new Map([
  [0o140000, 'socket'], [0o120000, 'link'], [0o100000, 'file'], [0o060000, 'block'], [0o040000, 'dir'], [0o020000, 'char'], [0o010000, 'fifo'],
])
const TYPE_BITS = 0o170000

/** What a mode says something is; undefined where it does not say. */
export function typeOf({mode = 0}: Attributes): EntryType | 'socket' | undefined {
  return TYPES.get(mode & TYPE_BITS)
}

/** Seconds as the value of `time=`. */
export function timeOf({time}: Attributes): string | undefined {
  return time === undefined ? undefined : `${time}.000000000`
}

/** One name of a directory. `link` is where it leads. */
interface Item {
  readonly name: string
  readonly attributes: Attributes
  readonly link?: string | undefined
  readonly error?: string | undefined
}

/** What a directory was found to have: names by their escaped form, and what they cost; or why they could not be read. */
type Listing = {readonly items: ReadonlyMap<string, Item>; readonly cost: number; readonly tooLong: boolean} | {readonly code: string}

/** A directory whose entries are being given out. */
interface Frame {
  /** Escaped, with a slash behind. */
  readonly path: string
  readonly items: ReadonlyMap<string, Item>
  readonly cost: number
  /** What comes in order: names for entries, names with a slash behind for what lies below them. */
  readonly keys: readonly string[]
  /** Directories in order, and how many are being listed. */
  readonly directories: readonly string[]
  readonly listings: Map<string, Promise<Listing>>
  at: number
  begun: number
}

/** The tree below a directory there. */
export function sftpTree(options: SftpTreeOptions): Source {
  return {root: escapeBytes(options.root), batches: () => walk(options)}
}

async function* walk({client, root, onProblem, onNote, onProgress, checkEntries, mostHeld}: SftpTreeOptions): AsyncGenerator<Batch> {
  const top = await attributesOfTop(client, root)
  const lister = new Lister(client, root, mostHeld)
  let [text, entries, unread, files] = ['', 0, 0, 0]
  let all = 0
  const add = (path: string, {attributes, link, error}: Item, below?: Listing): void => {
    const type = typeOf(attributes)
    const why = error ?? (below !== undefined && 'code' in below ? below.code : problemOf(attributes, type))
    if (why === 'ENOENT') return onNote(path, 'vanished')
    if (why !== undefined) {
      text += `${formatComment(path, 'error', why)}\n`
      unread++
      return onProblem(path, why)
    }
    if (type === 'socket' || type === 'char' || type === 'block') {
      // The numbers of a device are not to be had.
      text += `${formatComment(path, 'left-out', type === 'socket' ? 'socket' : 'device')}\n`
      return onNote(path, type === 'socket' ? 'socket left out' : 'device left out: its numbers are not to be had over SFTP')
    }
    const {mode = 0, uid, gid, size} = attributes
    text += `${formatEntry({path, type: type!, mode: mode & 0o7777, uid, gid, size: type === 'file' ? size : undefined, time: timeOf(attributes), link})}\n`
    entries++
    if (type === 'file') files++
    checkEntries(++all)
    if (below !== undefined && 'items' in below && below.tooLong) {
      text += `${formatComment(path, 'error', 'ENAMETOOLONG')}\n`
      unread++
      onProblem(path, 'ENAMETOOLONG')
    }
  }
  const below = await lister.list('.')
  if ('code' in below) throw new BkError(`cannot read ${escapeBytes(root)} there: ${below.code}`)
  add('.', {name: '.', attributes: top}, below)
  const stack: Frame[] = [frameOf('./', below)]
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    lister.prefetch(frame)
    const key = frame.keys[frame.at++]
    if (key === undefined) {
      lister.release(frame.cost)
      stack.pop()
      continue
    }
    const name = key.endsWith('/') ? key.slice(0, -1) : key
    const path = frame.path + name
    const listing = frame.listings.get(name)
    const found = listing === undefined ? undefined : await listing
    if (key === name) add(path, frame.items.get(name)!, found)
    else {
      frame.listings.delete(name)
      if (found !== undefined && 'items' in found) stack.push(frameOf(`${path}/`, found))
    }
    if (text.length < BATCH) continue
    yield {text: Buffer.from(text, 'latin1'), entries, unread}
    onProgress?.({files})
    ;[text, entries, unread] = ['', 0, 0]
  }
  yield {text: Buffer.from(text, 'latin1'), entries, unread}
}

/* What can be listed is a directory, whatever is said of it. A link is one to that. */
async function attributesOfTop(client: SftpClient, root: string): Promise<Attributes> {
  const unknown = {mode: 0o040755}
  try {
    const found = await client.lstat(root)
    const top = found !== undefined && typeOf(found) === 'link' ? await client.lstat(await client.realpath(root)) : found
    return top !== undefined && typeOf(top) === 'dir' ? top : unknown
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return unknown
  }
}

function problemOf({size = 0}: Attributes, type: EntryType | 'socket' | undefined): string | undefined {
  if (type === undefined) return 'EIO'
  return type !== 'file' || Number.isSafeInteger(size) ? undefined : 'EFBIG'
}

// As text: what lies below `a` comes behind `a-b`, because a slash does.
function frameOf(path: string, {items, cost}: Extract<Listing, {readonly cost: number}>): Frame {
  const directories = [...items.values()].filter(({attributes}) => typeOf(attributes) === 'dir').map(({name}) => name)
  const keys = [...items.keys(), ...directories.map((name) => `${name}/`)].sort()
  const order = keys.filter((key) => key.endsWith('/')).map((key) => key.slice(0, -1))
  return {path, items, cost, keys, directories: order, listings: new Map(), at: 0, begun: 0}
}

/** Lists directories, and counts what is held of them. */
class Lister {
  readonly #client: SftpClient
  readonly #root: string
  readonly #most: number
  #held = 0

  constructor(client: SftpClient, root: string, most = MOST_HELD) {
    this.#client = client
    this.#root = root
    this.#most = most
  }

  /** What nobody needs any more. */
  release(cost: number): void {
    this.#held -= cost
  }

  /** Begins with the next directories of a frame. Those whose entry comes sooner than that are listed too: an entry says whether it could be read. */
  prefetch(frame: Frame): void {
    const waiting = frame.listings
    while (waiting.size < AHEAD && frame.begun < frame.directories.length) this.#begin(frame)
    // Its entry may come before the names below those that are waiting.
    const key = frame.keys[frame.at]
    if (key === undefined || key.endsWith('/') || typeOf(frame.items.get(key)!.attributes) !== 'dir') return
    while (!waiting.has(key)) this.#begin(frame)
  }

  #begin(frame: Frame): void {
    const name = frame.directories[frame.begun++]!
    const listing = this.list(frame.path + name)
    // Whoever takes it hears of its failure; nobody may ever take it.
    listing.catch(() => {})
    frame.listings.set(name, listing)
  }

  /** The names in a directory. Throws BkError 65 for names that no directory has, and for too many. */
  async list(path: string): Promise<Listing> {
    const items = new Map<string, Item>()
    let [tooLong, seen, cost] = [false, 0, 0]
    const hold = (more: number): void => {
      cost += more
      this.#held += more
      if (this.#held > this.#most) throw this.#endless(path)
    }
    try {
      for await (const {name, attributes} of this.#names(this.#raw(path))) {
        // Also what is not held: else a directory could go on for ever.
        seen += NAME_COST + name.length
        if (seen > this.#most) throw this.#endless(path)
        if (name === '.' || name === '..') continue
        if (name === '' || /[/\0]/.test(name)) throw inputError(`${this.#client.who}: a name in ${path.slice(0, 200)} is none: ${escapeBytes(name.slice(0, 200))}`)
        const escaped = escapeBytes(name)
        if (pathProblem(`${path}/${escaped}`) !== undefined) tooLong = true
        else {
          // A directory that changes meanwhile may give a name twice.
          if (!items.has(escaped)) hold(NAME_COST + escaped.length)
          items.set(escaped, {name: escaped, attributes})
        }
      }
      const links = [...items.values()].filter(({attributes}) => typeOf(attributes) === 'link')
      while (links.length > 0) {
        for (const item of await Promise.all(links.splice(-LINKS_AHEAD).map((link) => this.#followed(link, path)))) {
          hold(item.link?.length ?? 0)
          items.set(item.name, item)
        }
      }
    } catch (error) {
      const code = errorCode(error)
      if (code === undefined) throw error
      this.release(cost)
      return {code}
    }
    return {items, cost, tooLong}
  }

  #endless(path: string): BkError {
    return inputError(`${this.#client.who}: ${path.slice(0, 200)} goes on without end, or is more than can be held`)
  }

  async #followed(item: Item, directory: string): Promise<Item> {
    const path = `${directory}/${item.name}`
    try {
      const link = escapeBytes(await this.#client.readlink(this.#raw(path)))
      if (link === '' || link.includes('\\000')) throw inputError(`${this.#client.who}: ${path.slice(0, 200)} is a link to nowhere`)
      return link.length > LONGEST_LINK ? {...item, error: 'ENAMETOOLONG'} : {...item, link}
    } catch (error) {
      const code = errorCode(error)
      if (code === undefined) throw error
      return {...item, error: code}
    }
  }

  /* Absolute, bytes as latin1. */
  #raw(path: string): string {
    return path === '.' ? this.#root : `${this.#root === '/' ? '' : this.#root}${unescapeText(path).slice(1)}`
  }

  async *#names(path: string): AsyncGenerator<{readonly name: string; readonly attributes: Attributes}> {
    const handle = await this.#client.opendir(path)
    try {
      for (let ahead = NAMES_AHEAD.first, isDone = false; !isDone; ahead = Math.min(2 * ahead, NAMES_AHEAD.most)) {
        for (const some of await Promise.all(Array.from({length: ahead}, () => this.#client.readdir(handle)))) {
          yield* some
          isDone ||= some.length === 0
        }
      }
    } finally {
      this.#client.close(handle).catch(() => {})
    }
  }
}
