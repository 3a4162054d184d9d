/*
 * What a path in an index may look like (docs/format.md, 1). Lists come from hostile machines, and everything that later
 * opens, creates or compares a path relies on these rules, so they are checked once, where text comes in.
 */
import {NAME_BYTE, unescapeText} from './escape.ts'

const COMPONENT = String.raw`(?!\.\.?(?:/|$))${NAME_BYTE}+`
const PATH = new RegExp(String.raw`^\.(?:/${COMPONENT})*$`)

// The common case without a look-behind per byte: no escapes, no dots at the start of a component.
const PLAIN = /^\.(?:\/[!"$-)+,\-0-<>@-Z^-~][!"$-)+-.0-<>@-Z^-~]*)+$/

const MAX_PATH = 4096
const MAX_COMPONENT = 255
const MAX_DEPTH = 1000

/** Why an escaped path is not allowed in an index, or undefined when it is. */
export function pathProblem(path: string): string | undefined {
  if (!PLAIN.test(path) && !PATH.test(path)) return describe(path)
  if (path.length <= MAX_COMPONENT) return undefined
  if (unescapeText(path).length > MAX_PATH) return 'path is longer than 4,096 bytes'
  const components = unescapeText(path).split('/')
  if (components.length > MAX_DEPTH) return 'path has more than 1,000 components'
  if (components.some((component) => component.length > MAX_COMPONENT)) return 'name is longer than 255 bytes'
  return undefined
}

function describe(path: string): string {
  if (path.startsWith('/')) return 'path is absolute'
  if (path !== '.' && !path.startsWith('./')) return 'path does not begin with ./'
  const components = path.split('/').slice(1)
  if (components.includes('..')) return 'path leaves the tree by ..'
  if (components.includes('') || components.includes('.')) return 'path has an empty component'
  return 'path is not escaped as bk escapes'
}

/** The path of the directory a path lies in; undefined for `.`. */
export function parentOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? undefined : path.slice(0, slash)
}

/** Whether a path is the given one or lies below it. */
export function isAtOrBelow(path: string, top: string): boolean {
  return top === '.' || path === top || (path.startsWith(top) && path.charCodeAt(top.length) === 47)
}

/** Checks in one pass over sorted paths that each has its parent directory before it. */
export class Ancestry {
  // Directories that are string prefixes of the last path: in escaped byte order nothing else can still be a parent.
  readonly #open: string[] = []

  /** Takes the next path in order. False when its parent was not a directory that came before it. */
  accept(path: string, isDirectory: boolean): boolean {
    const open = this.#open
    const slash = path.lastIndexOf('/')
    // Nearly always the directory that was opened last.
    if (slash >= 0 && (open.length === 0 || path.slice(0, slash) !== open[open.length - 1])) {
      while (open.length > 0 && !path.startsWith(open[open.length - 1]!)) open.pop()
      let above = open.length - 1
      while (above >= 0 && open[above]!.length > slash) above--
      if (above < 0 || open[above]!.length !== slash) return false
    }
    if (isDirectory) open.push(path)
    return true
  }
}
