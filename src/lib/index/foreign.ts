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
import {atLine, MAX_LINE, runsOfLines} from './lines.ts'
import {LineSorter} from './sort.ts'
import type {SpillFactory} from './spill.ts'
import {IndexWriter} from './write.ts'

export {sniff, SNIFFED, type ListKind} from './foreign-sniff.ts'

export interface NormaliseOptions {
  /** Where text waits that is too much for memory. Without it all is kept in memory. */
  readonly spill?: SpillFactory | undefined
  /** Bytes of text held in memory before some is spilled; 64 MiB when absent. */
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
  if (kind !== 'mtree' && kind !== 'checksums') throw new BkError(REFUSALS[kind], {status: 65})
  const zero = kind === 'checksums' && isZeroSeparated(first)
  const mtree = new MtreeReader(entries)
  const reader = kind === 'mtree' ? mtree : new ChecksumReader(entries, zero)
  for await (const run of zero ? runsOfRecords(all) : runsOfLines(all)) {
    reader.read(run)
    if (sorter.full) await sorter.makeRun()
  }
  mtree.end()
  // A tree has at least its top; a list without it was cut off.
  if (entries.empty) throw new BkError('the list has no entries', {status: 65})
}

const REFUSALS: Readonly<Record<Exclude<ListKind, 'mtree' | 'checksums'>, string>> = {
  'bk-index': 'an index of bk where a foreign list belongs',
  'bk-changes': 'changes where a list belongs',
  binary: 'binary data where a list belongs',
  empty: 'the list is empty',
  unknown: 'not an index, not an mtree list and not the output of md5sum or sha256sum',
}

/* The first bytes, and all of them again. */
async function peek(chunks: AsyncIterable<Uint8Array>): Promise<{first: Buffer; all: AsyncIterable<Buffer>}> {
  const iterator = chunks[Symbol.asyncIterator]()
  const seen: Buffer[] = []
  let length = 0
  while (length < SNIFFED) {
    const {value, done} = await iterator.next()
    if (done === true) break
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    seen.push(chunk)
    length += chunk.length
  }
  const first = Buffer.concat(seen)
  return {first, all: again(first, iterator)}
}

async function* again(first: Buffer, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer> {
  yield first
  for (;;) {
    const {value, done} = await iterator.next()
    if (done === true) return
    yield Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
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
