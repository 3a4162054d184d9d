/*
 * Gathers what one job finds. Lines that come from the stat cache are not touched: a run of neighbours is two numbers, and
 * where nothing changed that is all a job has to say.
 */
import {constants, type BigIntStats} from 'node:fs'
import {KEPT, LOOSE, MADE, type Incident, type JobResult, type Link, type Records, type SentFrame} from './job.ts'

/** One record for the stat cache; see Records. */
export interface Remembered {
  readonly name: string
  readonly id: number
  readonly parent: number
  readonly flags: number
  readonly found: number
}

export class Harvest {
  /** Bytes of content read. */
  bytes = 0
  readonly #parts: number[] = []
  readonly #links: Link[] = []
  readonly #incidents: Incident[] = []
  readonly #remembers: boolean
  #records: RecordColumns | undefined
  #text = ''
  #unread = 0
  // The part that may still grow; of a link nothing does.
  #kind = -1
  #open = 0

  constructor(remembers: boolean) {
    this.#remembers = remembers
  }

  /** Characters of text so far. */
  get length(): number {
    return this.#text.length
  }

  /** The lines that the stat cache has of a node. */
  keep(node: number, stats: BigIntStats): void {
    const parts = this.#parts
    const open = this.#open
    const isLink = stats.nlink !== 1n && hasNames(stats)
    if (this.#kind === KEPT && parts[open + 1]! + parts[open + 2]! === node && !isLink) parts[open + 2]!++
    else this.#begin(KEPT, node, 1)
    if (isLink) this.#link(stats)
  }

  /** The lines of an entry, made now, and what to remember of it. */
  make(lines: string, stats: BigIntStats, remembered: Remembered): void {
    this.#text += lines
    if (this.#remembers) (this.#records ??= new RecordColumns()).add(lines.length, stats, remembered)
    const isLink = stats.nlink !== 1n && hasNames(stats)
    if (this.#kind === MADE && !isLink) {
      this.#parts[this.#open + 1]!++
      this.#parts[this.#open + 2]! += lines.length
    } else this.#begin(MADE, 1, lines.length)
    if (isLink) this.#link(stats)
  }

  /** Comments on what has no entry. */
  comment(lines: string): void {
    this.#text += lines
    if (this.#kind === LOOSE) this.#parts[this.#open + 2]! += lines.length
    else this.#begin(LOOSE, 0, lines.length)
  }

  /** Something that is to be said. */
  report(incident: Incident): void {
    this.#incidents.push(incident)
  }

  /** Counts a path with an `error` comment. */
  countUnread(): void {
    this.#unread++
  }

  finish(frames: readonly SentFrame[]): JobResult {
    // Memory of its own, so that it can be moved to another thread.
    const text = Buffer.allocUnsafeSlow(this.#text.length)
    text.write(this.#text, 'latin1')
    return {
      text,
      parts: this.#parts,
      links: this.#links,
      records: this.#records?.finish(),
      incidents: this.#incidents,
      unread: this.#unread,
      bytes: this.bytes,
      frames,
    }
  }

  #begin(kind: number, a: number, b: number): void {
    this.#kind = kind
    this.#open = this.#parts.length
    this.#parts.push(kind, a, b)
  }

  #link({dev, ino, nlink}: BigIntStats): void {
    this.#links.push({part: this.#open / 3, device: dev, inode: ino, names: nlink})
    this.#kind = -1
  }
}

/* A directory's links are its subdirectories. */
function hasNames({mode}: BigIntStats): boolean {
  return (Number(mode) & constants.S_IFMT) !== constants.S_IFDIR
}

class RecordColumns {
  #count = 0
  #stats = new BigInt64Array(4 * 64)
  #numbers = new Uint32Array(5 * 64)
  readonly #names: string[] = []

  add(length: number, {ino, size, mtimeNs, ctimeNs}: BigIntStats, {name, id, parent, flags, found}: Remembered): void {
    const index = this.#count++
    const at = 4 * index
    if (at === this.#stats.length) this.#grow()
    this.#stats[at] = ino
    this.#stats[at + 1] = size
    this.#stats[at + 2] = mtimeNs
    this.#stats[at + 3] = ctimeNs
    this.#numbers.set([length, id, parent, flags, found], 5 * index)
    this.#names.push(name)
  }

  finish(): Records {
    const count = this.#count
    return {count, stats: this.#stats.slice(0, 4 * count), numbers: this.#numbers.slice(0, 5 * count), names: this.#names.join('/')}
  }

  #grow(): void {
    const stats = new BigInt64Array(2 * this.#stats.length)
    const numbers = new Uint32Array(2 * this.#numbers.length)
    stats.set(this.#stats)
    numbers.set(this.#numbers)
    this.#stats = stats
    this.#numbers = numbers
  }
}
