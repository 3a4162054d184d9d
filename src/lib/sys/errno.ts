// One shape for every failed system call. What libc.ts calls itself must fail exactly as node:fs does ({code, errno, syscall, path}),
// and both must have a name: libuv does not know all of Linux's numbers, so that a full quota or a damaged file system would
// otherwise reach the user (and an index) as "Unknown system error -122".

import {getSystemErrorMap} from 'node:util'

/** A path as the kernel takes it: bytes, or a string that is encoded as UTF-8. */
export type Path = string | Buffer

/** A failed system call, from node:fs or from libc.ts. `errno` is negative, as in Node. */
export interface SystemError extends Error {
  code: string
  errno: number
  syscall: string
  path?: string
  dest?: string
}

/** Linux numbers that matter to a backup and that libuv has no name for; the same on x64 and arm64. */
const unknownToNode = new Map<number, readonly [string, string]>([
  [6, ['ENXIO', 'no such device or address']],
  [52, ['EBADE', 'invalid exchange']],
  [74, ['EBADMSG', 'bad message']],
  [112, ['EHOSTDOWN', 'host is down']],
  [116, ['ESTALE', 'stale file handle']],
  [117, ['EUCLEAN', 'file system is damaged']],
  [122, ['EDQUOT', 'disk quota exceeded']],
  [123, ['ENOMEDIUM', 'no medium found']],
  [124, ['EMEDIUMTYPE', 'wrong medium type']],
  [126, ['ENOKEY', 'required key not available']],
  [127, ['EKEYEXPIRED', 'key has expired']],
  [128, ['EKEYREVOKED', 'key has been revoked']],
  [129, ['EKEYREJECTED', 'key was rejected']],
])

/** What libuv calls by the name of its socket cousin. */
const betterWords = new Map<string, string>([['ENOTSUP', 'operation not supported']])

let table: Map<number, readonly [string, string]> | undefined

function lookUp(errno: number): readonly [string, string] | undefined {
  table ??= getSystemErrorMap() as Map<number, [string, string]>
  return table.get(-errno) ?? unknownToNode.get(errno)
}

/**
 * The error of a system call, as node:fs throws it.
 * `errno` is positive, as errno(3) has it; paths are only for the message and for `path` and `dest`.
 */
export function systemError(errno: number, syscall: string, path?: Path, dest?: Path): SystemError {
  const [code, words] = lookUp(errno) ?? [`errno ${errno}`, 'unknown error']
  const where = path === undefined ? '' : ` '${path.toString()}'${dest === undefined ? '' : ` -> '${dest.toString()}'`}`
  const error = new Error(`${code}: ${betterWords.get(code) ?? words}, ${syscall}${where}`) as SystemError
  error.errno = -errno
  error.code = code
  error.syscall = syscall
  if (path !== undefined) error.path = path.toString()
  if (dest !== undefined) error.dest = dest.toString()
  return error
}

/** The name of what went wrong (`ENOSPC`, `EDQUOT`), or undefined if `error` is not of a system call. */
export function errnoName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const {code, errno} = error as Partial<SystemError>
  if (typeof errno === 'number' && errno < 0) return lookUp(-errno)?.[0] ?? code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}

/** What went wrong in the words users know (`no space left on device`); for other errors their message. */
export function errnoWords(error: unknown): string {
  const errno = (error as Partial<SystemError> | undefined)?.errno
  const found = typeof errno === 'number' && errno < 0 ? lookUp(-errno) : undefined
  if (found) return betterWords.get(found[0]) ?? found[1]
  return error instanceof Error ? error.message : String(error)
}
