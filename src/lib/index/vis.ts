/*
 * The escapes of vis(3), in which mtree programs write the bytes of names: NetBSD and FreeBSD as `\s`, `\n`, `\#`, `\^A`, `\M-C`,
 * bsdtar as three octal digits. All styles are read, since a list does not say which one it is in. Text is latin1, a character a byte.
 */
import {BkError} from '../cli/errors.ts'
import {escapeBytes} from './escape.ts'

const BACKSLASH = 92
const HASH = 35

const LETTERS: Readonly<Record<string, string>> = {
  a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', s: ' ', t: '\t', v: '\v', E: '\x1b',
  // `vis -l` marks the end of a line so.
  $: '',
}

const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(M?\^)([?-~])|M-([!-~])|([abfnrstvE$])|([^\0-\x20\x7f0-9A-Za-z^]))/y

/**
 * The bytes that an escaped text stands for.
 * @throws BkError 65, without a line number, for an escape that vis(3) does not write
 */
export function unvis(text: string): string {
  let start = text.indexOf('\\')
  if (start < 0) return text
  let bytes = ''
  let at = 0
  while (start >= 0) {
    ESCAPE.lastIndex = start
    const match = ESCAPE.exec(text)
    if (match === null) throw unknownEscape(text.slice(start, start + 4))
    bytes += text.slice(at, start) + meaning(match)
    at = start + match[0].length
    start = text.indexOf('\\', at)
  }
  return bytes + text.slice(at)
}

function meaning([whole, octal, hex, control, controlled, meta, letter, other]: RegExpExecArray): string {
  if (octal !== undefined) return byte(parseInt(octal, 8), whole)
  if (hex !== undefined) return byte(parseInt(hex, 16), whole)
  if (controlled !== undefined) return byte((control === '^' ? 0 : 0x80) | (controlled === '?' ? 0x7f : controlled.charCodeAt(0) & 0x1f), whole)
  if (meta !== undefined) return byte(0x80 | meta.charCodeAt(0), whole)
  if (letter !== undefined) return LETTERS[letter] ?? ''
  return other ?? ''
}

function byte(value: number, whole: string): string {
  if (value > 0xff) throw unknownEscape(whole)
  return String.fromCharCode(value)
}

/** The error for an escape that a format does not have. Its backslash is shown as it is, other bytes as an index has them. */
export function unknownEscape(text: string): BkError {
  return new BkError(`unknown escape: ${escapeBytes(text).replaceAll('\\134', '\\')}`, {status: 65})
}

/** What counts of one line of an mtree list, and whether it goes on in the next. */
export interface Cut {
  readonly text: string
  readonly continues: boolean
}

/**
 * Cuts a line at its comment (`#` anywhere, unless escaped) and takes the backslash off that joins it to the next. Looks at whole
 * escapes: in `\M-#` and at the end of `\M^\` stand bytes of a name, though the program that writes them trips over them itself.
 */
export function cutComment(line: string): Cut {
  let at = 0
  while (at < line.length) {
    const code = line.charCodeAt(at)
    if (code === HASH) return {text: line.slice(0, at), continues: false}
    if (code !== BACKSLASH) at++
    else if (at === line.length - 1) return {text: line.slice(0, at), continues: true}
    else at = endOfEscape(line, at)
  }
  return {text: line, continues: false}
}

function endOfEscape(line: string, at: number): number {
  const next = line[at + 1]
  if (next === '^') return at + 3
  const meta = next === 'M' && (line[at + 2] === '-' || line[at + 2] === '^')
  return at + (meta ? 4 : 2)
}
