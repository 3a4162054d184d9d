/*
 * Digests from an old index (--reference), for hosts without a stat cache: a file of the same path, size and time is taken
 * to have the same content, as rsync does.
 */
import type {IndexReader} from '../index/read.ts'
import {entryOf} from '../index/group.ts'
import {parseTime} from '../index/entry.ts'
import type {DigestKind} from './digest.ts'
import {viewTree, type NameTree, type SharedTree} from './name-tree.ts'
import {TreeBuilder} from './tree-builder.ts'

/** A reference as workers get it: behind the tree sizes and times, eight bytes each, and the digests. */
export interface SharedReference {
  readonly shared: SharedTree
  readonly columnsAt: number
  readonly kind: DigestKind
}

export interface Reference {
  readonly tree: NameTree
  /** The digest, in hex, that the index has of a node of this size and time in nanoseconds. */
  digestOf(node: number, size: bigint, time: bigint): string | undefined
}

const digestBytes = {sha256: 32, md5: 16} as const
/* The size of what has no digest. */
const none = -1n

/** Reads an index. Throws the reader's errors. */
export async function readReference(index: Pick<IndexReader, 'batches'>, kind: DigestKind): Promise<SharedReference> {
  const builder = new TreeBuilder()
  const width = digestBytes[kind]
  let stats = new BigInt64Array(2 * 1024)
  let digests = Buffer.allocUnsafeSlow(width * 1024)
  for await (const groups of index.batches()) {
    for (const group of groups) {
      const node = builder.add(group.path)
      if (2 * node + 1 >= stats.length) {
        const more = new BigInt64Array(2 * stats.length)
        more.set(stats)
        stats = more
        digests = Buffer.concat([digests, Buffer.allocUnsafeSlow(digests.length)])
      }
      const entry = entryOf(group)
      const digest = entry?.[kind]
      const known = digest !== undefined && entry?.size !== undefined && entry.time !== undefined
      stats[2 * node] = known ? BigInt(entry.size) : none
      stats[2 * node + 1] = known ? parseTime(entry.time) : 0n
      if (known) digests.write(digest, width * node, 'hex')
    }
  }
  const nodes = builder.count + 1
  const {shared, extraAt} = builder.finish((16 + width) * nodes)
  new BigInt64Array(shared.memory, extraAt, 2 * nodes).set(stats.subarray(0, 2 * nodes))
  new Uint8Array(shared.memory, extraAt + 16 * nodes).set(digests.subarray(0, width * nodes))
  return {shared, columnsAt: extraAt, kind}
}

/** A view of a reference that another thread read. */
export function viewReference({shared, columnsAt, kind}: SharedReference): Reference {
  const nodes = shared.count + 1
  const width = digestBytes[kind]
  const stats = new BigInt64Array(shared.memory, columnsAt, 2 * nodes)
  const digests = Buffer.from(shared.memory, columnsAt + 16 * nodes, width * nodes)
  return {
    tree: viewTree(shared),
    digestOf: (node, size, time) =>
      stats[2 * node] === size && stats[2 * node + 1] === time ? digests.toString('hex', width * node, width * (node + 1)) : undefined,
  }
}
