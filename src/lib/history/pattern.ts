/*
 * Which paths a pattern means: in the grammar of --exclude (source/exclude.ts), by the same matcher, but a path is meant when it matches
 * itself, and not because a directory above it does.
 */
import {usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {createExcluder} from '../source/exclude.ts'

export interface Pattern {
  /** Whether a path matches; escaped, as in an index. */
  matches(path: string): boolean
  /** Whether only directories are meant. */
  readonly isForDirectories: boolean
}

/**
 * Takes a pattern.
 * @param text bytes as a latin1 string
 * @throws a usage error for one that matches nothing
 */
export async function parsePattern(text: string): Promise<Pattern> {
  if (text.startsWith('!') || text.startsWith('#')) throw usageError(`not a pattern: ${escapeName(toBytes(text))}`, `a name that begins so is written with a backslash: '\\${escapeName(toBytes(text))}'`)
  const line = text.replace(/(?<!\\) +$/, '')
  const isForDirectories = /(?<!\\)\/$/.test(line)
  // Blanks in front of that slash are of the name.
  const bare = isForDirectories ? line.slice(0, -1).replace(/ +$/, quoteBlanks) : line
  if (bare === '') throw usageError('a pattern that matches nothing', "such as '*.txt', '/etc/hosts' or 'Documents/**'")
  // Every directory is taken back, so that what lies in one is asked by itself; and each path is asked as if it were none.
  const excluder = await createExcluder({patterns: [bare, '!*/'], caches: false, ifPresent: []})
  // What goes from one snapshot to the next is asked about twice.
  let last = '.'
  let answer = false
  return {
    isForDirectories,
    matches(path) {
      if (path === last) return answer
      last = path
      answer = path !== '.' && excluder!.excludesPath(unescapeText(path).slice('./'.length), false)
      return answer
    },
  }
}

/** The pattern for all that lies below a path; escaped as in an index. Bytes as a latin1 string. */
export function patternBelow(path: string): string {
  return `${literal(unescapeText(path).slice(1))}/**`
}

/** The pattern for a name, wherever it is. Bytes as a latin1 string. */
export function patternOfName(name: string): string {
  return literal(name).replace(/^[!#]/, '\\$&').replace(/ +$/, quoteBlanks)
}

function quoteBlanks(blanks: string): string {
  return blanks.replaceAll(' ', '\\ ')
}

function literal(text: string): string {
  return text.replaceAll(/[\\*?[]/g, '\\$&')
}
