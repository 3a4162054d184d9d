/*
 * Goes through the snapshots of a set and notes what stands at some paths, and when that changes. Indexes are gone through as they hang
 * below one another, one at a time (index-state.ts): from one snapshot to the next costs what they differ by.
 */
import {createHash} from 'node:crypto'
import {BkError, reasonOf} from '../cli/errors.ts'
import {commentValue, type Group} from '../index/group.ts'
import {freeBuffer} from '../sys/memory.ts'
import {isDamage} from '../store/is-damage.ts'
import {IndexState, type Onlooker, type Undo} from './index-state.ts'
import {indexTrees, isFull, snapshotsBelow, type IndexNode} from './index-tree.ts'
import {readStoredChanges} from '../store/levels.ts'
import {Timeline} from './timeline.ts'
import type {LineSorter} from '../index/sort.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {IndexObjects} from './index-objects.ts'
import type {Noted} from './timeline.ts'

export interface GatherOptions {
  readonly objects: Pick<IndexObjects, 'get' | 'peek' | 'forget'>
  /** Whether a path is asked about; escaped. */
  readonly wants: (path: string) => boolean
  /** Takes what is noted. */
  readonly sorter: LineSorter
  /** Told of snapshots whose index cannot be read, and why. */
  readonly onLost: (records: readonly SnapshotRecord[], why: string) => void
}

export interface Gathered {
  readonly timeline: Timeline
  /** What the indexes are relative to, escaped; that of the newest last. */
  readonly roots: readonly string[]
}

/** What is said of an entry and is neither its content nor its metadata, or is true of one snapshot alone. */
const PASSING = /^(?:chunks|cut|error|from|gone|hardlink|left-out|note|stale)=/
/** Digits of a tick, as text that sorts. */
const DIGITS = 6
const HASHED = 32
/** What the sorter takes. Only what no system has comes near it: a link to a path of 64,000 bytes. */
const MAX_LINE = 65_000

/**
 * Goes through them.
 * @param records what is kept of a set, oldest first
 */
export async function gather(records: readonly SnapshotRecord[], options: GatherOptions): Promise<Gathered> {
  const gatherer = new Gatherer(options)
  for (const part of parts(records)) {
    for (const root of await indexTrees(part, (id) => options.objects.peek(id))) await gatherer.family(root)
    options.objects.forget()
  }
  gatherer.timeline.finish()
  return {timeline: gatherer.timeline, roots: [...gatherer.roots]}
}

/* Most often what follows a full index hangs below it: what has just been looked at for that is at hand then. */
function* parts(records: readonly SnapshotRecord[]): Generator<readonly SnapshotRecord[]> {
  let part: SnapshotRecord[] = []
  for (const record of records) {
    if (record.index.level === 'full' && part.length > 0) {
      yield part
      part = []
    }
    part.push(record)
  }
  yield part
}

/** What a path had when it was noted last, and has now. */
interface Pending {
  readonly before: Group | undefined
  now: Group | undefined
}

class Gatherer implements Onlooker {
  readonly timeline = new Timeline()
  readonly roots = new Set<string>()
  readonly #options: GatherOptions
  // What has changed since something was noted last. Undefined while a full index is read: all of it is noted.
  #pending: Map<string, Pending> | undefined
  #tick = 0

  constructor(options: GatherOptions) {
    this.#options = options
  }

  put(group: Group): Promise<void> | undefined {
    if (!this.#options.wants(group.path)) return undefined
    if (this.#pending === undefined) return this.#note(group.path, group)
    const pending = this.#pending.get(group.path)
    if (pending === undefined) this.#pending.set(group.path, {before: undefined, now: group})
    else pending.now = group
    return undefined
  }

  remove(group: Group): undefined {
    if (this.#pending === undefined || !this.#options.wants(group.path)) return
    const pending = this.#pending.get(group.path)
    if (pending === undefined) this.#pending.set(group.path, {before: group, now: undefined})
    else pending.now = undefined
  }

  async family(root: IndexNode): Promise<void> {
    this.timeline.beginFamily()
    this.#tick = this.timeline.tick()
    this.#pending = undefined
    let full: Buffer | undefined
    try {
      if (root.bad !== undefined) throw new BkError(root.bad, {status: 65})
      full = await this.#options.objects.get(root.id)
      if (!isFull(full)) throw new BkError('it is said to be a full one, and is not', {status: 65})
      const state = await IndexState.read(full, this)
      this.#pending = new Map()
      await this.#visit(root, state, state.end.digest, true)
    } catch (error) {
      this.#lost(root, error)
    }
    if (full !== undefined) freeBuffer(full)
  }

  /* `isLast`: nothing of the family is visited after what is below this, so nobody goes back. */
  async #visit(node: IndexNode, state: IndexState, digest: string, isLast: boolean): Promise<void> {
    const fitting = node.snapshots.filter(({tree}) => tree === digest)
    const others = node.snapshots.filter(({tree}) => tree !== digest)
    if (others.length > 0) this.#options.onLost(others, 'it is not the one that the record names')
    if (fitting.length > 0) await this.#flush()
    for (const record of fitting) this.timeline.visit(record)
    if (fitting.length > 0) this.#seeRoot(state.root)
    for (const child of node.children) await this.#child(child, state, digest, isLast && child === node.children.at(-1))
  }

  #seeRoot(root: string): void {
    this.roots.delete(root)
    this.roots.add(root)
  }

  async #child(child: IndexNode, state: IndexState, digest: string, isLast: boolean): Promise<void> {
    const undo: Undo = []
    const {root} = state
    try {
      const text = await this.#options.objects.get(child.id)
      const stored = await readStoredChanges(text)
      freeBuffer(text)
      if (stored.base !== undefined && stored.base !== digest) throw new BkError('its changes are against another index than the one below them', {status: 65})
      state.root = stored.root
      await state.apply(stored.changes, undo)
      if (isLast) undo.length = 0
      await this.#visit(child, state, stored.target, isLast)
    } catch (error) {
      this.#lost(child, error)
    }
    if (isLast) return
    await state.revert(undo)
    state.root = root
  }

  #lost(node: IndexNode, error: unknown): void {
    if (!isDamage(error)) throw error
    this.#options.onLost([...snapshotsBelow(node)], reasonOf(error))
  }

  /* What is again as it was before was only passed through. */
  async #flush(): Promise<void> {
    const pending = this.#pending!
    if (pending.size === 0) return
    this.#tick = this.timeline.tick()
    for (const [path, {before, now}] of pending) {
      if (before !== undefined && now !== undefined && before.line === now.line && textOf(before) === textOf(now)) continue
      const wait = this.#note(path, now)
      if (wait !== undefined) await wait
    }
    this.#pending = new Map()
  }

  #note(path: string, group: Group | undefined): Promise<void> | undefined {
    const {sorter} = this.#options
    const start = `${path} ${this.#tick.toString(36).padStart(DIGITS, '0')}`
    const text = group === undefined ? '' : textOf(group)
    sorter.add(start + (start.length + text.length > MAX_LINE ? '!too-long' : text))
    return sorter.full ? sorter.makeRun() : undefined
  }
}

/*
 * What a group says, without its path and on one line: `!WHY` for what is not there, else the entry's line, behind a sum of the comments
 * that count: the sum is all that is asked of them.
 */
function textOf(group: Group): string {
  const {path, line, comments} = group
  if (line === '') return `!${commentValue(group, 'error') ?? commentValue(group, 'left-out') ?? ''}`
  if (comments.length === 0) return line.slice(path.length)
  const start = path.length + '#bk  '.length
  const lasting = comments.map((comment) => comment.slice(start)).filter((note) => !PASSING.test(note))
  const sum = lasting.length === 0 ? '' : createHash('sha256').update(lasting.join('\n')).digest('hex').slice(0, HASHED)
  return sum + line.slice(path.length)
}

/** What was noted, path by path. */
export async function* notedByPath(sorter: LineSorter): AsyncGenerator<{readonly path: string; readonly noted: readonly Noted[]}> {
  let path: string | undefined
  let noted: Noted[] = []
  for await (const lines of sorter.sorted()) {
    for (const line of lines) {
      const blank = line.indexOf(' ')
      if (path === undefined || blank !== path.length || !line.startsWith(path)) {
        if (path !== undefined) yield {path, noted}
        path = line.slice(0, blank)
        noted = []
      }
      noted.push({tick: parseInt(line.slice(blank + 1, blank + 1 + DIGITS), 36), text: line.slice(blank + 1 + DIGITS)})
    }
  }
  if (path !== undefined) yield {path, noted}
}
