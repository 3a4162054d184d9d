/*
 * What is left out of an index on the user's word. Patterns are gitignore's, case-sensitive, anchored to the root of the
 * walk: an excluded directory is not looked into, and the last pattern that matches decides. Paths are matched as bytes
 * (latin1 strings), so that a pattern and a name agree whatever their encoding.
 */
import {closeSync, constants, openSync, readSync} from 'node:fs'
import type {Path} from '../sys/errno.ts'

export interface ExcludeOptions {
  /** gitignore lines as latin1 strings, the later ones stronger. */
  readonly patterns: readonly string[]
  /** Leave out what stands beside a CACHEDIR.TAG (https://bford.info/cachedir/). */
  readonly caches: boolean
  /** Leave out what stands beside a file of one of these names (latin1). */
  readonly ifPresent: readonly string[]
  /** Leave out regular files of more bytes. */
  readonly largerThan?: number | undefined
  /** Leave out files and directories with the no-dump attribute (chattr +d). Not a question to the excluder: see visit.ts. */
  readonly nodump: boolean
}

/** Answers about paths relative to the root of the walk, raw (latin1), in the order of a walk. */
export interface Excluder {
  /** Is a path left out by its name? */
  excludesPath(path: string, isDirectory: boolean): boolean
  /** Is a regular file left out by its size? */
  excludesSize(size: bigint): boolean
  /** The names of a directory that are not left out because of a tag among them: all, or the tags alone. */
  keptNames(directory: (name: string) => Path, names: string[]): string[]
}

/** The answers, or undefined when nothing is excluded. Loads `ignore` only where there are patterns. */
export async function createExcluder(options: Omit<ExcludeOptions, 'nodump'>): Promise<Excluder | undefined> {
  const {patterns, caches, ifPresent, largerThan} = options
  if (patterns.length === 0 && !caches && ifPresent.length === 0 && largerThan === undefined) return undefined
  const ignores = patterns.length === 0 ? () => false : await createMatcher(patterns)
  const limit = largerThan === undefined ? undefined : BigInt(largerThan)
  return {
    excludesPath: (path, isDirectory) => ignores(isDirectory ? `${path}/` : path),
    excludesSize: (size) => limit !== undefined && size > limit,
    keptNames: (directory, names) => {
      const tags = ifPresent.filter((name) => names.includes(name))
      if (caches && names.includes(cacheTag) && isCacheTag(directory(cacheTag))) tags.push(cacheTag)
      return tags.length === 0 ? names : [...new Set(tags)]
    },
  }
}

/** The lines of a pattern file as latin1 strings. */
export function patternLines(bytes: Buffer): string[] {
  const text = bytes.toString('latin1')
  return (text.startsWith('\xef\xbb\xbf') ? text.slice(3) : text).split(/\r?\n/)
}

/* After how many questions the matcher is replaced: it remembers every path it was ever asked about. */
const questionsPerMatcher = 2_000

async function createMatcher(patterns: readonly string[]): Promise<(path: string) => boolean> {
  const {default: ignore} = await import('ignore')
  const rules = ignore({ignorecase: false}).add([...patterns])
  let matcher = rules
  let questions = 0
  return (path) => {
    if (++questions % questionsPerMatcher === 0) matcher = ignore({ignorecase: false}).add(rules)
    return matcher.ignores(path)
  }
}

const cacheTag = 'CACHEDIR.TAG'
const signature = Buffer.from('Signature: 8a477f597d28d172789f06886806bc55')

/* A file of that name counts only with the signature; one that cannot be read does not count. */
function isCacheTag(path: Path): boolean {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    try {
      const start = Buffer.alloc(signature.length)
      return readSync(fd, start, 0, start.length, 0) === start.length && start.equals(signature)
    } finally {
      closeSync(fd)
    }
  } catch {
    return false
  }
}
