/*
 * The digest of a file that is compared with what is said of it.
 */
import {isSystemError} from '../cli/errors.ts'
import {calls} from '../sys/calls.ts'
import type {createDigester} from '../source/digest.ts'

/** The digest of a file; undefined where it cannot be read. */
export function digestOf(place: Buffer, digest: ReturnType<typeof createDigester>): string | undefined {
  try {
    const stats = calls.lstatOrNone(place)
    return stats === undefined ? undefined : digest(place, stats)?.digest
  } catch (error) {
    if (!isSystemError(error)) throw error
    return undefined
  }
}
