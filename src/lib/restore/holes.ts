/*
 * Which parts of a file's bytes have to be written. Where the file had holes, zeros need not be: but what the index says of holes is
 * only a hint, and bytes that are not zero are written wherever they are.
 */
import type {Extent} from './item.ts'

/** What file systems allocate; a hole in smaller units saves nothing. */
const BLOCK = 4096
const ZEROS = Buffer.alloc(BLOCK)

/**
 * The parts of `bytes` that have to be written, as [start, end) in `bytes`.
 * @param offset where the bytes belong in the file
 * @param data where the file had data: that is written as it is; outside, blocks of zeros are left out
 */
export function* partsToWrite(bytes: Buffer, offset: number, data: readonly Extent[]): Generator<Extent> {
  let start = -1
  for (let at = 0; at < bytes.length; ) {
    // Up to the next block of the file, which a piece need not begin with.
    const end = Math.min(bytes.length, at + BLOCK - ((offset + at) % BLOCK))
    const isHole = bytes.compare(ZEROS, 0, end - at, at, end) === 0 && !overlaps(data, offset + at, offset + end)
    if (isHole && start >= 0) {
      yield [start, at]
      start = -1
    } else if (!isHole && start < 0) start = at
    at = end
  }
  if (start >= 0) yield [start, bytes.length]
}

/* Extents are in order and do not overlap. */
function overlaps(data: readonly Extent[], start: number, end: number): boolean {
  let low = 0
  let high = data.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (data[middle]![1] <= start) low = middle + 1
    else high = middle
  }
  return low < data.length && data[low]![0] < end
}
