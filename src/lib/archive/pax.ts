/*
 * Headers of a tar in the pax format (POSIX.1, pax), to the byte. Pure: the same member gives the same bytes.
 *
 * What a ustar header can hold stands there, names of any bytes included, since both GNU tar and bsdtar take those as they are. What it cannot
 * hold stands in an extended header before it. Numbers too large for their field stand in both, in the field as GNU writes them.
 * Strings are bytes, a character each.
 */
import {isUtf8} from 'node:buffer'
import {toBytes} from '../index/escape.ts'
import {parseTime} from '../index/entry.ts'

export const BLOCK = 512

/** What a member is, by its letter in the header. */
export const TYPES = {file: '0', hardlink: '1', link: '2', char: '3', block: '4', dir: '5', fifo: '6'} as const

/** A key of an extended header and its value. */
export type PaxRecord = readonly [key: string, value: string]

export interface Member {
  /** Ends in `/` for a directory. */
  readonly path: string
  readonly type: keyof typeof TYPES
  /** The low twelve bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname?: string | undefined
  readonly gname?: string | undefined
  /** Bytes that follow the header. */
  readonly size: number
  /** As in an index: seconds floored, nine digits. */
  readonly time: string
  /** Target of a link; of a hard link the path of another member. */
  readonly link?: string | undefined
  readonly device?: {readonly major: number; readonly minor: number} | undefined
  /** What an extended header says beside. */
  readonly records?: readonly PaxRecord[]
  /** Size of a file with holes, whose map is in what follows the header (GNU's format 1.0). */
  readonly sparse?: number | undefined
}

const NAME = 100
const PREFIX = 155
const OWNER = 31
const LARGEST_SHORT = 0o7777777
const LARGEST_LONG = 0o77777777777

/** The header of a member, with its extended header before it. */
export function memberHeader(member: Member): Buffer {
  const {name, records} = placeNames(member)
  const more = [...records, ...numberRecords(member), ...(member.records ?? [])]
  const header = ustarHeader({...member, path: name.name, prefix: name.prefix})
  return more.length === 0 ? header : Buffer.concat([extended('x', `PaxHeaders/${baseOf(member.path).slice(0, 80)}`, more, member.time), header])
}

/** A header whose words hold for the whole archive and change nothing: what people may want to know of it. */
export function globalComment(text: string): Buffer {
  return extended('g', 'pax_global_header', [['comment', text]], '0.000000000')
}

/** Zeros up to the next block. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

/** The map that stands before the data of a file with holes. */
export function sparseMap(extents: readonly (readonly [start: number, end: number])[], size: number): Buffer {
  const last = extents.at(-1)
  // A hole at the end needs an entry that says where the file ends.
  const all = last !== undefined && last[1] === size ? extents : [...extents, [size, size] as const]
  const text = `${all.length}\n${all.map(([start, end]) => `${start}\n${end - start}\n`).join('')}`
  const map = Buffer.alloc(text.length + paddingOf(text.length))
  map.write(text, 'latin1')
  return map
}

interface Split {
  readonly prefix: string
  readonly name: string
}

/* Cuts a path at a slash, so that both parts have room; undefined where there is no such slash. */
function splitPath(path: string): Split | undefined {
  if (path.length <= NAME) return {prefix: '', name: path}
  if (path.length > PREFIX + 1 + NAME) return undefined
  // Behind the slash stands a name, not nothing.
  const slash = path.indexOf('/', path.length - NAME - 1)
  return slash <= 0 || slash > PREFIX || slash >= path.length - 1 ? undefined : {prefix: path.slice(0, slash), name: path.slice(slash + 1)}
}

/* Where the strings of a member go. */
function placeNames({path, link, uname = '', gname = '', sparse}: Member): {readonly name: Split; readonly records: readonly PaxRecord[]} {
  const records: PaxRecord[] = []
  let name = splitPath(path)
  if (sparse !== undefined) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', path], ['GNU.sparse.realsize', String(sparse)])
    // Who does not know of holes gets map and data under a name that says so.
    const other = `${path.slice(0, path.lastIndexOf('/') + 1)}GNUSparseFile.0/${baseOf(path)}`
    name = splitPath(other) ?? {prefix: '', name: `GNUSparseFile.0/${baseOf(path)}`.slice(0, NAME)}
  } else if (name === undefined) records.push(['path', path])
  if (link !== undefined && link.length > NAME) records.push(['linkpath', link])
  if (uname.length > OWNER) records.push(['uname', uname])
  if (gname.length > OWNER) records.push(['gname', gname])
  // Without this what is no UTF-8 is none of pax's business.
  if (records.some(([, value]) => !isUtf8(toBytes(value)))) records.unshift(['hdrcharset', 'BINARY'])
  return {name: name ?? {prefix: '', name: path.slice(0, NAME)}, records}
}

function baseOf(path: string): string {
  const whole = path.endsWith('/') ? path.slice(0, -1) : path
  return whole.slice(whole.lastIndexOf('/') + 1)
}

function numberRecords({size, uid, gid, time}: Member): PaxRecord[] {
  const records: PaxRecord[] = []
  if (size > LARGEST_LONG) records.push(['size', String(size)])
  if (uid > LARGEST_SHORT) records.push(['uid', String(uid)])
  if (gid > LARGEST_SHORT) records.push(['gid', String(gid)])
  if (secondsOf(time) === undefined || !time.endsWith('.000000000')) records.push(['mtime', paxTime(time)])
  return records
}

/* The seconds of a time, if the field holds them. */
function secondsOf(time: string): number | undefined {
  const seconds = Number(time.slice(0, -10))
  return seconds >= 0 && seconds <= LARGEST_LONG ? seconds : undefined
}

/** A time as pax writes it: a decimal number, so that before 1970 the fraction counts away from it. */
export function paxTime(time: string): string {
  if (!time.startsWith('-')) return withoutZeros(time)
  const before = (-parseTime(time)).toString().padStart(10, '0')
  return withoutZeros(`-${before.slice(0, -9)}.${before.slice(-9)}`)
}

/* Of nine digits behind a point those that say something. */
function withoutZeros(decimal: string): string {
  return decimal.replace(/\.?0{1,9}$/, '')
}

/** A record of an extended header: its own length in decimal, key and value. */
export function paxRecord([key, value]: PaxRecord): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + String(rest.length).length
  // The digits count themselves.
  if (String(length).length + rest.length > length) length++
  return `${length}${rest}`
}

function extended(type: 'x' | 'g', path: string, records: readonly PaxRecord[], time: string): Buffer {
  const text = records.map(paxRecord).join('')
  const header = ustarHeader({path, prefix: '', letter: type, mode: 0o644, uid: 0, gid: 0, size: text.length, time})
  const result = Buffer.alloc(BLOCK + text.length + paddingOf(text.length))
  header.copy(result)
  result.write(text, BLOCK, 'latin1')
  return result
}

interface Ustar extends Omit<Member, 'type'> {
  readonly prefix: string
  readonly type?: Member['type']
  readonly letter?: 'x' | 'g'
}

function ustarHeader(member: Ustar): Buffer {
  const {path, prefix, type, letter, mode, uid, gid, uname = '', gname = '', size, time, link = '', device = {major: 0, minor: 0}} = member
  const block = Buffer.alloc(BLOCK)
  block.latin1Write(path, 0, NAME)
  writeNumber(block, 100, 8, mode)
  writeNumber(block, 108, 8, uid)
  writeNumber(block, 116, 8, gid)
  writeNumber(block, 124, 12, size)
  writeNumber(block, 136, 12, secondsOf(time) ?? 0)
  block.latin1Write(letter ?? TYPES[type!], 156)
  block.latin1Write(link, 157, NAME)
  block.latin1Write('ustar\x0000', 257)
  if (uname.length <= OWNER) block.latin1Write(uname, 265)
  if (gname.length <= OWNER) block.latin1Write(gname, 297)
  writeNumber(block, 329, 8, device.major)
  writeNumber(block, 337, 8, device.minor)
  block.latin1Write(prefix, 345, PREFIX)
  block.latin1Write('        ', 148)
  let sum = 0
  for (const byte of block) sum += byte
  block.latin1Write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/* Octal, or where that has no room the bytes of the number behind a byte 0x80, as GNU writes it and bsdtar reads it. */
function writeNumber(block: Buffer, at: number, width: number, value: number): void {
  const octal = value.toString(8)
  if (octal.length < width) {
    block.latin1Write(`${octal.padStart(width - 1, '0')}\0`, at)
    return
  }
  block[at] = 0x80
  for (let i = width - 1, rest = BigInt(value); i > 0; i--, rest >>= 8n) block[at + i] = Number(rest & 0xffn)
}
