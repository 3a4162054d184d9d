/*
 * known.idx: what a cumulative pull has ever copied into a set, a line a file, in the words of mtree(5), with the digest that its source
 * lists. Text on purpose: whoever takes a line out by hand has that file fetched again. It has no sum for the same reason.
 */
import {openInputIfExists} from '../cli/input.ts'
import {BkError} from '../cli/errors.ts'
import {canonicalIndex, sniffList} from '../index/canonical.ts'
import {formatEntry, parseEntryLine} from '../index/entry.ts'
import {commentValue, type Group} from '../index/group.ts'
import {Cursor} from '../index/cursor.ts'
import {IndexReader} from '../index/read.ts'
import {beginFile, makeFolders} from '../sys/atomic.ts'
import {calls, writeAll} from '../sys/calls.ts'
import {createSpill} from '../sys/spill.ts'
import type {StoredIndex} from '../transfer/sending.ts'
import type {Groups} from './compare.ts'

const HEADER = '#mtree\n# What bk pull --cumulative has copied. A file whose line is taken out is fetched again.\n'
const PIECE = 64 << 10

export class KnownCopies {
  /** The file. */
  readonly path: string
  readonly #directory: string

  /** @param directory of the set; it need not be there yet */
  constructor(directory: string) {
    this.#directory = directory
    this.path = `${directory}/known.idx`
  }

  /**
   * What was copied, in order. Undefined when nothing is known.
   * @throws BkError 65 for a file that is no list
   */
  async groups(): Promise<Groups | undefined> {
    const input = openInputIfExists(this.path, 'a list of copies')
    if (input === undefined) return undefined
    const sniffed = await sniffList(input)
    if (sniffed.kind === 'empty') return undefined
    return named(new IndexReader(canonicalIndex(sniffed, this.path, () => createSpill(0))).batches(), this.path)
  }

  /**
   * Adds what a committed snapshot has, in one step.
   * @param keep paths whose line stays as it is
   */
  async update(index: StoredIndex, keep: ReadonlySet<string>): Promise<void> {
    const known = new Cursor((await this.groups()) ?? none())
    const stored = new Cursor(new IndexReader(index.text(), {trusted: true}).batches())
    await Promise.all([known.advance(), stored.advance()])
    makeFolders(this.#directory)
    const file = beginFile(this.path, {mode: 0o600})
    try {
      let text = HEADER
      while (known.current !== undefined || stored.current !== undefined) {
        const [a, b] = [known.current, stored.current]
        const isOld = b === undefined || (a !== undefined && a.path < b.path)
        const line = isOld ? fileLine(a!) : (copyLine(b, keep) ?? (a?.path === b.path ? fileLine(a) : undefined))
        if (line !== undefined) text += `${line}\n`
        if (text.length >= PIECE) {
          writeAll(file.fd, Buffer.from(text, 'latin1'))
          text = ''
        }
        const waits = [isOld || a?.path === b.path ? known.advance() : undefined, isOld ? undefined : stored.advance()]
        for (const wait of waits) if (wait !== undefined) await wait
      }
      writeAll(file.fd, Buffer.from(text, 'latin1'))
    } catch (error) {
      file.discard()
      throw error
    }
    file.replace()
  }

  /** Whether there is a list. */
  exists(): boolean {
    try {
      calls.close(calls.open(this.path, 'r'))
      return true
    } catch {
      return false
    }
  }
}

async function* none(): AsyncGenerator<readonly Group[]> {}

async function* named(groups: Groups, path: string): AsyncGenerator<readonly Group[]> {
  try {
    yield* groups
  } catch (error) {
    if (!(error instanceof BkError) || error.status !== 65) throw error
    throw new BkError(`${path}: ${error.message}`, {status: 65, hint: 'mend it, or move it away: then everything is fetched again', cause: error})
  }
}

/* The line of a file in the list of copies: nothing else belongs there, though a person may have written it. */
function fileLine({path, line}: Group): string | undefined {
  return line.startsWith(' type=file', path.length) ? line : undefined
}

/* The line of a file that the snapshot has as its source has it. */
function copyLine(group: Group, keep: ReadonlySet<string>): string | undefined {
  const {path, line} = group
  if (!line.startsWith(' type=file', path.length) || keep.has(path)) return undefined
  if ((commentValue(group, 'stale') ?? commentValue(group, 'error') ?? commentValue(group, 'gone')) !== undefined) return undefined
  const {type, size, time, md5, sha256} = parseEntryLine(line)
  return formatEntry({path, type, size, time, md5, sha256})
}
