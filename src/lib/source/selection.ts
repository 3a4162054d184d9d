/*
 * Which paths a run is about: operands and --files-from as a tree of names. Ancestors of a wanted path are listed as
 * directories, without what else is in them; a wanted path is listed with everything below it.
 */
import {escapeBytes} from '../index/escape.ts'
import {viewTree, type NameTree, type SharedTree} from './name-tree.ts'
import {TreeBuilder} from './tree-builder.ts'

/** Wanted paths as workers get them; `whole` is behind the tree, a byte for each node. */
export interface SharedSelection {
  readonly shared: SharedTree
  readonly wholeAt: number
}

export interface Selection {
  readonly tree: NameTree
  /** 1 for a node that is wanted with everything below it, 0 for a mere ancestor. */
  readonly whole: Uint8Array
}

/**
 * Makes a selection of paths relative to the root of the walk, as raw bytes (latin1) without `./`; '' is the root itself.
 * Order, duplicates and paths below each other do not matter. Undefined when the whole tree is wanted.
 */
export function selectPaths(paths: Iterable<string>): SharedSelection | undefined {
  const wanted = new Set<string>()
  for (const path of paths) wanted.add(path === '' ? '.' : `./${path.split('/').map(escapeBytes).join('/')}`)
  if (wanted.has('.')) return undefined
  const all = new Set<string>(['.'])
  for (const path of wanted) addWithAncestors(all, path, wanted)
  const builder = new TreeBuilder()
  const wholes: number[] = []
  for (const path of [...all].sort()) {
    const node = builder.add(path)
    if (wanted.has(path)) wholes.push(node)
  }
  const {shared, extraAt} = builder.finish(builder.count + 1)
  const whole = viewSelection({shared, wholeAt: extraAt}).whole
  for (const node of wholes) whole[node] = 1
  return {shared, wholeAt: extraAt}
}

/* A path below another that is wanted anyway is left out: its directory is read, not selected from. */
function addWithAncestors(all: Set<string>, path: string, wanted: ReadonlySet<string>): void {
  for (let slash = path.indexOf('/', 2); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const above = path.slice(0, slash)
    if (wanted.has(above)) return
    all.add(above)
  }
  all.add(path)
}

/** A view of a selection that another thread made. */
export function viewSelection({shared, wholeAt}: SharedSelection): Selection {
  return {tree: viewTree(shared), whole: new Uint8Array(shared.memory, wholeAt, shared.count + 1)}
}
