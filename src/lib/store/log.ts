/*
 * The log of a store: its records read as a chain. Everything that asks "which is the newest", "what does it need", "in
 * which pack" asks here. Records and catalogs are read once a run.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {packAt, parseCatalog, type CataloguedPack} from './catalog.ts'
import {isDamage} from './is-damage.ts'
import {objectId} from './object-id.ts'
import {orDamage, raise, type OnDamage} from './on-damage.ts'
import {applyNeeds, lastFirst, type Labels} from './needs.ts'
import {droppedBy, indexesBy, replacedBy, timesBy, type Amended} from './edits.ts'
import {findCopy, readRecordFile, recordNumbers, withMissing} from './record-files.ts'
import {NO_RECORD, ownLines, type SnapshotRecord, type StoreRecord} from './record.ts'
import {Replaced} from './replaced.ts'
import {parseSettings, type Settings} from './settings.ts'
import {catalogName, SETTINGS, type Store} from './store.ts'

/** Where the next record goes. */
export interface Head {
  /** Number of the last record, torn or not; 0 for an empty log. */
  readonly seq: number
  /** Sum of the last whole record. */
  readonly sum: string
  /** What the next record copies of it; empty where there is none. */
  readonly own: readonly string[]
}

/** Bytes of catalogs that are kept, with the ids in them; those of a thousand snapshots would be more than all else that is held. */
const CATALOGS_KEPT = 2 << 20

/** What is remembered of every pack that was asked for. */
export type ListedPack = Pick<CataloguedPack, 'name' | 'size' | 'only'>

/** The log of one store. */
export class StoreLog {
  readonly store: Store
  readonly settings: Settings
  readonly #records = new Map<number, StoreRecord>()
  readonly #catalogs = new Map<number, {readonly packs: readonly CataloguedPack[]; readonly bytes: number}>()
  readonly #lists = new Map<number, readonly ListedPack[]>()
  #kept = 0
  readonly #labels = new Map<number, Labels>()
  // For who writes the next.
  #newest: {readonly seq: number; readonly text: string} | undefined

  private constructor(store: Store, settings: Settings) {
    this.store = store
    this.settings = settings
  }

  /**
   * Opens the log of a store.
   * @throws BkError 2 where there is no store
   */
  static async open(store: Store): Promise<StoreLog> {
    let bytes: Buffer
    try {
      bytes = await store.get(SETTINGS)
    } catch (error) {
      const code = errorCode(error)
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
      throw new BkError(`${store.where} is not a store: it has no ${SETTINGS}`, {hint: "is the disk mounted? a new store is made by 'bk init'", cause: error})
    }
    const settings = parseSettings(bytes)
    return new StoreLog(store, settings)
  }

  /** The log of a store whose settings are known, or cannot be: it can be looked at all the same. */
  static over(store: Store, settings: Settings): StoreLog {
    return new StoreLog(store, settings)
  }

  /** Number of the last record; 0 for an empty log. */
  async last(): Promise<number> {
    return (await recordNumbers(this.store))[0] ?? 0
  }

  async head(): Promise<Head> {
    const numbers = await recordNumbers(this.store)
    const last = numbers[0] ?? 0
    for (const seq of withMissing(numbers)) {
      const record = await this.record(seq)
      if (record !== undefined) return {seq: last, sum: record.sum, own: await this.#ownOf(seq)}
    }
    return {seq: last, sum: NO_RECORD, own: []}
  }

  /* Of a record that was read. */
  async #ownOf(seq: number): Promise<readonly string[]> {
    if (this.#newest?.seq !== seq) this.#newest = {seq, text: (await readRecordFile(this.store, seq))?.text ?? (await findCopy(this.store, seq))?.text ?? ''}
    return ownLines(this.#newest.text)
  }

  /** Record `seq`, if need be as the next one has copied it, or undefined for one that is torn or not there. */
  async record(seq: number): Promise<StoreRecord | undefined> {
    const known = this.#records.get(seq)
    if (known !== undefined) return known
    // What is not there may come: another writer's record is not remembered as missing.
    const record = await this.#read(seq)
    if (record !== undefined) this.#records.set(seq, record)
    return record
  }

  async #read(seq: number): Promise<StoreRecord | undefined> {
    let damage: unknown
    try {
      const file = await readRecordFile(this.store, seq)
      if (file !== undefined && seq >= (this.#newest?.seq ?? 0)) this.#newest = {seq, text: file.text}
      if (file !== undefined) return file.record
    } catch (error) {
      if (!isDamage(error)) throw error
      damage = error
    }
    const copy = await findCopy(this.store, seq)
    if (copy === undefined && damage !== undefined) throw damage
    return copy?.record
  }

  /**
   * All records, newest first, each checked to be what the one after it was chained to.
   * @param onDamage hears of a record that is damaged, missing or not the one that was there, and it goes on with what is whole: for whoever
   * wants back what there is, and writes nothing
   * @throws BkError 65 for such a record, if nobody hears of it
   */
  async *backwards(onDamage: OnDamage = raise): AsyncGenerator<StoreRecord> {
    let expected: string | undefined
    // What stands between a record and the one that was chained to another: torn, or not there.
    let passed = false
    let after: number | undefined
    for (const seq of withMissing(await recordNumbers(this.store))) {
      passed ||= after !== undefined && seq < after - 1
      after = seq
      const record = await this.#recordOr(seq, onDamage)
      if (record === 'damaged') expected = undefined
      // Torn: nothing, unless a later record was chained to it.
      passed ||= record === undefined
      if (record === undefined || record === 'damaged') continue
      if (expected !== undefined && record.sum !== expected) {
        onDamage(new BkError(passed ? `a record behind ${seq} is missing or damaged` : `record ${seq} is not the one that the next is chained to`, {status: 65}))
        expected = undefined
        if (!passed) continue
      }
      passed = false
      yield record
      expected = record.prev
    }
    if (expected !== undefined && expected !== NO_RECORD) onDamage(new BkError('a record is missing or damaged', {status: 65, hint: `bk log --check ${this.store.where}`}))
  }

  async #recordOr(seq: number, onDamage: OnDamage): Promise<StoreRecord | 'damaged' | undefined> {
    try {
      return await this.record(seq)
    } catch (error) {
      if (!isDamage(error)) throw error
      onDamage(error instanceof BkError ? error : new BkError(`cannot read record ${seq}: ${reasonOf(error)}`, {status: 65, cause: error}))
      return 'damaged'
    }
  }

  /** The snapshots that are kept, newest first, as `amendedBackwards` gives them. */
  async *keptBackwards(onDamage?: OnDamage): AsyncGenerator<SnapshotRecord> {
    for await (const {record, isDropped} of this.amendedBackwards(onDamage)) if (!isDropped) yield record
  }

  /**
   * All snapshots, newest first, with `received` as it was corrected and the index as it is since something was purged. What an edit does to
   * a snapshot stands behind it, and is seen before it.
   */
  async *amendedBackwards(onDamage?: OnDamage): AsyncGenerator<{readonly record: SnapshotRecord; readonly isDropped: boolean}> {
    const dropped = new Set<number>()
    const times = new Map<number, string>()
    const indexes = new Map<number, Amended>()
    for await (const record of this.backwards(onDamage)) {
      if (record.kind === 'edit') {
        for (const seq of droppedBy(record.lines)) dropped.add(seq)
        // Of two corrections the later prevails.
        for (const [seq, time] of timesBy(record.lines)) if (!times.has(seq)) times.set(seq, time)
        for (const [seq, index] of indexesBy(record.lines)) if (!indexes.has(seq)) indexes.set(seq, index)
        continue
      }
      const {seq} = record
      const isAmended = times.has(seq) || indexes.has(seq)
      yield {record: isAmended ? {...record, ...indexes.get(seq), received: times.get(seq) ?? record.received} : record, isDropped: dropped.has(seq)}
    }
  }

  /** The newest snapshot of a set that is kept and for which `fits` holds. */
  async newest(set: string, fits: (record: SnapshotRecord) => boolean = () => true): Promise<SnapshotRecord | undefined> {
    for await (const record of this.keptBackwards()) if (record.set === set && fits(record)) return record
    return undefined
  }

  /** Every snapshot that is kept, oldest first. */
  async snapshots(onDamage?: OnDamage): Promise<SnapshotRecord[]> {
    const records: SnapshotRecord[] = []
    for await (const record of this.keptBackwards(onDamage)) records.push(record)
    return records.reverse()
  }

  /** The packs that a snapshot needs, as its record says. */
  async labels(record: SnapshotRecord): Promise<Labels> {
    const chain: SnapshotRecord[] = []
    let base: Labels = new Map()
    for (let at: SnapshotRecord | undefined = record; at !== undefined; ) {
      const known = this.#labels.get(at.seq)
      if (known !== undefined) {
        base = known
        break
      }
      chain.push(at)
      const below: number | undefined = at.needs.base
      if (below === undefined) break
      const next: StoreRecord | undefined = below < at.seq ? await this.record(below) : undefined
      if (next?.kind !== 'snapshot' || next.set !== at.set) throw new BkError(`record ${at.seq} needs the packs of record ${below}, which is no snapshot of its set`, {status: 65})
      at = next
    }
    for (const at of chain.reverse()) base = applyNeeds(base, at.needs)
    this.#labels.set(record.seq, base)
    return base
  }

  /** The packs of record `seq`'s catalog, in the order in which labels count them. */
  async catalog(seq: number): Promise<readonly CataloguedPack[]> {
    const known = this.#catalogs.get(seq)
    if (known !== undefined) return known.packs
    const record = await this.record(seq)
    const digest = record?.catalog
    if (digest === undefined) throw new BkError(`record ${seq} has no catalog`, {status: 65})
    const bytes = await this.store.get(catalogName(digest))
    if (objectId(bytes) !== digest) throw new BkError(`the catalog of record ${seq} is damaged: ${catalogName(digest)}`, {status: 65})
    const packs = parseCatalog(bytes)
    this.#keep(seq, packs, bytes.length)
    return packs
  }

  #keep(seq: number, packs: readonly CataloguedPack[], bytes: number): void {
    this.#catalogs.set(seq, {packs, bytes})
    this.#kept += bytes
    for (const [oldest, {bytes: size}] of this.#catalogs) {
      if (this.#kept <= CATALOGS_KEPT || oldest === seq) break
      this.#catalogs.delete(oldest)
      this.#kept -= size
    }
  }

  /** The same without the ids, for whoever asks for many: it is remembered. */
  async list(seq: number): Promise<readonly ListedPack[]> {
    const known = this.#lists.get(seq)
    if (known !== undefined) return known
    const packs = (await this.catalog(seq)).map(({name, size, only}) => ({name, size, only}))
    this.#lists.set(seq, packs)
    return packs
  }

  /**
   * The packs that a snapshot needs now. When its record was written it named none that were replaced before: what came after it is all that
   * has to be known.
   */
  async labelsNow(record: SnapshotRecord): Promise<Labels> {
    return (await this.replacedSince(record.seq)).resolve(await this.labels(record))
  }

  /** What records after `seq` put in the place of packs. Where it is damaged, that is not known, and objects are found elsewhere. */
  async replacedSince(seq: number): Promise<Replaced> {
    const replaced = new Replaced()
    for await (const record of this.backwards(() => {})) {
      if (record.seq <= seq) break
      if (record.kind === 'edit') for (const each of replacedBy(record.lines)) replaced.add(each)
    }
    return replaced
  }

  /**
   * The packs that a snapshot needs now, those that came last first; one after the other, so that nobody has to hold the ids of all. Throws BkError 65
   * for one that no catalog has.
   * @param onDamage hears of records and catalogs that cannot be read, and their packs are left out
   */
  async *eachPack(record: SnapshotRecord, onDamage: OnDamage = raise): AsyncGenerator<CataloguedPack> {
    const labels = await orDamage(() => this.labelsNow(record), onDamage)
    for (const [seq, numbers] of lastFirst(labels ?? new Map())) {
      const packs = await orDamage(() => this.catalog(seq), onDamage)
      for (const n of packs === undefined ? [] : numbers) {
        const pack = await orDamage(async () => packAt(packs!, seq, n), onDamage)
        if (pack !== undefined) yield pack
      }
    }
  }

  /** The same without the ids. */
  async listed(record: SnapshotRecord): Promise<ListedPack[]> {
    const result: ListedPack[] = []
    for (const [seq, numbers] of lastFirst(await this.labelsNow(record))) {
      const packs = await this.list(seq)
      for (const n of numbers) result.push(packAt(packs, seq, n))
    }
    return result
  }
}
