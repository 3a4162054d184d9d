/*
 * A large file as its chunks. Its size has to be in the header before the first byte, and where it has holes their map as well: both come
 * from the list of its chunks, without reading one. A chunk that is all zeros is known by its id.
 */
import {BkError} from '../cli/errors.ts'
import {chunksOf, type ListLine} from '../store/chunk-list.ts'
import {objectId} from '../store/object-id.ts'
import type {Extent} from '../restore/item.ts'

const LEAST_AVERAGE = 1024
const MOST_CHUNKS = 8_000_000
/** No chunker makes larger ones. */
const LARGEST_CHUNK = 64 << 20

type Get = (id: string) => Promise<Buffer>

/**
 * Reads the list of a file's chunks.
 * @param hint where the file is said to have had data; undefined for one without holes
 * @returns where it has data, in order; all of it where it has no holes
 * @throws BkError 65 for a list that is lost, or does not make the size
 */
export async function dataOf(list: string, size: number, hint: readonly Extent[] | undefined, get: Get): Promise<readonly Extent[]> {
  const zeros = new Map<number, string>()
  const data: (readonly [number, number])[] = []
  let at = 0
  let count = 0
  let next = 0
  for await (const chunk of chunksOf(list, get)) {
    const end = at + chunk.size
    count++
    if (end > size || count > MOST_CHUNKS || (count > 1024 && end < count * LEAST_AVERAGE)) throw notItsSize(size)
    while (hint !== undefined && next < hint.length && hint[next]![1] <= at) next++
    const mayBeHole = hint !== undefined && (hint[next]?.[0] ?? Infinity) >= end
    if (!mayBeHole || !isZeros(chunk, zeros)) {
      const last = data.at(-1)
      if (last !== undefined && last[1] === at) data[data.length - 1] = [last[0], end]
      else data.push([at, end])
    }
    at = end
  }
  if (at !== size) throw notItsSize(size)
  return data
}

function isZeros({id, size}: ListLine, known: Map<number, string>): boolean {
  if (size > LARGEST_CHUNK) return false
  let zeros = known.get(size)
  if (zeros === undefined) known.set(size, (zeros = objectId(Buffer.alloc(size))))
  return id === zeros
}

function notItsSize(size: number): BkError {
  return new BkError(`its list of chunks does not make ${size} bytes`, {status: 65})
}
