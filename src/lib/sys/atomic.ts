// Files that are either there, whole and durable, or not there at all, whenever power or process ends: written under a temporary
// name in the same directory, fsynced, given their name in one step, and then the directory is fsynced. Two ways to give the name:
// rename replaces what was there, link(2) creates only if nothing was. Who reads such a file needs no lock.
//
// A temporary name is `.NAME.tmp.PID.RANDOM`. When anything fails it is removed; the first error is the one thrown. For signals the
// caller may pass `onTemp`, which is told of each temporary file and gives back a function to call when it is gone.

import {randomBytes} from 'node:crypto'
import {constants} from 'node:fs'

import {calls, writeAll} from './calls.ts'
import {errnoName, type Path} from './errno.ts'

/** Told of a temporary file before it is made; the answer is called once it is gone. */
export type OnTemp = (tmp: Path) => () => void

export interface AtomicOptions {
  /** Exactly these permission bits, whatever the umask; without it 0666 less the umask. */
  readonly mode?: number
  readonly onTemp?: OnTemp
  /**
   * What is fsynced: both (the default), or the file alone, where the caller makes many names durable at once by syncDirectory, or
   * nothing, where a torn file is harmless until the caller has fsynced it (a cache; a pack, before any catalog names it).
   */
  readonly sync?: 'file-and-directory' | 'file' | 'nothing'
}

/** A file that has no name yet. Write to `fd`, then call exactly one of these, which closes it. */
export interface PendingFile {
  readonly fd: number
  /** Make it durable and give it its name, over whatever had it. */
  replace(): void
  /** The same while this thread goes on. */
  replaceMeanwhile(): Promise<void>
  /** Make it durable and give it its name if nothing has it; false, and nothing is left, if something has. */
  createIfAbsent(): boolean
  /** Remove it. */
  discard(): void
}

const {O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY, O_DIRECTORY} = constants
const longestName = 255

/** Directory and name of a path, as bytes; a bare name lies in ".". */
function splitName(path: Path): {dir: Buffer; name: Buffer} {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path
  const slash = bytes.lastIndexOf(0x2f)
  const dir = slash < 0 ? Buffer.from('.') : bytes.subarray(0, Math.max(slash, 1))
  return {dir, name: bytes.subarray(slash + 1)}
}

function tempName(path: Path): Buffer {
  const {dir, name} = splitName(path)
  const end = `.tmp.${process.pid}.${randomBytes(6).toString('hex')}`
  return Buffer.concat([dir, Buffer.from('/.'), name.subarray(0, longestName - 1 - end.length), Buffer.from(end)])
}

/** Does `name` look like a temporary file of this module, of whatever process? For cleaning up after a kill. */
export function isTempName(name: string): boolean {
  return /^\..*\.tmp\.\d+\.[0-9a-f]{12}$/s.test(name)
}

/** Make the names in a directory durable. File systems that cannot fsync a directory are taken at their word. */
export function syncDirectory(dir: Path): void {
  const fd = calls.open(dir, O_RDONLY | O_DIRECTORY)
  try {
    calls.fsync(fd)
  } catch (error) {
    if (!cannotSync(error)) throw error
  } finally {
    calls.close(fd)
  }
}

async function syncDirectoryMeanwhile(dir: Path): Promise<void> {
  const fd = calls.open(dir, O_RDONLY | O_DIRECTORY)
  try {
    await calls.fsyncMeanwhile(fd)
  } catch (error) {
    if (!cannotSync(error)) throw error
  } finally {
    calls.close(fd)
  }
}

function cannotSync(error: unknown): boolean {
  const name = errnoName(error)
  return name === 'EINVAL' || name === 'ENOTSUP' || name === 'ENOSYS'
}

/** Begin a file that is to become `path`; its directory must exist. */
export function beginFile(path: Path, {mode, onTemp, sync = 'file-and-directory'}: AtomicOptions = {}): PendingFile {
  const tmp = tempName(path)
  const gone = onTemp?.(tmp) ?? (() => {})
  let fd: number
  try {
    fd = calls.open(tmp, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, mode ?? 0o666)
  } catch (error) {
    gone()
    throw error
  }
  let open = true
  const close = () => {
    if (!open) return
    open = false
    calls.close(fd)
  }
  const discard = () => {
    attempt(close)
    attempt(() => calls.unlink(tmp))
    gone()
  }
  const orDiscard = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      discard()
      throw error
    }
  }
  const finish = () => {
    // Not by open's mode, which the umask cuts.
    if (mode !== undefined) calls.fchmod(fd, mode)
    if (sync !== 'nothing') calls.fsync(fd)
  }
  const settle = () => {
    if (sync === 'file-and-directory') syncDirectory(splitName(path).dir)
  }
  return {
    fd,
    discard,
    replace: () => {
      orDiscard(() => {
        finish()
        close()
        calls.rename(tmp, path)
      })
      gone()
      settle()
    },
    replaceMeanwhile: async () => {
      try {
        if (mode !== undefined) calls.fchmod(fd, mode)
        if (sync !== 'nothing') await calls.fsyncMeanwhile(fd)
        close()
        calls.rename(tmp, path)
      } catch (error) {
        discard()
        throw error
      }
      gone()
      if (sync === 'file-and-directory') await syncDirectoryMeanwhile(splitName(path).dir)
    },
    createIfAbsent: () => {
      const created = orDiscard(() => {
        finish()
        return linkNew(tmp, path, fd)
      })
      discard()
      if (created) settle()
      return created
    },
  }
}

/** Clean-up must not hide why it is needed. */
function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // what is left is a temporary file, or nothing
  }
}

/** What link(2) says where it does not exist: FAT, many FUSE file systems, some network ones. */
const noLinks = new Set(['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EINVAL'])

/** Give the finished file `fd`, named `tmp`, the name `path` as well, if nothing has it. */
function linkNew(tmp: Path, path: Path, fd: number): boolean {
  try {
    calls.link(tmp, path)
    return true
  } catch (error) {
    const name = errnoName(error)
    // NFS may say EEXIST of a link that its own lost first answer made: two names then lead to our file.
    if (name === 'EEXIST') return calls.fstat(fd).nlink === 2n
    if (name === undefined || !noLinks.has(name)) throw error
    return copyNew(fd, path)
  }
}

/**
 * Where there is no link(2): create the name itself and write into it. A crash in between leaves a torn file under its name, and so
 * does an error, because another process may have counted it already; whoever reads such files must tell torn from whole.
 */
function copyNew(src: number, path: Path): boolean {
  const {mode, size} = calls.fstat(src)
  let dst: number
  try {
    dst = calls.open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, Number(mode) & 0o7777)
  } catch (error) {
    if (errnoName(error) === 'EEXIST') return false
    throw error
  }
  try {
    const piece = Buffer.allocUnsafe(Math.min(Number(size), 1 << 20))
    for (let done = 0; done < Number(size); ) {
      const got = calls.read(src, piece, 0, piece.length, done)
      if (got === 0) break
      writeAll(dst, piece.subarray(0, got))
      done += got
    }
    calls.fsync(dst)
  } finally {
    calls.close(dst)
  }
  return true
}

/** Make `path` a file of these bytes, durably, over whatever file had the name. A link there is replaced, not followed. */
export function replaceFile(path: Path, bytes: Uint8Array, options?: AtomicOptions): void {
  const file = beginFile(path, options)
  fill(file, bytes)
  file.replace()
}

/** Make `path` a file of these bytes, durably, if nothing has the name; answers false if something has. */
export function createFile(path: Path, bytes: Uint8Array, options?: AtomicOptions): boolean {
  // Most often it is there because another run made it: no need then to write it all to find out.
  if (calls.lstatOrNone(path)) return false
  const file = beginFile(path, options)
  fill(file, bytes)
  return file.createIfAbsent()
}

function fill(file: PendingFile, bytes: Uint8Array): void {
  try {
    writeAll(file.fd, bytes)
  } catch (error) {
    file.discard()
    throw error
  }
}

/** Makes a directory and those above it, for their owner alone. */
export function makeFolders(path: string): void {
  for (let slash = path.indexOf('/', 1); ; slash = path.indexOf('/', slash + 1)) {
    const part = slash < 0 ? path : path.slice(0, slash)
    try {
      calls.mkdir(part, 0o700)
    } catch (error) {
      if (errnoName(error) !== 'EEXIST') throw error
    }
    if (slash < 0) return
  }
}
