/*
 * Which sets of a store keys may push to, and under which limits, as authorized_keys says: the only place that knows of a host that has
 * never pushed.
 */
import {errorCode} from '../cli/errors.ts'
import {readAuthorizedKeys} from '../keys/authorized-file.ts'
import {keyLines} from '../keys/authorized-keys.ts'
import {expiryAsIso} from '../keys/expiry.ts'
import {parseGrants, type Grants} from '../keys/grants.ts'
import {parseAddress} from '../store/address.ts'
import {stricter} from '../store/limits.ts'
import {calls} from '../sys/calls.ts'
import type {Limits} from '../store/settings.ts'

/** What a key may add to. The path of the store is one character per byte. */
export type Granted = NonNullable<Grants['receive']>

/**
 * What the lines by bk in a file grant; those of keys that have expired are left out.
 * @param now seconds since 1970
 * @throws BkError 2 when it cannot be read
 */
export function grantedIn(file: string, now: number): Granted[] {
  return keyLines(readAuthorizedKeys(file)).flatMap(({restricted}) => {
    if (restricted === undefined || isExpired(restricted.expires, now)) return []
    const receive = parseGrants(restricted.words)?.receive
    return receive === undefined ? [] : [receive]
  })
}

function isExpired(expires: string | undefined, now: number): boolean {
  const last = expires === undefined ? Number.NaN : Date.parse(expiryAsIso(expires) ?? '') / 1000
  return last < now
}

/** Of some grants those for the store at an address, by set: the limits of the strictest key. A store on another machine has none here. */
export function grantsOf(address: string, granted: readonly Granted[]): Map<string, Limits> {
  const parsed = parseAddress(address)
  const place = parsed.kind === 'local' ? placeOf(parsed.path) : undefined
  const sets = new Map<string, Limits>()
  if (place === undefined) return sets
  for (const {store, set, limits} of granted) {
    if (placeOf(Buffer.from(store, 'latin1')) === place) sets.set(set, stricter(sets.get(set) ?? {}, limits))
  }
  return sets
}

/* Which directory it is, by whatever path; undefined where there is none. */
function placeOf(path: string | Buffer): string | undefined {
  try {
    const {dev, ino} = calls.stat(path)
    return `${dev}.${ino}`
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return undefined
  }
}
