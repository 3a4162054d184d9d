/*
 * Finds the stored indexes of a set, many of them in a row. Each came with a record, and lies in a pack of that record's catalog: so one
 * catalog is looked into for each, and none is kept. What is not there any more is sought as everything else is.
 */
import {BkError, isFailure} from '../cli/errors.ts'
import {holdsObject, parseCatalog} from '../store/catalog.ts'
import {objectId} from '../store/object-id.ts'
import {Objects, PackReader} from '../store/objects.ts'
import {catalogName} from '../store/store.ts'
import {freeBuffer} from '../sys/memory.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** Bytes of texts that are kept until they are asked for again. */
const KEPT = 24 << 20
const LONGEST_KEPT = 8 << 20

export class IndexObjects {
  readonly #log: StoreLog
  // Which records may have brought an index, by its id.
  readonly #bringers = new Map<string, SnapshotRecord[]>()
  readonly #newest: SnapshotRecord
  #wider: Promise<Objects> | undefined
  readonly #kept = new Map<string, Buffer>()
  #keptBytes = 0

  /** @param records of all snapshots of a set, dropped ones too, oldest first; one at least */
  constructor(log: StoreLog, records: readonly SnapshotRecord[]) {
    this.#log = log
    this.#newest = records.at(-1)!
    for (const record of records) {
      if (record.catalog === undefined) continue
      const known = this.#bringers.get(record.index.id)
      if (known === undefined) this.#bringers.set(record.index.id, [record])
      else known.push(record)
    }
  }

  /**
   * The text of a stored index, verified. It is the caller's: nobody else looks at its memory.
   * @throws BkError 65 when no copy in the store verifies
   */
  async get(id: string): Promise<Buffer> {
    const kept = this.#kept.get(id)
    if (kept === undefined) return await this.#find(id)
    this.#kept.delete(id)
    this.#keptBytes -= kept.length
    return kept
  }

  /** The same, of one that will be asked for again: it is kept meanwhile if it is small, and is to be looked at only until then. */
  async peek(id: string): Promise<Buffer> {
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    const bytes = await this.#find(id)
    if (bytes.length > LONGEST_KEPT || this.#keptBytes + bytes.length > KEPT) return bytes
    // A part of a frame would keep the whole of it.
    const own = Buffer.from(bytes)
    freeBuffer(bytes)
    this.#kept.set(id, own)
    this.#keptBytes += own.length
    return own
  }

  /** Forgets what was kept. */
  forget(): void {
    this.#kept.clear()
    this.#keptBytes = 0
  }

  async #find(id: string): Promise<Buffer> {
    for (const record of this.#bringers.get(id) ?? []) {
      try {
        const pack = await this.#packOf(record, id)
        // A reader for each, which goes with it: a frame of an index may be as large as all other memory.
        if (pack !== undefined) return await new PackReader(this.#log.store).object(pack, id)
      } catch (error) {
        if (!isFailure(error)) throw error
      }
    }
    this.#wider ??= Objects.of(this.#log, this.#newest)
    // A copy, since that one keeps frames.
    return Buffer.from(await (await this.#wider).get(id))
  }

  async #packOf({catalog}: SnapshotRecord, id: string): Promise<string | undefined> {
    const bytes = await this.#log.store.get(catalogName(catalog!))
    if (objectId(bytes) !== catalog) throw new BkError('its sum is wrong', {status: 65})
    return parseCatalog(bytes).find((pack) => holdsObject(pack, id))?.name
  }
}
