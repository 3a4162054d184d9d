/*
 * Reads an index text in batches of groups and holds it to the grammar: header, order, ancestors, one spelling, end line,
 * digest. What it yields before the end line may still turn out to be part of a text that was cut off: callers commit
 * nothing before `end` is there.
 */
import {createHash} from 'node:crypto'
import {BkError} from '../cli/errors.ts'
import {checkEntryLine} from './entry.ts'
import {CommentChecker, commentValue, isDirectoryLine, isUnread, NO_COMMENTS, type Group} from './group.ts'
import {isEscaped, unescapeText} from './escape.ts'
import {atLine, commonLines, countLines, lineAt, runsOfLines, wholeHeader, type Run} from './lines.ts'
import {Ancestry, pathProblem} from './path.ts'

/** What the last line of an index says. */
export interface IndexEnd {
  readonly entries: number
  /** Paths that could not be read; 0 is complete. */
  readonly partial: number
  /** sha256 of every byte above the end line. */
  readonly digest: string
}

export interface ReadOptions {
  /** Checks each line against the whole grammar (default). Without it lines are only cut at their path: for texts whose lines are compared with checked ones. */
  readonly strict?: boolean
  /** Made in this process, or held to the grammar before: not even order and ancestors are checked, only count and digest. */
  readonly trusted?: boolean
}

/** Entries that two texts have in common: their lines. */
export interface Same {
  readonly text: string
  readonly entries: number
}

const HEADER = /^#mtree\n#bk index (\d+) root=([^ \n]+)\n/
const END = /^#bk end entries=(0|[1-9][0-9]{0,14}) (?:complete|partial=([1-9][0-9]{0,14})) sha256=([0-9a-f]{64})\n$/
const END_START = '#bk end '
const [LF, HASH] = [10, 35]

/** One index text, read once. */
export class IndexReader {
  /** Escaped absolute path that the entries are relative to. There after the first batch. */
  root = ''
  /** There after the last batch. */
  end: IndexEnd | undefined
  readonly #pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly #strict: boolean
  readonly #trusted: boolean
  readonly #hash = createHash('sha256')
  readonly #ancestry = new Ancestry()
  #entries = 0
  #partial = 0
  #last = ''
  // The group whose comments may still follow.
  #path = ''
  #line = ''
  #comments: string[] | undefined
  #checker: CommentChecker | undefined
  // Text that is at hand, how far it was read, and the number of the line there.
  #runs: AsyncIterator<Run> | undefined
  #text = ''
  #at = 0
  #number = 1

  constructor(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: ReadOptions = {}) {
    this.#pieces = pieces
    this.#trusted = options.trusted ?? false
    this.#strict = !this.#trusted && (options.strict ?? true)
  }

  /**
   * The groups, in order, in batches.
   * @throws BkError 65 with the line number for anything outside the grammar, and when the end line is missing
   */
  async *batches(): AsyncGenerator<readonly Group[]> {
    while (await this.#more()) {
      const batch: Group[] = []
      this.#read(batch, Infinity)
      if (batch.length > 0) yield batch
    }
  }

  /**
   * The next group, for who takes them one at a time and no batches; undefined at the end. A promise only where more text has to come.
   * @throws BkError 65 as `batches` does
   */
  next(): Group | undefined | Promise<Group | undefined> {
    const batch: Group[] = []
    this.#read(batch, 1)
    return batch[0] ?? this.#nextRun(batch)
  }

  async #nextRun(batch: Group[]): Promise<Group | undefined> {
    while (batch.length === 0 && (await this.#more())) this.#read(batch, 1)
    return batch[0]
  }

  /**
   * Passes over the next group if it is this one to the byte, and is at hand. Where that group comes from it was checked, so nobody has
   * to look into the line again: most of an OLD goes by like this, in a fifth of the time that `next` takes.
   */
  pass({path, line, comments}: Group): boolean {
    const text = this.#text
    if (line === '' || comments.length > 0) return false
    const isBegun = this.#path !== ''
    if (isBegun && (this.#comments !== undefined || this.#line !== line)) return false
    const stop = isBegun ? this.#at : this.#at + line.length + 1
    // What begins with # behind it may be a comment on it.
    if (stop >= text.length || text.charCodeAt(stop) === HASH) return false
    if (isBegun) {
      this.#path = ''
      return true
    }
    if (text.charCodeAt(stop - 1) !== LF || !text.startsWith(line, this.#at)) return false
    if (!this.#trusted && isDirectoryLine(line, path)) this.#ancestry.accept(path, true)
    this.#last = path
    this.#entries++
    this.#at = stop
    this.#number++
    return true
  }

  /** Whether the next group has to wait for more text. */
  get isUsedUp(): boolean {
    return this.#at >= this.#text.length
  }

  /**
   * Passes over what this text and another have in common from here on, as far as it is at hand: entries without comments, the same to the
   * byte. Both texts have to be trusted, since nobody looks into it: a hundred thousand entries that are as they were take some milliseconds.
   */
  passSame(other: IndexReader): Same | undefined {
    if (!this.#trusted || !other.#trusted) return undefined
    for (const reader of [this, other]) if (reader.#line === '' || reader.#path === '' || reader.#comments !== undefined) return undefined
    if (this.#line !== other.#line) return undefined
    const common = commonLines(this.#text, this.#at, other.#text, other.#at)
    // What begins with # is a comment on the entry before it.
    if (common === '' || common.charCodeAt(0) === HASH) return undefined
    // The last line stays: what follows may be comments on it.
    const start = common.lastIndexOf('\n', common.length - 2) + 1
    const same = {text: `${this.#line}\n${common.slice(0, start)}`, entries: countLines(common)}
    const line = common.slice(start, -1)
    for (const reader of [this, other]) {
      reader.#line = line
      reader.#path = reader.#last = line.slice(0, line.indexOf(' '))
      reader.#entries += same.entries
      reader.#number += same.entries
      reader.#at += common.length
    }
    return same
  }

  /* Gets more text; false when there is none. */
  async #more(): Promise<boolean> {
    this.#runs ??= wholeHeader(runsOfLines(this.#pieces))
    const {value: run, done} = await this.#runs.next()
    if (done === true) {
      if (this.end === undefined) throw cutOff('the index')
      return false
    }
    if (this.end !== undefined) throw atLine(run.number, new BkError('something stands behind the end line', {status: 65}))
    const isFirst = this.root === ''
    const start = isFirst ? this.#readHeader(run.text) : 0
    this.#hash.update(run.text.slice(0, start), 'latin1')
    this.#text = run.text.slice(start)
    this.#at = 0
    this.#number = run.number + (isFirst ? 2 : 0)
    return true
  }

  #readHeader(text: string): number {
    const match = HEADER.exec(text)
    if (match === null) throw new BkError('line 1: not an index of bk', {status: 65})
    if (match[1] !== '1') throw new BkError(`line 2: index is from version ${match[1]}, this is version 1`, {status: 65, hint: 'update bk'})
    if (!isRoot(match[2]!)) throw new BkError('line 2: root= is not an absolute path', {status: 65})
    this.root = match[2]!
    return match[0].length
  }

  /* Reads on until there are so many groups, or the text that is at hand ends. */
  #read(batch: Group[], most: number): void {
    const text = this.#text
    let at = this.#at
    if (at >= text.length) return
    try {
      while (at < text.length && batch.length < most) {
        const stop = text.indexOf('\n', at)
        const line = lineAt(text, at, stop)
        if (line.charCodeAt(0) === HASH) {
          if (line.startsWith(END_START)) {
            this.#flush(batch)
            this.#hash.update(text.slice(0, at), 'latin1')
            this.#at = text.length
            this.#readEnd(text.slice(at, stop + 1))
            this.#number++
            if (stop + 1 < text.length) throw new BkError('something stands behind the end line', {status: 65})
            return
          }
          this.#comment(line, batch)
        } else this.#entry(line, batch)
        at = stop + 1
        this.#number++
      }
    } catch (error) {
      throw atLine(this.#number, error)
    }
    this.#at = at
    if (at >= text.length) this.#hash.update(text, 'latin1')
  }

  #entry(line: string, batch: Group[]): void {
    this.#flush(batch)
    const space = line.indexOf(' ')
    const path = space < 0 ? line : line.slice(0, space)
    this.#begin(path, line)
    if (this.#strict) checkEntryLine(line, path)
    this.#entries++
  }

  #comment(line: string, batch: Group[]): void {
    const stop = line.indexOf(' ', 4)
    if (!line.startsWith('#bk ') || stop < 0) throw new BkError(`not a line of an index: ${line.slice(0, 120)}`, {status: 65})
    const path = line.slice(4, stop)
    if (path !== this.#path) {
      this.#flush(batch)
      this.#begin(path, '')
    }
    if (this.#comments === undefined) {
      this.#comments = []
      this.#checker = this.#strict ? new CommentChecker() : undefined
    }
    this.#checker?.add(line)
    this.#comments.push(line)
  }

  #begin(path: string, line: string): void {
    if (!this.#trusted) this.#checkPlace(path, line)
    this.#path = this.#last = path
    this.#line = line
    this.#comments = undefined
  }

  #checkPlace(path: string, line: string): void {
    if (path <= this.#last) {
      const how = path === this.#last ? 'path is there twice' : 'paths are not sorted as LC_ALL=C sorts them'
      throw new BkError(`${how}: ${path.slice(0, 200)}`, {status: 65})
    }
    const problem = pathProblem(path)
    if (problem !== undefined) throw new BkError(`${problem}: ${path.slice(0, 200)}`, {status: 65})
    if (!this.#ancestry.accept(path, line !== '' && isDirectoryLine(line, path))) {
      throw new BkError(`no directory stands above ${path.slice(0, 200)}`, {status: 65})
    }
  }

  #flush(batch: Group[]): void {
    if (this.#path === '') return
    const group: Group = {path: this.#path, line: this.#line, comments: this.#comments ?? NO_COMMENTS}
    this.#path = ''
    if (group.comments.length > 0) {
      if (this.#strict) this.#check(group)
      if (isUnread(group)) this.#partial++
    }
    batch.push(group)
  }

  #check(group: Group): void {
    this.#checker!.finish(group.path, group.line)
    if (commentValue(group, 'from') !== undefined) throw new BkError(`from= belongs to changes: ${group.path.slice(0, 200)}`, {status: 65})
  }

  #readEnd(line: string): void {
    const match = END.exec(line)
    if (match === null) throw new BkError('the end line is not in the format', {status: 65})
    const digest = this.#hash.digest('hex')
    if (Number(match[1]) !== this.#entries) throw new BkError(`the end line counts ${match[1]} entries, there are ${this.#entries}`, {status: 65})
    if (Number(match[2] ?? 0) !== this.#partial) throw new BkError(`the end line counts ${match[2] ?? 0} unread paths, there are ${this.#partial}`, {status: 65})
    if (match[3] !== digest) throw new BkError('the digest in the end line is not that of the text', {status: 65})
    this.end = {entries: this.#entries, partial: this.#partial, digest}
  }
}

/** A text without its end line. */
export function cutOff(what: string): BkError {
  return new BkError(`${what} is cut off: it has no end line`, {status: 65})
}

/** Whether a text is an escaped absolute path, in its shortest spelling. */
export function isRoot(text: string): boolean {
  // `.` is unknown: a foreign list with relative paths.
  if (text === '/' || text === '.') return true
  return text.startsWith('/') && isEscaped(text) && !text.includes('\\000') && !/\/(?:\.{0,2})(?:\/|$)/.test(unescapeText(text))
}
