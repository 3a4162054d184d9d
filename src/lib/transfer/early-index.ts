/*
 * The index of a first backup, made while its files are still being read. Without a base the changes are the index, and to go through
 * them once more when everything is packed kept one processor busy and the other idle: a tenth of the time for 100,000 files.
 *
 * It is only ever the easy case. Whatever is not plain (a change against a base, a hard link that does not fit, anything refused)
 * makes it give up, and who asked goes through the changes at the end as for every other backup, which also finds the words.
 */
import {BkError} from '../cli/errors.ts'
import {staleGroup} from '../index/diff.ts'
import {commentValue, isDirectoryLine, type Group} from '../index/group.ts'
import {Ancestry} from '../index/path.ts'
import {PrintTable} from '../index/print-table.ts'
import {IndexWriter} from '../index/write.ts'
import {Reach} from '../store/reach.ts'
import type {Change} from '../index/changes.ts'
import type {IndexEnd} from '../index/read.ts'
import type {Spill} from '../index/spill.ts'
import type {Destination} from './destination.ts'
import type {Known} from './known.ts'

/** An index that was made, and what it reaches. */
export interface MadeIndex {
  readonly end: IndexEnd
  readonly text: Spill
  readonly reach: Reach
  /** Hard links that did not stand as they came. */
  readonly mended: number
}

/** Stands for the pack that an object will lie in. */
const OPEN = ''
/** Objects that wait for their packs to be closed, before they are looked at again. */
const MANY = 8192

export class EarlyIndex {
  readonly #known: Pick<Known, 'has'>
  readonly #text: Spill
  readonly #reach: Reach
  readonly #writer: IndexWriter
  readonly #ancestry = new Ancestry()
  readonly #lines = new PrintTable()
  // Objects whose pack was open when they were seen.
  #waiting: string[] = []
  #look = MANY
  #hasEnded = false

  /** @param text where the index is gathered; closed when it is given up */
  constructor(root: string, to: Pick<Destination, 'packOf' | 'getList'>, known: Pick<Known, 'has'>, text: Spill) {
    this.#known = known
    this.#text = text
    this.#writer = new IndexWriter(root, (piece) => text.write(piece))
    this.#reach = new Reach({packOf: (id) => to.packOf(id) ?? this.#wait(id), getList: (id) => to.getList(id)})
  }

  /** Takes the next changes, as they turned out. */
  add(changes: readonly Change[]): void {
    if (this.#hasEnded) return
    try {
      for (const change of changes) if (!this.#add(change)) return this.giveUp()
    } catch (error) {
      if (!(error instanceof BkError)) throw error
      return this.giveUp()
    }
    if (this.#waiting.length >= this.#look) this.#settle()
  }

  /** The index, when every object is in a pack that was closed; undefined when it was given up. */
  end(): MadeIndex | undefined {
    if (this.#hasEnded) return undefined
    this.#settle()
    if (this.#waiting.length > 0) return void this.giveUp()
    this.#hasEnded = true
    this.#reach.packs.delete(OPEN)
    return {end: this.#writer.end(), text: this.#text, reach: this.#reach, mended: 0}
  }

  giveUp(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#text.close()
  }

  #add({mark, group: given}: Change): boolean {
    if (mark !== '+' && mark !== '!') return false
    const group = mark === '!' ? staleGroup(undefined, given, commentValue(given, 'error') ?? 'EIO') : given
    if (!this.#ancestry.accept(group.path, group.line !== '' && isDirectoryLine(group.line, group.path))) return false
    if (!this.#isTrue(group)) return false
    this.#writer.add(group)
    this.#reach.add(group)
    return true
  }

  /* Whether it is what it says: of two names of one file the first came before, as the same. */
  #isTrue({path, line, comments}: Group): boolean {
    if (line === '' || isDirectoryLine(line, path)) return true
    const rest = line.slice(path.length)
    const first = comments.length === 0 ? undefined : commentValue({path, line, comments}, 'hardlink')
    if (first !== undefined) return this.#lines.has(first, rest)
    this.#lines.add(path, rest)
    return true
  }

  #wait(id: string): string | undefined {
    if (!this.#known.has(id)) return undefined
    this.#waiting.push(id)
    return OPEN
  }

  #settle(): void {
    const waiting = this.#waiting
    this.#waiting = []
    // Those whose pack is still open come back by #wait.
    for (const id of waiting) this.#reach.addObject(id)
    this.#look = Math.max(MANY, this.#waiting.length * 2)
  }
}
