/*
 * The index that a send leaves behind for the next diff. It changes in one step: FILE itself only after the snapshot was
 * committed, FILE.pending before the last line of a stream, since what follows may already see the stream's end.
 */
import {errorCode} from '../cli/errors.ts'
import {beginFile} from '../sys/atomic.ts'
import {calls, readExactly, writeAll} from '../sys/calls.ts'
import type {StoredIndex} from './sending.ts'

/** Writes the index that was stored to a file, unless the file holds it already. */
export async function writeIndexOut(path: string, index: StoredIndex): Promise<void> {
  if (digestIn(path) === index.end.digest) return
  const file = beginFile(path)
  try {
    for await (const piece of index.text()) writeAll(file.fd, piece)
  } catch (error) {
    file.discard()
    throw error
  }
  file.replace()
}

const END_LINE = 120

/** The digest in the last line of an index file; undefined when it is none, or not there. */
export function digestIn(path: string): string | undefined {
  let fd: number
  try {
    fd = calls.open(path, 'r')
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return undefined
  }
  try {
    const size = Number(calls.fstat(fd).size)
    const tail = readExactly(fd, Math.min(size, END_LINE), Math.max(0, size - END_LINE))?.toString('latin1') ?? ''
    return /\n#bk end entries=\d+ (?:complete|partial=\d+) sha256=([0-9a-f]{64})\n$/.exec(tail)?.[1]
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return undefined
  } finally {
    calls.close(fd)
  }
}
