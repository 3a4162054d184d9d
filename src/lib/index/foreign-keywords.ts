/*
 * The keywords of mtree lists that an index knows, under all the names and in all the spellings that mtree programs give them. What
 * an index has no word for is skipped; what it knows must make sense.
 */
import {BkError} from '../cli/errors.ts'
import {escapeBytes} from './escape.ts'
import {unvis} from './vis.ts'

/** Values by slot: as they stand on the line of an index, or undefined. */
export type Values = (string | undefined)[]

const WORDS = ['type', 'mode', 'uid', 'gid', 'uname', 'gname', 'size', 'time', 'link', 'device', 'md5', 'sha256', 'flags'] as const

type Word = (typeof WORDS)[number]

const SLOTS = Object.fromEntries(WORDS.map((word, slot) => [word, slot])) as Readonly<Record<Word, number>>
const NAMES: ReadonlyMap<string, Word> = new Map([
  ...WORDS.map((word) => [word, word] as const),
  ['md5digest', 'md5'],
  ['sha256digest', 'sha256'],
])

const READERS: Readonly<Record<Word, (value: string) => string | undefined>> = {
  type: readType,
  mode: readMode,
  uid: (value) => readNumber('uid', value, 0xffff_ffff),
  gid: (value) => readNumber('gid', value, 0xffff_ffff),
  uname: (value) => readBytes('uname', value, 255),
  gname: (value) => readBytes('gname', value, 255),
  size: (value) => readNumber('size', value, Number.MAX_SAFE_INTEGER),
  time: readTime,
  link: (value) => readBytes('link', value, 4096),
  device: readDevice,
  md5: (value) => readDigest('md5', value, 32),
  sha256: (value) => readDigest('sha256', value, 64),
  flags: readFlags,
}

/**
 * Reads `KEY=VALUE` or `KEY` words into `values`, over what is there from `/set`.
 * @throws BkError 65 without the line number
 */
export function readKeywords(words: readonly string[], values: Values): void {
  const before = [...values]
  let seen = 0
  for (const word of words) {
    const equals = word.indexOf('=')
    const key = equals < 0 ? word : word.slice(0, equals)
    const name = NAMES.get(key)
    if (name === undefined) {
      if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(key)) throw bad('not a keyword', word)
      continue
    }
    if (equals < 0) throw bad('keyword without a value', word)
    const value = READERS[name](word.slice(equals + 1))
    const slot = SLOTS[name]
    if ((seen & (1 << slot)) !== 0 && values[slot] !== value) throw bad('keyword is there twice', word)
    seen |= 1 << slot
    values[slot] = value
  }
  for (const [a, b] of OWNERS) {
    forgetOther(a, b)
    forgetOther(b, a)
  }

  function forgetOther(given: number, other: number): void {
    if ((seen & (1 << given)) !== 0 && (seen & (1 << other)) === 0 && values[given] !== before[given]) values[other] = undefined
  }
}

// A number and a name say the same: who gives one for a file does not mean the other that was set for all.
const OWNERS = [[SLOTS.uid, SLOTS.uname], [SLOTS.gid, SLOTS.gname]] as const

/** Forgets the values of the keywords that `/unset` names. Throws BkError 65 without the line number. */
export function unsetKeywords(words: readonly string[], values: Values): void {
  for (const word of words) {
    if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(word)) throw bad('not a keyword', word)
    const name = NAMES.get(word)
    if (word === 'all') values.fill(undefined)
    else if (name !== undefined) values[SLOTS[name]] = undefined
  }
}

/**
 * What the values say of a path, as foreign-record.ts has it. Where the type is missing, what only one type has tells it.
 * @throws BkError 65 without the line number when a link has no target or a device no number
 */
export function factsOf(path: string, values: Values): string {
  const value = (name: Word): string | undefined => values[SLOTS[name]]
  const type = value('type') ?? guessType(path, values)
  if (type === 'socket') return 'type=socket'
  let facts = `type=${type}`
  const put = (name: Word): void => {
    if (value(name) !== undefined) facts += ` ${name}=${value(name)}`
  }
  put('mode')
  put('uid')
  put('gid')
  if (isPlain(value('uname'))) put('uname')
  if (isPlain(value('gname'))) put('gname')
  if (type === 'file') put('size')
  put('time')
  if (type === 'link') need('link', 'link without its target')
  if (type === 'char' || type === 'block') need('device', 'device without its number')
  if (type === 'file') {
    put('md5')
    put('sha256')
  }
  if (!isPlain(value('uname'))) facts += ` #uname=${value('uname')}`
  if (!isPlain(value('gname'))) facts += ` #gname=${value('gname')}`
  if (value('flags') !== undefined) facts += ` #flags=${value('flags')}`
  return facts

  function need(name: Word, words: string): void {
    if (value(name) === undefined) throw new BkError(`${words}: ${escapeBytes(path.slice(0, 200))}`, {status: 65, hint: `list it with ${name}=`})
    put(name)
  }
}

function guessType(path: string, values: Values): string {
  if (values[SLOTS.link] !== undefined) return 'link'
  if ([SLOTS.size, SLOTS.md5, SLOTS.sha256].some((slot) => values[slot] !== undefined)) return 'file'
  return path === '.' ? 'dir' : '?'
}

// Only such names may stand on the line of an index.
function isPlain(name: string | undefined): boolean {
  return name === undefined || /^[A-Za-z0-9._-]+$/.test(name)
}

function bad(words: string, value: string): BkError {
  return new BkError(`${words}: ${escapeBytes(value.slice(0, 120)).replaceAll('\\075', '=')}`, {status: 65})
}

const TYPES = new Set(['file', 'dir', 'link', 'fifo', 'char', 'block', 'socket'])

function readType(value: string): string {
  if (!TYPES.has(value)) throw bad('unknown type', value)
  return value
}

function readMode(value: string): string {
  const digits = /^0*([0-7]{0,4})$/.exec(value)?.[1]
  if (value === '' || digits === undefined) throw bad('mode is not octal, of twelve bits', value)
  return '0' + digits.padStart(3, '0')
}

function readNumber(name: string, value: string, most: number): string {
  const digits = /^0*([0-9]{1,16})$/.exec(value)?.[1]
  if (digits === undefined || Number(digits) > most) throw bad(`bad ${name}`, value)
  return digits
}

// bsdtar and NetBSD's mtree write nanoseconds after the point, some without leading zeros, and read them so: `.5` is five. With
// more than nine digits, as find(1) writes them, they can only be a fraction.
function readTime(value: string): string {
  const [, sign, seconds, digits = ''] = /^(-?)0*([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value) ?? []
  if (seconds === undefined || digits.length > 100) throw bad('bad time', value)
  return `${seconds === '0' ? '' : sign}${seconds}.${digits.slice(0, 9).padStart(9, '0')}`
}

function readBytes(name: string, value: string, most: number): string {
  const bytes = unvis(value)
  if (bytes === '' || bytes.length > most || bytes.includes('\0')) throw bad(`bad ${name}`, value)
  return escapeBytes(bytes)
}

function readDigest(name: string, value: string, length: number): string {
  const digits = value.startsWith('0x') ? value.slice(2) : value
  if (digits.length !== length || !/^[0-9a-fA-F]*$/.test(digits)) throw bad(`bad ${name}`, value)
  return digits.toLowerCase()
}

const NUMBER = '(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})'
const DEVICE = new RegExp(`^(?:[a-z0-9]+,${NUMBER},${NUMBER}|${NUMBER})$`)

// A bare number is a dev_t; of all systems' layouts only that of Linux can be meant here.
function readDevice(value: string): string {
  const [, major, minor, whole] = DEVICE.exec(value) ?? []
  const numbers = whole === undefined ? [bigint(major), bigint(minor)] : linuxDevice(bigint(whole) ?? -1n)
  const [first, second] = numbers
  if (first === undefined || second === undefined || [first, second].some((number) => number < 0n || number > 0xffff_ffffn)) throw bad('bad device', value)
  return `native,${first},${second}`
}

/* As strtoul reads it: hexadecimal behind 0x, octal behind 0. */
function bigint(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined
  if (!/^0[0-9]/.test(text)) return BigInt(text)
  return /^[0-7]+$/.test(text) ? BigInt(`0o${text}`) : undefined
}

function linuxDevice(device: bigint): [bigint, bigint] {
  if (device < 0n || device > 0xffff_ffff_ffff_ffffn) return [-1n, -1n]
  return [((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n), (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)]
}

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  immutable: ['schg', 'schange', 'simmutable', 'uchg', 'uchange', 'uimmutable', 'immutable'],
  append: ['sappnd', 'sappend', 'uappnd', 'uappend', 'append'],
  nodump: ['nodump'],
}

// Flags that an index has no word for are skipped as keywords are.
function readFlags(value: string): string | undefined {
  if (!/^[a-z0-9,]*$/.test(value)) throw bad('bad flags', value)
  const given = value.split(',')
  const known = Object.keys(FLAGS).filter((flag) => FLAGS[flag]!.some((name) => given.includes(name)))
  return known.length === 0 ? undefined : known.join(',')
}
