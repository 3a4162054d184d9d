/*
 * From what a user names to what is walked: a root, and paths below it. As in tar, absolute names are relative to `/` and
 * the others to a directory. An index has directories above every entry, never links, so names are taken by where they
 * really are. Everything is raw bytes (latin1 strings).
 */
import {lstatSync, realpathSync, type BigIntStats} from 'node:fs'
import {posix} from 'node:path'
import {BkError, isSystemError, reasonOf, usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {toBytes} from '../index/escape.ts'

export interface Wanted {
  /** `/`, or the directory that names are relative to. */
  readonly root: string
  /** Relative to the root, '' for the root itself. */
  readonly paths: readonly string[]
}

/** The directory that relative names are relative to: where it really is. Throws a BkError when it is none. */
export function realDirectory(name: Buffer): string {
  return real(name)
}

export interface OperandOptions {
  /** Told of each that is listed elsewhere than it was named. */
  readonly onMoved: (note: string) => void
  /** Take also what is not there or cannot be reached, by its name: the walk says so of each. */
  readonly mayBeMissing: boolean
}

/**
 * Operands of a command line. Throws a BkError, 2 for one that is not there or not readable, 64 for names that cannot be
 * in one index: some absolute and some not, or outside the directory.
 */
export function resolveOperands(operands: readonly Buffer[], directory: string, {onMoved, mayBeMissing}: OperandOptions): Wanted {
  const names = operands.map((operand) => operand.toString('latin1'))
  if (names.includes('')) throw new BkError('an operand is empty', {hint: 'is a variable of the script not set?'})
  const root = commonRoot(names, directory, () => usageError('some operands are absolute and some are not', 'name all of them the same way'))
  const paths = names.map((name) => {
    const place = unlessMissing(mayBeMissing, () => placeOf(name, directory)) ?? shortest(name, directory)
    unlessMissing(mayBeMissing, () => mustExist(place, name))
    if (place !== shortest(name, directory)) onMoved(`${escapeName(toBytes(name))} is listed as ${escapeName(toBytes(place))}, where it really is`)
    if (root !== '/' && place !== root && !place.startsWith(`${root}/`)) {
      throw usageError(`${escapeName(toBytes(name))} is outside ${escapeName(toBytes(root))}`, 'give -C a directory that is above it, or name it by its absolute path')
    }
    return place.slice(root === '/' ? 1 : root.length + 1)
  })
  return {root, paths}
}

/** What is wanted by operands and by lists together. */
export function joinWanted(all: readonly Wanted[]): Wanted {
  const [first, ...others] = all
  if (first === undefined) throw new Error('nothing is wanted')
  if (others.some(({root}) => root !== first.root)) throw usageError('some paths are absolute and some are not', 'name all of them the same way')
  return {root: first.root, paths: all.flatMap(({paths}) => paths)}
}

/** `/` or the directory, by how the names begin; `problem` makes the error for the first name that begins otherwise than the others. */
export function commonRoot(names: readonly string[], directory: string, problem: (index: number) => BkError): string {
  const isAbsolute = names[0]?.startsWith('/') === true
  const other = names.findIndex((name) => name.startsWith('/') !== isAbsolute)
  if (other >= 0) throw problem(other)
  return isAbsolute ? '/' : directory
}

function unlessMissing<T>(mayBeMissing: boolean, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (mayBeMissing && error instanceof BkError && isSystemError(error.cause)) return undefined
    throw error
  }
}

/* A name as it would be without links on the way. */
function shortest(name: string, directory: string): string {
  return posix.resolve(directory, name)
}

/* Where a name leads to: links on the way are followed, one at its end is not. */
function placeOf(name: string, directory: string): string {
  const absolute = name.startsWith('/') ? name : `${directory}/${name}`
  const [, before = '', leaf = ''] = /^(.*?\/?)([^/]*)\/*$/s.exec(absolute) ?? []
  if (leaf === '' || leaf === '.' || leaf === '..') return real(toBytes(absolute))
  const above = real(toBytes(before))
  return above === '/' ? `/${leaf}` : `${above}/${leaf}`
}

function real(name: Buffer): string {
  try {
    return realpathSync.native(name, 'buffer').toString('latin1')
  } catch (cause) {
    throw new BkError(`cannot read ${escapeName(name)}: ${reasonOf(cause)}`, {cause})
  }
}

function mustExist(place: string, name: string): void {
  let stats: BigIntStats | undefined
  try {
    stats = lstatSync(toBytes(place), {bigint: true})
  } catch (cause) {
    throw new BkError(`cannot read ${escapeName(toBytes(name))}: ${reasonOf(cause)}`, {cause})
  }
  if (name.endsWith('/') && stats.isFile()) throw new BkError(`cannot read ${escapeName(toBytes(name))}: not a directory`)
}
