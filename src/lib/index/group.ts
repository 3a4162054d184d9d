/*
 * A group is everything an index says of one path: its entry line and the `#bk` comments that follow it. Most groups of a
 * run are never looked into: they are compared as text with their counterpart and passed on, so a group keeps its lines as
 * they came and parses only when asked.
 */
import {BkError} from '../cli/errors.ts'
import {isEscaped, NAME_BYTE} from './escape.ts'
import {parseEntryLine, type Entry} from './entry.ts'
import {pathProblem} from './path.ts'

/** One path's lines. `line` is '' where the entry is not there (only `error` or `left-out` comments). */
export interface Group {
  readonly path: string
  readonly line: string
  /** Whole comment lines (`#bk PATH KEY=VALUE`), sorted by key. */
  readonly comments: readonly string[]
}

export const NO_COMMENTS: readonly string[] = []

const COMMENT = new RegExp(String.raw`^#bk (\.(?:/[^ ]*)?) ([a-z][!-~]*?)=([!-~]*)$`)
const KEY = new RegExp(String.raw`^(?:(?!xattr\.)[a-z][a-z0-9.-]*|xattr\.(?:${NAME_BYTE}|/)+)$`)
const NUMBER = '(?:0|[1-9][0-9]{0,15})'
// A Map, because keys come from hostile lists and an object has a `constructor` of its own.
const FIXED: ReadonlyMap<string, RegExp> = new Map([
  ['chunks', /^[0-9a-f]{64}$/],
  ['cut', /^(?:1[0-9]|2[0-4])$/],
  ['error', /^[A-Z][A-Z0-9_]{1,30}$/],
  ['flags', /^[a-z]+(?:,[a-z]+)*$/],
  ['left-out', /^[a-z][a-z-]{1,30}$/],
  ['note', /^[a-z][a-z-]{1,30}$/],
  ['sparse', new RegExp(String.raw`^(?:${NUMBER}\+${NUMBER}(?:,${NUMBER}\+${NUMBER})*)?$`)],
  ['stale', /^[A-Z][A-Z0-9_]{1,30}$/],
])
const MAX_INLINE = 40_000
// Bits that stand for nothing are zero, so that bytes have one spelling.
const ATTRIBUTE = /^(?:@[0-9a-f]{64}|(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?)$/
const PLAIN_NAME = /^[A-Za-z0-9._-]*$/

/** A comment line in parts. */
export interface Comment {
  readonly path: string
  readonly key: string
  readonly value: string
}

/**
 * Parses a comment line strictly.
 * @throws BkError 65 without a line number
 */
export function parseComment(line: string): Comment {
  const match = COMMENT.exec(line)
  const [, path, key, value] = match ?? []
  if (path === undefined || key === undefined || value === undefined || !KEY.test(key)) {
    throw new BkError(`not a comment of an index: ${line.slice(0, 120)}`, {status: 65})
  }
  const problem = pathProblem(path) ?? valueProblem(key, value)
  if (problem !== undefined) throw new BkError(`${problem}: ${line.slice(0, 200)}`, {status: 65})
  return {path, key, value}
}

function valueProblem(key: string, value: string): string | undefined {
  const fixed = FIXED.get(key)
  if (fixed !== undefined) return fixed.test(value) ? undefined : `bad value of ${key}=`
  if (key === 'hardlink' || key === 'from') return pathProblem(value)
  if (key.startsWith('xattr.')) return value.length <= MAX_INLINE && ATTRIBUTE.test(value) ? undefined : 'bad base64'
  // A name that may stand on the line has no comment.
  if (key !== 'uname' && key !== 'gname') return undefined
  return isEscaped(value) && !PLAIN_NAME.test(value) && !value.includes('\\000') ? undefined : `bad value of ${key}=`
}

/** Prints a comment line. */
export function formatComment(path: string, key: string, value: string): string {
  return `#bk ${path} ${key}=${value}`
}

function keyOf(comment: string, path: string): string {
  const start = path.length + 5
  return comment.slice(start, comment.indexOf('=', start))
}

/** The value of a group's comment, or undefined. */
export function commentValue(group: Group, key: string): string | undefined {
  if (group.comments.length === 0) return undefined
  const prefix = `#bk ${group.path} ${key}=`
  return group.comments.find((comment) => comment.startsWith(prefix))?.slice(prefix.length)
}

/** The group with comments set (a string) or removed (undefined), kept sorted by key. */
export function withComments(group: Group, changes: Readonly<Record<string, string | undefined>>): Group {
  const kept = group.comments.filter((comment) => !Object.hasOwn(changes, keyOf(comment, group.path)))
  for (const [key, value] of Object.entries(changes)) {
    if (value !== undefined) kept.push(formatComment(group.path, key, value))
  }
  kept.sort((a, b) => (keyOf(a, group.path) < keyOf(b, group.path) ? -1 : 1))
  return {path: group.path, line: group.line, comments: kept}
}

/** Whether two groups are the same text. */
export function sameGroup(a: Group, b: Group): boolean {
  if (a.line !== b.line || a.comments.length !== b.comments.length) return false
  for (let i = 0; i < a.comments.length; i++) if (a.comments[i] !== b.comments[i]) return false
  return true
}

/** The entry of a group, or undefined where there is only an `error` or `left-out`. */
export function entryOf(group: Group): Entry | undefined {
  return group.line === '' ? undefined : parseEntryLine(group.line)
}

/** Whether the group counts in `partial=`: it could not be read, now or since an earlier snapshot. */
export function isUnread(group: Group): boolean {
  return group.comments.length > 0 && (commentValue(group, 'error') ?? commentValue(group, 'stale')) !== undefined
}

/** Whether a group's line, unparsed, is that of a directory. */
export function isDirectoryLine(line: string, path: string): boolean {
  return line.startsWith(' type=dir', path.length)
}

/** Comments of one entry, at most. The kernel lists 65,536 bytes of names: fewer than 9,400 attributes. */
const MAX_COMMENTS = 10_000

/** Checks the comments of one path as they come: in the grammar, sorted, going with each other and with the line. */
export class CommentChecker {
  readonly #values = new Map<string, string>()
  #last = ''

  /** Takes the next comment line. Throws BkError 65. */
  add(line: string): Comment {
    const comment = parseComment(line)
    if (comment.key <= this.#last) throw misfit('comments are not sorted by key, or one is there twice', comment.path)
    this.#last = comment.key
    if (this.#values.size >= MAX_COMMENTS) throw misfit('an entry of more than 10,000 comments', comment.path)
    this.#values.set(comment.key, comment.value)
    return comment
  }

  /** Throws BkError 65 where the comments that came do not make a whole with the entry's line, '' for none. */
  finish(path: string, line: string): void {
    const values = this.#values
    if (line === '' && !values.has('error') && !values.has('left-out')) throw misfit('comment without its entry', path)
    if (values.has('cut') && !values.has('chunks')) throw misfit('cut= without chunks=', path)
    const first = values.get('hardlink')
    if (first !== undefined && first >= path) throw misfit('hardlink= is not a path before', path)
  }
}

/** Checks that comments are in the grammar, sorted, go with each other, and that there is a line or a reason why not. Throws BkError 65. */
export function checkComments({path, line, comments}: Group): void {
  const checker = new CommentChecker()
  for (const comment of comments) checker.add(comment)
  checker.finish(path, line)
}

function misfit(what: string, path: string): BkError {
  return new BkError(`${what}: ${path.slice(0, 200)}`, {status: 65})
}
