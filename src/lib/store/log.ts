/*
 * The log of a store: its records read as a chain. Everything that asks "which is the newest", "what does it need", "in
 * which pack" asks here. Records and catalogs are read once a run.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {parseCatalog, type CataloguedPack} from './catalog.ts'
import {objectId} from './object-id.ts'
import {applyNeeds, type Labels} from './needs.ts'
import {droppedBy, timesBy} from './edits.ts'
import {NO_RECORD, parseRecord, type SnapshotRecord, type StoreRecord} from './record.ts'
import {parseSettings, type Settings} from './settings.ts'
import {catalogName, recordName, SETTINGS, type Store} from './store.ts'

/** Where the next record goes. */
export interface Head {
  /** Number of the last record, torn or not; 0 for an empty log. */
  readonly seq: number
  /** Sum of the last whole record. */
  readonly sum: string
}

const MAX_RECORD = 16 << 20

/** The log of one store. */
export class StoreLog {
  readonly store: Store
  readonly settings: Settings
  readonly #records = new Map<number, StoreRecord>()
  readonly #catalogs = new Map<number, readonly CataloguedPack[]>()
  readonly #labels = new Map<number, Labels>()

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
    const names = (await this.store.list('log/')).filter((name) => /^log\/\d{6,}$/.test(name))
    // Names are as long as their number needs: the longest are the latest.
    return names.reduce((most, name) => Math.max(most, Number(name.slice(4))), 0)
  }

  async head(): Promise<Head> {
    const seq = await this.last()
    for (let at = seq; at > 0; at--) {
      const record = await this.record(at)
      if (record !== undefined) return {seq, sum: record.sum}
    }
    return {seq, sum: NO_RECORD}
  }

  /** Record `seq`, or undefined for one that is torn or not there. */
  async record(seq: number): Promise<StoreRecord | undefined> {
    const known = this.#records.get(seq)
    if (known !== undefined) return known
    // What is not there may come: another writer's record is not remembered as missing.
    const record = await this.#read(seq)
    if (record !== undefined) this.#records.set(seq, record)
    return record
  }

  async #read(seq: number): Promise<StoreRecord | undefined> {
    let bytes: Buffer
    try {
      bytes = await this.store.get(recordName(seq), {offset: 0, length: MAX_RECORD})
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
    try {
      const record = parseRecord(bytes)
      if (record.seq !== seq) throw new BkError(`it says it is record ${record.seq}`, {status: 65})
      return record
    } catch (error) {
      if (error instanceof BkError && error.message.startsWith('its sum')) return undefined
      throw new BkError(`record ${seq} is damaged: ${error instanceof Error ? error.message : String(error)}`, {status: 65, cause: error})
    }
  }

  /**
   * All records, newest first, each checked to be what the one after it was chained to.
   * @throws BkError 65 for a record that is damaged, missing or not the one that was there
   */
  async *backwards(from?: number): AsyncGenerator<StoreRecord> {
    let expected: string | undefined
    for (let seq = from ?? (await this.last()); seq > 0; seq--) {
      const record = await this.record(seq)
      // Torn: nothing, unless a later record was chained to it.
      if (record === undefined) continue
      if (expected !== undefined && record.sum !== expected) throw new BkError(`record ${seq} is not the one that the next is chained to`, {status: 65})
      yield record
      expected = record.prev
    }
    if (expected !== undefined && expected !== NO_RECORD) throw new BkError('a record is missing or damaged', {status: 65, hint: `bk log --check ${this.store.where}`})
  }

  /**
   * The snapshots that are kept, newest first, with `received` as it was corrected. What an edit does to a snapshot stands behind it, and is
   * seen before it.
   */
  async *keptBackwards(): AsyncGenerator<SnapshotRecord> {
    const dropped = new Set<number>()
    const times = new Map<number, string>()
    for await (const record of this.backwards()) {
      if (record.kind === 'edit') {
        for (const seq of droppedBy(record.lines)) dropped.add(seq)
        // Of two corrections the later prevails.
        for (const [seq, time] of timesBy(record.lines)) if (!times.has(seq)) times.set(seq, time)
      } else if (!dropped.has(record.seq)) yield times.has(record.seq) ? {...record, received: times.get(record.seq)!} : record
    }
  }

  /** The newest snapshot of a set that is kept and for which `fits` holds. */
  async newest(set: string, fits: (record: SnapshotRecord) => boolean = () => true): Promise<SnapshotRecord | undefined> {
    for await (const record of this.keptBackwards()) if (record.set === set && fits(record)) return record
    return undefined
  }

  /** Every snapshot that is kept, oldest first. */
  async snapshots(): Promise<SnapshotRecord[]> {
    const records: SnapshotRecord[] = []
    for await (const record of this.keptBackwards()) records.push(record)
    return records.reverse()
  }

  /** The packs that a snapshot needs. */
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
    if (known !== undefined) return known
    const record = await this.record(seq)
    const digest = record?.kind === 'snapshot' ? record.catalog : undefined
    if (digest === undefined) throw new BkError(`record ${seq} has no catalog`, {status: 65})
    const bytes = await this.store.get(catalogName(digest))
    if (objectId(bytes) !== digest) throw new BkError(`the catalog of record ${seq} is damaged: ${catalogName(digest)}`, {status: 65})
    const packs = parseCatalog(bytes)
    this.#catalogs.set(seq, packs)
    return packs
  }

  /** The packs behind labels. Throws BkError 65 for a label that no catalog has. */
  async packs(labels: Labels): Promise<{readonly label: readonly [seq: number, n: number]; readonly pack: CataloguedPack}[]> {
    const result: {label: readonly [number, number]; pack: CataloguedPack}[] = []
    for (const [seq, numbers] of labels) {
      const packs = await this.catalog(seq)
      for (const n of numbers) {
        const pack = packs[n - 1]
        if (pack === undefined) throw new BkError(`no pack ${seq}.${n} in the catalog of record ${seq}`, {status: 65})
        result.push({label: [seq, n], pack})
      }
    }
    return result
  }
}
