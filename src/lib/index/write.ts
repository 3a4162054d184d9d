/*
 * Writes an index text: header, groups, end line with the count and the digest of all above. Text leaves in pieces of some
 * 64 KiB, because handing over each line would cost more than making it.
 */
import {createHash} from 'node:crypto'
import {isUnread, type Group} from './group.ts'
import type {IndexEnd} from './read.ts'

const PIECE = 64 * 1024

/** Collects the lines of an index and gives pieces of text to `out`. */
export class IndexWriter {
  readonly #out: (piece: Buffer) => void
  readonly #hash = createHash('sha256')
  #text = ''
  #entries = 0
  #partial = 0

  /** `root` is the escaped absolute path that the entries are relative to. */
  constructor(root: string, out: (piece: Buffer) => void) {
    this.#out = out
    this.#text = indexHeader(root)
  }

  /** Adds one group. Groups must come in order. */
  add(group: Group): void {
    if (group.line !== '') {
      this.#entries++
      this.#text += group.line + '\n'
    }
    if (group.comments.length > 0) {
      for (const comment of group.comments) this.#text += comment + '\n'
      if (isUnread(group)) this.#partial++
    }
    if (this.#text.length >= PIECE) this.#flush()
  }

  /** Adds so many entries as they are, lines without comments. */
  addLines(text: string, entries: number): void {
    this.#entries += entries
    this.#text += text
    if (this.#text.length >= PIECE) this.#flush()
  }

  /** Writes the end line and says what it holds. */
  end(): IndexEnd {
    this.#flush()
    const end: IndexEnd = {entries: this.#entries, partial: this.#partial, digest: this.#hash.digest('hex')}
    this.#out(Buffer.from(endLine(end), 'latin1'))
    return end
  }

  #flush(): void {
    const piece = Buffer.from(this.#text, 'latin1')
    this.#hash.update(piece)
    this.#text = ''
    this.#out(piece)
  }
}

/** The first two lines of an index. */
export function indexHeader(root: string): string {
  return `#mtree\n#bk index 1 root=${root}\n`
}

/** The end line of an index, with its LF. */
export function endLine(end: IndexEnd): string {
  return `#bk end entries=${end.entries} ${stateWords(end.partial)} sha256=${end.digest}\n`
}

/** `complete`, or `partial=K`. */
export function stateWords(partial: number): string {
  return partial === 0 ? 'complete' : `partial=${partial}`
}
