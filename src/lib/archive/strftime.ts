/*
 * Times in names, in the letters of strftime(3) and date(1), as they are in the C locale. Pure: the time zone is an argument.
 */
import {usageError} from '../cli/errors.ts'
import {toWall} from '../store/when.ts'

const DAY = 86_400_000
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

type Letter = (wall: Date, east: number, moment: number) => string

const two = (value: number): string => String(value).padStart(2, '0')

/* `wall` is what the clock shows, as if it were UTC; `east` minutes east of Greenwich. */
const LETTERS: ReadonlyMap<string, Letter> = new Map<string, Letter>([
  ['Y', (wall) => String(wall.getUTCFullYear()).padStart(4, '0')],
  ['C', (wall) => two(Math.floor(wall.getUTCFullYear() / 100))],
  ['y', (wall) => two(wall.getUTCFullYear() % 100)],
  ['m', (wall) => two(wall.getUTCMonth() + 1)],
  ['b', (wall) => MONTHS[wall.getUTCMonth()]!.slice(0, 3)],
  ['h', (wall) => MONTHS[wall.getUTCMonth()]!.slice(0, 3)],
  ['B', (wall) => MONTHS[wall.getUTCMonth()]!],
  ['d', (wall) => two(wall.getUTCDate())],
  ['j', (wall) => String(dayOfYear(wall)).padStart(3, '0')],
  ['a', (wall) => DAYS[wall.getUTCDay()]!.slice(0, 3)],
  ['A', (wall) => DAYS[wall.getUTCDay()]!],
  ['u', (wall) => String(wall.getUTCDay() || 7)],
  ['w', (wall) => String(wall.getUTCDay())],
  ['G', (wall) => String(thursday(wall).getUTCFullYear()).padStart(4, '0')],
  ['g', (wall) => two(thursday(wall).getUTCFullYear() % 100)],
  ['V', (wall) => two(Math.ceil(dayOfYear(thursday(wall)) / 7))],
  ['H', (wall) => two(wall.getUTCHours())],
  ['I', (wall) => two(wall.getUTCHours() % 12 || 12)],
  ['p', (wall) => (wall.getUTCHours() < 12 ? 'AM' : 'PM')],
  ['M', (wall) => two(wall.getUTCMinutes())],
  ['S', (wall) => two(wall.getUTCSeconds())],
  ['s', (_, __, moment) => String(Math.floor(moment / 1000))],
  ['z', (_, east) => `${east < 0 ? '-' : '+'}${two(Math.floor(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`],
  ['%', () => '%'],
])
/** Letters that stand for several. */
const JOINED: ReadonlyMap<string, string> = new Map([
  ['F', '%Y-%m-%d'],
  ['R', '%H:%M'],
  ['T', '%H:%M:%S'],
])

/**
 * Replaces the letters behind `%`.
 * @param moment milliseconds since 1970
 * @param timeZone IANA name
 * @throws BkError 64 for a letter that means nothing in a name
 */
export function strftime(format: string, moment: number, timeZone: string): string {
  const shown = toWall(moment, timeZone)
  const wall = new Date(shown)
  const east = Math.round((shown - moment) / 60_000)
  return format.replace(/%(.?)/gs, (both, letter: string) => {
    const joined = JOINED.get(letter)
    if (joined !== undefined) return strftime(joined, moment, timeZone)
    const value = LETTERS.get(letter)
    if (value === undefined) throw usageError(`no such letter of a time: ${both}`, 'as in date(1): %F is 2026-11-22, %H%M 0830; %% is a per cent sign')
    return value(wall, east, moment)
  })
}

function dayOfYear(wall: Date): number {
  return Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0)) / DAY) + 1
}

/* The Thursday of the same week: an ISO week belongs to the year that it is in. */
function thursday(wall: Date): Date {
  return new Date(wall.getTime() + (4 - (wall.getUTCDay() || 7)) * DAY)
}
