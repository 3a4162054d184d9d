/**
 * The two layers of quoting around a forced command: words for a POSIX shell, and that text as an option in authorized_keys. Each
 * direction is here, because a line counts as bk's own only if it reads back to what was written. Pure.
 */

/**
 * Words for `sh -c`. Every word is quoted, whatever is in it: then there is one way to write it. A backslash stands outside of the
 * quotes, since not every login shell takes it as it is inside of them.
 */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll(/['\\]/g, (character) => `'\\${character}'`)}'`).join(' ')
}

const WORD = /'((?:[^']|'\\['\\]')*)'( |$)/y

/** The words that `shellWords` made a text of; undefined for other texts. */
export function parseShellWords(text: string): string[] | undefined {
  const words: string[] = []
  WORD.lastIndex = 0
  for (let more = true; more; ) {
    const match = WORD.exec(text)
    if (match === null) return undefined
    words.push((match[1] ?? '').replaceAll(/'\\(['\\])'/g, '$1'))
    more = match[2] === ' '
  }
  return shellWords(words) === text ? words : undefined
}

/**
 * The value of an option in authorized_keys. Only a quote is escaped, because sshd takes a backslash for itself unless a quote follows
 * it; hence a value must not end in a backslash, which no value here does.
 */
export function quoteOption(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`
}

/** The value in quotes that begins a text, and what follows it; undefined where none does. As `opt_dequote` in sshd. */
export function readQuoted(text: string): {readonly value: string; readonly rest: string} | undefined {
  if (!text.startsWith('"')) return undefined
  let value = ''
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '"') return {value, rest: text.slice(at + 1)}
    if (text[at] === '\\' && text[at + 1] === '"') at++
    value += text[at]
  }
  return undefined
}

/** What stands behind the options that begin a line, without the blanks in between; undefined when a quote is never closed. */
export function afterOptions(line: string): string | undefined {
  let quoted = false
  let at = 0
  for (; at < line.length && (quoted || (line[at] !== ' ' && line[at] !== '\t')); at++) {
    if (line[at] === '\\' && line[at + 1] === '"') at++
    else if (line[at] === '"') quoted = !quoted
  }
  return quoted ? undefined : line.slice(at).replace(/^[ \t]+/, '')
}
