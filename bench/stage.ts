// Where stores, restored trees and the clients' state lie during a cycle, empty at its start. Either a plain directory, or a file system
// of its own made anew for every cycle: that one owes nothing to what was deleted before. (On ext4 without a journal creating files is
// up to ten times slower for minutes after many were deleted nearby, and a discard goes on in the background: both would be charged to
// whoever comes next.)

import {spawnSync} from 'node:child_process'
import {mkdirSync, rmSync} from 'node:fs'
import {join} from 'node:path'

export interface Stage {
  readonly dir: string
  /** what it is, for the report */
  readonly about: string
  /** Empties it and makes it ready; throws when it cannot. */
  renew(): void
  /** Takes away all of it. */
  remove(): void
}

const parts = ['store', 'state/home']

/** A directory, emptied by removing what is in it. */
export function directoryStage(dir: string): Stage {
  const remove = (): void => rmSync(dir, {recursive: true, force: true})
  return {
    dir,
    about: `a directory on ${said('findmnt', '-n', '-o', 'FSTYPE', '-T', join(dir, '..'))}`,
    remove,
    renew() {
      remove()
      for (const part of parts) mkdirSync(join(dir, part), {recursive: true})
    },
  }
}

/** An ext4 file system in a sparse file beside `dir`, of a size as mkfs takes it (`24G`), mounted on `dir`; for root. */
export function imageStage(dir: string, size: string): Stage {
  const image = `${dir}.img`
  let mounted = false
  const unmount = (): void => {
    if (!mounted) return
    must('umount', dir)
    mounted = false
  }
  return {
    dir,
    about: `an ext4 image of ${size} made anew for each cycle, on ${said('findmnt', '-n', '-o', 'FSTYPE', '-T', join(dir, '..'))}`,
    renew() {
      unmount()
      mkdirSync(dir, {recursive: true})
      rmSync(image, {force: true})
      must('truncate', '-s', size, image)
      must('mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1', image)
      const device = must('losetup', '--find', '--show', '--direct-io=on', image)
      try {
        must('mount', '-o', 'noinit_itable', device, dir)
        mounted = true
      } finally {
        must('losetup', '--detach', device) // takes effect when it is unmounted
      }
      for (const part of parts) mkdirSync(join(dir, part), {recursive: true})
    },
    remove() {
      unmount()
      rmSync(dir, {recursive: true, force: true})
      rmSync(image, {force: true})
    },
  }
}

function must(command: string, ...args: string[]): string {
  const {status, stdout, stderr, error} = spawnSync(command, args, {encoding: 'utf8', timeout: 120_000})
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? (stderr.trim() || `status ${status}`)}`)
  return stdout.trim()
}

function said(command: string, ...args: string[]): string {
  return spawnSync(command, args, {encoding: 'utf8', timeout: 10_000}).stdout?.trim() || 'an unknown file system'
}
