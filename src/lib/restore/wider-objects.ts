/*
 * The objects that several snapshots of a set reach: what the newest needs is sought where it says, everything else in the packs that
 * the others need.
 */
import {errorCode, isFailure, reasonOf} from '../cli/errors.ts'
import {IdTable} from '../store/id-table.ts'
import {Objects} from '../store/objects.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {StoreLog} from '../store/log.ts'
import type {Labels} from '../store/needs.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** What a restore asks for objects. */
export type Lookup = Pick<Objects, 'packs' | 'packOf' | 'get' | 'release' | 'heal' | 'healed' | 'damage'>

/**
 * Prepares to read what snapshots reach.
 * @param earlier the other snapshots, oldest first
 * @returns with the packs, those of the newest first
 * @throws BkError 65 where the log or a catalog is damaged that the newest needs
 */
export async function widerObjects(
  log: StoreLog,
  newest: SnapshotRecord,
  earlier: readonly SnapshotRecord[],
): Promise<{readonly objects: Lookup; readonly packs: readonly CataloguedPack[]}> {
  const own = await Objects.of(log, newest)
  const packs = await Array.fromAsync(log.eachPack(newest, () => {}))
  const known = new Set(packs.map(({name}) => name))
  const others: CataloguedPack[] = []
  for (const [seq, numbers] of await labelsOf(log, earlier)) {
    const catalog = await catalogOf(log, seq)
    for (const n of numbers) {
      const pack = catalog[n - 1]
      if (pack === undefined || known.has(pack.name)) continue
      known.add(pack.name)
      others.push(pack)
    }
  }
  return {objects: new WiderObjects(own, others), packs: [...packs, ...others]}
}

/* All that the snapshots need. Nearly every record says what it needs by what it adds to the one before. */
async function labelsOf(log: StoreLog, records: readonly SnapshotRecord[]): Promise<Labels> {
  const all = new Map<number, Set<number>>()
  let before: number | undefined
  for (const record of records) {
    const {base, add} = record.needs
    for (const [seq, numbers] of base !== undefined && base === before ? add : await wholeLabels(log, record)) {
      const known = all.get(seq)
      if (known === undefined) all.set(seq, new Set(numbers))
      else for (const n of numbers) known.add(n)
    }
    before = record.seq
  }
  return (await log.replacedSince(0)).resolve(all)
}

/* Damage to an earlier snapshot must not keep the newest from coming back: what is lost by it is told of, file by file. */
async function wholeLabels(log: StoreLog, record: SnapshotRecord): Promise<SnapshotRecord['needs']['add']> {
  try {
    return await log.labels(record)
  } catch (error) {
    if (!isFailure(error)) throw error
    return record.needs.add
  }
}

async function catalogOf(log: StoreLog, seq: number): Promise<readonly CataloguedPack[]> {
  try {
    return await log.catalog(seq)
  } catch (error) {
    if (!isFailure(error)) throw error
    return []
  }
}

class WiderObjects implements Lookup {
  readonly packs: Objects['packs']
  readonly healed: Objects['healed']
  readonly damage: Objects['damage']
  readonly #own: Objects
  readonly #names: readonly string[]
  readonly #table = new IdTable()

  constructor(own: Objects, others: readonly CataloguedPack[]) {
    this.#own = own
    this.packs = own.packs
    this.healed = own.healed
    this.damage = own.damage
    this.#names = others.map(({name}) => name)
    for (const [i, {ids}] of others.entries()) for (const id of ids) if (own.packOf(id) === undefined) this.#table.add(id, i)
  }

  release(): void {
    this.#own.release()
    this.#table.clear()
  }

  packOf(id: string): string | undefined {
    return this.#own.packOf(id) ?? this.#names[this.#table.get(id)]
  }

  heal(damage: string): void {
    this.#own.heal(damage)
  }

  async get(id: string): Promise<Buffer> {
    const index = this.#table.get(id)
    const pack = this.#names[index]
    if (pack === undefined) return await this.#own.get(id)
    let damage: string
    try {
      return await this.packs.object(pack, id)
    } catch (error) {
      if (!isFailure(error)) throw error
      damage = `pack ${pack} ${errorCode(error) === 'ENOENT' ? 'is missing' : reasonOf(error).replace(/^the pack /, '')}`
    }
    // Every other copy that the store has.
    const bytes = await this.#own.get(id)
    this.heal(damage)
    return bytes
  }
}
