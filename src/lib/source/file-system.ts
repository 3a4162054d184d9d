/*
 * Which file systems can be taken at their word. On the common local ones a directory's times change whenever a name in it
 * comes, goes or changes; then a directory that is the same need not be read again, which is a third of the work of a run
 * in which nothing changed. On network file systems, FUSE and FAT that is not so certain, and everything is read.
 */
import {statfsSync} from 'node:fs'
import type {Path} from '../sys/errno.ts'

/* statfs(2): ext2 to ext4, XFS, btrfs, F2FS, tmpfs, ZFS, bcachefs. */
const trusted = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994, 0x2fc12fc1, 0xca451a4e])

/** Answers about a device, asking the system once for each by a path on it. */
export function createNameKeeper(): (device: bigint, place: Path) => boolean {
  const known = new Map<bigint, boolean>()
  return (device, place) => {
    let keeps = known.get(device)
    if (keeps === undefined) known.set(device, (keeps = asks(place)))
    return keeps
  }
}

function asks(place: Path): boolean {
  try {
    return trusted.has(Number(statfsSync(place).type))
  } catch {
    return false
  }
}
