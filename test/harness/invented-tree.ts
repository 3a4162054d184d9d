// A tree that exists only as changes from day to day, for stores that are larger than anybody would make of real files: directories
// and names as people have them, and contents that are tiny and never the same twice. The same seed gives the same days.

import {hash} from 'node:crypto'
import {formatEntry} from '../../src/lib/index/entry.ts'
import {NO_COMMENTS} from '../../src/lib/index/group.ts'
import type {Change} from '../../src/lib/index/changes.ts'
import {seeded} from './faults.ts'

/** What has happened since the day before, as a diff of two indexes says it, and the contents of new and changed files by path. */
export type InventedDay = {
  readonly changes: readonly Change[]
  readonly contents: ReadonlyMap<string, Buffer>
  readonly owner: Owner
}

export type Owner = {readonly uid: number; readonly gid: number; readonly uname: string; readonly gname: string}

export type InventedOptions = {
  /** files, directories and the top */
  readonly entries: number
  readonly seed?: number
  readonly owner?: Owner
}

const words = ['archive', 'assets', 'config', 'data', 'docs', 'images', 'lib', 'mail', 'notes', 'photos', 'reports', 'src', 'static', 'test', 'tmp', 'vendor']
const kinds = ['c', 'css', 'csv', 'html', 'jpg', 'js', 'json', 'md', 'pdf', 'py', 'txt', 'xml']
const mostLevels = 7
const root: Owner = {uid: 0, gid: 0, uname: 'root', gname: 'root'}

export class InventedTree {
  readonly #random: () => number
  readonly #owner: Owner
  readonly #directories: string[] = ['.']
  readonly #files: string[] = []
  readonly #entries: number
  #names = 0
  #day = 0

  constructor({entries, seed = 1, owner = root}: InventedOptions) {
    this.#entries = entries
    this.#random = seeded(seed)
    this.#owner = owner
  }

  /** The first day: everything is new. One entry of seventeen is a directory. */
  first(time: bigint): InventedDay {
    const levels = new Map([['.', 0]])
    while (this.#directories.length < this.#entries / 17) {
      const above = this.#one(this.#directories)
      if (levels.get(above)! >= mostLevels) continue
      const path = `${above}/${this.#one(words)}-${this.#names++}`
      levels.set(path, levels.get(above)! + 1)
      this.#directories.push(path)
    }
    const contents = new Map<string, Buffer>()
    while (this.#directories.length + this.#files.length < this.#entries) {
      const path = this.#newFile()
      this.#files.push(path)
      contents.set(path, this.#content(path))
    }
    return this.#dayOf(time, contents, new Set(this.#directories), [], '+')
  }

  /** A day on which so many files change: one of ten is new, one of ten goes, and the directories of both have another time. */
  next(time: bigint, count: number): InventedDay {
    this.#day++
    const few = Math.floor(count / 10)
    const touched = new Set<string>()
    const contents = new Map<string, Buffer>()
    const changed = new Set<string>()
    while (changed.size < count - 2 * few) changed.add(this.#one(this.#files))
    const gone: string[] = []
    while (gone.length < few) {
      const at = Math.floor(this.#random() * this.#files.length)
      const path = this.#files[at]!
      if (changed.has(path)) continue
      this.#files[at] = this.#files.at(-1)!
      this.#files.pop()
      gone.push(path)
      touched.add(parentOf(path))
    }
    for (const path of changed) contents.set(path, this.#content(path))
    const fresh = Array.from({length: few}, () => this.#newFile())
    for (const path of fresh) {
      this.#files.push(path)
      contents.set(path, this.#content(path))
      touched.add(parentOf(path))
    }
    return this.#dayOf(time, contents, touched, gone, '~', new Set(fresh))
  }

  #newFile(): string {
    return `${this.#one(this.#directories)}/${this.#one(words)}_${this.#names++}.${this.#one(kinds)}`
  }

  #content(path: string): Buffer {
    return Buffer.from(`${path} on day ${this.#day}${' and on'.repeat(Math.floor(this.#random() * 12))}\n`, 'latin1')
  }

  #dayOf(time: bigint, contents: ReadonlyMap<string, Buffer>, directories: ReadonlySet<string>, gone: readonly string[], mark: '+' | '~', fresh?: ReadonlySet<string>): InventedDay {
    const changes: Change[] = gone.map((path) => ({mark: '-', group: {path, line: '', comments: NO_COMMENTS}}))
    const add = (path: string, how: Change['mark'], line: string): void => void changes.push({mark: how, group: {path, line, comments: NO_COMMENTS}})
    for (const path of directories) add(path, mark === '+' ? '+' : '=', formatEntry({path, type: 'dir', mode: 0o755, ...this.#owner, time: this.#time(time)}))
    for (const [path, bytes] of contents) {
      const line = formatEntry({path, type: 'file', mode: 0o644, ...this.#owner, size: bytes.length, time: this.#time(time), sha256: hash('sha256', bytes, 'hex')})
      add(path, fresh?.has(path) === true ? '+' : mark, line)
    }
    changes.sort((a, b) => (a.group.path < b.group.path ? -1 : 1))
    return {changes, contents, owner: this.#owner}
  }

  /* Some time in the hours before. */
  #time(time: bigint): string {
    const seconds = time / 1_000_000_000n - BigInt(Math.floor(this.#random() * 80_000))
    return `${seconds}.${Math.floor(this.#random() * 1e9).toString().padStart(9, '0')}`
  }

  #one(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)]!
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
