/*
 * One entry as restoring needs it: the parsed line and what the comments say, as bytes. Entries travel as their lines of text,
 * which is compact and crosses to a worker thread as one string; they are parsed where they are used.
 */
import {parseEntryLine, type Entry} from '../index/entry.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import type {Group} from '../index/group.ts'
import type {Xattr} from '../sys/xattr.ts'

/** Data of a file, as [start, end) in bytes. */
export type Extent = readonly [start: number, end: number]

export interface Item {
  readonly entry: Entry
  /** Names as bytes in a latin1 string. */
  readonly uname: string | undefined
  readonly gname: string | undefined
  readonly xattrs: readonly Xattr[]
  /** Where the file had data; undefined where it had no holes. */
  readonly sparse: readonly Extent[] | undefined
  /** File flags by name. */
  readonly flags: readonly string[]
}

const NO_XATTRS: readonly Xattr[] = []
const NO_FLAGS: readonly string[] = []

/** The lines of a group as one text, without LF at the end. */
export function textOfGroup({line, comments}: Group): string {
  return comments.length === 0 ? line : `${line}\n${comments.join('\n')}`
}

/** Path of an entry's text, escaped. */
export function pathOfText(text: string): string {
  return text.slice(0, text.indexOf(' '))
}

/**
 * Parses an entry's text, whose comments have been checked.
 * @throws BkError 65 for a line outside the grammar
 */
export function parseItem(text: string): Item {
  const end = text.indexOf('\n')
  if (end < 0) {
    const entry = parseEntryLine(text)
    return {entry, uname: entry.uname, gname: entry.gname, xattrs: NO_XATTRS, sparse: undefined, flags: NO_FLAGS}
  }
  const entry = parseEntryLine(text.slice(0, end))
  let {uname, gname} = entry
  let sparse: readonly Extent[] | undefined
  let flags = NO_FLAGS
  const xattrs: Xattr[] = []
  for (const [key, value] of commentsOf(text.slice(end + 1), entry.path)) {
    if (key === 'uname') uname = unescapeText(value)
    else if (key === 'gname') gname = unescapeText(value)
    else if (key === 'sparse') sparse = parseExtents(value)
    else if (key === 'flags') flags = value.split(',')
    else if (key.startsWith('xattr.') && !value.startsWith('@')) {
      xattrs.push({name: toBytes(unescapeText(key.slice('xattr.'.length))), value: Buffer.from(value, 'base64')})
    }
  }
  return {entry, uname, gname, xattrs, sparse, flags}
}

function* commentsOf(text: string, path: string): Generator<readonly [key: string, value: string]> {
  const start = path.length + 5
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=', start)
    yield [line.slice(start, equals), line.slice(equals + 1)]
  }
}

/* Extents that are not in order are no help: the file then comes back without holes. */
function parseExtents(value: string): readonly Extent[] | undefined {
  const extents: Extent[] = []
  let last = 0
  for (const word of value === '' ? [] : value.split(',')) {
    const match = /^(\d{1,15})\+(\d{1,15})$/.exec(word)
    const start = Number(match?.[1] ?? -1)
    if (start < last) return undefined
    last = start + Number(match![2])
    extents.push([start, last])
  }
  return extents
}
