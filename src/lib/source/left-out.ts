/*
 * What a push leaves out of a tree that is wanted as a whole: what a kernel makes up anew with every start, and the store that the push
 * goes to, which would grow by itself every night.
 */
import {usageError} from '../cli/errors.ts'
import type {Wanted} from './operands.ts'

/** A directory that a walk does not go into. */
export interface LeftOut {
  /** Raw (latin1), absolute and without links in it. */
  readonly path: string
  /** Its own entry stays, as a mount point's must. Otherwise the directory is not listed at all, also where it is met by another path (a bind mount). */
  readonly keep: boolean
}

/* Mounted by whatever starts the machine. */
const madeUp = ['/proc', '/sys', '/dev', '/run']

/**
 * What to leave out of the wanted paths: each of /proc, /sys, /dev and /run where something above it is wanted and nothing at or below it is
 * named, and the store where it lies below what is wanted.
 *
 * @param store the directory that is written to, as `LeftOut.path` is; undefined where it is on another machine
 * @throws a BkError, 64, when the store, or what is inside it, is itself named
 */
export function leftOutOf(wanted: Wanted, store: string | undefined): LeftOut[] {
  // There may be a hundred thousand of them.
  const named = new Set(wanted.paths.map((path) => join(wanted.root, path)))
  const isInside = (path: string): boolean => ancestorsOf(path).some((above) => named.has(above))
  const isNamed = (path: string): boolean => named.has(path) || some(named, (each) => each.startsWith(`${path}/`))
  if (store !== undefined && (isNamed(store) || store === '/')) {
    throw usageError('the store cannot be backed up into itself', 'name the directories beside it')
  }
  const left = madeUp.filter((path) => isInside(path) && !isNamed(path)).map((path) => ({path, keep: true}))
  return store !== undefined && isInside(store) ? [...left, {path: store, keep: false}] : left
}

function join(root: string, path: string): string {
  if (path === '') return root
  return root === '/' ? `/${path}` : `${root}/${path}`
}

function ancestorsOf(path: string): string[] {
  const names = path.split('/').slice(1, -1)
  return ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)]
}

function some<T>(items: Iterable<T>, test: (item: T) => boolean): boolean {
  for (const item of items) if (test(item)) return true
  return false
}
