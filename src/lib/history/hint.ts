/*
 * What is said when all versions were told of: which paths there are not, and what to type next. It works as it stands here, whatever a
 * file is called. Pure.
 */
import {escapeName, oneLine} from '../cli/escape.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {shellWords} from '../keys/quoting.ts'
import {newestStored, type FileHistory} from './find.ts'
import {patternBelow, patternOfName} from './pattern.ts'
import {isStored} from './versions.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Outcome} from './answer.ts'

/** What was asked, in bytes as typed. */
export interface Asked {
  readonly store: Uint8Array
  /** Undefined where paths were named. */
  readonly pattern: Uint8Array | undefined
  /** Whether all snapshots could be read. */
  readonly isWhole: boolean
}

/** Missing paths that are named. */
const MOST_NAMED = 20

/** What is not there, a line each. */
export function absences({count, missing}: Outcome, {pattern, isWhole}: Asked): string[] {
  const none = isWhole ? 'no snapshot has' : 'no snapshot that can be read has'
  if (pattern !== undefined) return count > 0 ? [] : [`${none} a path that matches ${escapeName(pattern)}`]
  const more = missing.length - MOST_NAMED
  return [...missing.slice(0, MOST_NAMED).map((path) => `${none} ${escapeName(toBytes(path))}`), ...(more > 0 ? [`nor ${more} more of these paths`] : [])]
}

/** What to type next, a line each. */
export function hints({missing, example, directory, count}: Outcome, {store, pattern}: Asked): string[] {
  const find = (text: string): string => `bk log ${word(store)} --find ${word(toBytes(text))}`
  const lines: string[] = []
  if (pattern !== undefined && count === 0) lines.push("a pattern is for the whole name: '*letter*' is sought everywhere, '/etc/*' from the root of the snapshots")
  const name = missing[0]?.split('/').findLast((part) => part !== '' && part !== '.')
  if (name !== undefined) lines.push(`look for that name everywhere: ${find(patternOfName(name))}`)
  if (directory !== undefined) lines.push(`what lies in it: ${find(patternBelow(directory))}`)
  const command = example === undefined ? undefined : restoreCommand(store, example)
  if (command !== undefined) lines.push(`get ${count > 1 ? 'one of them' : 'it'} back: ${command}`)
  return lines
}

/*
 * The command that restores what somebody most likely looks for: what is gone from the newest snapshot, or else what was before the
 * version that is there. Undefined where there is nothing to get.
 */
function restoreCommand(store: Uint8Array, history: FileHistory): string | undefined {
  const seq = wantedSnapshot(history)?.seq
  if (seq === undefined) return undefined
  const path = unescapeText(history.path).replace(/^\.\/(?!-)/, '')
  return `bk restore ${word(Buffer.concat([store, Buffer.from(`@${seq}`)]))} ${word(toBytes(path))} --to DIR`
}

function wantedSnapshot(history: FileHistory): SnapshotRecord | undefined {
  const {snapshots, versions} = history
  const newest = newestStored(history)
  if (newest === undefined) return undefined
  const isThere = newest.last === snapshots.length - 1
  const earlier = isThere ? versions.slice(0, versions.indexOf(newest)).findLast(isStored) : undefined
  return snapshots[(earlier ?? newest).last]
}

/* Bytes as a word of a shell: bare where that is the same, in quotes, and where it cannot be printed in those of bash, zsh and ksh. */
function word(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  const isPrintable = Buffer.from(text).equals(bytes) && oneLine(text) === text
  if (!isPrintable) return `$'${Buffer.from(bytes).toString('latin1').replaceAll(/[^ -~]|[\\']/g, octal)}'`
  return /^[\w/.,:@%+-]+$/.test(text) ? text : shellWords([text])
}

function octal(character: string): string {
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
}
