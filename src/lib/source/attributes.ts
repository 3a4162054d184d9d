/*
 * Which extended attributes an index has: those with a meaning for whoever owns the file (user, trusted), POSIX ACLs and
 * capabilities. Security labels are the business of the machine a file is restored on. koffi is loaded with the first
 * question, so a run that finds nothing new never pays for it.
 */
import {errnoName, type Path} from '../sys/errno.ts'
import {readXattrs, type Xattr} from '../sys/xattr.ts'

const wanted = /^(?:user\.|trusted\.|system\.posix_acl_(?:access|default)$|security\.capability$)/

/** Whether a call on a path that was there failed because it is not any more: gone, or what was a directory above it is a file or a link. */
export function isGone(errno: string): boolean {
  return errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ELOOP'
}

/** The attributes of a thing, a link's own, or why they cannot be read. Throws when there is no such thing (any more). */
export function attributesOf(path: Path): {readonly xattrs: readonly Xattr[]; readonly error: Error | undefined} {
  try {
    const all = readXattrs(path)
    return {xattrs: all.length === 0 ? all : all.filter(({name}) => wanted.test(name.toString('latin1'))), error: undefined}
  } catch (error) {
    const name = errnoName(error)
    if (name === undefined || isGone(name) || !(error instanceof Error)) throw error
    return {xattrs: [], error}
  }
}
