/*
 * From names in a tree to paths for system calls. Names are bytes: where all of them are ASCII, which is nearly always, a
 * string is the fastest way into the kernel, else a Buffer. A path that the index allows (4,096 bytes below its root) may
 * be too long for the kernel behind a long root; then directories on the way are held open and reached through /proc.
 */
import {closeSync, constants, openSync} from 'node:fs'
import type {Path} from '../sys/errno.ts'

/** Makes a path for the system of a path relative to the root, raw (latin1). `isAscii` is what the caller knows of that one. */
export type Reach = (relative: string, isAscii: boolean) => Path

/* PATH_MAX counts the NUL. */
const longest = 4_095
/* How much of a path that is too long is opened at once. */
const stretch = 3_800
const O_PATH = 0x200000

/** `root` is the directory of the walk as a raw path (latin1); '.' is the working directory, which makes the shortest paths. */
export function createReach(root: string): Reach {
  const prefix = root === '.' ? '' : root.endsWith('/') ? root : `${root}/`
  const prefixIsAscii = isAscii(prefix)
  const near = createHolder()
  return (relative, relativeIsAscii) => {
    const path = prefix + relative
    if (path.length > longest) return Buffer.from(near(path), 'latin1')
    return relativeIsAscii && prefixIsAscii ? path : Buffer.from(path, 'latin1')
  }
}

/* Holds the directories on the way to the last path that was too long: the next one is most likely beside it. */
function createHolder(): (path: string) => string {
  const held: {readonly path: string; readonly fd: number}[] = []
  const hold = (level: number, path: string, reachable: string): number => {
    const known = held[level]
    if (known?.path === path) return known.fd
    for (const {fd} of held.splice(level)) closeSync(fd)
    const fd = openSync(Buffer.from(reachable, 'latin1'), O_PATH | constants.O_DIRECTORY)
    held.push({path, fd})
    return fd
  }
  return (path) => {
    let base = ''
    let at = 0
    for (let level = 0; base.length + path.length - at > longest; level++) {
      const cut = path.lastIndexOf('/', at + stretch)
      // One name that is too long by itself: the kernel says so.
      if (cut <= at) break
      base = `/proc/self/fd/${hold(level, path.slice(0, cut), base + path.slice(at, cut))}/`
      at = cut + 1
    }
    return base + path.slice(at)
  }
}

/** Whether a latin1 string has only bytes below 0x80: then its UTF-8 is the same. */
export function isAscii(latin1: string): boolean {
  return !/[^\0-\x7f]/.test(latin1)
}
