/*
 * Files that are written piece by piece, in the order in which packs hold the pieces, by several threads. Such a file has another
 * name until all of it is there and its digest is right. The name alone is not trusted: every time the file is opened it must be
 * the inode that was made, since in a tree that others may write to the name could have been given to a file of theirs.
 */
import {createHash, type Hash} from 'node:crypto'
import {constants} from 'node:fs'
import {errorCode} from '../cli/errors.ts'
import {calls, readFull} from '../sys/calls.ts'
import {CannotMake, closeOrDiscard, closeQuietly, discard, writePiece} from './new-file.ts'
import {tempLeaf, type HeldTree, type Spot} from './held-tree.ts'
import type {Item} from './item.ts'
import type {FileTask, RestoreContext} from './job.ts'

const {O_CREAT, O_EXCL, O_NONBLOCK, O_RDWR} = constants
const OPEN_AT_ONCE = 64
const PIECE = 1 << 20

/** Begins a file of `size` bytes: an empty one of that length, under a name of its own. */
export function beginPartial({dir}: Spot, size: number): {readonly leaf: string; readonly inode: string} {
  const at = {dir, leaf: tempLeaf()}
  const fd = calls.openat(dir, at.leaf, O_RDWR | O_CREAT | O_EXCL, 0o600)
  try {
    calls.ftruncate(fd, size)
    return {leaf: at.leaf.toString('latin1'), inode: inodeOf(fd)}
  } catch (error) {
    discard(at)
    throw error
  } finally {
    calls.close(fd)
  }
}

function inodeOf(fd: number): string {
  const {dev, ino} = calls.fstat(fd)
  return `${dev}:${ino}`
}

interface Open {
  readonly fd: number
  /** Hash of what came in order, from the first byte on; undefined where that cannot be had any more. */
  hash: Hash | undefined
  hashed: number
}

/** The partial files of one job, each open from its first piece on. */
export class PartialFiles {
  readonly #tree: HeldTree
  readonly #context: RestoreContext
  // By position in the job, in the order of their last use.
  readonly #open = new Map<number, Open>()

  constructor(tree: HeldTree, context: RestoreContext) {
    this.#tree = tree
    this.#context = context
  }

  /** Writes a piece of a file. */
  write(position: number, task: FileTask, item: Item, bytes: Buffer, offset: number): void {
    const open = this.#opened(position, task, item)
    writePiece(open.fd, bytes, offset, item, this.#context)
    if (open.hash === undefined) return
    if (offset === open.hashed) {
      open.hash.update(bytes)
      open.hashed += bytes.length
    } else open.hash = undefined
  }

  /**
   * Checks a file that has all its pieces, sets its metadata by `finish` and gives it its name.
   * @throws CannotMake when its content is not what the index says
   */
  finish(position: number, task: FileTask, item: Item, finish: (fd: number) => void): void {
    const {fd, hash, hashed} = this.#opened(position, task, item)
    const at = this.#spotOf(task, item)
    const size = item.entry.size!
    const digest = hash !== undefined && hashed === size ? hash.digest('hex') : digestOf(fd, size)
    if (digest !== item.entry.sha256) throw new CannotMake('its pieces do not make the content that the index names')
    finish(fd)
    this.#open.delete(position)
    closeOrDiscard(fd, at)
    giveName(at, this.#tree.spot(item.entry.path), this.#context.overwrite)
  }

  /** Removes a file that will not be whole. */
  discard(position: number, task: FileTask, item: Item): void {
    this.#close(position)
    discard(this.#spotOf(task, item))
  }

  close(): void {
    for (const position of this.#open.keys()) this.#close(position)
  }

  #spotOf({partial}: FileTask, {entry}: Item): Spot {
    return {dir: this.#tree.spot(entry.path).dir, leaf: Buffer.from(partial!.leaf, 'latin1')}
  }

  #opened(position: number, task: FileTask, item: Item): Open {
    const known = this.#open.get(position)
    if (known !== undefined) {
      this.#open.delete(position)
      this.#open.set(position, known)
      return known
    }
    const {dir, leaf} = this.#spotOf(task, item)
    const fd = calls.openat(dir, leaf, O_RDWR | O_NONBLOCK)
    if (inodeOf(fd) !== task.partial!.inode) {
      calls.close(fd)
      throw new CannotMake('somebody else has exchanged the file while it was written')
    }
    const open: Open = {fd, hash: task.partial!.whole ? createHash('sha256') : undefined, hashed: 0}
    this.#open.set(position, open)
    if (this.#open.size > OPEN_AT_ONCE) this.#close(this.#open.keys().next().value!)
    return open
  }

  #close(position: number): void {
    const open = this.#open.get(position)
    if (open === undefined) return
    this.#open.delete(position)
    closeQuietly(open.fd)
  }
}

function digestOf(fd: number, size: number): string {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(1, size)))
  for (let at = 0; ; ) {
    const got = readFull(fd, piece, at)
    hash.update(piece.subarray(0, got))
    at += got
    if (got < piece.length) return hash.digest('hex')
  }
}

function giveName(at: Spot, spot: Spot, overwrite: boolean): void {
  try {
    if (overwrite) calls.renameat(at.dir, at.leaf, spot.dir, spot.leaf)
    else renameNew(at, spot)
  } catch (error) {
    discard(at)
    throw error
  }
}

/* In a new tree nothing may have the name, and nothing is replaced. */
function renameNew(at: Spot, spot: Spot): void {
  try {
    calls.renameNewAt(at.dir, at.leaf, spot.dir, spot.leaf)
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'EINVAL' && code !== 'ENOSYS' && code !== 'ENOTSUP') throw error
    // A file system or kernel that cannot: a second name, then without the first.
    calls.linkat(at.dir, at.leaf, spot.dir, spot.leaf)
    calls.unlinkat(at.dir, at.leaf)
  }
}
