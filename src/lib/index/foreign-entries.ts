/*
 * Collects what a foreign list says, whatever its format: makes paths relative, holds them to the rules of an index, adds the
 * directories that a list of files does not name, and hands all to the sorter. Lists come from hostile machines.
 */
import {BkError} from '../cli/errors.ts'
import {escapeBytes} from './escape.ts'
import {parentOf, pathProblem} from './path.ts'
import {formatRecord} from './foreign-record.ts'
import type {LineSorter} from './sort.ts'

/** What a list may at most hold. */
export interface Limits {
  /** Entries, with the directories that are added; 100 million when absent. */
  readonly entries?: number | undefined
  /** Bytes of text that these take; 16 GiB when absent. A path of a thousand directories makes a thousand entries, all of them long. */
  readonly bytes?: number | undefined
}

const ENTRIES = 100_000_000
const BYTES = 16 * 1024 ** 3
// Directories are remembered, so that each is not added again for every file in it; all are forgotten when they are too many.
const REMEMBERED = 50_000

export class ForeignEntries {
  readonly #sorter: LineSorter
  readonly #entries: number
  readonly #bytes: number
  readonly #directories = new Set<string>()
  #absolute: boolean | undefined
  #count = 0
  #size = 0

  constructor(sorter: LineSorter, limits: Limits = {}) {
    this.#sorter = sorter
    this.#entries = limits.entries ?? ENTRIES
    this.#bytes = limits.bytes ?? BYTES
  }

  /** What the entries are relative to. */
  get root(): string {
    return this.#absolute === true ? '/' : '.'
  }

  /** Whether the list had no entry. */
  get empty(): boolean {
    return this.#count === 0
  }

  /**
   * Takes an entry.
   * @param raw the path's bytes as latin1, absolute or not
   * @param facts what is known, as in foreign-record.ts
   * @throws BkError 65 without the line number
   */
  add(raw: string, facts: string, number: number): void {
    const absolute = raw.startsWith('/')
    if (absolute !== (this.#absolute ?? absolute)) throw refusal('absolute and relative paths are mixed', raw)
    this.#absolute = absolute
    const path = relativePath(raw)
    if (path === '.' && !/^type=(?:dir|\?)/.test(facts)) throw refusal('the top is no directory', raw)
    this.#addAncestors(path, number)
    // An entry below this one need not imply it again.
    if (facts.startsWith('type=dir')) this.#remember(path)
    this.#put(path, facts, number)
  }

  #addAncestors(path: string, number: number): void {
    for (let parent = parentOf(path); parent !== undefined && !this.#directories.has(parent); parent = parentOf(parent)) {
      this.#remember(parent)
      this.#put(parent, '', number)
    }
  }

  #remember(path: string): void {
    if (this.#directories.size >= REMEMBERED) this.#directories.clear()
    // A copy: a slice would keep the text it comes from.
    this.#directories.add(Buffer.from(path, 'latin1').toString('latin1'))
  }

  #put(path: string, facts: string, number: number): void {
    const record = formatRecord(path, number, facts)
    this.#count++
    this.#size += record.length
    if (this.#count > this.#entries) throw new BkError(`more than ${this.#entries.toLocaleString('en')} entries`, {status: 65})
    if (this.#size > this.#bytes) throw new BkError(`more than ${this.#bytes.toLocaleString('en')} bytes of entries`, {status: 65})
    this.#sorter.add(record)
  }
}

function refusal(words: string, raw: string): BkError {
  return new BkError(`${words}: ${escapeBytes(raw.slice(0, 200))}`, {status: 65})
}

/* The path as an index has it. Most come in that form, so the cleaning up is for the others. */
function relativePath(raw: string): string {
  const path = raw === '.' || raw.startsWith('./') ? escapeBytes(raw) : './' + escapeBytes(raw.startsWith('/') ? raw.slice(1) : raw)
  if (pathProblem(path) === undefined) return path
  if (raw === '') throw refusal('entry without a path', raw)
  if (raw.includes('\0')) throw refusal('path has a NUL byte', raw)
  const components = raw.split('/').filter((component) => component !== '' && component !== '.')
  if (components.includes('..')) throw refusal('path leaves the tree', raw)
  const clean = ['.', ...components.map(escapeBytes)].join('/')
  const problem = pathProblem(clean)
  if (problem !== undefined) throw refusal(problem, raw)
  return clean
}
