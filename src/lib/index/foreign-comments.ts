/*
 * The comments that NetBSD's mtree and bsdtar's mtree-classic put around a directory hold its path as it is, newlines and all: a
 * directory named `x\n./etc/passwd type=file` would write entries into the list. This finds where such a comment really ends.
 *
 *     # ./new                    a comment of two lines: the path is that of the entry that follows
 *     line inside
 *     new\nline\sinside type=dir
 */
import {unvis} from './vis.ts'

/** A line as it is in the list. */
export interface Line {
  readonly text: string
  readonly number: number
}

const LONGEST_NAME = 255
// What may stand between a comment and its entry: `/set` and `/unset`.
const DIRECTIVES = 2

/**
 * Says how many lines a comment takes, from the first of `lines` on; 0 for a line that is no such comment, undefined when more lines
 * have to be seen first.
 * @param directory the path of the directory that the comment stands in, bytes as latin1
 * @param last whether no lines will follow
 */
export function commentLength(lines: readonly Line[], directory: string, last: boolean): number | undefined {
  let text = COMMENT.exec(lines[0]!.text)?.[1]
  if (text === undefined || !isPartOf(text, directory)) return 0
  if (text === directory) return 1
  let length = 1
  for (let next = 1; isPartOf(text, directory); next++) {
    if (lines.length <= next + DIRECTIVES && !last) return undefined
    if (lines.length <= next) break
    // The last that fits: a name may hold what looks like the line that follows a shorter one.
    if (isClosed(text, directory, lines[next]!) || isOpened(text, directory, lines, next)) length = next
    text += '\n' + lines[next]!.text
  }
  return length
}

const COMMENT = /^ *# (\.[^]*)$/

/* Whether the path of the directory, or of one in it, may begin with this text. */
function isPartOf(text: string, directory: string): boolean {
  const child = directory + '/'
  if (text.startsWith(child)) return text.length <= child.length + LONGEST_NAME
  return text === directory || child.startsWith(text + '\n')
}

function isClosed(text: string, directory: string, next: Line): boolean {
  return text === directory && next.text.trim() === '..'
}

function isOpened(text: string, directory: string, lines: readonly Line[], next: number): boolean {
  let at = next
  while (at < next + DIRECTIVES && /^[ \t]*\/(?:un)?set[ \t]/.test(lines[at]?.text ?? '')) at++
  const word = /^[ \t]*([^ \t]+)/.exec(lines[at]?.text ?? '')?.[1]
  if (word === undefined) return false
  try {
    return text === `${directory}/${unvis(word)}`
  } catch {
    return false
  }
}
