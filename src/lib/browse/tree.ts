/*
 * What `bk browse` shows: a directory `store` with the files of a store that a restore reads, and nothing else of the machine. Paths
 * are taken apart as text, every name must be one that a store has, and what is left is opened beneath the store's directory, which is
 * held from the beginning: no link is followed, wherever it is planted. (sessions/ is left out: it says who is writing.)
 */
import fs from 'node:fs'
import {isStoreName, SETTINGS} from '../store/store.ts'
import {calls} from '../sys/calls.ts'
import {heldPath} from '../sys/at.ts'
import type {Attributes} from '../ssh/sftp-packets.ts'

const {O_DIRECTORY, O_NONBLOCK, O_RDONLY} = fs.constants
const O_PATH = 0x200000

const DIRECTORY = 0o040555
const FILE = 0o100444

const FILES: readonly string[] = ['README', SETTINGS, 'recover.sh']
/** How deep the files of a directory lie in it. */
const DEPTHS: Readonly<Record<string, number>> = {log: 1, catalogs: 1, packs: 2}
const TOP = [...FILES, ...Object.keys(DEPTHS)].sort()

const MAX_PATH = 1024

/** What something is, and its name where it is listed. */
export interface Listed extends Attributes {
  readonly name: string
}

/** An open directory. */
export interface OpenDirectory {
  /** The next few of what is in it; none at its end. */
  next(): Listed[]
  close(): void
}

/** Names of one answer. */
const AT_A_TIME = 200

/** The tree of one store. */
export class BrowseTree {
  readonly #fd: number

  /** Holds the directory of a store. A link may lead there: it is the word of who granted this. */
  constructor(path: string) {
    this.#fd = calls.open(path, O_RDONLY | O_DIRECTORY)
  }

  /** A path in one spelling, from the top; undefined for one that nothing here can have. */
  absolute(path: string): string | undefined {
    const parts = partsOf(path)
    return parts === undefined ? undefined : `/${parts.join('/')}`
  }

  /** What is at a path, or undefined. */
  stat(path: string): Attributes | undefined {
    const parts = partsOf(path)
    if (parts === undefined) return undefined
    if (parts.length === 0) return {mode: DIRECTORY, size: 0, time: 0}
    const fd = this.#open(parts, O_PATH)
    if (fd === undefined) return undefined
    try {
      return described(calls.fstat(fd))
    } finally {
      calls.close(fd)
    }
  }

  /** Opens a file to be read; undefined where there is none. */
  openFile(path: string): number | undefined {
    const parts = partsOf(path)
    if (parts === undefined || parts.length < 2) return undefined
    // A fifo would wait for its writer.
    const fd = this.#open(parts, O_RDONLY | O_NONBLOCK)
    if (fd === undefined || calls.fstat(fd).isFile()) return fd
    calls.close(fd)
    return undefined
  }

  /** Opens a directory to be listed; undefined where there is none. */
  openDirectory(path: string): OpenDirectory | undefined {
    const parts = partsOf(path)
    if (parts === undefined) return undefined
    if (parts.length === 0) return listOf(['/store'], (at) => this.stat(at))
    if (parts.length === 1) return listOf(TOP.map((name) => `/store/${name}`), (at) => this.stat(at))
    const fd = this.#open(parts, O_RDONLY | O_DIRECTORY)
    return fd === undefined ? undefined : new HeldDirectory(fd, parts)
  }

  close(): void {
    calls.close(this.#fd)
  }

  /* `parts` begin with `store`. */
  #open(parts: readonly string[], flags: number): number | undefined {
    try {
      return parts.length === 1 ? calls.open(heldPath(this.#fd), flags) : calls.openBeneath(this.#fd, parts.slice(1).join('/'), flags)
    } catch {
      // Missing, forbidden, a link, no directory on the way: one answer for all, which tells nothing of the machine.
      return undefined
    }
  }
}

/* The names of a path, if something here can have it. */
function partsOf(path: string): string[] | undefined {
  if (path.length > MAX_PATH) return undefined
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return canBe(parts) ? parts : undefined
}

function canBe([top, folder, ...rest]: readonly string[]): boolean {
  if (top === undefined) return true
  if (top !== 'store') return false
  if (folder === undefined) return true
  if (FILES.includes(folder)) return rest.length === 0
  return rest.length <= (Object.hasOwn(DEPTHS, folder) ? DEPTHS[folder]! : -1) && rest.every(isStoreName)
}

/** What is shown of a file or directory; undefined for anything else. */
export function described(stat: fs.BigIntStats): Attributes | undefined {
  const time = Number(stat.mtimeMs / 1000n)
  if (stat.isFile()) return {mode: FILE, size: Number(stat.size), time}
  return stat.isDirectory() ? {mode: DIRECTORY, size: 0, time} : undefined
}

function listOf(paths: readonly string[], stat: (path: string) => Attributes | undefined): OpenDirectory {
  let left = paths
  return {
    next() {
      const found = left.flatMap((path) => {
        const attributes = stat(path)
        return attributes === undefined ? [] : [{name: path.slice(path.lastIndexOf('/') + 1), ...attributes}]
      })
      left = []
      return found
    },
    close() {},
  }
}

/* Read as it is asked for: a directory may have more names than memory should hold for each of many handles. */
class HeldDirectory implements OpenDirectory {
  readonly #fd: number
  readonly #parts: readonly string[]
  readonly #names: fs.Dir

  constructor(fd: number, parts: readonly string[]) {
    this.#fd = fd
    this.#parts = parts
    try {
      this.#names = fs.opendirSync(heldPath(fd).toString('latin1'), {encoding: 'latin1', bufferSize: AT_A_TIME})
    } catch (error) {
      calls.close(fd)
      throw error
    }
  }

  next(): Listed[] {
    const found: Listed[] = []
    while (found.length < AT_A_TIME) {
      const name = this.#names.readSync()?.name
      if (name === undefined) break
      if (!canBe([...this.#parts, name])) continue
      const stat = calls.lstatOrNone(heldPath(this.#fd, name))
      const attributes = stat === undefined ? undefined : described(stat)
      if (attributes !== undefined) found.push({name, ...attributes})
    }
    return found
  }

  close(): void {
    this.#names.closeSync()
    calls.close(this.#fd)
  }
}
