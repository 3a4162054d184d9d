/*
 * Builds a tree of names (name-tree.ts) from paths as they stand in an index. The columns grow outside shared memory and
 * move there at the end, when their sizes are known.
 */
import {unescapeText} from '../index/escape.ts'
import {linkChildren, treeSize, viewTree, type NameTree, type SharedTree} from './name-tree.ts'

export class TreeBuilder {
  #count = 0
  #parents = new Uint32Array(1024)
  #nameAt = new Uint32Array(1024)
  #names = Buffer.allocUnsafeSlow(16_384)
  #nameBytes = 0
  // Directories that are string prefixes of the last path, with their nodes: nothing else can still be a parent.
  readonly #open: {readonly path: string; readonly node: number}[] = []

  /** The nodes so far. */
  get count(): number {
    return this.#count
  }

  /** Adds an escaped path, which must sort after all before it and have its parent among them. Returns its node. */
  add(path: string): number {
    const open = this.#open
    while (open.length > 0 && !path.startsWith(open[open.length - 1]!.path)) open.pop()
    const slash = path.lastIndexOf('/')
    const parent = slash < 0 ? 0 : open.findLast((above) => above.path.length === slash)?.node
    if (parent === undefined) throw new Error(`no parent for ${path}`)
    const node = this.#append(parent, slash < 0 ? path : unescapeText(path.slice(slash + 1)))
    open.push({path, node})
    return node
  }

  /** The tree, in shared memory with `extra` bytes behind it (at an address that is a multiple of 8) for more columns. */
  finish(extra = 0): {readonly shared: SharedTree; readonly tree: NameTree; readonly extraAt: number} {
    const extraAt = Math.ceil(treeSize(this.#count, this.#nameBytes) / 8) * 8
    const shared = {count: this.#count, nameBytes: this.#nameBytes, memory: new SharedArrayBuffer(extraAt + extra)}
    const tree = viewTree(shared)
    tree.parent.set(this.#parents.subarray(0, this.#count + 1))
    tree.nameAt.set(this.#nameAt.subarray(0, this.#count + 1))
    tree.nameAt[this.#count + 1] = this.#nameBytes
    tree.names.set(this.#names.subarray(0, this.#nameBytes))
    linkChildren(tree)
    return {shared, tree, extraAt}
  }

  #append(parent: number, name: string): number {
    const node = ++this.#count
    if (node >= this.#parents.length) {
      this.#parents = grown(this.#parents)
      this.#nameAt = grown(this.#nameAt)
    }
    if (this.#nameBytes + name.length > this.#names.length) {
      const names = Buffer.allocUnsafeSlow(2 * this.#names.length + name.length)
      this.#names.copy(names)
      this.#names = names
    }
    this.#parents[node] = parent
    this.#nameAt[node] = this.#nameBytes
    this.#nameBytes += this.#names.write(name, this.#nameBytes, 'latin1')
    return node
  }
}

/** A column of twice the length. */
export function grown(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(2 * column.length)
  next.set(column)
  return next
}
