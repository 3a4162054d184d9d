/*
 * The values of mtree keywords in all the spellings that programs use, made into the one that an index has.
 */
import {BkError} from '../cli/errors.ts'
import {escapeBytes} from './escape.ts'
import {unvis} from './vis.ts'

/** The keywords that an index knows. */
export type Word = 'type' | 'mode' | 'uid' | 'gid' | 'uname' | 'gname' | 'size' | 'time' | 'link' | 'device' | 'md5' | 'sha256' | 'flags'

/** What a value is on the line of an index; undefined where it says nothing. They throw BkError 65 without the line number. */
export const READERS: Readonly<Record<Word, (value: string) => string | undefined>> = {
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

/** The error for a word that makes no sense, without the line number. */
export function badValue(words: string, value: string): BkError {
  return new BkError(`${words}: ${escapeBytes(value.slice(0, 120)).replaceAll('\\075', '=')}`, {status: 65})
}

const TYPES = new Set(['file', 'dir', 'link', 'fifo', 'char', 'block', 'socket'])

function readType(value: string): string {
  if (!TYPES.has(value)) throw badValue('unknown type', value)
  return value
}

function readMode(value: string): string {
  const digits = /^0*([0-7]{0,4})$/.exec(value)?.[1]
  if (value === '' || digits === undefined) throw badValue('mode is not octal, of twelve bits', value)
  return '0' + digits.padStart(3, '0')
}

function readNumber(name: string, value: string, most: number): string {
  const digits = /^0*([0-9]{1,16})$/.exec(value)?.[1]
  if (digits === undefined || Number(digits) > most) throw badValue(`bad ${name}`, value)
  return digits
}

// bsdtar and NetBSD's mtree write nanoseconds after the point, some without leading zeros, and read them so: `.5` is five. With
// more than nine digits, as find(1) writes them, they can only be a fraction.
function readTime(value: string): string {
  const [, sign, seconds, digits = ''] = /^(-?)0*([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value) ?? []
  if (seconds === undefined || digits.length > 100) throw badValue('bad time', value)
  return `${seconds === '0' ? '' : sign}${seconds}.${digits.slice(0, 9).padStart(9, '0')}`
}

function readBytes(name: string, value: string, most: number): string {
  const bytes = unvis(value)
  if (bytes === '' || bytes.length > most || bytes.includes('\0')) throw badValue(`bad ${name}`, value)
  return escapeBytes(bytes)
}

function readDigest(name: string, value: string, length: number): string {
  const digits = value.startsWith('0x') ? value.slice(2) : value
  if (digits.length !== length || !/^[0-9a-fA-F]*$/.test(digits)) throw badValue(`bad ${name}`, value)
  return digits.toLowerCase()
}

const NUMBER = '(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})'
const DEVICE = new RegExp(`^(?:[a-z0-9]+,${NUMBER},${NUMBER}|${NUMBER})$`)

// A bare number is a dev_t; of all systems' layouts only that of Linux can be meant here.
function readDevice(value: string): string {
  const [, major, minor, whole] = DEVICE.exec(value) ?? []
  const numbers = whole === undefined ? [bigint(major), bigint(minor)] : linuxDevice(bigint(whole) ?? -1n)
  if (numbers.some((number) => number === undefined || number < 0n || number > 0xffff_ffffn)) throw badValue('bad device', value)
  return `native,${numbers.join(',')}`
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
  if (!/^[a-z0-9,]*$/.test(value)) throw badValue('bad flags', value)
  const given = value.split(',')
  const known = Object.keys(FLAGS).filter((flag) => FLAGS[flag]!.some((name) => given.includes(name)))
  return known.length === 0 ? undefined : known.join(',')
}
