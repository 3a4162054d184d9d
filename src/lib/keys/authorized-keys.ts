/**
 * What happens to the text of authorized_keys when a key is added, replaced or revoked. Only lines that bk wrote are ever changed; all
 * others stay to the byte. Pure: text in, text out.
 *
 * A key that stands on a line of somebody else's, too, is never added: sshd takes the first line with the key, and goes on to the next
 * when one does not let it in (wrong host, expired), so that the restriction would be worth nothing, wherever it stood.
 */
import {BkError} from '../cli/errors.ts'
import {exitStatus} from '../cli/exit.ts'
import {fingerprint, identityOf, type PublicKey} from './public-key.ts'
import {formatLine, keyOnLine, parseLine, type RestrictedLine} from './restricted-line.ts'

/** A line of the file that has a key. */
export type KeyLine = {
  /** Counted from 1. */
  readonly number: number
  /** Equal for lines with the same key. */
  readonly identity: string
  /** What it says, if bk wrote it. */
  readonly restricted: RestrictedLine | undefined
}

/** All lines that have a key. */
export function keyLines(text: string): KeyLine[] {
  return splitLines(text).flatMap((line, at) => {
    const key = keyOnLine(line)
    return key === undefined ? [] : [{number: at + 1, identity: identityOf(key), restricted: parseLine(withoutNewline(line))}]
  })
}

export type Installed = {readonly key: PublicKey; readonly what: 'added' | 'replaced' | 'unchanged'}

/**
 * Adds lines for keys. The line of a key that bk restricted before is replaced where it stands.
 * @throws BkError 77 when one of the keys is on a line that bk did not write
 */
export function install(text: string, additions: readonly RestrictedLine[]): {readonly text: string; readonly result: readonly Installed[]} {
  let changed = text
  const result = additions.map((addition): Installed => {
    const before = changed
    const line = `${formatLine(addition)}\n`
    const [first, ...others] = ownLines(changed, addition.key)
    const lines = splitLines(changed)
    if (first === undefined) {
      changed += `${changed === '' || changed.endsWith('\n') ? '' : '\n'}${line}`
      return {key: addition.key, what: 'added'}
    }
    if (withoutNewline(lines[first - 1] ?? '') !== withoutNewline(line)) lines[first - 1] = line
    // Where a line does not let the key in, sshd tries the next: an older and wider one must not be left.
    changed = without(lines, others)
    return {key: addition.key, what: changed === before ? 'unchanged' : 'replaced'}
  })
  return {text: changed, result}
}

/* Numbers of the lines by which bk has restricted the key. */
function ownLines(text: string, key: PublicKey): number[] {
  const identity = identityOf(key.blob)
  const same = keyLines(text).filter((line) => line.identity === identity)
  const foreign = same.find(({restricted}) => restricted === undefined)
  if (foreign === undefined) return same.map(({number}) => number)
  throw new BkError(`${nameOf(key)} is on line ${foreign.number} already, which bk did not write: it would let the key in without this restriction`, {
    status: exitStatus.refused,
    hint: `remove line ${foreign.number} from the file, then do this again`,
  })
}

/** Removes lines that bk wrote, by their numbers. */
export function removeLines(text: string, numbers: readonly number[]): string {
  return without(splitLines(text), numbers)
}

/** The fingerprint of a key and, where it has one, its comment. */
export function nameOf(key: PublicKey): string {
  return key.comment === '' ? fingerprint(key) : `${fingerprint(key)} ${shownText(key.comment)}`
}

/** Text of this folder, one character per byte, as what it says. It is not escaped. */
export function shownText(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString()
}

function without(lines: readonly string[], numbers: readonly number[]): string {
  return lines.filter((_line, at) => !numbers.includes(at + 1)).join('')
}

function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function withoutNewline(line: string): string {
  return line.endsWith('\n') ? line.slice(0, -1) : line
}
