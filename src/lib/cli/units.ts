/**
 * The two grammars for quantities on a command line, the same everywhere: sizes and ages. Pure: text in, numbers out.
 */
import {usageError} from './errors.ts'

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['K', 2 ** 10],
  ['M', 2 ** 20],
  ['G', 2 ** 30],
  ['T', 2 ** 40],
])

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/* The letters of rdiff-backup, where m is minutes and M is months of 30 days; min, d, w and y are taken as well. */
const ageUnits: ReadonlyMap<string, number> = new Map([
  ['s', 1],
  ['m', minute],
  ['min', minute],
  ['h', hour],
  ['D', day],
  ['d', day],
  ['W', 7 * day],
  ['w', 7 * day],
  ['M', 30 * day],
  ['Y', 365 * day],
  ['y', 365 * day],
])

/** A size in bytes: a whole number, alone or with K, M, G or T (200G is 200 * 2^30). Throws a usage error for anything else. */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)$/.exec(text)
  const bytes = match === null ? Number.NaN : Number(match[1]) * (sizeUnits.get(match[2] ?? '') ?? Number.NaN)
  if (!Number.isSafeInteger(bytes)) throw usageError(`not a size: ${text}`, 'a size is a number of bytes, or one with K, M, G or T: 200G')
  return bytes
}

/** An age in seconds: numbers, each with a letter of s m h D W M Y (also min d w y), as in 3D or 1D12h. Throws a usage error for anything else. */
export function parseAge(text: string): number {
  const seconds = /^(?:\d+(?:min|[smhDdWwMYy]))+$/.test(text) ? sumOfAges(text) : Number.NaN
  if (!Number.isSafeInteger(seconds)) {
    throw usageError(`not an age: ${text}`, 'an age is a number with one of s m h D W M Y: 3D, or 1D12h (m is minutes, M months)')
  }
  return seconds
}

function sumOfAges(text: string): number {
  let seconds = 0
  for (const [, digits, letter] of text.matchAll(/(\d+)(\D+)/g)) seconds += Number(digits) * (ageUnits.get(letter ?? '') ?? Number.NaN)
  return seconds
}

/** A whole number from `min` to `max`. Throws a usage error for anything else. */
export function parseWhole(text: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  throw usageError(`not a whole number ${range}: ${text}`)
}

/** A number of bytes for people, in the letters of `parseSize`: 1.2G, 34M, 512. */
export function formatSize(bytes: number): string {
  let value = bytes
  let letter = ''
  for (const next of ['K', 'M', 'G', 'T']) {
    // From 999.5 on three digits would be rounded up to four.
    if (value < 999.5) break
    value /= 1024
    letter = next
  }
  if (letter === '') return String(Math.round(value))
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${letter}`
}

/** A number of seconds for people: 0:07, 12:30, 1:02:03. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const [hours = 0, minutes = 0, rest = 0] = parts
  const tail = String(rest).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
}
