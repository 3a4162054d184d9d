/*
 * Checks all snapshots of a set: that each index resolves and is in the grammar, is the one that the record names and as large as it says,
 * and that the record needs the packs that are reached and no others. What is lost is gathered on the way.
 *
 * A full index is read whole, and so is each at the end of a chain; those between are known by what they change, and by the digests that
 * each change names of the index before it and of the one it makes.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {PackReader} from '../store/objects.ts'
import {freeBuffer} from '../sys/memory.ts'
import {isDamage} from '../store/is-damage.ts'
import {checkPack} from './check-pack.ts'
import {IdPacks} from './id-packs.ts'
import {IndexState, type Undo} from '../history/index-state.ts'
import {indexTrees, isFull, snapshotsBelow, type IndexNode} from '../history/index-tree.ts'
import {readStoredChanges} from '../store/levels.ts'
import {misneeded, neededPacks, NeedsReader} from './needs-check.ts'
import {Again, lostObject, Reached} from './reached.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Damage} from './damage.ts'
import type {Holdings} from './holdings.ts'
import type {LostFiles} from './lost-files.ts'
import type {Report} from './report.ts'
import type {Standing} from './standing.ts'
import type {Bringer} from '../store/state.ts'

/** What a check of snapshots works with. */
export interface SetContext {
  readonly log: StoreLog
  readonly standing: Standing
  /** All records of snapshots that are whole, dropped ones too, by set. */
  readonly sets: ReadonlyMap<string, readonly SnapshotRecord[]>
  readonly holdings: Holdings
  readonly damage: Damage
  readonly lost: LostFiles
  readonly report: Report
  readonly onSnapshot?: ((record: SnapshotRecord) => void) | undefined
}

/** Packs whose tables are kept: lists of chunks lie together. */
const TABLES = 4
/** What snapshots are told that cannot be read at all is told of so many reasons. */
const MOST_WORDS = 3

/**
 * Checks the snapshots of one set, in order.
 * @throws Again where damage was found on the way: everything is to be looked at once more, with that known
 */
export async function checkSet(snapshots: readonly SnapshotRecord[], context: SetContext): Promise<void> {
  const checker = new SetChecker(context, await IdPacks.of(context.log.store, bringersFor(snapshots, context), context.holdings, context.standing))
  await checker.check(snapshots)
}

/*
 * The records whose catalogs have packs that the snapshots need, or brought. Edits count for all sets: what was compacted is in theirs. Needs
 * build upon those of dropped snapshots, of which the set's own records tell.
 */
function bringersFor(snapshots: readonly SnapshotRecord[], {standing, sets}: SetContext): Bringer[] {
  const wanted = new Set<number>()
  for (const {seq, needs} of sets.get(snapshots[0]!.set) ?? []) {
    wanted.add(seq)
    for (const each of needs.add.keys()) wanted.add(each)
  }
  const others = new Set([...sets.values()].flatMap((records) => records.map(({seq}) => seq)))
  return standing.bringers.filter(({seq}) => wanted.has(seq) || !others.has(seq))
}

class SetChecker {
  readonly #context: SetContext
  readonly #ids: IdPacks
  readonly #reached: Reached
  readonly #needs: NeedsReader
  // Indexes apart: a frame of one may be as large as all other memory.
  #lists: PackReader
  readonly #tables: string[] = []
  #isNowhereNew = false
  // Whether every catalog can be read.
  readonly #isWhole: boolean

  constructor(context: SetContext, ids: IdPacks) {
    this.#context = context
    this.#ids = ids
    this.#isWhole = ![...context.holdings.labels.values()].includes(undefined)
    this.#needs = new NeedsReader(context.log)
    this.#lists = new PackReader(context.log.store)
    this.#reached = new Reached({
      ids,
      damage: context.damage,
      lost: context.lost,
      fetch: (id) => this.#fetch(id, this.#lists),
      packs: context.holdings.packs.length,
    })
  }

  async check(snapshots: readonly SnapshotRecord[]): Promise<void> {
    for (const root of await indexTrees(snapshots, (id) => this.#fetchIndex(id))) await this.#family(root)
    this.#context.lost.closeAll()
    if (this.#isNowhereNew) throw new Again()
  }

  async #family(root: IndexNode): Promise<void> {
    this.#reached.reset()
    let full: Buffer | undefined
    try {
      if (root.bad !== undefined) throw new BkError(root.bad, {status: 65})
      full = await this.#fetchIndex(root.id)
      if (!isFull(full)) throw new BkError('it is said to be a full one, and is not', {status: 65})
      const state = await IndexState.read(full, this.#reached)
      await this.#visit(root, state, state.end.digest, true)
    } catch (error) {
      this.#indexLost(root, error)
    }
    if (full !== undefined) freeBuffer(full)
  }

  async #visit(node: IndexNode, state: IndexState, digest: string, isRoot: boolean): Promise<void> {
    this.#reached.object(node.id, 1)
    for (const record of node.snapshots) await this.#snapshot(record, state, digest, isRoot)
    for (const child of node.children) await this.#child(child, state, digest)
    this.#reached.object(node.id, -1)
  }

  async #child(child: IndexNode, state: IndexState, digest: string): Promise<void> {
    const undo: Undo = []
    const {root} = state
    try {
      const text = await this.#fetchIndex(child.id)
      const stored = await readStoredChanges(text)
      freeBuffer(text)
      if (stored.base !== undefined && stored.base !== digest) throw new BkError('its changes are against another index than the one below them', {status: 65})
      state.root = stored.root
      await state.apply(stored.changes, undo)
      if (child.children.length === 0 && (await state.whole()).digest !== stored.target) throw new BkError('its changes make another index than they say', {status: 65})
      await this.#visit(child, state, stored.target, false)
    } catch (error) {
      this.#indexLost(child, error)
    }
    await state.revert(undo)
    state.root = root
  }

  #indexLost(node: IndexNode, error: unknown): void {
    if (!isDamage(error)) throw error
    for (const {seq} of snapshotsBelow(node)) this.#context.report.add('snapshot', String(seq), `its index is lost: ${reasonOf(error)}`)
  }

  async #snapshot(record: SnapshotRecord, state: IndexState, digest: string, isRoot: boolean): Promise<void> {
    const {report, lost, onSnapshot} = this.#context
    const say = (why: string): void => report.add('snapshot', String(record.seq), why)
    for (const id of this.#reached.nowhere.keys()) this.#nowhere(id)
    lost.visit(record)
    onSnapshot?.(record)
    if (record.tree !== digest) say('its index is not the one that its record names')
    if (isRoot !== (record.index.level === 'full')) say(`its index is ${isRoot ? '' : 'not '}a full one, and its record says ${record.index.level}`)
    const counts = [['entries', record.entries, state.entries], ['bytes', record.bytes, state.bytes], ['unread paths', record.partial, state.partial]] as const
    for (const [what, said, counted] of counts) if (said !== counted) say(`its record says ${said} ${what}, its index has ${counted}`)
    await this.#checkNeeds(record, say)
  }

  async #checkNeeds(record: SnapshotRecord, say: (why: string) => void): Promise<void> {
    const {holdings, standing} = this.#context
    try {
      const needed = neededPacks(await this.#needs.of(record), holdings, standing)
      const {unknown, without} = needed
      for (const seq of unknown) say(`needs packs of catalog ${standing.bringers.find((each) => each.seq === seq)!.catalog}, which is damaged: it comes back when that is repaired`)
      for (const label of without.slice(0, MOST_WORDS)) say(`needs pack ${label}, which no catalog has`)
      if (unknown.length > 0 || without.length > 0 || this.#reached.unknown > 0) return
      let words = 0
      for (const why of misneeded(needed, this.#reached, this.#ids, holdings)) {
        if (++words > MOST_WORDS) return
        say(why)
      }
    } catch (error) {
      if (!isDamage(error)) throw error
      say(reasonOf(error))
    }
  }

  #nowhere(id: string): void {
    if (this.#context.damage.addNowhere(id)) this.#isNowhereNew = true
  }

  async #fetchIndex(id: string): Promise<Buffer> {
    return await this.#fetch(id, new PackReader(this.#context.log.store))
  }

  async #fetch(id: string, reader: PackReader): Promise<Buffer> {
    const {damage, holdings, log} = this.#context
    const bad = damage.objects.get(id)
    const number = this.#ids.packs(id)[0]
    if (bad !== undefined && bad.copy === undefined) throw lostObject(id, bad.why)
    if (bad === undefined && number === undefined) {
      // Whether a list is missed is seen when a snapshot that is kept reaches it.
      if (reader !== this.#lists) this.#nowhere(id)
      throw lostObject(id, this.#isWhole ? 'is in no pack' : 'is in no catalog that can be read')
    }
    const pack = bad?.copy ?? holdings.packs[number!]!.name
    if (reader === this.#lists) this.#keepTable(pack)
    try {
      return await reader.object(pack, id)
    } catch (error) {
      if (!isDamage(error)) throw error
      const held = holdings.packs[holdings.numbers.get(pack) ?? -1]
      if (held === undefined || damage.packs.has(pack)) throw lostObject(id, `pack ${pack} ${reasonOf(error)}`)
      const verdict = await checkPack(log.store, held)
      damage.addPack(held, verdict.why === undefined ? {why: reasonOf(error), bad: [id]} : verdict)
      throw new Again()
    }
  }

  #keepTable(pack: string): void {
    const at = this.#tables.indexOf(pack)
    if (at >= 0) this.#tables.splice(at, 1)
    this.#tables.push(pack)
    if (this.#tables.length > TABLES) this.#lists.forget(this.#tables.shift()!)
  }
}
