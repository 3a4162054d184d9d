/*
 * Groups that are sorted by path and a number, more of them than memory holds. A group is several lines and a sorter takes single ones,
 * so each goes in behind its path, the number of its group and its own; the path is not repeated in what follows.
 */
import {LineSorter} from '../index/sort.ts'
import type {Group} from '../index/group.ts'
import type {SpillFactory} from '../index/spill.ts'

/** What a group says, without its path: it may be given to another. */
export interface Words {
  /** The line behind the path, from its blank on; '' where the entry is not there. */
  readonly rest: string
  /** Of each comment KEY=VALUE. */
  readonly notes: readonly string[]
}

/** What stands at a path under a number. */
export interface Sorted extends Words {
  readonly path: string
  readonly number: number
}

const NUMBER_DIGITS = 4
const LINE_DIGITS = 3
const KEY = NUMBER_DIGITS + LINE_DIGITS
/** What the sorter takes. Only lists of extents come near it, and a file that lacks one comes back without its holes. */
const MAX_LINE = 65_000
const BATCH = 500
/** Bytes of text that are sorted at a time: what else is in memory is much. */
const MEMORY = 4 << 20

/** What a group says. */
export function wordsOf({path, line, comments}: Group): Words {
  return {rest: line.slice(path.length), notes: comments.map((comment) => comment.slice(path.length + 5))}
}

/** The group that says this at a path. */
export function groupAt(path: string, {rest, notes}: Words): Group {
  return {path, line: `${path}${rest}`, comments: notes.map((note) => `#bk ${path} ${note}`)}
}

/** Takes groups in any order, then gives them back in that of their paths and numbers. */
export class SortedGroups {
  readonly #sorter: LineSorter

  /** Whoever makes the spills closes them. */
  constructor(spill: SpillFactory) {
    this.#sorter = new LineSorter({spill, memory: MEMORY})
  }

  /** Takes what stands at a path. Numbers are below 36^4, and each stands for one group of its path. Returns a promise only if it has to wait. */
  add(path: string, number: number, {rest, notes}: Words): Promise<void> | undefined {
    const start = `${path} ${number.toString(36).padStart(NUMBER_DIGITS, '0')}`
    this.#sorter.add(`${start}000${rest}`)
    for (const [i, note] of notes.entries()) {
      if (start.length + LINE_DIGITS + note.length > MAX_LINE) continue
      this.#sorter.add(`${start}${(i + 1).toString(36).padStart(LINE_DIGITS, '0')}${note}`)
    }
    return this.#sorter.full ? this.#sorter.makeRun() : undefined
  }

  /** All of them, in order, in batches. Nothing may be added after. */
  async *batches(): AsyncGenerator<readonly Sorted[]> {
    let batch: Sorted[] = []
    let current: (Words & {readonly path: string; readonly number: number; readonly notes: string[]}) | undefined
    for await (const lines of this.#sorter.sorted()) {
      for (const line of lines) {
        const blank = line.indexOf(' ')
        const text = line.slice(blank + 1 + KEY)
        if (line.startsWith('000', blank + 1 + NUMBER_DIGITS)) {
          if (current !== undefined) batch.push(current)
          current = {path: line.slice(0, blank), number: parseInt(line.slice(blank + 1, blank + 1 + NUMBER_DIGITS), 36), rest: text, notes: []}
        } else current!.notes.push(text)
      }
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
    if (current !== undefined) batch.push(current)
    yield batch
  }
}
