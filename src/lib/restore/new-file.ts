/*
 * Makes what is not a directory. A name is given only to what is whole: in a new tree a file is created under its name when its
 * content has been checked, over an old tree it is made beside it and renamed. Whatever fails leaves nothing behind.
 */
import {constants} from 'node:fs'
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {calls, writeAll} from '../sys/calls.ts'
import {partsToWrite} from './holes.ts'
import {tempLeaf, type Spot} from './held-tree.ts'
import type {Item} from './item.ts'
import type {RestoreContext} from './job.ts'

const {O_CREAT, O_EXCL, O_WRONLY, S_IFCHR, S_IFBLK} = constants
/** Nobody else looks into a file before it has its owner and mode. */
const PRIVATE = 0o600

/** What made a name impossible, said to people. */
export class CannotMake extends Error {}

/** Turns the error of a call into the reason that is told; errors that end the whole run are thrown. */
export function reasonNotMade(error: unknown): string {
  if (error instanceof CannotMake) return error.message
  const code = errorCode(error)
  if (code === undefined) throw error
  if (isFull(code)) throw new BkError('no space left to restore to', {cause: error})
  if (code === 'EEXIST') return 'something else is there already'
  if (code === 'EISDIR' || code === 'ENOTEMPTY') return 'a directory is in its place'
  if (code === 'ENOTDIR' || code === 'ELOOP') return 'the directory above it is none there'
  return reasonOf(error)
}

function isFull(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** Removes what was begun; that it cannot be removed must not hide why it has to be. */
export function discard({dir, leaf}: Spot): void {
  try {
    calls.unlinkat(dir, leaf)
  } catch {
    // What is left is a temporary file, or nothing.
  }
}

/** Makes something at a spot and says so by `made` as soon as it is there, so that it is removed when the rest fails. */
export type Make = (at: Spot, made: () => void) => void

/**
 * Has something made at a spot: straight away in a new tree, else beside what is there, which it then replaces.
 * @returns where it was made
 */
export function place(spot: Spot, overwrite: boolean, make: Make): Spot {
  const at = overwrite ? {dir: spot.dir, leaf: tempLeaf()} : spot
  // What somebody else has put there is not ours to remove.
  let isOurs = false
  try {
    make(at, () => (isOurs = true))
    if (overwrite) calls.renameat(at.dir, at.leaf, spot.dir, spot.leaf)
  } catch (error) {
    if (isOurs) discard(at)
    throw error
  }
  return at
}

/** Makes a file of these bytes. `finish` sets its metadata. */
export function makeFile(content: Buffer, item: Item, context: RestoreContext, finish: (fd: number) => void): Make {
  return (at, made) => {
    const fd = calls.openat(at.dir, at.leaf, O_WRONLY | O_CREAT | O_EXCL, PRIVATE)
    made()
    try {
      writePiece(fd, content, 0, item, context)
      // A hole at the end is not written.
      if (hasHoles(item, context)) calls.ftruncate(fd, content.length)
      finish(fd)
    } catch (error) {
      closeQuietly(fd)
      throw error
    }
    calls.close(fd)
  }
}

/* Network file systems tell of a full disk when the file is closed. */
export function closeOrDiscard(fd: number, at: Spot): void {
  try {
    calls.close(fd)
  } catch (error) {
    discard(at)
    throw error
  }
}

export function closeQuietly(fd: number): void {
  try {
    calls.close(fd)
  } catch {
    // There is a better reason already.
  }
}

function hasHoles(item: Item, context: RestoreContext): boolean {
  return item.sparse !== undefined || context.sparse
}

/** Writes a piece of a file where it belongs, without the holes of a file that has them. */
export function writePiece(fd: number, bytes: Buffer, offset: number, item: Item, context: RestoreContext): void {
  if (!hasHoles(item, context)) {
    writeAll(fd, bytes, offset)
    return
  }
  for (const [start, end] of partsToWrite(bytes, offset, item.sparse ?? [])) writeAll(fd, bytes.subarray(start, end), offset + start)
}

/** Makes a link, fifo or device. `finish` sets its metadata. */
export function makeSpecial({entry}: Item, asRoot: boolean, finish: (at: Spot) => void): Make {
  return (at, made) => {
    switch (entry.type) {
      case 'link':
        calls.symlinkat(toBytes(unescapeText(entry.link!)), at.dir, at.leaf)
        break
      case 'fifo':
        calls.mkfifoat(at.dir, at.leaf, PRIVATE)
        break
      case 'char':
      case 'block':
        if (!asRoot) throw new CannotMake('only root can make a device')
        calls.mknodat(at.dir, at.leaf, PRIVATE | (entry.type === 'char' ? S_IFCHR : S_IFBLK), entry.device!)
        break
      default:
        throw new Error(`not to be made here: ${entry.type}`)
    }
    made()
    finish(at)
  }
}

/** Gives what is at `first` another name. */
export function makeLink(first: Spot): Make {
  return (at, made) => {
    calls.linkat(first.dir, first.leaf, at.dir, at.leaf)
    made()
  }
}
