/*
 * An index in the forms of other programs: the lists of md5sum and sha256sum, which `md5sum -c` checks, and JSON.
 */
import {entryOf, type Group} from '../index/group.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {IndexReader} from '../index/read.ts'
import {jsonPath} from '../index/report.ts'
import type {DigestKind} from './digest.ts'

/** `DIGEST  PATH` lines of all files. Paths are absolute where the index begins at `/`. */
export async function* checksumList(text: AsyncIterable<Buffer>, kind: DigestKind): AsyncGenerator<Buffer> {
  const reader = new IndexReader(text, {strict: false})
  for await (const groups of reader.batches()) {
    let lines = ''
    for (const group of groups) {
      const digest = entryOf(group)?.[kind]
      if (digest === undefined) continue
      const path = unescapeText(group.path)
      lines += checksumLine(digest, reader.root === '/' ? path.slice(1) : path)
    }
    yield toBytes(lines)
  }
}

/* A name with a backslash or a line break in it is written with escapes, and the line begins with a backslash. */
function checksumLine(digest: string, path: string): string {
  if (!/[\\\n\r]/.test(path)) return `${digest}  ${path}\n`
  return `\\${digest}  ${path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}\n`
}

/** One JSON object a line: `entry` for each path, at last a `summary`. */
export async function* jsonList(text: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const reader = new IndexReader(text, {strict: false})
  for await (const groups of reader.batches()) yield groups.map(entryAsJson).join('')
  const {entries, partial, digest} = reader.end!
  yield `${JSON.stringify({type: 'summary', ...jsonPath('root', reader.root), entries, unread: partial, sha256: digest})}\n`
}

/** A group as one line of JSON. */
export function entryAsJson(group: Group): string {
  const entry = entryOf(group)
  const {type, mode, link, path: _, ...others} = entry ?? {}
  return `${JSON.stringify({
    type: 'entry',
    ...jsonPath('path', group.path),
    entry_type: type,
    mode: mode === undefined ? undefined : `0${mode.toString(8).padStart(3, '0')}`,
    ...others,
    ...(link === undefined ? {} : jsonPath('link', link)),
    ...commentsAsJson(group),
  })}\n`
}

/* Keys as in the index, with attributes in an object of their own; `left-out` becomes left_out. */
function commentsAsJson({path, comments}: Group): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  const attributes: Record<string, string> = {}
  for (const comment of comments) {
    const word = comment.slice(`#bk ${path} `.length)
    const key = word.slice(0, word.indexOf('='))
    const value = word.slice(key.length + 1)
    if (key.startsWith('xattr.')) attributes[key.slice('xattr.'.length)] = value
    else if (key === 'hardlink') Object.assign(fields, jsonPath(key, value))
    else fields[key.replaceAll('-', '_')] = value
  }
  if (Object.keys(attributes).length > 0) fields['xattrs'] = attributes
  return fields
}
