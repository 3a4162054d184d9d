/*
 * Turns a foreign list (docs/format.md, 2.4) into an index: any mtree list, or what md5sum and sha256sum write. Everything behind this
 * module sees one format only, in one order. Nothing comes out before all of the list was read and found to make sense.
 */
import {BkError} from '../cli/errors.ts'
import {ChecksumReader, isZeroSeparated, runsOfRecords} from './checksums.ts'
import {ForeignEntries, type Limits} from './foreign-entries.ts'
import {MtreeReader} from './foreign-mtree.ts'
import {groupOf, joinRecords, parseRecord, type Known} from './foreign-record.ts'
import {sniff, SNIFFED, type ListKind} from './foreign-sniff.ts'
import {atLine, MAX_LINE, runsOfLines, type Run} from './lines.ts'
import {LineSorter} from './sort.ts'
import type {SpillFactory} from './spill.ts'
import {IndexWriter} from './write.ts'

export {sniff, SNIFFED, type ListKind} from './foreign-sniff.ts'

export interface NormaliseOptions {
  /** Where text waits that is too much for memory. Without it all is kept in memory. */
  readonly spill?: SpillFactory | undefined
  /** Bytes of text held in memory before some is spilled; 16 MiB when absent. */
  readonly memory?: number | undefined
  readonly limits?: Limits | undefined
}

/**
 * The index that a foreign list amounts to, in pieces of text.
 * @throws BkError 65, with the line number where there is one, for what is no list, is cut off, contradicts itself or leaves the tree
 */
export async function* normalise(chunks: AsyncIterable<Uint8Array>, options: NormaliseOptions = {}): AsyncGenerator<Buffer> {
  const sorter = new LineSorter(options)
  try {
    const entries = new ForeignEntries(sorter, options.limits)
    await readList(chunks, entries, sorter)
    yield* writeIndex(sorter, entries.root)
  } finally {
    sorter.close()
  }
}

async function readList(chunks: AsyncIterable<Uint8Array>, entries: ForeignEntries, sorter: LineSorter): Promise<void> {
  const {first, all} = await peek(chunks)
  const kind = sniff(first)
  if (kind !== 'mtree' && kind !== 'checksums') {
    await all.return(undefined)
    throw new BkError(REFUSALS[kind], {status: 65})
  }
  const zero = kind === 'checksums' && isZeroSeparated(first)
  const reader: ListReader = kind === 'mtree' ? new MtreeReader(entries) : new ChecksumReader(entries, zero)
  for await (const run of zero ? runsOfRecords(all) : runsOfLines(all)) {
    reader.read(run)
    if (sorter.full) await sorter.makeRun()
  }
  reader.end?.()
  // A tree has at least its top; a list without it was cut off.
  if (entries.empty) throw new BkError('the list has no entries', {status: 65})
}

interface ListReader {
  read(run: Run): void
  end?(): void
}

const REFUSALS: Readonly<Record<Exclude<ListKind, 'mtree' | 'checksums'>, string>> = {
  'bk-index': 'an index of bk where a foreign list belongs',
  'bk-changes': 'changes where a list belongs',
  binary: 'binary data where a list belongs',
  empty: 'the list is empty',
  unknown: 'not an index, not an mtree list and not the output of md5sum or sha256sum',
}

/* The first bytes, and all of them again. */
async function peek(chunks: AsyncIterable<Uint8Array>): Promise<{first: Buffer; all: AsyncGenerator<Buffer>}> {
  const all = buffersOf(chunks)
  const seen: Buffer[] = []
  for (let length = 0; length < SNIFFED; length += seen.at(-1)!.length) {
    const {value, done} = await all.next()
    if (done === true) break
    seen.push(value)
  }
  const first = Buffer.concat(seen)
  return {first, all: again(first, all)}
}

async function* buffersOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

async function* again(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* rest
}

async function* writeIndex(sorter: LineSorter, root: string): AsyncGenerator<Buffer> {
  const pieces: Buffer[] = []
  const writer = new IndexWriter(root, (piece) => pieces.push(piece))
  let known: Known | undefined
  for await (const batch of sorter.sorted()) {
    for (const line of batch) {
      const next = parseRecord(line)
      if (known === undefined || known.path !== next.path) {
        if (known !== undefined) add(writer, known)
        known = next
      } else known = joinRecords(known, next)
    }
    yield* pieces.splice(0)
  }
  if (known !== undefined) add(writer, known)
  writer.end()
  yield* pieces
}

function add(writer: IndexWriter, known: Known): void {
  const group = groupOf(known)
  if (group.line.length > MAX_LINE) throw atLine(known.number, new BkError(`entry is longer than 65,000 bytes`, {status: 65}))
  writer.add(group)
}
