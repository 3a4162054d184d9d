/*
 * Where an index comes from. A source lists a tree as canonical index text (docs/format.md, 2), in order, in batches of
 * whole lines; what it cannot know (SFTP has no inode, no nanoseconds) is simply not on its lines. Everything behind it,
 * from a digest to a merge, works on that text and needs not know which source it was.
 */
import {createHash} from 'node:crypto'
import {endLine, indexHeader} from '../index/write.ts'
import type {IndexEnd} from '../index/read.ts'

/** A piece of an index: whole groups of lines. */
export interface Batch {
  readonly text: Buffer
  /** Entry lines in it. */
  readonly entries: number
  /** Paths in it with an `error` comment. */
  readonly unread: number
}

/** A tree that can be listed. */
export interface Source {
  /** The absolute path that entries are relative to, escaped. */
  readonly root: string
  /** The groups in order, without header and end line. To be read once; leaving the loop early ends the work behind it. */
  batches(): AsyncIterable<Batch>
}

/** The whole index of a source, header and end line included. The generator's result is what the end line says. */
export async function* indexText(source: Source): AsyncGenerator<Buffer, IndexEnd> {
  const hash = createHash('sha256')
  const header = Buffer.from(indexHeader(source.root), 'latin1')
  hash.update(header)
  yield header
  let entries = 0
  let partial = 0
  for await (const batch of source.batches()) {
    entries += batch.entries
    partial += batch.unread
    hash.update(batch.text)
    yield batch.text
  }
  const end: IndexEnd = {entries, partial, digest: hash.digest('hex')}
  yield Buffer.from(endLine(end), 'latin1')
  return end
}
