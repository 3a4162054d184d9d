// What Node's fs lacks, straight from libc by koffi: nanosecond times, extended attributes, fifos and devices, locks, holes, file
// flags, and (in at.ts) the calls relative to a held directory. No other module may import koffi.
//
// koffi takes 10 to 16 ms to load, so that it is loaded by the first call that needs it, never by an import: a run that asks for none
// of this does not pay for it. Every worker thread loads its own. Where koffi has no binary (bk is tested on Linux, x64 and arm64,
// glibc) everything else works, and the first call ends in a BkError that says so.
//
// All calls are synchronous. Paths are bytes, or strings as UTF-8; they must not hold NUL. Errors are those of errno.ts.

import {createRequire} from 'node:module'

import {BkError} from '../cli/errors.ts'
import {systemError, type Path} from './errno.ts'

type Pointer = Uint8Array | BigInt64Array | BigUint64Array | null

/** The C functions used, all but `errno` with the C result: -1 and errno on failure. */
export interface Libc {
  errno(): number
  utimensat(dirFd: number, path: Pointer, times: Pointer, flags: number): number
  futimens(fd: number, times: Pointer): number
  llistxattr(path: Pointer, list: Pointer, size: number): number
  flistxattr(fd: number, list: Pointer, size: number): number
  lgetxattr(path: Pointer, name: Pointer, value: Pointer, size: number): number
  fgetxattr(fd: number, name: Pointer, value: Pointer, size: number): number
  lsetxattr(path: Pointer, name: Pointer, value: Pointer, size: number, flags: number): number
  fsetxattr(fd: number, name: Pointer, value: Pointer, size: number, flags: number): number
  lremovexattr(path: Pointer, name: Pointer): number
  fremovexattr(fd: number, name: Pointer): number
  mkfifoat(dirFd: number, path: Pointer, mode: number): number
  flock(fd: number, operation: number): number
  lseek(fd: number, offset: number, whence: number): number
  ioctl(fd: number, request: number, argument: Pointer): number
  openat(dirFd: number, path: Pointer, flags: number, mode: number): number
  mkdirat(dirFd: number, path: Pointer, mode: number): number
  symlinkat(target: Pointer, dirFd: number, path: Pointer): number
  linkat(oldFd: number, oldPath: Pointer, newFd: number, newPath: Pointer, flags: number): number
  renameat(oldFd: number, oldPath: Pointer, newFd: number, newPath: Pointer): number
  unlinkat(dirFd: number, path: Pointer, flags: number): number
  readlinkat(dirFd: number, path: Pointer, target: Pointer, size: number): number
  fchownat(dirFd: number, path: Pointer, uid: number, gid: number, flags: number): number
  getpwuid_r(uid: number, record: Pointer, text: Pointer, size: number, found: Pointer): number
  getpwnam_r(name: Pointer, record: Pointer, text: Pointer, size: number, found: Pointer): number
  getgrgid_r(gid: number, record: Pointer, text: Pointer, size: number, found: Pointer): number
  getgrnam_r(name: Pointer, record: Pointer, text: Pointer, size: number, found: Pointer): number
  /** syscall(2) as (number, int, pointer, pointer or number, number, number). */
  syscall(number: number, a: number, b: Pointer, c: number, d: number): number
  syscallHow(number: number, dirFd: number, path: Pointer, how: Pointer, size: number): number
  syscallRename(number: number, oldFd: number, oldPath: Pointer, newFd: number, newPath: Pointer, flags: number): number
  syscallStatx(number: number, dirFd: number, path: Pointer, flags: number, mask: number, result: Pointer): number
  /** Where the bytes of a buffer lie in memory. */
  address(buffer: Uint8Array): bigint
}

/** `name: [C symbol, result, arguments]`; i int, u unsigned, l 64 bit, p pointer. */
const signatures: Record<Exclude<keyof Libc, 'errno' | 'address'>, readonly [string, 'i' | 'l', string]> = {
  utimensat: ['utimensat', 'i', 'ippi'],
  futimens: ['futimens', 'i', 'ip'],
  llistxattr: ['llistxattr', 'l', 'ppl'],
  flistxattr: ['flistxattr', 'l', 'ipl'],
  lgetxattr: ['lgetxattr', 'l', 'pppl'],
  fgetxattr: ['fgetxattr', 'l', 'ippl'],
  lsetxattr: ['lsetxattr', 'i', 'pppli'],
  fsetxattr: ['fsetxattr', 'i', 'ippli'],
  lremovexattr: ['lremovexattr', 'i', 'pp'],
  fremovexattr: ['fremovexattr', 'i', 'ip'],
  mkfifoat: ['mkfifoat', 'i', 'ipu'],
  flock: ['flock', 'i', 'ii'],
  lseek: ['lseek', 'l', 'ili'],
  ioctl: ['ioctl', 'i', 'ilp'],
  openat: ['openat', 'i', 'ipiu'],
  mkdirat: ['mkdirat', 'i', 'ipu'],
  symlinkat: ['symlinkat', 'i', 'pip'],
  linkat: ['linkat', 'i', 'ipipi'],
  renameat: ['renameat', 'i', 'ipip'],
  unlinkat: ['unlinkat', 'i', 'ipi'],
  readlinkat: ['readlinkat', 'l', 'ippl'],
  fchownat: ['fchownat', 'i', 'ipuui'],
  getpwuid_r: ['getpwuid_r', 'i', 'upplp'],
  getpwnam_r: ['getpwnam_r', 'i', 'ppplp'],
  getgrgid_r: ['getgrgid_r', 'i', 'upplp'],
  getgrnam_r: ['getgrnam_r', 'i', 'ppplp'],
  syscall: ['syscall', 'l', 'lipll'],
  syscallHow: ['syscall', 'l', 'lippl'],
  syscallRename: ['syscall', 'l', 'lipipl'],
  syscallStatx: ['syscall', 'l', 'lipiup'],
}

const ctypes: Record<string, string> = {i: 'int', u: 'uint32_t', l: 'int64_t', p: 'void *'}

let loaded: Libc | undefined

/** libc, loaded on first use. Throws a BkError where koffi has no binary for this machine. */
export function libc(): Libc {
  return (loaded ??= load())
}

function load(): Libc {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi').default
    // null is the process itself: whichever libc node was linked with.
    const library = koffi.load(null)
    const functions: Record<string, unknown> = {errno: koffi.errno, address: koffi.address}
    for (const [name, [symbol, result, args]] of Object.entries(signatures)) {
      functions[name] = library.func(symbol, ctypes[result]!, [...args].map((letter) => ctypes[letter]!))
    }
    return functions as unknown as Libc
  } catch (cause) {
    throw new BkError('this needs calls of the C library that koffi does not offer here', {
      hint: `koffi has binaries for Linux with glibc on x64 and arm64; run npm ci on this machine (${process.platform}, ${process.arch})`,
      cause,
    })
  }
}

/** AT_FDCWD: paths are relative to the working directory. */
export const cwdFd = -100
export const AT_SYMLINK_NOFOLLOW = 0x100

/** A path as C wants it. A NUL inside would cut it short and name another file: EINVAL. */
export function cstring(path: Path): Buffer {
  const length = typeof path === 'string' ? Buffer.byteLength(path) : path.length
  const bytes = Buffer.allocUnsafe(length + 1)
  if (typeof path === 'string') bytes.write(path, 0)
  else path.copy(bytes, 0)
  bytes[length] = 0
  if (bytes.indexOf(0) !== length) throw systemError(22, 'path', path)
  return bytes
}

/** The result of a C call, or the error that errno names. To be called at once: errno is the thread's. */
export function checked(result: number, syscall: string, path?: Path, dest?: Path): number {
  if (result < 0) throw systemError(libc().errno(), syscall, path, dest)
  return result
}

const billion = 1_000_000_000n

/** UTIME_NOW and UTIME_OMIT of utimensat(2). */
export const timeNow = 'now'
export const timeOmit = 'omit'
/** Nanoseconds since 1970 (negative before), or the current time, or leave as it is. */
export type Time = bigint | typeof timeNow | typeof timeOmit

function timespecs(atime: Time, mtime: Time): BigInt64Array {
  const spec = new BigInt64Array(4)
  for (const [at, time] of [atime, mtime].entries()) {
    if (typeof time !== 'bigint') {
      spec[2 * at + 1] = time === timeNow ? 0x3fffffffn : 0x3ffffffen
      continue
    }
    // The kernel wants 0 <= nanoseconds < 1e9: before 1970 the seconds are floored.
    const nanoseconds = ((time % billion) + billion) % billion
    spec[2 * at] = (time - nanoseconds) / billion
    spec[2 * at + 1] = nanoseconds
  }
  return spec
}

/** Set times to the nanosecond, of a link itself where `path` is one; relative to `dirFd` if given. */
export function utimensat(path: Path, atime: Time, mtime: Time, dirFd = cwdFd): void {
  checked(libc().utimensat(dirFd, cstring(path), timespecs(atime, mtime), AT_SYMLINK_NOFOLLOW), 'utimensat', path)
}

/** Set the times of an open file to the nanosecond. */
export function futimens(fd: number, atime: Time, mtime: Time): void {
  checked(libc().futimens(fd, timespecs(atime, mtime)), 'futimens')
}

/** flock(2) operations. */
export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

/**
 * Lock or unlock an open file, until it is closed or the process ends.
 * With LOCK_NB it answers false when another holds the lock; without, it waits (and blocks this thread).
 */
export function flock(fd: number, operation: number): boolean {
  for (;;) {
    if (libc().flock(fd, operation) === 0) return true
    const errno = libc().errno()
    if (errno === 11 && (operation & LOCK_NB) !== 0) return false
    if (errno !== 4) throw systemError(errno, 'flock')
  }
}

/**
 * The parts of an open file that hold data, as [start, end) in bytes, in order and up to `size`; what lies between is a hole.
 * A file system that does not know holes answers one part. Moves the file's offset: read by position afterwards.
 */
export function dataExtents(fd: number, size: number): (readonly [number, number])[] {
  const SEEK_DATA = 3
  const SEEK_HOLE = 4
  const extents: (readonly [number, number])[] = []
  for (let end = 0; end < size; ) {
    const start = libc().lseek(fd, end, SEEK_DATA)
    if (start < 0) {
      const errno = libc().errno()
      if (errno === 6) break // ENXIO: nothing but a hole up to the end
      if (errno === 22 && end === 0) return [[0, size]]
      throw systemError(errno, 'lseek')
    }
    if (start >= size) break
    end = Math.min(size, checked(libc().lseek(fd, start, SEEK_HOLE), 'lseek'))
    // A file that shrinks meanwhile must not keep us here.
    if (end <= start) break
    extents.push([start, end])
  }
  return extents
}

/** Inode flags (chattr(1)); the bits are those of linux/fs.h. */
export const FS_IMMUTABLE_FL = 0x10
export const FS_APPEND_FL = 0x20
export const FS_NODUMP_FL = 0x40

/** The inode flags of an open file or directory, or undefined where the file system has none. Not for devices: ioctl numbers collide. */
export function getFlags(fd: number): number | undefined {
  const word = new BigInt64Array(1)
  if (libc().ioctl(fd, 0x80086601, word) === 0) return Number(BigInt.asUintN(32, word[0]!))
  const errno = libc().errno()
  if (errno === 25 || errno === 95 || errno === 22 || errno === 38) return undefined // ENOTTY, ENOTSUP, EINVAL, ENOSYS
  throw systemError(errno, 'ioctl')
}

/** Set the inode flags of an open file or directory. */
export function setFlags(fd: number, flags: number): void {
  checked(libc().ioctl(fd, 0x40086602, new BigInt64Array([BigInt(flags)])), 'ioctl')
}

/* By number, because not every libc that koffi runs on has a function for it. */
const statxNumber: Readonly<Record<string, number>> = {x64: 332, arm64: 291}
/* Not a link's target, no automount, and no question to a server: lstat has just asked. */
const statxFlags = AT_SYMLINK_NOFOLLOW | 0x800 | 0x4000

/* A path and a struct statx, only ever used during one call: memory of its own would be a fifth of its time. */
let statxMemory: {readonly path: Buffer; readonly result: Buffer} | undefined

/**
 * Whether a file or directory has the no-dump attribute (chattr +d), by its path and without opening it. False also where the file system
 * or the kernel knows no such attribute; ENOENT and the like are thrown. About 2.3 us a call, as much as lstat.
 */
export function hasNodump(path: Path): boolean {
  const number = statxNumber[process.arch]
  if (number === undefined) return false
  const {path: name, result} = (statxMemory ??= {path: Buffer.alloc(4_096), result: Buffer.alloc(256)})
  const isShort = typeof path === 'string' && 3 * path.length < name.length && !path.includes('\0')
  if (isShort) name[name.write(path)] = 0
  if (libc().syscallStatx(number, cwdFd, isShort ? name : cstring(path), statxFlags, 0, result) < 0) {
    const errno = libc().errno()
    // EPERM: the answer of a container that does not know the call either.
    if (errno === 38 || errno === 1) return false
    throw systemError(errno, 'statx', path)
  }
  // The lowest bytes of stx_attributes and of stx_attributes_mask; the bit is the same as in chattr's flags.
  return (result[8]! & result[56]! & FS_NODUMP_FL) !== 0
}
