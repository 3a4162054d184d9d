/**
 * The lines of authorized_keys that bk writes: `restrict,from="…",expiry-time="…",command="…" TYPE BASE64 COMMENT`. A line is bk's own
 * if it prints back to the very same bytes; whatever somebody has changed by hand is his own line, and left alone. Pure.
 */
import {afterOptions, parseShellWords, quoteOption, readQuoted, shellWords} from './quoting.ts'
import {formatPublicKey, lenientBlob, type PublicKey} from './public-key.ts'

export type RestrictedLine = {
  readonly key: PublicKey
  /** Absolute path of the program, which is called bk. */
  readonly program: string
  /** The words behind `bk forced`. */
  readonly words: readonly string[]
  /** sshd's pattern list of hosts. */
  readonly from: string | undefined
  /** YYYYMMDDHHMMSSZ. */
  readonly expires: string | undefined
}

/** The line, without a newline. */
export function formatLine({key, program, words, from, expires}: RestrictedLine): string {
  const options = [
    'restrict',
    ...(from === undefined ? [] : [`from=${quoteOption(from)}`]),
    ...(expires === undefined ? [] : [`expiry-time=${quoteOption(expires)}`]),
    `command=${quoteOption(shellWords([program, 'forced', ...words]))}`,
  ]
  return `${options.join(',')} ${formatPublicKey(key)}`
}

/** Takes a line apart that bk wrote; undefined for any other. */
export function parseLine(line: string): RestrictedLine | undefined {
  if (!line.startsWith('restrict,')) return undefined
  let rest = line.slice('restrict'.length)
  const take = (option: string): string | undefined => {
    const found = rest.startsWith(`,${option}=`) ? readQuoted(rest.slice(option.length + 2)) : undefined
    if (found !== undefined) rest = found.rest
    return found?.value
  }
  const [from, expires, command] = [take('from'), take('expiry-time'), take('command')]
  const [program, forced, ...words] = command === undefined ? [] : (parseShellWords(command) ?? [])
  if (program === undefined || forced !== 'forced' || !/^\/(?:.*\/)?bk$/s.test(program)) return undefined
  const [, type, base64 = '', comment = ''] = /^ ([^ ]+) ([^ ]+)(?: (.*))?$/s.exec(rest) ?? []
  const blob = lenientBlob(base64)
  if (type === undefined || blob === undefined) return undefined
  const parsed = {key: {type, blob, comment}, program, words, from, expires}
  return formatLine(parsed) === line ? parsed : undefined
}

/** The key on any line of authorized_keys, as sshd finds it: at the begin of the line, or behind options. Undefined where there is none. */
export function keyOnLine(line: string): Buffer | undefined {
  // To sshd a line ends at a NUL.
  const text = line.replace(/\0.*/s, '').replace(/^[ \t]+/, '')
  if (text === '' || text.startsWith('#')) return undefined
  return keyAt(text) ?? keyAt(afterOptions(text) ?? '')
}

/* The type is only looked at to tell it from options: a quoted one may hold what looks like a key. */
function keyAt(text: string): Buffer | undefined {
  const [type = '', blob = ''] = text.split(/[ \t]+/, 2)
  return /^[\w@.-]+$/.test(type) ? lenientBlob(blob) : undefined
}
