// Calls relative to a held directory. A restore may run while somebody plants links in the tree: whoever opens "dir/leaf" by its
// path can be sent anywhere. Here a directory is opened once, link by link refused, and everything in it is named by that
// descriptor and one plain leaf, so that it stays in that directory whatever happens to the paths above.
//
// A leaf is one name: no slash, not empty, not "." or "..". That is checked here again, at the last moment, whoever checked before.
// Measured against node:fs on /proc/self/fd/N/leaf: half the time for a call, and no need for a mounted /proc.

import fs, {type BigIntStats} from 'node:fs'

import {systemError, type Path} from './errno.ts'
import {AT_SYMLINK_NOFOLLOW, checked, cstring, cwdFd, libc, utimensat, type Time} from './libc.ts'

const {O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY} = fs.constants
const O_CLOEXEC = 0x80000
const O_PATH = 0x200000
const AT_REMOVEDIR = 0x200

const ENOSYS = 38
const EAGAIN = 11
const EINTR = 4
const EINVAL = 22

/** Numbers of syscall(2) for what older glibc does not export; openat2 and fchmodat2 are the same everywhere. */
const numbers: Record<string, {readonly mknodat: number; readonly renameat2: number}> = {
  x64: {mknodat: 259, renameat2: 316},
  arm64: {mknodat: 33, renameat2: 276},
}
const SYS_openat2 = 437
const SYS_fchmodat2 = 452

function numberOf(call: 'mknodat' | 'renameat2'): number {
  const here = numbers[process.arch]
  if (!here) throw systemError(ENOSYS, call)
  return here[call]
}

function leafBytes(leaf: Path): Buffer {
  const bytes = cstring(leaf)
  const dots = bytes.length <= 3 && bytes[0] === 0x2e && (bytes.length === 2 || bytes[1] === 0x2e)
  if (bytes.length === 1 || dots || bytes.includes(0x2f)) throw systemError(EINVAL, 'leaf', leaf)
  return bytes
}

/** A name below /proc for the calls that have no form for held directories (xattrs of links, readdir). */
export function heldPath(dirFd: number, leaf?: Path): Buffer {
  const dir = Buffer.from(`/proc/self/fd/${dirFd}`)
  return leaf === undefined ? dir : Buffer.concat([dir, Buffer.from('/'), leafBytes(leaf).subarray(0, -1)])
}

/** Open `leaf` in a held directory; a link there is refused (ELOOP, with O_DIRECTORY ENOTDIR) unless flags hold O_PATH. */
export function openat(dirFd: number, leaf: Path, flags: number, mode = 0): number {
  const name = leafBytes(leaf)
  for (;;) {
    const fd = libc().openat(dirFd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode)
    if (fd >= 0) return fd
    const errno = libc().errno()
    if (errno !== EINTR) throw systemError(errno, 'openat', leaf)
  }
}

/** Hold a directory inside a held directory; a link in its place is refused. */
export function openDirAt(dirFd: number, leaf: Path): number {
  return openat(dirFd, leaf, O_RDONLY | O_DIRECTORY)
}

let kernelResolves: boolean | undefined

/** Does openat2(2) work here? Linux 5.6; containers may forbid it. Asked once. */
function hasOpenat2(): boolean {
  if (kernelResolves === undefined) {
    const fd = openBeneathByKernel(cwdFd, Buffer.from('.\0'), O_PATH, 0)
    kernelResolves = fd >= 0
    if (fd >= 0) fs.closeSync(fd)
  }
  return kernelResolves
}

function openBeneathByKernel(dirFd: number, path: Buffer, flags: number, mode: number): number {
  const RESOLVE_NO_MAGICLINKS = 0x02
  const RESOLVE_NO_SYMLINKS = 0x04
  const RESOLVE_BENEATH = 0x08
  // struct open_how; a mode without O_CREAT is EINVAL.
  const how = new BigUint64Array([
    BigInt(flags | O_CLOEXEC),
    BigInt((flags & O_CREAT) === 0 ? 0 : mode),
    BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
  ])
  return libc().syscallHow(SYS_openat2, dirFd, path, how, how.byteLength)
}

function openBeneathBySteps(dirFd: number, path: Path, flags: number, mode: number): number {
  const parts = splitPath(path)
  const leaf = parts.pop()!
  let held = dirFd
  try {
    for (const part of parts) {
      // O_PATH: a directory that may be passed but not listed is no obstacle, as for the kernel.
      const next = openat(held, part, O_PATH | O_DIRECTORY)
      if (held !== dirFd) fs.closeSync(held)
      held = next
    }
    return openat(held, leaf, flags, mode)
  } finally {
    if (held !== dirFd) fs.closeSync(held)
  }
}

function splitPath(path: Path): Buffer[] {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path
  const parts: Buffer[] = []
  for (let start = 0; start <= bytes.length; ) {
    const slash = bytes.indexOf(0x2f, start)
    const end = slash < 0 ? bytes.length : slash
    parts.push(bytes.subarray(start, end))
    start = end + 1
  }
  return parts
}

/**
 * Open `path` (relative, several names) below a held directory, refusing every link on the way and at its end.
 * One call where the kernel has openat2, else name by name; `byKernel` is for tests.
 */
export function openBeneath(dirFd: number, path: Path, flags: number, mode = 0, byKernel = hasOpenat2()): number {
  // Both ways refuse the same paths: each part must be a plain name.
  const parts = splitPath(path)
  for (const part of parts) leafBytes(part)
  if (!byKernel) return openBeneathBySteps(dirFd, path, flags, mode)
  const name = cstring(path)
  for (let tries = 0; ; tries += 1) {
    const fd = openBeneathByKernel(dirFd, name, flags | O_NOFOLLOW, mode)
    if (fd >= 0) return fd
    const errno = libc().errno()
    // EAGAIN: something was renamed meanwhile and the kernel could not be sure.
    if (errno !== EINTR && (errno !== EAGAIN || tries > 100)) throw systemError(errno, 'openat2', path)
  }
}

/** What is at `leaf`, a link itself; undefined if nothing is. */
export function lstatat(dirFd: number, leaf: Path): BigIntStats | undefined {
  const fd = libc().openat(dirFd, leafBytes(leaf), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)
  if (fd < 0) {
    const errno = libc().errno()
    if (errno === 2) return undefined
    throw systemError(errno, 'lstatat', leaf)
  }
  try {
    return fs.fstatSync(fd, {bigint: true})
  } finally {
    fs.closeSync(fd)
  }
}

export function mkdirat(dirFd: number, leaf: Path, mode: number): void {
  checked(libc().mkdirat(dirFd, leafBytes(leaf), mode), 'mkdirat', leaf)
}

export function symlinkat(target: Path, dirFd: number, leaf: Path): void {
  checked(libc().symlinkat(cstring(target), dirFd, leafBytes(leaf)), 'symlinkat', target, leaf)
}

/** Hard link; if the old name is a link, the link itself gets the second name. */
export function linkat(oldFd: number, oldLeaf: Path, newFd: number, newLeaf: Path): void {
  checked(libc().linkat(oldFd, leafBytes(oldLeaf), newFd, leafBytes(newLeaf), 0), 'linkat', oldLeaf, newLeaf)
}

/** Rename over whatever is there. */
export function renameat(oldFd: number, oldLeaf: Path, newFd: number, newLeaf: Path): void {
  checked(libc().renameat(oldFd, leafBytes(oldLeaf), newFd, leafBytes(newLeaf)), 'renameat', oldLeaf, newLeaf)
}

/** Rename, EEXIST if something is there; EINVAL where the file system cannot. */
export function renameNewAt(oldFd: number, oldLeaf: Path, newFd: number, newLeaf: Path): void {
  const RENAME_NOREPLACE = 1
  const result = libc().syscallRename(numberOf('renameat2'), oldFd, leafBytes(oldLeaf), newFd, leafBytes(newLeaf), RENAME_NOREPLACE)
  checked(result, 'renameat2', oldLeaf, newLeaf)
}

export function unlinkat(dirFd: number, leaf: Path): void {
  checked(libc().unlinkat(dirFd, leafBytes(leaf), 0), 'unlinkat', leaf)
}

export function rmdirat(dirFd: number, leaf: Path): void {
  checked(libc().unlinkat(dirFd, leafBytes(leaf), AT_REMOVEDIR), 'rmdirat', leaf)
}

/** Where a link points, as bytes; EINVAL if it is none. */
export function readlinkat(dirFd: number, leaf: Path): Buffer {
  const name = leafBytes(leaf)
  for (let size = 4_096; ; size *= 4) {
    const target = Buffer.allocUnsafe(size)
    const length = checked(libc().readlinkat(dirFd, name, target, size), 'readlinkat', leaf)
    if (length < size) return target.subarray(0, length)
  }
}

/** Change owner and group (-1: leave), of a link itself. Clears set-id bits: set the mode afterwards. */
export function fchownat(dirFd: number, leaf: Path, uid: number, gid: number): void {
  checked(libc().fchownat(dirFd, leafBytes(leaf), uid, gid, AT_SYMLINK_NOFOLLOW), 'fchownat', leaf)
}

/** Change the mode of what is not a link (ENOTSUP for one): for fifos and devices, which must not be opened. */
export function fchmodat(dirFd: number, leaf: Path, mode: number): void {
  const name = leafBytes(leaf)
  if (libc().syscall(SYS_fchmodat2, dirFd, name, mode, AT_SYMLINK_NOFOLLOW) === 0) return
  const errno = libc().errno()
  if (errno !== ENOSYS && errno !== 1) throw systemError(errno, 'fchmodat2', leaf)
  // Before Linux 6.6, or where a container forbids it: a descriptor that is only a name cannot turn into another file.
  fchmodByName(dirFd, leaf, mode)
}

/** fchmodat for older kernels; needs /proc. Exported for its test. */
export function fchmodByName(dirFd: number, leaf: Path, mode: number): void {
  const fd = openat(dirFd, leaf, O_PATH)
  try {
    if (fs.fstatSync(fd).isSymbolicLink()) throw systemError(95, 'fchmodat', leaf)
    fs.chmodSync(`/proc/self/fd/${fd}`, mode)
  } finally {
    fs.closeSync(fd)
  }
}

/** Set times to the nanosecond, of a link itself. */
export function utimesAt(dirFd: number, leaf: Path, atime: Time, mtime: Time): void {
  leafBytes(leaf)
  utimensat(leaf, atime, mtime, dirFd)
}

/** Make a fifo; the umask applies. */
export function mkfifoat(dirFd: number, leaf: Path, mode: number): void {
  checked(libc().mkfifoat(dirFd, leafBytes(leaf), mode), 'mkfifoat', leaf)
}

/** Make a device or fifo: `mode` with its S_IFCHR, S_IFBLK or S_IFIFO; the umask applies. */
export function mknodat(dirFd: number, leaf: Path, mode: number, device: Device): void {
  const rdev = makedev(device)
  // The kernel takes 12 + 20 bits; more would silently become another device.
  if (rdev > 0xffff_ffffn) throw systemError(EINVAL, 'mknodat', leaf)
  checked(libc().syscall(numberOf('mknodat'), dirFd, leafBytes(leaf), mode, Number(rdev)), 'mknodat', leaf)
}

/** A device's numbers. */
export interface Device {
  readonly major: number
  readonly minor: number
}

/** Device numbers as stat's rdev has them (glibc's encoding, 12 + 20 bits and more). */
export function makedev({major, minor}: Device): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n)
}

/** The numbers in stat's rdev (or dev). */
export function deviceOf(rdev: bigint): Device {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  }
}

/** What calls.ts offers of this. */
export const atCalls = {
  openat, openDirAt, openBeneath, lstatat, mkdirat, symlinkat, linkat, renameat, renameNewAt, unlinkat, rmdirat, readlinkat,
  fchownat, fchmodat, utimesAt, mkfifoat, mknodat,
}
