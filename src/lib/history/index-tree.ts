/*
 * The indexes of a set as a tree: each hangs below the one that it is a change against, full ones have nothing above them. Gone through
 * from the top, every stored text is read once or twice, however many snapshots there are.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {freeBuffer} from '../sys/memory.ts'
import {isDamage} from '../store/is-damage.ts'
import type {SnapshotRecord} from '../store/record.ts'

export interface IndexNode {
  readonly id: string
  /** What are changes against it. */
  readonly children: IndexNode[]
  /** Whose index it is; in order. */
  readonly snapshots: SnapshotRecord[]
  /** Why it cannot be read, if that is known already. */
  bad: string | undefined
}

/** A chain that is longer is followed by no reader. */
const MAX_CHAIN = 4096

/**
 * Makes the trees. Each snapshot is in one of them.
 * @param fetch reads an object, which nobody else will look at; BkError 65 for one that is lost
 * @returns the full indexes
 */
export async function indexTrees(snapshots: readonly SnapshotRecord[], fetch: (id: string) => Promise<Buffer>): Promise<IndexNode[]> {
  const nodes = new Map<string, IndexNode>()
  const roots: IndexNode[] = []
  for (const snapshot of snapshots) {
    const {id, level} = snapshot.index
    let child: IndexNode | undefined
    let node = nodes.get(id)
    for (let at = id, length = 1; node === undefined; length++) {
      const added: IndexNode = {id: at, children: child === undefined ? [] : [child], snapshots: [], bad: undefined}
      nodes.set(at, added)
      child = added
      const above = at === id && level === 'full' ? undefined : await baseOf(added, fetch, length)
      if (above === undefined) {
        roots.push(added)
        break
      }
      node = nodes.get(above)
      if (node !== undefined) node.children.push(added)
      at = above
    }
    nodes.get(id)!.snapshots.push(snapshot)
  }
  return roots
}

/* What an index is a change against; undefined for one that is full, or bad. */
async function baseOf(node: IndexNode, fetch: (id: string) => Promise<Buffer>, length: number): Promise<string | undefined> {
  try {
    if (length > MAX_CHAIN) throw new BkError('the chain of stored indexes does not end', {status: 65})
    const bytes = await fetch(node.id)
    if (isFull(bytes)) {
      freeBuffer(bytes)
      return undefined
    }
    const base = / object=([0-9a-f]{64})$/.exec(bytes.toString('latin1', 0, Math.max(0, bytes.indexOf(10))))?.[1]
    freeBuffer(bytes)
    if (base === undefined) throw new BkError('a stored index does not say what it is a change against', {status: 65})
    return base
  } catch (error) {
    if (!isDamage(error)) throw error
    node.bad = reasonOf(error)
    return undefined
  }
}

/** Whether a stored index is a full one. */
export function isFull(bytes: Buffer): boolean {
  return bytes.latin1Slice(0, 6) === '#mtree'
}

/** The snapshots at and below an index. */
export function* snapshotsBelow(node: IndexNode): Generator<SnapshotRecord> {
  const waiting = [node]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    yield* at.snapshots
    waiting.push(...at.children)
  }
}
