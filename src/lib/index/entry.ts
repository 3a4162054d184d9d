/*
 * One entry's line (docs/format.md, 2.1): parsing is strict, so that what parses prints back byte for byte. Keywords that
 * are unknown for a source (SFTP has no names, a checksum list only a digest) are undefined.
 */
import {BkError} from '../cli/errors.ts'
import {isEscaped} from './escape.ts'
import {pathProblem} from './path.ts'

export type EntryType = 'file' | 'dir' | 'link' | 'fifo' | 'char' | 'block'

/** An entry's line in parts. Paths, names and link targets are escaped text. */
export interface Entry {
  readonly path: string
  readonly type: EntryType
  /** The low twelve bits. */
  readonly mode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly uname?: string | undefined
  readonly gname?: string | undefined
  readonly size?: number | undefined
  /** Seconds with nine digits, as on the line. */
  readonly time?: string | undefined
  readonly link?: string | undefined
  readonly device?: {readonly major: number; readonly minor: number} | undefined
  readonly md5?: string | undefined
  readonly sha256?: string | undefined
}

const NUMBER = '(?:0|[1-9][0-9]{0,15})'
// Floored: what is negative is at most -1.
const TIME = String.raw`(?:0|-?[1-9][0-9]{0,15})\.[0-9]{9}`
const LINE = new RegExp(
  String.raw`^(\.[!-~]*) type=(file|dir|link|fifo|char|block)` +
    String.raw`(?: mode=0([1-7]?[0-7]{3}))?(?: uid=(${NUMBER}))?(?: gid=(${NUMBER}))?` +
    String.raw`(?: uname=([A-Za-z0-9._-]+))?(?: gname=([A-Za-z0-9._-]+))?` +
    String.raw`(?: size=(${NUMBER}))?(?: time=(${TIME}))?` +
    String.raw`(?: link=([!-~]+))?(?: device=native,(${NUMBER}),(${NUMBER}))?` +
    String.raw`(?: md5=([0-9a-f]{32}))?(?: sha256=([0-9a-f]{64}))?$`,
)

// What stands behind the path of nearly every line: a file or a directory as `bk index` writes it, with numbers that are exact.
const OWNER = String.raw` mode=0[1-7]?[0-7]{3} uid=(?:0|[1-9][0-9]{0,9}) gid=(?:0|[1-9][0-9]{0,9})(?: uname=[A-Za-z0-9._-]+)?(?: gname=[A-Za-z0-9._-]+)?`
const USUAL = new RegExp(` type=(?:file${OWNER} size=(?:0|[1-9][0-9]{0,14}) time=${TIME}(?: sha256=[0-9a-f]{64})?|dir${OWNER} time=${TIME})$`, 'y')

/**
 * Holds a line to the grammar as `parseEntryLine` does, at a third of its cost because nothing is taken apart.
 * @param path what the line begins with, which `pathProblem` takes
 * @throws BkError 65 without a line number
 */
export function checkEntryLine(line: string, path: string): void {
  USUAL.lastIndex = path.length
  if (!USUAL.test(line)) parseEntryLine(line)
}

/**
 * Parses one entry line.
 * @throws BkError 65 without a line number; readers add it.
 */
export function parseEntryLine(line: string): Entry {
  const match = LINE.exec(line)
  if (match === null) throw lineProblem(line)
  const [, path, type, mode, uid, gid, uname, gname, size, time, link, major, minor, md5, sha256] = match
  const problem = pathProblem(path!)
  if (problem !== undefined) throw new BkError(`${problem}: ${path!.slice(0, 200)}`, {status: 65})
  const entry: Entry = {
    path: path!,
    type: type as EntryType,
    mode: mode === undefined ? undefined : parseInt(mode, 8),
    uid: number(uid),
    gid: number(gid),
    uname,
    gname,
    size: number(size),
    time,
    link,
    device: major === undefined ? undefined : {major: number(major)!, minor: number(minor)!},
    md5,
    sha256,
  }
  const wrong = misplaced(entry)
  if (wrong !== undefined) throw new BkError(`${wrong}: ${path!.slice(0, 200)}`, {status: 65})
  return entry
}

function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  // Sixteen digits may be more than a number holds exactly.
  if (value > Number.MAX_SAFE_INTEGER) throw new BkError(`number is too large: ${text}`, {status: 65})
  return value
}

function misplaced(entry: Entry): string | undefined {
  const {type} = entry
  if (type !== 'file' && (entry.size ?? entry.md5 ?? entry.sha256) !== undefined) return `size and digest do not go with type=${type}`
  if ((type === 'link') !== (entry.link !== undefined)) return 'link= goes with type=link and with nothing else'
  if ((type === 'char' || type === 'block') !== (entry.device !== undefined)) return 'device= goes with devices and with nothing else'
  if (entry.link !== undefined && (!isEscaped(entry.link) || entry.link.includes('\\000'))) return 'link target is not escaped as bk escapes'
  return undefined
}

function lineProblem(line: string): BkError {
  const path = line.split(' ', 1)[0]!
  const problem = pathProblem(path)
  if (problem !== undefined) return new BkError(`${problem}: ${path.slice(0, 200)}`, {status: 65})
  return new BkError(`not an entry of an index: ${line.slice(0, 120)}`, {status: 65})
}

/** Prints an entry's line, without LF, in its one spelling. */
export function formatEntry(entry: Entry): string {
  let line = `${entry.path} type=${entry.type}`
  if (entry.mode !== undefined) line += ` mode=0${entry.mode.toString(8).padStart(3, '0')}`
  if (entry.uid !== undefined) line += ` uid=${entry.uid}`
  if (entry.gid !== undefined) line += ` gid=${entry.gid}`
  if (entry.uname !== undefined) line += ` uname=${entry.uname}`
  if (entry.gname !== undefined) line += ` gname=${entry.gname}`
  if (entry.size !== undefined) line += ` size=${entry.size}`
  if (entry.time !== undefined) line += ` time=${entry.time}`
  if (entry.link !== undefined) line += ` link=${entry.link}`
  if (entry.device !== undefined) line += ` device=native,${entry.device.major},${entry.device.minor}`
  if (entry.md5 !== undefined) line += ` md5=${entry.md5}`
  if (entry.sha256 !== undefined) line += ` sha256=${entry.sha256}`
  return line
}

/** Formats nanoseconds since 1970 as the value of `time=`: seconds floored, always nine digits. */
export function formatTime(nanoseconds: bigint): string {
  const billion = 1_000_000_000n
  let seconds = nanoseconds / billion
  let rest = nanoseconds % billion
  if (rest < 0n) {
    rest += billion
    seconds -= 1n
  }
  return `${seconds}.${rest.toString().padStart(9, '0')}`
}

/** Nanoseconds since 1970 of a `time=` value. */
export function parseTime(time: string): bigint {
  const [seconds, digits] = time.split('.') as [string, string]
  return BigInt(seconds) * 1_000_000_000n + BigInt(digits)
}
