/*
 * Changes as text (docs/format.md, 3): what turns one index into another. Read and written here; made by diff.ts, carried
 * out by apply.ts.
 */
import {BkError} from '../cli/errors.ts'
import {checkEntryLine} from './entry.ts'
import {CommentChecker, commentValue, NO_COMMENTS, type Group} from './group.ts'
import {atLine, lineAt, runsOfLines} from './lines.ts'
import {pathProblem} from './path.ts'
import {cutOff, isRoot, type ReadOptions} from './read.ts'
import {stateWords} from './write.ts'

export type Mark = '+' | '~' | '=' | '>' | '-' | '!'

/** What happens at one path. For `-` the group has only its path. */
export interface Change {
  readonly mark: Mark
  readonly group: Group
}

export interface ChangesHeader {
  /** Escaped absolute path that paths are relative to. */
  readonly root: string
  /** In a store: id of the object that these are changes against. */
  readonly object?: string | undefined
}

export interface ChangesEnd {
  /** Digest of OLD; undefined where OLD was absent or empty. */
  readonly base: string | undefined
  /** Digest of what applying gives. */
  readonly target: string
  /** Lines between header and end. */
  readonly lines: number
  /** Unread paths of the target. */
  readonly partial: number
}

const HEADER = /^#bk changes (\d+) root=([^ \n]+)(?: object=([0-9a-f]{64}))?$/
const END = /^#bk end base=(?:sha256:([0-9a-f]{64})|none) target=sha256:([0-9a-f]{64}) lines=(0|[1-9][0-9]{0,14}) (?:complete|partial=([1-9][0-9]{0,14}))$/
const END_START = '#bk end '

/** One text of changes, read once. */
export class ChangesReader {
  /** There after the first batch, or after `batches` has ended. */
  header: ChangesHeader | undefined
  /** There after the last batch. */
  end: ChangesEnd | undefined
  readonly #pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly #strict: boolean
  #last = ''
  #lines = 0
  #mark: Mark | undefined
  #path = ''
  #line = ''
  #comments: string[] | undefined
  #checker: CommentChecker | undefined

  /** Not `strict`, lines of entries are only cut at their path: for a text of our own. */
  constructor(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, {strict = true}: ReadOptions = {}) {
    this.#pieces = pieces
    this.#strict = strict
  }

  /** Escaped absolute path that paths are relative to; '' before the header was read. */
  get root(): string {
    return this.header?.root ?? ''
  }

  /**
   * The changes, in order, in batches. The first batch may be empty: it comes as soon as the header is known.
   * @throws BkError 65 with the line number for anything outside the grammar, and when the end line is missing
   */
  async *batches(): AsyncGenerator<readonly Change[]> {
    for await (const {text, number} of runsOfLines(this.#pieces)) {
      const batch: Change[] = []
      let current = number
      try {
        for (let at = 0; at < text.length; current++) {
          const stop = text.indexOf('\n', at)
          this.#readLine(lineAt(text, at, stop), batch)
          at = stop + 1
        }
      } catch (error) {
        throw atLine(current, error)
      }
      yield batch
    }
    if (this.end === undefined) throw cutOff('the list of changes')
  }

  #readLine(line: string, batch: Change[]): void {
    if (this.end !== undefined) throw new BkError('something stands behind the end line', {status: 65})
    if (this.header === undefined) {
      this.header = readHeader(line)
    } else if (line.startsWith(END_START)) {
      this.#flush(batch)
      this.end = this.#readEnd(line)
    } else {
      this.#change(line, batch)
      this.#lines++
    }
  }

  #change(line: string, batch: Change[]): void {
    const mark = line[0] as Mark
    if (!'+~=>-!'.includes(mark) || line[1] !== ' ') throw new BkError(`not a line of changes: ${line.slice(0, 120)}`, {status: 65})
    const text = line.slice(2)
    if (mark === '-') {
      this.#begin(mark, text, '', batch)
    } else if (text.startsWith('#bk ')) {
      const path = firstWord(text, 4)
      if (path !== this.#path || mark !== this.#mark) this.#begin(mark, path, '', batch)
      this.#checker ??= new CommentChecker()
      this.#checker.add(text)
      this.#comments ??= []
      this.#comments.push(text)
    } else {
      const path = firstWord(text, 0)
      this.#begin(mark, path, text, batch)
      if (this.#strict) checkEntryLine(text, path)
    }
  }

  #begin(mark: Mark, path: string, line: string, batch: Change[]): void {
    this.#flush(batch)
    const problem = pathProblem(path)
    if (problem !== undefined) throw new BkError(`${problem}: ${path.slice(0, 200)}`, {status: 65})
    if (path <= this.#last) {
      const how = path === this.#last ? 'path is there twice' : 'paths are not sorted as LC_ALL=C sorts them'
      throw new BkError(`${how}: ${path.slice(0, 200)}`, {status: 65})
    }
    this.#mark = mark
    this.#path = this.#last = path
    this.#line = line
    this.#comments = undefined
    this.#checker = undefined
  }

  #flush(batch: Change[]): void {
    const mark = this.#mark
    if (mark === undefined) return
    this.#mark = undefined
    const group: Group = {path: this.#path, line: this.#line, comments: this.#comments ?? NO_COMMENTS}
    if (mark !== '-') this.#check(mark, group)
    batch.push({mark, group})
  }

  #check(mark: Mark, group: Group): void {
    const {path, line} = group
    this.#checker?.finish(path, line)
    const isMove = commentValue(group, 'from') !== undefined
    if (mark === '>' && !isMove) throw new BkError(`a move without from=: ${path.slice(0, 200)}`, {status: 65})
    if (mark !== '>' && isMove) throw new BkError(`from= without a move: ${path.slice(0, 200)}`, {status: 65})
    if (mark === '>' && !line.startsWith(' type=file', path.length)) throw new BkError(`a move of what is no file: ${path.slice(0, 200)}`, {status: 65})
    if (mark === '!' && (line !== '' || commentValue(group, 'error') === undefined)) {
      throw new BkError(`an unread path says only why: ${path.slice(0, 200)}`, {status: 65})
    }
  }

  #readEnd(line: string): ChangesEnd {
    const match = END.exec(line)
    if (match === null) throw new BkError('the end line is not in the format', {status: 65})
    if (Number(match[3]) !== this.#lines) throw new BkError(`the end line counts ${match[3]} lines, there are ${this.#lines}`, {status: 65})
    return {base: match[1], target: match[2]!, lines: this.#lines, partial: Number(match[4] ?? 0)}
  }
}

function firstWord(text: string, start: number): string {
  const stop = text.indexOf(' ', start)
  return text.slice(start, stop < 0 ? undefined : stop)
}

function readHeader(line: string): ChangesHeader {
  const match = HEADER.exec(line)
  if (match === null) throw new BkError('not a list of changes of bk', {status: 65})
  if (match[1] !== '1') throw new BkError(`changes are from version ${match[1]}, this is version 1`, {status: 65, hint: 'update bk'})
  if (!isRoot(match[2]!)) throw new BkError('root= is not an absolute path', {status: 65})
  return {root: match[2]!, object: match[3]}
}

/** The first line of changes, with its LF. */
export function changesHeader(header: ChangesHeader): string {
  return `#bk changes 1 root=${header.root}${header.object === undefined ? '' : ` object=${header.object}`}\n`
}

/** A change as lines, each with its LF. */
export function formatChange({mark, group}: Change): string {
  if (mark === '-') return `- ${group.path}\n`
  let text = group.line === '' ? '' : `${mark} ${group.line}\n`
  for (const comment of group.comments) text += `${mark} ${comment}\n`
  return text
}

/** How many lines `formatChange` makes. */
export function linesOf({mark, group}: Change): number {
  return mark === '-' ? 1 : (group.line === '' ? 0 : 1) + group.comments.length
}

/** The end line of changes that only wait to be read back: it has to count right. */
export function endOfSpill(lines: number): string {
  return changesEndLine({base: undefined, target: '0'.repeat(64), lines, partial: 0})
}

/** The end line of changes, with its LF. */
export function changesEndLine(end: ChangesEnd): string {
  const base = end.base === undefined ? 'none' : `sha256:${end.base}`
  return `#bk end base=${base} target=sha256:${end.target} lines=${end.lines} ${stateWords(end.partial)}\n`
}
