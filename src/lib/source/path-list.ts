/*
 * A list of paths (--files-from), from a file that somebody keeps, with comments in it, or straight from find. Everything is raw bytes
 * (latin1 strings).
 */
import {lstatSync} from 'node:fs'
import {BkError, inputError, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {toBytes} from '../index/escape.ts'
import {errnoName} from '../sys/errno.ts'
import {placeOf} from './apart.ts'
import {isGone} from './attributes.ts'
import {commonRoot, type Wanted} from './operands.ts'
import {createReach, isAscii} from './system-path.ts'

/** The paths of a list, as they are wanted. */
export interface ListedPaths extends Wanted {
  /** The line that each path stands on, from 1; in a list for -0 its number among the names. */
  readonly lines: readonly number[]
}

/**
 * Reads a list. One that ends its names in newlines may have blank lines, and comments, which begin with `#`: a name that begins so is
 * written `./#name`. Every other byte belongs to its name. Throws a BkError, 65 for what cannot be a path here, 2 for a list without any,
 * which would make an empty backup.
 */
export function resolveList(bytes: Buffer, separator: '\n' | '\0', directory: string, listName: string): ListedPaths {
  const names = bytes.toString('latin1').split(separator)
  const at = (index: number, message: string): BkError => inputError(`${listName}: line ${index + 1}: ${message}`)
  if (separator === '\n' && names[0]!.startsWith(byteOrderMark)) names[0] = names[0]!.slice(byteOrderMark.length)
  const isPath = separator === '\n' ? (name: string) => !name.startsWith('#') && !blank.test(name) : (name: string) => name !== ''
  const listed = names.flatMap((name, index) => (isPath(name) ? [{name, index}] : []))
  if (listed.length === 0) throw new BkError(`${listName} names no path`)
  const root = commonRoot(listed.map(({name}) => name), directory, (index) => at(listed[index]!.index, 'some paths are absolute and some are not'))
  const paths = listed.map(({name, index}) => {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.')
    if (parts.includes('..')) throw at(index, 'path has .. in it')
    if (name.includes('\0')) throw at(index, 'path has a NUL in it: is this a list for -0?')
    return parts.join('/')
  })
  return {root, paths, lines: listed.map(({index}) => index + 1)}
}

const byteOrderMark = '\xef\xbb\xbf'
const blank = /^[ \t\r]*$/

/** Makes sure that every path of a list is there, if only behind a directory that cannot be entered. Throws a BkError, 2, for the first that is not. */
export function mustAllExist({root, paths, lines}: ListedPaths, listName: string): void {
  const whyMissing = createLookout(root)
  for (const [index, path] of paths.entries()) {
    const why = whyMissing(path)
    if (why === undefined) continue
    const name = escapeName(toBytes(root === '/' ? `/${path}` : path))
    const hint = path.endsWith('\r') ? "lines of this list end in CR LF, and a CR may be part of a name: take them off with tr -d '\\r'" : '--keep-going goes on without what is not there, and says so'
    throw new BkError(`${listName}: line ${lines[index]}: ${name}: ${reasonOf(why)}`, {hint, cause: why})
  }
}

/** Is any of the wanted paths there? */
export function someExist({root, paths}: Wanted): boolean {
  const whyMissing = createLookout(root)
  return paths.some((path) => whyMissing(path) === undefined)
}

/* Answers why a path is not there: undefined for what is, and for what cannot be known. */
function createLookout(root: string): (path: string) => Error | undefined {
  const here = placeOf('.')
  const place = placeOf(toBytes(root))
  // A list may be long: where the root is the working directory, as it mostly is, paths are shorter without it.
  const isHere = here !== undefined && here.device === place?.device && here.inode === place.inode
  const reach = createReach(isHere ? '.' : root)
  return (path) => {
    if (path === '') return undefined
    try {
      // Not throwIfNoEntry: most are there, and of the others the reason is wanted.
      lstatSync(reach(path, isAscii(path)))
      return undefined
    } catch (error) {
      return error instanceof Error && isGone(errnoName(error) ?? '') ? error : undefined
    }
  }
}
