/*
 * What a foreign list says of one path, as one line of text, so that sorting brings together what belongs together: the path, the
 * number of the line it comes from, and what is known, in the order of an entry's line. Records of one path are joined into one;
 * where they contradict each other the list is refused, because nobody can tell which of them is true.
 *
 *     ./a 000000h type=file mode=0644 #uname=a\040b
 *
 * `#` marks what becomes a comment, `type=?` a type that is not known yet, and nothing at all a directory that the list does not
 * name itself: something lies below it.
 */
import {BkError} from '../cli/errors.ts'
import {formatComment, NO_COMMENTS, type Group} from './group.ts'
import {atLine} from './lines.ts'

const DIGITS = 7

/** All that is known of one path. */
export interface Known {
  readonly path: string
  readonly number: number
  /** `type=file mode=0644 …`, or nothing for a directory that is only implied. */
  readonly facts: string
}

/** A record as a line for sorting. */
export function formatRecord(path: string, number: number, facts: string): string {
  return `${path} ${number.toString(36).padStart(DIGITS, '0')} ${facts}`
}

/** A line of sorted records in parts. */
export function parseRecord(line: string): Known {
  const space = line.indexOf(' ')
  const facts = space + DIGITS + 2
  return {path: line.slice(0, space), number: parseInt(line.slice(space + 1, facts - 1), 36), facts: line.slice(facts)}
}

/**
 * What two records of one path say together. `later` is the one that stands further down in the list.
 * @throws BkError 65 with the line of the later one when they contradict each other
 */
export function joinRecords(earlier: Known, later: Known): Known {
  const facts = joinFacts(earlier.facts, later.facts)
  if (facts !== undefined) return {path: later.path, number: later.number, facts}
  const implied = earlier.facts === '' || later.facts === ''
  const words = implied ? 'something lies below what is no directory' : 'duplicate path with other content'
  throw atLine(later.number, new BkError(`${words}: ${later.path.slice(0, 200)}`, {status: 65}))
}

function joinFacts(a: string, b: string): string | undefined {
  if (a === b) return a
  if (a === '' || b === '') return implied(a + b)
  const known = mapOf(a)
  for (const [key, fact] of mapOf(b)) {
    const other = known.get(key)
    if (other === undefined || other === 'type=?') known.set(key, fact)
    else if (other !== fact && fact !== 'type=?') return undefined
  }
  return ORDER.map((key) => known.get(key)).filter((fact) => fact !== undefined).join(' ')
}

function implied(facts: string): string | undefined {
  if (facts.startsWith('type=?')) return 'type=dir' + facts.slice(6)
  return facts.startsWith('type=dir') ? facts : undefined
}

const ORDER = ['type', 'mode', 'uid', 'gid', 'uname', 'gname', 'size', 'time', 'link', 'device', 'md5', 'sha256', 'flags']

function mapOf(facts: string): Map<string, string> {
  return new Map(facts.split(' ').map((fact) => [/[a-z0-9]+/.exec(fact)![0], fact]))
}

/**
 * The lines of an index that a record becomes.
 * @throws BkError 65 with the line number when the list does not say what it is
 */
export function groupOf({path, number, facts}: Known): Group {
  if (facts === '') return {path, line: `${path} type=dir`, comments: NO_COMMENTS}
  if (facts.startsWith('type=?')) throw atLine(number, new BkError(`no type: ${path.slice(0, 200)}`, {status: 65, hint: 'list it with type='}))
  if (facts.startsWith('type=socket')) return {path, line: '', comments: [formatComment(path, 'left-out', 'socket')]}
  const line = `${path} ${facts}`
  if (!line.includes('#')) return {path, line, comments: NO_COMMENTS}
  const all = facts.split(' ')
  const comments = all.filter((fact) => fact.startsWith('#')).sort()
  return {
    path,
    line: `${path} ${all.filter((fact) => !fact.startsWith('#')).join(' ')}`,
    comments: comments.map((fact) => `#bk ${path} ${fact.slice(1)}`),
  }
}
