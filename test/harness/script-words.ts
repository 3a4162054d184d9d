// From a line of a test script to its words, and the one way in which a line fails.

/** An expectation of a script that did not hold, or a line that makes no sense. */
export class Expectation extends Error {}

/** Fails the line that is running, for the reason given. */
export function fail(reason: string): never {
  throw new Expectation(reason)
}

/**
 * Splits a line into words at blanks. 'Single quotes' keep blanks and dollars, and '' inside them is one quote; elsewhere $NAME and
 * ${NAME} stand for the variable; a word that begins with # ends the line.
 */
export function splitWords(line: string, env: Readonly<Record<string, string>>): string[] {
  const words: string[] = []
  const pieces = /'((?:[^']|'')*)'|([^\s']+)|(\s+)|(')/gy
  let word: string | undefined
  for (const [, quoted, bare, blank, stray] of line.matchAll(pieces)) {
    if (stray !== undefined) fail('a quote is not closed')
    if (blank !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    if (word === undefined && bare?.startsWith('#')) return words
    word = (word ?? '') + (quoted?.replaceAll("''", "'") ?? expand(bare ?? '', env))
  }
  if (word !== undefined) words.push(word)
  return words
}

/** Puts in the values of $NAME and ${NAME}; a name that is not set is nothing. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => env[braced ?? bare ?? ''] ?? '')
}
