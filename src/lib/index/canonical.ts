/*
 * Any list as the text of an index: what begins as one of bk's own passes unchanged and is held to the grammar by its
 * reader; a foreign list is normalised first.
 */
import {BkError} from '../cli/errors.ts'
import {normalise, sniff, SNIFFED, type ListKind} from './foreign.ts'
import type {SpillFactory} from './spill.ts'

/** A list whose first bytes were looked at. */
export interface Sniffed {
  readonly kind: ListKind
  /** All of it, from the first byte on. */
  readonly pieces: AsyncIterable<Buffer>
}

/** Looks at the first bytes of a list. Waits for a few KiB, or the end. */
export async function sniffList(pieces: AsyncIterable<Buffer>): Promise<Sniffed> {
  const iterator = pieces[Symbol.asyncIterator]()
  const held: Buffer[] = []
  let size = 0
  while (size < SNIFFED) {
    const {value, done} = await iterator.next()
    if (done === true) break
    held.push(value)
    size += value.length
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    yield* held.splice(0)
    try {
      for (;;) {
        const {value, done} = await iterator.next()
        if (done === true) return
        yield value
      }
    } finally {
      await iterator.return?.()
    }
  }
  return {kind: sniff(held.length === 1 ? held[0]! : Buffer.concat(held)), pieces: all()}
}

/**
 * The text of an index, out of any list that was sniffed.
 * @param name for messages
 * @throws BkError 65 for what is no list of files
 */
export function canonicalIndex({kind, pieces}: Sniffed, name: string, spill: SpillFactory): AsyncIterable<Buffer> {
  switch (kind) {
    case 'bk-index':
      return pieces
    case 'mtree':
    case 'checksums':
      return normalise(pieces, {spill})
    case 'empty':
      throw new BkError(`${name} is empty: an index that was cut off`, {status: 65})
    case 'bk-changes':
      throw new BkError(`${name} is a list of changes, not an index`, {status: 65, hint: "'bk send' takes changes, 'bk diff' makes them"})
    case 'binary':
      throw new BkError(`${name} is binary, not an index`, {status: 65})
    case 'unknown':
      throw new BkError(`${name} is neither an index of bk, an mtree list, nor a list of checksums`, {status: 65})
  }
}
