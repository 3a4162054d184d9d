/*
 * Reads mtree lists as bsdtar, NetBSD and FreeBSD write them: whole paths or names nested by `..`, `/set` and `/unset`, lines that go
 * on after a backslash, comments. Where the programs' own readers differ in what a list means, it is refused.
 */
import {BkError} from '../cli/errors.ts'
import {commentLength, type Line} from './foreign-comments.ts'
import type {ForeignEntries} from './foreign-entries.ts'
import {factsOf, readKeywords, unsetKeywords, type Values} from './foreign-keywords.ts'
import {escapeBytes} from './escape.ts'
import {atLine, MAX_LINE, type Run} from './lines.ts'
import {cutComment, unvis} from './vis.ts'

// NetBSD's mtree cuts longer words: 1,023 bytes of `link=…` may be all of it, or not.
const NETBSD_WORD = 1023

/** Reads a list, run by run, into `entries`. */
export class MtreeReader {
  readonly #entries: ForeignEntries
  readonly #defaults: Values = []
  // The directories that are entered, by their paths; the first is the top.
  readonly #open: string[] = ['.']
  // Lines behind a comment whose end is not known yet, and how many it takes to look again.
  #waiting: Line[] = []
  #enough = 0
  // The beginning of a line that goes on.
  #begun: Line | undefined
  #sawFullPath = false

  constructor(entries: ForeignEntries) {
    this.#entries = entries
  }

  /** Takes whole lines. Throws BkError 65 with the line number. */
  read({text, number}: Run): void {
    for (let at = 0, end = text.indexOf('\n'); end >= 0; at = end + 1, end = text.indexOf('\n', at), number++) {
      this.#take({text: text.slice(at, end), number})
    }
  }

  /** Says that the list is over. Throws BkError 65 when it cannot be. */
  end(): void {
    this.#drain(true)
    if (this.#begun !== undefined) throw atLine(this.#begun.number, new BkError('the last line is cut off', {status: 65}))
    // NetBSD leaves the top open at the end, and nothing else.
    if (this.#open.length <= 1) return
    throw new BkError(`the list is cut off: no .. closes ${escapeBytes(this.#open.at(-1)!.slice(0, 200))}`, {status: 65})
  }

  #take(line: Line): void {
    if (this.#waiting.length === 0 && !this.#isComment(line)) return this.#handle(line)
    this.#waiting.push(line)
    if (this.#waiting.length >= this.#enough) this.#drain(false)
  }

  #drain(last: boolean): void {
    this.#enough = 0
    let at = 0
    while (at < this.#waiting.length) {
      const line = this.#waiting[at]!
      const length = this.#isComment(line) ? commentLength(this.#waiting.slice(at), this.#open.at(-1) ?? '.', last) : 0
      if (length === undefined) {
        // Looking at twice as many the next time keeps the cost in proportion.
        this.#enough = 2 * (this.#waiting.length - at)
        break
      }
      if (length === 0) this.#handle(line)
      at += Math.max(length, 1)
    }
    this.#waiting = this.#waiting.slice(at)
  }

  #isComment(line: Line): boolean {
    return this.#begun === undefined && /^ *# \./.test(line.text)
  }

  #handle({text, number}: Line): void {
    const begun = this.#begun
    const start = begun?.number ?? number
    try {
      if (text.length > MAX_LINE) throw new BkError('line is longer than 65,000 bytes', {status: 65})
      // An index of bk whose head is cut off, or whose line ends were changed, must not pass as a list that nobody vouches for.
      if (/^#bk [a-z.]/.test(text) && begun === undefined) throw new BkError('a line of an index of bk in another list: it was cut off or altered', {status: 65})
      const ended = text.endsWith('\r') ? text.slice(0, -1) : text
      const cut = /[\\#]/.test(ended) ? cutComment(ended) : {text: ended, continues: false}
      const whole = begun === undefined ? cut.text : begun.text + cut.text
      if (whole.length > MAX_LINE) throw new BkError('line is longer than 65,000 bytes', {status: 65})
      this.#begun = cut.continues ? {text: whole, number: start} : undefined
      if (!cut.continues) this.#statement(whole, start)
    } catch (error) {
      throw atLine(start, error)
    }
  }

  #statement(text: string, number: number): void {
    const [name, ...words] = text.split(/[ \t]+/).filter((word) => word !== '')
    if (name === undefined) return
    if (name === '/set') readKeywords(words, this.#defaults)
    else if (name === '/unset') unsetKeywords(words, this.#defaults)
    else if (name === '..') this.#leave(words)
    else this.#entry(unvis(name), words, number)
  }

  #leave(words: readonly string[]): void {
    if (words.length > 0) throw new BkError('something stands behind ..', {status: 65})
    if (this.#sawFullPath) throw new BkError('.. behind a whole path', {status: 65})
    if (this.#open.pop() === undefined) throw new BkError('path leaves the tree: ..', {status: 65})
  }

  #entry(name: string, words: readonly string[], number: number): void {
    const values = [...this.#defaults]
    readKeywords(words, values)
    const isName = name !== '.' && !name.includes('/')
    const path = isName ? this.#nested(name, words) : name
    const facts = factsOf(path, values)
    this.#entries.add(path, facts, number)
    if (!isName) {
      if (name !== '.') this.#sawFullPath = true
      return
    }
    // Whether such an entry is entered depends on its type.
    if (facts.startsWith('type=?')) throw new BkError(`no type: ${escapeBytes(name)}`, {status: 65, hint: 'list it with type='})
    if (facts.startsWith('type=dir')) this.#open.push(path)
  }

  #nested(name: string, words: readonly string[]): string {
    if (this.#sawFullPath) throw new BkError(`name without a path behind whole paths: ${escapeBytes(name)}`, {status: 65})
    const directory = this.#open.at(-1)
    if (directory === undefined) throw new BkError(`entry behind the end of the list: ${escapeBytes(name)}`, {status: 65})
    const cut = words.find((word) => word.length === NETBSD_WORD && word.startsWith('link='))
    if (cut !== undefined) {
      throw new BkError(`the target may be cut off: ${escapeBytes(name)}`, {status: 65, hint: 'list it with bsdtar --format=mtree'})
    }
    return `${directory}/${name}`
  }
}
