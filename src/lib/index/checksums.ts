/*
 * Reads what md5sum and sha256sum write, so that a host with nothing but coreutils can take part: `DIGEST  PATH` and `DIGEST *PATH`,
 * the same with a backslash in front where the path is escaped, `--tag` (as BSD's programs write it) and `--zero`.
 */
import {BkError} from '../cli/errors.ts'
import {escapeBytes} from './escape.ts'
import type {ForeignEntries} from './foreign-entries.ts'
import {atLine, MAX_LINE, type Run} from './lines.ts'
import {unknownEscape} from './vis.ts'

const GNU = /^(\\?)([0-9a-fA-F]+) [ *](.*)$/s
const BSD = /^(\\?)([A-Z0-9-]+) \((.*)\) = ([0-9a-fA-F]+)$/s
const START = /^\\?(?:[0-9a-fA-F]{32,} [ *]|[A-Z0-9-]+ \()/

const KINDS: Readonly<Record<string, {readonly key: 'md5' | 'sha256'; readonly digits: number}>> = {
  MD5: {key: 'md5', digits: 32},
  SHA256: {key: 'sha256', digits: 64},
  'SHA2-256': {key: 'sha256', digits: 64},
}

/** Reads a list, run by run, into `entries`. */
export class ChecksumReader {
  readonly #entries: ForeignEntries
  readonly #separator: string

  constructor(entries: ForeignEntries, zero: boolean) {
    this.#entries = entries
    this.#separator = zero ? '\0' : '\n'
  }

  /** Takes whole lines, or records. Throws BkError 65 with the line number. */
  read({text, number}: Run): void {
    let line = number
    for (let at = 0, end = text.indexOf(this.#separator); end >= 0; at = end + 1, end = text.indexOf(this.#separator, at), line++) {
      try {
        addChecksum(text.slice(at, end), this.#entries, line)
      } catch (error) {
        throw atLine(line, error)
      }
    }
  }
}

function addChecksum(line: string, entries: ForeignEntries, number: number): void {
  if (line.length > MAX_LINE) throw new BkError('line is longer than 65,000 bytes', {status: 65})
  const {escaped, kind, digest, path} = cutChecksum(line)
  const known = kind === '' ? Object.values(KINDS).find(({digits}) => digits === digest.length) : KINDS[kind]
  if (known === undefined) {
    const what = kind === '' ? `a digest of ${digest.length} digits` : `a list of ${kind}`
    throw new BkError(what, {status: 65, hint: 'make it with md5sum or sha256sum'})
  }
  if (digest.length !== known.digits) throw new BkError(`a digest of ${digest.length} digits for ${known.key}`, {status: 65})
  if (path === '-' && kind === '') throw new BkError('digest of standard input, not of a file', {status: 65})
  entries.add(escaped ? unescape(path) : path, `type=file ${known.key}=${digest.toLowerCase()}`, number)
}

interface Checksum {
  /** A backslash in front says that the path is escaped. */
  readonly escaped: boolean
  /** As `--tag` names it; else nothing. */
  readonly kind: string
  readonly digest: string
  readonly path: string
}

function cutChecksum(line: string): Checksum {
  const gnu = GNU.exec(line)
  if (gnu !== null) return {escaped: gnu[1] !== '', kind: '', digest: gnu[2]!, path: gnu[3]!}
  const bsd = BSD.exec(line)
  if (bsd !== null) return {escaped: bsd[1] !== '', kind: bsd[2]!, digest: bsd[4]!, path: bsd[3]!}
  throw new BkError(`not a line of md5sum or sha256sum: ${escapeBytes(line.slice(0, 120))}`, {status: 65})
}

const MEANINGS: Readonly<Record<string, string>> = {'\\': '\\', n: '\n', r: '\r'}

function unescape(path: string): string {
  return path.replace(/\\(.?)/gs, (whole, letter: string) => {
    const meaning = MEANINGS[letter]
    if (meaning === undefined) throw unknownEscape(whole)
    return meaning
  })
}

/**
 * Whether the list was made with `--zero`, by its first record. Where a list of lines was damaged by a NUL byte, what stands before
 * that would pass for one long name; names that go on with a line of another file do not occur.
 */
export function isZeroSeparated(first: Uint8Array): boolean {
  const text = Buffer.from(first.buffer, first.byteOffset, first.length).toString('latin1')
  const end = text.indexOf('\0')
  if (end < 0) return false
  return !text.slice(0, end).split('\n').slice(1).some((line) => START.test(line))
}

/** As runsOfLines, for records that end in NUL. */
export async function* runsOfRecords(pieces: AsyncIterable<Buffer>): AsyncGenerator<Run> {
  let rest = ''
  let number = 1
  for await (const piece of pieces) {
    const text = rest + piece.toString('latin1')
    const end = text.lastIndexOf('\0') + 1
    rest = text.slice(end)
    if (rest.length > MAX_LINE) throw new BkError('record is longer than 65,000 bytes', {status: 65})
    if (end === 0) continue
    yield {text: text.slice(0, end), number}
    number += text.slice(0, end).split('\0').length - 1
  }
  if (rest !== '') throw atLine(number, new BkError('the last record is cut off', {status: 65}))
}
