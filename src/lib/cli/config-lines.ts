/**
 * The text of a configuration file: one option a line, as ripgrep has it. Pure: bytes in, lines out. What an option means
 * to which command is config.ts.
 *
 *   # a comment
 *   --exclude-caches
 *   --exclude=*.o
 *   push --bwlimit=2M
 *
 * Blanks before and behind a line do not count, and so neither do those behind a value. There are no quotes: the value is
 * all that stands between the first `=` and the end.
 */
import {isUtf8} from 'node:buffer'
import {usageError, type BkError} from './errors.ts'

/** A line that is neither empty nor a comment. */
export type ConfigLine = {
  /** Where it stands, for speech: `/etc/bk/config:3`. */
  readonly from: string
  /** The command that it is for, `keys restrict`; undefined for every command that has the option. */
  readonly command: string | undefined
  readonly flag: string
  /** Undefined without `=`. */
  readonly value: string | undefined
}

const maxShown = 100

/** Takes the text of a file apart. `name` is the file as people should see it. Throws a usage error that names the line. */
export function configLines(bytes: Buffer, name: string): ConfigLine[] {
  checkText(bytes, name)
  // Editors of other systems begin a text with a byte order mark.
  const text = bytes.toString('utf8').replace(/^\ufeff/, '')
  return text.split('\n').flatMap((line, index) => {
    const words = withoutBlanks(line)
    return words === '' || words.startsWith('#') ? [] : [configLine(words, `${name}:${index + 1}`)]
  })
}

/** What a line, or a variable, says for a flag of that kind: its text, or whether it is on. Throws a usage error if it does not fit. */
export function valueOnLine({from, flag, value}: Pick<ConfigLine, 'from' | 'flag' | 'value'>, type: 'boolean' | 'option'): string | boolean {
  if (type === 'option') {
    if (value === undefined) throw usageError(`${from}: --${flag} needs a value`, `--${flag}=VALUE`)
    return value
  }
  if (value === undefined || value === '1') return true
  if (value === '0') return false
  throw usageError(`${from}: --${flag} is a switch: 1 or 0, not ${shortened(value)}`)
}

function configLine(words: string, from: string): ConfigLine {
  const [, first, second, flag, value] = /^(?:([a-z][a-z-]*)(?:[ \t]+([a-z][a-z-]*))?[ \t]+)?--([a-z][a-z-]*)(?:=(.*))?$/s.exec(words) ?? []
  if (flag === undefined) throw notAnOption(words, from)
  const command = first === undefined || second === undefined ? first : `${first} ${second}`
  return {from, command, flag, value}
}

function notAnOption(words: string, from: string): BkError {
  const [, option, value] = /^((?:[a-z-]+[ \t]+)*--[a-z][a-z-]*)[ \t]+(.+)$/s.exec(words) ?? []
  const hint = option === undefined ? 'a line is --option, --option=VALUE or COMMAND --option=VALUE' : shortened(`${option}=${value}`)
  return usageError(`${from}: not an option: ${shortened(words)}`, hint)
}

function shortened(text: string): string {
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`
}

/* Only these: a no-break space, say, may end the name of a file. */
function withoutBlanks(line: string): string {
  let start = 0
  let end = line.length
  while (start < end && isBlank(line[start])) start++
  while (end > start && isBlank(line[end - 1])) end--
  return line.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r'
}

function checkText(bytes: Buffer, name: string): void {
  if (bytes.includes(0)) throw usageError(`${name}:${lineAt(bytes, bytes.indexOf(0))}: a NUL byte in it: this is no text`)
  if (isUtf8(bytes)) return
  let number = 1
  for (let start = 0; start < bytes.length; number++) {
    const newline = bytes.indexOf(0x0a, start)
    const end = newline === -1 ? bytes.length : newline
    if (!isUtf8(bytes.subarray(start, end))) break
    start = end + 1
  }
  throw usageError(`${name}:${number}: not UTF-8`, 'patterns of other bytes go into a file of their own: --exclude-from=FILE')
}

function lineAt(bytes: Buffer, at: number): number {
  let number = 1
  for (let newline = bytes.indexOf(0x0a); newline !== -1 && newline < at; newline = bytes.indexOf(0x0a, newline + 1)) number++
  return number
}
