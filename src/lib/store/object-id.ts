/*
 * The one place where an object gets its id. In a plain store that is the sha256 of its bytes; a sealed store will put an
 * HMAC over that digest here, which is why everything above asks for ids and nobody hashes for himself.
 */
import {hash} from 'node:crypto'

/** The id of an object's bytes, as hex. */
export function objectId(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** The id of the object whose bytes have this sha256. */
export function idOfDigest(sha256: string): string {
  return sha256
}
