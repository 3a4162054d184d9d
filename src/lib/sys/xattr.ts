// Extended attributes, which Node's fs does not have. POSIX ACLs come and go with them, as system.posix_acl_access and _default;
// so do capabilities (security.capability) and labels. Names are bytes without their NUL, values are any bytes, both as the kernel
// has them. A path that is a link means the link itself, never what it points to.

import {systemError, type Path} from './errno.ts'
import {checked, cstring, libc} from './libc.ts'

/** One attribute of a file. */
export interface Xattr {
  readonly name: Buffer
  readonly value: Buffer
}

const ENODATA = 61
const ERANGE = 34
const ENOTSUP = 95

/** Where the kernel writes to; one for each thread, since nothing else runs during a call. XATTR_SIZE_MAX and XATTR_LIST_MAX are 64 KiB. */
let scratch: Buffer | undefined

/** Run a call that fills a buffer until it fits: answers a copy of what it wrote, or minus errno. */
function filled(call: (buffer: Buffer) => number): Buffer | number {
  scratch ??= Buffer.allocUnsafeSlow(65_536)
  for (;;) {
    const length = call(scratch)
    if (length >= 0) return Buffer.from(scratch.subarray(0, length))
    const errno = libc().errno()
    // Some network file systems allow more than Linux's own.
    if (errno !== ERANGE || scratch.length >= 2 ** 26) return -errno
    scratch = Buffer.allocUnsafeSlow(4 * scratch.length)
  }
}

function list(file: Path | number): Buffer | number {
  if (typeof file === 'number') return filled((buffer) => libc().flistxattr(file, buffer, buffer.length))
  const path = cstring(file)
  return filled((buffer) => libc().llistxattr(path, buffer, buffer.length))
}

function get(file: Path | number, name: Path): Buffer | number {
  const key = cstring(name)
  if (typeof file === 'number') return filled((buffer) => libc().fgetxattr(file, key, buffer, buffer.length))
  const path = cstring(file)
  return filled((buffer) => libc().lgetxattr(path, key, buffer, buffer.length))
}

function bytesOf(result: Buffer | number, syscall: string, file: Path | number): Buffer {
  if (typeof result === 'number') throw systemError(-result, syscall, typeof file === 'number' ? undefined : file)
  return result
}

/** "a\0b\0" as names. */
function names(listed: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let start = 0; start < listed.length; ) {
    const end = listed.indexOf(0, start)
    found.push(listed.subarray(start, end))
    start = end + 1
  }
  return found
}

/** The names of a file's attributes, in the file system's order. ENOTSUP where it has none at all. */
export function llistxattr(path: Path): Buffer[] {
  return names(bytesOf(list(path), 'llistxattr', path))
}

export function flistxattr(fd: number): Buffer[] {
  return names(bytesOf(list(fd), 'flistxattr', fd))
}

/** The value of an attribute; ENODATA when the file has no such attribute. */
export function lgetxattr(path: Path, name: Path): Buffer {
  return bytesOf(get(path, name), 'lgetxattr', path)
}

export function fgetxattr(fd: number, name: Path): Buffer {
  return bytesOf(get(fd, name), 'fgetxattr', fd)
}

/** Set an attribute, new or not. */
export function lsetxattr(path: Path, name: Path, value: Uint8Array): void {
  checked(libc().lsetxattr(cstring(path), cstring(name), value, value.length, 0), 'lsetxattr', path)
}

export function fsetxattr(fd: number, name: Path, value: Uint8Array): void {
  checked(libc().fsetxattr(fd, cstring(name), value, value.length, 0), 'fsetxattr')
}

/** Remove an attribute; ENODATA when the file has no such attribute. */
export function lremovexattr(path: Path, name: Path): void {
  checked(libc().lremovexattr(cstring(path), cstring(name)), 'lremovexattr', path)
}

export function fremovexattr(fd: number, name: Path): void {
  checked(libc().fremovexattr(fd, cstring(name)), 'fremovexattr')
}

/**
 * All attributes of a file, given by name (a link itself) or by descriptor, sorted by the bytes of their names.
 * None where the file system has no attributes; one that vanishes while we read is left out. Other errors are thrown.
 */
export function readXattrs(file: Path | number): Xattr[] {
  const listed = list(file)
  if (listed === -ENOTSUP) return []
  const all: Xattr[] = []
  for (const name of names(bytesOf(listed, 'listxattr', file))) {
    const value = get(file, name)
    if (value === -ENODATA) continue
    all.push({name, value: bytesOf(value, 'getxattr', file)})
  }
  return all.sort((a, b) => Buffer.compare(a.name, b.name))
}

/** What calls.ts offers of this. */
export const xattrCalls = {
  llistxattr, flistxattr, lgetxattr, fgetxattr, lsetxattr, fsetxattr, lremovexattr, fremovexattr, readXattrs,
}
