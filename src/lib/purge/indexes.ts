/*
 * Indexes without some paths: each stored text is made anew from the one that it was, with the same levels, so that what was changes against
 * another index is changes against what that became.
 */
import {changesText} from '../transfer/index-object.ts'
import {objectId} from '../store/object-id.ts'
import {IndexReader} from '../index/read.ts'
import {IndexWriter} from '../index/write.ts'
import {IndexState, type Undo} from '../history/index-state.ts'
import {readStoredChanges} from '../store/levels.ts'
import type {IndexNode} from '../history/index-tree.ts'
import {Fresh, type LiveObjects} from '../history/live.ts'
import {isBelow, type Family} from './find.ts'
import type {Amended} from '../store/edits.ts'

/** What a stored index becomes. */
export interface NewIndex {
  readonly id: string
  /** What records are to say of it, but for the level. */
  readonly facts: Omit<Amended, 'index'>
}

export interface WithoutOptions {
  readonly tops: readonly string[]
  readonly live: LiveObjects
  /** Takes a new object. */
  readonly put: (id: string, text: Buffer) => Promise<void>
}

/**
 * Makes the indexes of a family anew, and marks what the snapshots still reach.
 * @returns by the id of each object what it becomes; nothing where nothing changes
 */
export async function withoutPaths({root, isAffected}: Family, options: WithoutOptions): Promise<Map<string, NewIndex>> {
  const {live, tops} = options
  const full = await live.index(root.id)
  const text = isAffected ? await filtered(full, tops) : full
  const fresh = new Fresh()
  const state = await IndexState.read(text, fresh)
  const made = new Map<string, NewIndex>()
  const id = isAffected ? objectId(text) : root.id
  if (isAffected) await options.put(id, text)
  await new Maker(state, fresh, made, isAffected ? options : {...options, tops: []}).visit(root, {id, digest: state.end.digest})
  return isAffected ? made : new Map()
}

async function filtered(full: Buffer, tops: readonly string[]): Promise<Buffer> {
  const reader = new IndexReader([full], {strict: false})
  const pieces: Buffer[] = []
  let writer: IndexWriter | undefined
  for await (const batch of reader.batches()) {
    writer ??= new IndexWriter(reader.root, (piece) => pieces.push(piece))
    for (const group of batch) if (!isBelow(group.path, tops)) writer.add(group)
  }
  writer ??= new IndexWriter(reader.root, (piece) => pieces.push(piece))
  writer.end()
  return Buffer.concat(pieces)
}

/** What an index has become: its object, and the digest of the whole. */
interface Became {
  readonly id: string
  readonly digest: string
}

class Maker {
  readonly #state: IndexState
  readonly #fresh: Fresh
  readonly #made: Map<string, NewIndex>
  readonly #options: WithoutOptions

  constructor(state: IndexState, fresh: Fresh, made: Map<string, NewIndex>, options: WithoutOptions) {
    this.#state = state
    this.#fresh = fresh
    this.#made = made
    this.#options = options
  }

  async visit(node: IndexNode, {id, digest}: Became): Promise<void> {
    const {live} = this.#options
    const {entries, bytes, partial} = this.#state
    this.#made.set(node.id, {id, facts: {tree: digest, entries, bytes, partial}})
    if (id === node.id) live.addIndex(id)
    if (node.snapshots.length > 0) for (const group of this.#fresh.take(this.#state)) live.add(group)
    for (const child of node.children) await this.#child(child, {id, digest})
  }

  async #child(child: IndexNode, above: Became): Promise<void> {
    const {live, tops, put} = this.#options
    const stored = await readStoredChanges(await live.index(child.id))
    const changes = stored.changes.filter(({group}) => !isBelow(group.path, tops))
    const undo: Undo = []
    await this.#state.apply(changes, undo)
    if (tops.length === 0) await this.visit(child, {id: child.id, digest: stored.target})
    else {
      const digest = this.#state.digest()
      const text = changesText(stored.root, above.id, stored.base === undefined ? undefined : above.digest, changes, {digest, partial: this.#state.partial})
      const id = objectId(text)
      await put(id, text)
      await this.visit(child, {id, digest})
    }
    await this.#state.revert(undo)
  }
}
