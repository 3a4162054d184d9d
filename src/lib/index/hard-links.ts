/*
 * `hardlink=FIRST` promises that FIRST is there, before, and the same file. What was read may break the promise: the first
 * name vanished, or one name was read before a change and the other after it. Then the next name becomes the first.
 */
import {detached} from './escape.ts'
import {commentValue, withComments, type Group} from './group.ts'
import type {Change} from './changes.ts'

const WORD = ' hardlink='

/** Adds the paths that changes name as the first of their links. */
export function addFirsts(changes: Iterable<Change>, firsts: Set<string>): void {
  for (const {group} of changes) {
    const first = group.comments.length === 0 ? undefined : commentValue(group, 'hardlink')
    if (first !== undefined) firsts.add(detached(first))
  }
}

/** Adds the paths that the text of an index names as the first of their links. Looks at nothing else in it. */
export function addFirstsOfText(text: Buffer, firsts: Set<string>): void {
  for (let at = text.indexOf(WORD); at >= 0; at = text.indexOf(WORD, at + 1)) {
    const start = at + WORD.length
    firsts.add(text.toString('latin1', start, text.indexOf(10, start)))
  }
}

/** Keeps the promise while groups pass in order. */
export class HardLinks {
  readonly #firsts: ReadonlySet<string>
  // What follows the path on the line, which for two names of one file is the same.
  readonly #lines = new Map<string, string>()
  readonly #replaced = new Map<string, string>()
  /** How many groups did not stand as they came. */
  mended = 0

  /** `firsts`: every path that is named as a first. */
  constructor(firsts: ReadonlySet<string>) {
    this.#firsts = firsts
  }

  /** The group as it may stand. */
  mend(group: Group): Group {
    const {path, line} = group
    if (this.#firsts.has(path)) this.#lines.set(path, restOf(line, path))
    const first = group.comments.length === 0 ? undefined : commentValue(group, 'hardlink')
    if (first === undefined) return group
    const rest = restOf(line, path)
    // A first that has a first itself stands for that one.
    const head = this.#replaced.get(first) ?? first
    if (head < path && this.#lines.get(head) === rest) {
      if (this.#firsts.has(path)) this.#replaced.set(path, head)
      if (head === first) return group
      this.mended++
      return withComments(group, {hardlink: head})
    }
    this.mended++
    this.#replaced.set(first, path)
    this.#lines.set(path, rest)
    return withComments(group, {hardlink: undefined})
  }
}

function restOf(line: string, path: string): string {
  return line.slice(path.length)
}
