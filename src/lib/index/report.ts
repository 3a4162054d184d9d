/*
 * What changes look like to people and to other programs: names, a summary, JSON.
 */
import {unescapeText} from './escape.ts'
import {commentValue, entryOf, type Group} from './group.ts'
import type {Change, Mark} from './changes.ts'

/** Counts and sizes of changes. */
export interface Summary {
  readonly new: number
  readonly changed: number
  readonly metadata: number
  readonly moved: number
  readonly gone: number
  readonly unread: number
  /** Size of the files whose content is new or changed. */
  readonly bytes: number
}

const KIND: Readonly<Record<Mark, Exclude<keyof Summary, 'bytes'>>> = {'+': 'new', '~': 'changed', '=': 'metadata', '>': 'moved', '-': 'gone', '!': 'unread'}

/** Sums changes up. */
export class Tally {
  readonly #counts = {new: 0, changed: 0, metadata: 0, moved: 0, gone: 0, unread: 0, bytes: 0}

  add({mark, group}: Change): void {
    this.#counts[KIND[mark]]++
    if ((mark === '+' || mark === '~') && group.line !== '') this.#counts.bytes += entryOf(group)!.size ?? 0
  }

  get summary(): Summary {
    return {...this.#counts}
  }
}

/** A summary in words, `12 new, 3 changed (1,204,224 bytes), 1 gone`; `nothing changed` when it is so. */
export function summaryWords(summary: Summary): string {
  const {bytes} = summary
  const words = [
    count(summary.new, 'new'),
    count(summary.changed, 'changed'),
    count(summary.moved, 'moved'),
    count(summary.metadata, 'with other metadata'),
    count(summary.gone, 'gone'),
    count(summary.unread, 'not readable'),
  ].filter((word) => word !== '')
  if (words.length === 0) return 'nothing changed'
  return `${words.join(', ')}; ${bytes.toLocaleString('en-US')} bytes of content are new`
}

function count(n: number, what: string): string {
  return n === 0 ? '' : `${n.toLocaleString('en-US')} ${what}`
}

/** A path as JSON: a string where it is UTF-8, its bytes in base64 where it is not. */
export function jsonPath(key: string, path: string): Record<string, string> {
  const bytes = Buffer.from(unescapeText(path), 'latin1')
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? {[key]: text} : {[`${key}_base64`]: bytes.toString('base64')}
}

/** A change as one line of JSON. */
export function changeAsJson({mark, group}: Change): string {
  const entry = entryOf(group)
  const from = commentValue(group, 'from')
  const error = commentValue(group, 'error')
  return `${JSON.stringify({
    type: 'change',
    change: KIND[mark],
    ...jsonPath('path', group.path),
    ...(from === undefined ? {} : jsonPath('from', from)),
    ...(entry === undefined ? {} : {entry_type: entry.type, size: entry.size, time: entry.time, sha256: entry.sha256}),
    ...(error === undefined ? {} : {error}),
  })}\n`
}

/** A path as a record of its own: escaped and ended by LF, or raw and ended by NUL. */
export function pathRecord(group: Group, raw: boolean): string | Uint8Array {
  return raw ? Buffer.from(`${unescapeText(group.path)}\0`, 'latin1') : `${group.path}\n`
}
