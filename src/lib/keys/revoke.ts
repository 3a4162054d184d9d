/**
 * Takes lines of bk's own out of authorized_keys: those of the keys that somebody named by fingerprint, comment, or public key. Pure.
 */
import {BkError, usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {exitStatus} from '../cli/exit.ts'
import {keyLines, removeLines, shownText, type KeyLine} from './authorized-keys.ts'
import {fingerprint, identityOf, type PublicKey} from './public-key.ts'
import type {RestrictedLine} from './restricted-line.ts'

/* A line that bk wrote. */
type OwnLine = KeyLine & {readonly restricted: RestrictedLine}

/** What names a key: text as typed, or the keys of a file. */
export type Named = {readonly text: string; readonly keys?: readonly PublicKey[] | undefined}

export type Revoked = {
  /** Each key once. */
  readonly removed: readonly PublicKey[]
  /** Lines with one of these keys that are left, because bk did not write them. */
  readonly left: readonly {readonly number: number; readonly key: PublicKey}[]
}

/**
 * Removes the lines of all keys that are named, or of none.
 * @throws BkError 2 when one is not there, 77 when a comment is that of several keys
 */
export function revoke(text: string, named: readonly Named[]): {readonly text: string; readonly result: Revoked} {
  const lines = keyLines(text)
  const meant = new Map(named.flatMap((name) => chooseLines(lines, name)).map((line) => [line.number, line]))
  const keys = new Map([...meant.values()].map(({identity, restricted}) => [identity, restricted.key]))
  const removed = removeLines(text, [...meant.keys()])
  const left = keyLines(removed).flatMap(({number, identity}) => {
    const key = keys.get(identity)
    return key === undefined ? [] : [{number, key}]
  })
  return {text: removed, result: {removed: [...keys.values()], left}}
}

/* A fingerprint or comment may stand on several lines of one key: all are meant. */
function chooseLines(lines: readonly KeyLine[], {text, keys}: Named): OwnLine[] {
  const own = lines.filter((line): line is OwnLine => line.restricted !== undefined)
  if (keys !== undefined) return keys.flatMap((key) => linesOfKey(lines, own, key))
  const meant = own.filter(({restricted: {key}}) => (text.startsWith('SHA256:') ? fingerprint(key) === text : shownText(key.comment) === text))
  if (meant.length === 0) throw notThere(escapeName(text))
  const [first, ...others] = new Set(meant.map(({restricted: {key}}) => fingerprint(key)))
  if (others.length > 0) {
    throw new BkError(`several keys have the comment ${escapeName(text)}: ${[first, ...others].join(', ')}`, {status: exitStatus.refused, hint: 'name one by its fingerprint'})
  }
  return meant
}

/** Whether a name is looked up as it is: a fingerprint, or the comment of a key that is there. All others are names of files. */
export function isKnownName(lines: readonly KeyLine[], text: string): boolean {
  if (text === '') throw usageError('the name of a key is empty')
  return text.startsWith('SHA256:') || lines.some(({restricted}) => restricted !== undefined && shownText(restricted.key.comment) === text)
}

function linesOfKey(lines: readonly KeyLine[], own: readonly OwnLine[], key: PublicKey): OwnLine[] {
  const identity = identityOf(key.blob)
  const meant = own.filter((line) => line.identity === identity)
  if (meant.length > 0) return meant
  const foreign = lines.find((line) => line.identity === identity)
  if (foreign === undefined) throw notThere(fingerprint(key))
  throw new BkError(`${fingerprint(key)} is on line ${foreign.number}, which bk did not write`, {hint: 'remove that line by hand'})
}

function notThere(what: string): BkError {
  return new BkError(`no key that bk restricted is called ${what}`, {hint: "'bk keys list' shows them"})
}
