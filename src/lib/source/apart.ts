/*
 * The directories that a walk stays out of, whatever was asked for: bk's own caches, and what its caller leaves out (left-out.ts). A walk
 * knows them by their path, and what belongs to bk also by its place in the file system, so that no other way leads there.
 */
import {lstatSync, type BigIntStats} from 'node:fs'
import type {Path} from '../sys/errno.ts'
import type {LeftOut} from './left-out.ts'

/** Which directory it is, whatever its path. */
export interface Place {
  readonly device: bigint
  readonly inode: bigint
}

/** As a walk compares it. */
export interface Apart {
  /** From the root of the walk, raw, '.' for the root itself; undefined where only the place counts. */
  readonly path: string | undefined
  readonly place: Place | undefined
  /** Is the directory's own entry listed? */
  readonly keep: boolean
}

/** The place of a directory; undefined where there is none. */
export function placeOf(directory: Path): Place | undefined {
  try {
    const stats = lstatSync(directory, {bigint: true})
    return stats.isDirectory() ? {device: stats.dev, inode: stats.ino} : undefined
  } catch {
    return undefined
  }
}

/** What a walk of `root` compares with. */
export function apartFrom(root: string, leftOut: readonly LeftOut[], ownCache: Place | undefined): Apart[] {
  const above = root === '/' ? '/' : `${root}/`
  const apart: Apart[] = leftOut.map(({path, keep}) => ({
    path: path === root ? '.' : path.startsWith(above) ? path.slice(above.length) : undefined,
    place: keep ? undefined : placeOf(Buffer.from(path, 'latin1')),
    keep,
  }))
  return ownCache === undefined ? apart : [...apart, {path: undefined, place: ownCache, keep: false}]
}

/** Which of them a directory is, if any. `raw` is its path from the root. */
export function findApart(all: readonly Apart[], raw: string, {dev, ino}: BigIntStats): Apart | undefined {
  for (const each of all) {
    const {path, place} = each
    if (path === raw || (place !== undefined && place.inode === ino && place.device === dev)) return each
  }
  return undefined
}
