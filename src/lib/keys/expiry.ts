/**
 * When a key shall stop working, as sshd's expiry-time takes it. Dates and ages are those of WHEN, but ages go forward. Pure.
 */
import {usageError} from '../cli/errors.ts'
import {momentOf, tryWhen} from '../store/when.ts'

const HINT = 'a date (2027-03-31: to the end of that day), a time (2027-03-31T12:00), or an age from now on: 90d, 6M, 1Y'
const MILLENNIUM = {months: 12_000, seconds: 1000 * 366 * 86_400}

/**
 * @param now nanoseconds since 1970
 * @param timeZone IANA name of the zone that a date is in
 * @returns YYYYMMDDHHMMSSZ, the last second at which the key works
 * @throws a usage error for what is no time, or past
 */
export function expiryTime(text: string, now: bigint, timeZone: string): string {
  const when = tryWhen(text)
  if (when === undefined || (when.kind !== 'age' && when.kind !== 'moment')) throw usageError(`not a time to expire at: ${text}`, HINT)
  if (when.kind === 'age' && (when.months > MILLENNIUM.months || when.seconds > MILLENNIUM.seconds)) throw tooLate(text)
  const ahead = when.kind === 'age' ? {...when, months: -when.months, seconds: -when.seconds} : when
  const moment = momentOf(ahead, now, timeZone) ?? Number.NaN
  if (!(moment > Number(now / 1_000_000n))) throw usageError(`${text} is past already: the key would never work`, HINT)
  const digits = new Date(moment).toISOString().replaceAll(/[-:T]/g, '')
  // Years have four digits there.
  if (!/^\d{14}\./.test(digits)) throw tooLate(text)
  return `${digits.slice(0, 14)}Z`
}

function tooLate(text: string): Error {
  return usageError(`${text} is too far ahead`, 'leave out --expires for a key that does not expire')
}

/** `20270331235959Z` as 2027-03-31T23:59:59Z; undefined for what is not in that form. */
export function expiryAsIso(expires: string): string | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(expires)
  if (parts === null) return undefined
  const [, year, month, day, hour, minute, second] = parts
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
}
