/*
 * Which entries of a snapshot are wanted. A path may be given as the snapshot has it, with or without `/` or `./` in front, or as it
 * was on the machine: where the index is relative to /srv, /srv/x is its ./x. What a path means is decided by what is there.
 */
import {BkError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {escapeBytes, toBytes, unescapeText} from '../index/escape.ts'
import {parentOf} from '../index/path.ts'
import type {Group} from '../index/group.ts'

/** What an entry is to a selection: wanted, only a directory on the way to what is wanted, or neither. */
export type Part = 'wanted' | 'on-the-way' | 'left-out'

/** Decides about escaped paths. */
export interface Selection {
  partOf(path: string): Part
}

/** Everything. */
export const EVERYTHING: Selection = {partOf: () => 'wanted'}

/** A path as typed. */
export interface Operand {
  readonly given: string
  /** Paths in the index that it may mean, the likelier first. */
  readonly candidates: readonly string[]
}

/** Selects what paths mean. See `resolvePaths`. */
export async function selectPaths(paths: readonly string[], root: string, groups: AsyncIterable<readonly Group[]>): Promise<Selection> {
  return selectionOf(await resolvePaths(paths, root, groups))
}

/**
 * Finds out what paths mean.
 * @param paths bytes as latin1 strings
 * @param root escaped `root=` of the index
 * @param groups of the index, for a look at which of them are there
 * @returns for each the escaped path of an entry
 * @throws BkError 2 that names each path which is not in the snapshot
 */
export async function resolvePaths(paths: readonly string[], root: string, groups: AsyncIterable<readonly Group[]>): Promise<string[]> {
  const operands = paths.map((given) => parseOperand(given, unescapeText(root)))
  const asked = new Set(operands.flatMap(({candidates}) => candidates))
  const there = new Set<string>()
  const unread = new Set<string>()
  for await (const batch of groups) {
    for (const {path, line} of batch) if (asked.has(path)) (line === '' ? unread : there).add(path)
  }
  const found = operands.map(({candidates}) => candidates.find((path) => there.has(path)))
  const missing = operands.filter((_, i) => found[i] === undefined)
  if (missing.length > 0) throw notThere(missing, unread)
  return found.map((path) => path!)
}

/** The paths in an index that a path as typed may mean. */
export function parseOperand(given: string, root: string): Operand {
  const parts = given.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new BkError(`${escapeName(toBytes(given))}: a path in a snapshot has no .. in it`, {status: 64})
  const direct = indexPath(parts)
  const above = root.split('/').filter((part) => part !== '')
  const isBelowRoot = given.startsWith('/') && above.length > 0 && above.every((part, i) => part === parts[i])
  return {given, candidates: isBelowRoot ? [indexPath(parts.slice(above.length)), direct] : [direct]}
}

function indexPath(parts: readonly string[]): string {
  return escapeBytes(['.', ...parts].join('/'))
}

/** What is thrown for paths that are not in a snapshot. `unread` are those that it could not read. */
export function notThere(missing: readonly Operand[], unread: ReadonlySet<string>): BkError {
  const names = missing.map(({given}) => escapeName(toBytes(given)))
  const [first] = missing
  if (missing.length === 1 && first!.candidates.some((path) => unread.has(path))) {
    return new BkError(`${names[0]} is not in the snapshot: it could not be read when that was made`)
  }
  return new BkError(`not in the snapshot: ${names.join(', ')}`, {hint: "'bk log STORE@WHEN -l DIRECTORY' shows what is there"})
}

/** Selects paths of the index, with all that lies below them. */
export function selectionOf(paths: readonly string[]): Selection {
  const wanted = new Set(paths)
  if (wanted.has('.')) return EVERYTHING
  const above = new Set<string>()
  for (const path of wanted) for (let up = parentOf(path); up !== undefined; up = parentOf(up)) above.add(up)
  return {
    partOf(path) {
      for (let up: string | undefined = path; up !== undefined; up = parentOf(up)) if (wanted.has(up)) return 'wanted'
      return above.has(path) ? 'on-the-way' : 'left-out'
    },
  }
}

