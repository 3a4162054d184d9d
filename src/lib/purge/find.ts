/*
 * What would be purged: which paths are below what was named, in which snapshots, and what their content is. Every stored index is looked at,
 * also those that are there only because others are changes against them.
 */
import {BkError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {commentValue, type Group} from '../index/group.ts'
import {isAtOrBelow} from '../index/path.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {parseOperand} from '../restore/selection.ts'
import {readStoredChanges, rootOf} from '../store/levels.ts'
import {Reach} from '../store/reach.ts'
import {IndexState, type Undo} from '../history/index-state.ts'
import {indexTrees, type IndexNode} from '../history/index-tree.ts'
import type {LiveObjects} from '../history/live.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** The indexes of a set that are changes against one another. */
export interface Family {
  readonly root: IndexNode
  /** Whether something below what was named is in one of them. */
  readonly isAffected: boolean
}

/** What was found. */
export interface Found {
  readonly families: readonly Family[]
  /** Escaped paths that are to go, with all below them. */
  readonly tops: readonly string[]
  /** Each path that goes, with the numbers of the snapshots that have it. */
  readonly paths: ReadonlyMap<string, readonly number[]>
  /** Objects of their content. */
  readonly ids: ReadonlySet<string>
}

/** Whether a path is one of some, or below one. */
export function isBelow(path: string, tops: readonly string[]): boolean {
  return tops.some((top) => isAtOrBelow(path, top))
}

/**
 * Finds what is below some paths.
 * @param paths as typed: bytes as latin1 strings
 * @param snapshots those that are kept
 * @throws BkError 2 for a path that no snapshot has, or with a hard link to it that would stay; 65 where an index is damaged
 */
export async function findPaths(paths: readonly string[], snapshots: readonly SnapshotRecord[], live: LiveObjects): Promise<Found> {
  const finder = new Finder(paths, live)
  for (const ofSet of Map.groupBy(snapshots, ({set}) => set).values()) {
    for (const root of await indexTrees(ofSet, (id) => live.index(id))) await finder.family(root)
  }
  return await finder.found()
}

class Finder {
  readonly #given: readonly string[]
  readonly #live: LiveObjects
  /** By a path as typed: what it may mean, and whether that is somewhere. */
  readonly #meanings = new Map<string, Map<string, boolean>>()
  readonly #families: {root: IndexNode; paths: Set<string>}[] = []
  readonly #seen = new Map<string, Set<number>>()
  readonly #groups = new Map<string, Group[]>()
  // By path: the first of its links.
  readonly #links = new Map<string, Set<string>>()
  // What an index has now of what may be meant.
  readonly #now = new Map<string, Group>()
  #candidates: readonly string[] = []

  constructor(given: readonly string[], live: LiveObjects) {
    this.#given = given
    this.#live = live
  }

  async family(root: IndexNode): Promise<void> {
    if (root.bad !== undefined) throw new BkError(`an index is damaged: ${root.bad}`, {status: 65})
    const full = await this.#live.index(root.id)
    const family = {root, paths: new Set<string>()}
    this.#families.push(family)
    this.#now.clear()
    this.#aim(rootOf(full))
    const onlooker = {
      put: (group: Group): void => this.#put(group, family.paths),
      remove: ({path}: Group): void => void this.#now.delete(path),
    }
    await this.#visit(root, await IndexState.read(full, onlooker))
  }

  #aim(root: string): void {
    for (const given of this.#given) {
      const known = this.#meanings.get(given) ?? new Map<string, boolean>()
      this.#meanings.set(given, known)
      for (const path of parseOperand(given, unescapeText(root)).candidates) if (!known.has(path)) known.set(path, false)
    }
    this.#candidates = [...this.#meanings.values()].flatMap((paths) => [...paths.keys()])
  }

  #put(group: Group, paths: Set<string>): void {
    const {path} = group
    const first = group.comments.length === 0 ? undefined : commentValue(group, 'hardlink')
    if (first !== undefined) this.#links.set(path, (this.#links.get(path) ?? new Set<string>()).add(first))
    if (!isBelow(path, this.#candidates)) return
    this.#now.set(path, group)
    paths.add(path)
    const known = this.#groups.get(path)
    if (known === undefined) this.#groups.set(path, [group])
    else if (!known.some((each) => each.line === group.line && each.comments.join('\n') === group.comments.join('\n'))) known.push(group)
  }

  async #visit(node: IndexNode, state: IndexState): Promise<void> {
    for (const {seq} of node.snapshots) for (const path of this.#now.keys()) this.#seen.set(path, (this.#seen.get(path) ?? new Set<number>()).add(seq))
    for (const child of node.children) {
      const undo: Undo = []
      const {root, changes} = await readStoredChanges(await this.#live.index(child.id))
      this.#aim(root)
      await state.apply(changes, undo)
      await this.#visit(child, state)
      await state.revert(undo)
    }
  }

  async found(): Promise<Found> {
    const tops = this.#chosen()
    this.#checkLinks(tops)
    const paths = new Map<string, number[]>()
    for (const path of [...this.#seen.keys()].sort()) if (isBelow(path, tops)) paths.set(path, [...this.#seen.get(path)!].sort((a, b) => a - b))
    const families = this.#families.map(({root, paths: some}) => ({root, isAffected: [...some].some((path) => isBelow(path, tops))}))
    return {families, tops, paths, ids: await this.#ids(tops)}
  }

  /* The first meaning that is somewhere. */
  #chosen(): string[] {
    const tops: string[] = []
    for (const [given, meanings] of this.#meanings) {
      const top = [...meanings.keys()].find((path) => [...this.#seen.keys()].some((seen) => isAtOrBelow(seen, path)))
      if (top === undefined) throw new BkError(`no snapshot has ${escapeName(toBytes(given))}`, {hint: "'bk log STORE@WHEN -l DIRECTORY' shows what is there"})
      if (top === '.') throw new BkError('all of a snapshot cannot be purged', {hint: "'bk rotate STORE --drop NUMBERS --apply' lets go of whole snapshots"})
      tops.push(top)
    }
    return tops
  }

  /* A file with another name that stays would stay as well. */
  #checkLinks(tops: readonly string[]): void {
    for (const [path, firsts] of this.#links) {
      for (const first of firsts) {
        if (isBelow(path, tops) === isBelow(first, tops)) continue
        const [named, other] = isBelow(path, tops) ? [path, first] : [first, path]
        throw new BkError(`${named} is a hard link to ${other}, which would stay`, {hint: `name ${other} too`})
      }
    }
  }

  async #ids(tops: readonly string[]): Promise<Set<string>> {
    const ids = new Set<string>()
    const reach = new Reach({packOf: (id) => (ids.add(id), ''), getList: (id) => this.#live.list(id)})
    for (const [path, groups] of this.#groups) if (isBelow(path, tops)) for (const group of groups) reach.addOld(group)
    await reach.finish()
    return ids
  }
}
