/*
 * A tree of names in a few flat columns of shared memory: what an earlier run saw (stat-cache.ts), what an old index says
 * (reference.ts), and which paths are wanted (selection.ts). All workers read one copy, a million names cost no objects,
 * and a walk follows the tree directory by directory instead of looking up whole paths.
 *
 * Nodes are numbered from 1 in the order of their paths in an index, so a parent comes before its children; node 1 is the
 * top, `.`, the only child of the invisible node 0. Names are raw bytes (latin1 strings), siblings sorted as escaped.
 */
import {escapeBytes} from '../index/escape.ts'

/** The columns of a tree; all but `names` are indexed by node. */
export interface NameTree {
  readonly count: number
  readonly parent: Uint32Array
  /** First child, 0 for none. */
  readonly first: Uint32Array
  /** Next sibling, 0 for none. */
  readonly next: Uint32Array
  /** Where a node's name begins in `names`; it ends where the next one's begins. */
  readonly nameAt: Uint32Array
  readonly names: Buffer
}

/** What a tree is made of in shared memory, to be sent to workers. */
export interface SharedTree {
  readonly count: number
  readonly nameBytes: number
  readonly memory: SharedArrayBuffer
}

/** Bytes of memory for a tree. */
export function treeSize(count: number, nameBytes: number): number {
  return 4 * (4 * count + 5) + nameBytes
}

/** The columns that lie in `memory` from byte `at` on, which must be a multiple of 4. */
export function treeAt(memory: SharedArrayBuffer, at: number, count: number, nameBytes: number): NameTree {
  const column = (index: number, length: number): Uint32Array => new Uint32Array(memory, at + 4 * index * (count + 1), length)
  return {
    count,
    parent: column(0, count + 1),
    first: column(1, count + 1),
    next: column(2, count + 1),
    nameAt: column(3, count + 2),
    names: Buffer.from(memory, at + 4 * (4 * count + 5), nameBytes),
  }
}

/** A view of a tree that another thread filled. */
export function viewTree(shared: SharedTree): NameTree {
  return treeAt(shared.memory, 0, shared.count, shared.nameBytes)
}

/** The name of a node. */
export function nameOf(tree: NameTree, node: number): string {
  return tree.names.toString('latin1', tree.nameAt[node], tree.nameAt[node + 1])
}

/** The names of a node's children, in order. */
export function childrenOf(tree: NameTree, node: number): string[] {
  const names: string[] = []
  for (let child = tree.first[node]!; child !== 0; child = tree.next[child]!) names.push(nameOf(tree, child))
  return names
}

/** Fills `first` and `next` from `parent`. Returns how many children each node has; undefined when this is not a tree in the order promised above. */
export function linkChildren(tree: NameTree): Uint32Array | undefined {
  const {count, parent, first, next} = tree
  const last = new Uint32Array(count + 1)
  const children = new Uint32Array(count + 1)
  for (let node = 1; node <= count; node++) {
    const above = parent[node]!
    if (above >= node || (above === 0) !== (node === 1)) return undefined
    const before = last[above]!
    if (before === 0) first[above] = node
    else next[before] = node
    last[above] = node
    children[above]!++
  }
  return children
}

/** How many siblings are stepped over one by one before a binary search takes over. */
const patience = 16

/** A walk's place in one directory of a tree. Names must be asked for in order. */
export class TreeCursor {
  readonly tree: NameTree
  /** The directory's own node. */
  readonly node: number
  /** The first child that has not been passed; 0 when there are none left. */
  at: number

  constructor(tree: NameTree, node: number, at = tree.first[node]!) {
    this.tree = tree
    this.node = node
    this.at = at
  }

  /** The child of this name, or 0. `escaped` is the name as it is sorted. */
  find(name: string, escaped: string): number {
    const {at} = this
    if (at === 0) return 0
    if (nameOf(this.tree, at) === name) {
      this.at = this.tree.next[at]!
      return at
    }
    return this.#search(name, escaped)
  }

  #search(name: string, escaped: string): number {
    const {tree} = this
    for (let steps = 0; this.at !== 0; steps++) {
      const found = nameOf(tree, this.at)
      if (found === name) {
        const node = this.at
        this.at = tree.next[node]!
        return node
      }
      if (escapeBytes(found) > escaped) return 0
      if (steps < patience) this.at = tree.next[this.at]!
      else {
        this.at = this.#seek(escaped)
        steps = 0
      }
    }
    return 0
  }

  /* The first child from `at` on whose name is not before `escaped`, or 0. Nodes are in the order of their paths, so that any node can be compared by the child it is at or below. */
  #seek(escaped: string): number {
    const {tree} = this
    let low = this.at
    let high = tree.count + 1
    while (low < high) {
      const middle = (low + high) >>> 1
      const child = this.#childAbove(middle)
      const before = child !== 0 && escapeBytes(nameOf(tree, child)) + (child === middle ? '' : '/') < escaped
      if (before) low = middle + 1
      else high = middle
    }
    // What lies deeper belongs to children that were passed: the next child itself is not far, or there is none.
    for (let node = low; node <= tree.count && this.#childAbove(node) !== 0; node++) if (tree.parent[node] === this.node) return node
    return 0
  }

  /* The child of this directory at or above a node; 0 when the node is not below this directory. */
  #childAbove(node: number): number {
    const {parent} = this.tree
    let child = node
    // Parents have smaller numbers, so a smaller one cannot lie below this directory.
    while (child > this.node && parent[child] !== this.node) child = parent[child]!
    return child > this.node ? child : 0
  }
}
