/*
 * Which errors mean that something is damaged, and which that it cannot be looked at: who may not read a store, or has lost the connection
 * to it, is not told that all of it is broken.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {exitStatus} from '../cli/exit.ts'

/** Missing, something else than a file, or unreadable for the disk. */
const CODES: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EIO', 'EUCLEAN', 'EBADMSG', 'ENODATA', 'ENXIO', 'EREMOTEIO'])

/** Whether an error says that something is not as it should be. */
export function isDamage(error: unknown): boolean {
  if (error instanceof BkError) return error.status === exitStatus.badInput
  const code = errorCode(error)
  return code !== undefined && CODES.has(code)
}
