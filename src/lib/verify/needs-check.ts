/*
 * Whether a record says exactly what its snapshot needs. Records say it by what they differ from others in: whoever asks for them in
 * order pays for the differences.
 */
import {BkError} from '../cli/errors.ts'
import {applyNeeds, type Labels} from '../store/needs.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Holdings} from './holdings.ts'
import type {IdPacks} from './id-packs.ts'
import type {Reached} from './reached.ts'
import type {Standing} from './standing.ts'

const NONE: Labels = new Map()

/** Reads what snapshots need, one after the other. */
export class NeedsReader {
  readonly #log: StoreLog
  #seq: number | undefined
  #labels: Labels = NONE

  constructor(log: StoreLog) {
    this.#log = log
  }

  /**
   * What a snapshot needs.
   * @throws BkError 65 for one that builds upon what is no snapshot of its set
   */
  async of(record: SnapshotRecord): Promise<Labels> {
    if (record.seq === this.#seq) return this.#labels
    const chain = [record]
    for (let at = record; at.needs.base !== undefined && at.needs.base !== this.#seq; ) {
      const below: number = at.needs.base
      const next = below < at.seq ? await this.#log.record(below) : undefined
      if (next?.kind !== 'snapshot' || next.set !== at.set) throw new BkError(`needs what record ${below} needs, which is no snapshot of its set`, {status: 65})
      chain.push(next)
      at = next
    }
    let labels = chain.at(-1)!.needs.base === undefined ? NONE : this.#labels
    for (const each of chain.reverse()) labels = applyNeeds(labels, each.needs)
    this.#seq = record.seq
    this.#labels = labels
    return labels
  }
}

/** The packs behind labels, by number. */
export interface Needed {
  readonly packs: ReadonlySet<number>
  /** Those that replace some: they may hold more than is needed here. */
  readonly replacing: ReadonlySet<number>
  /** Numbers of records whose catalogs are damaged, so that nobody knows their packs. */
  readonly unknown: readonly number[]
  /** Labels that no catalog has. */
  readonly without: readonly string[]
}

/** Looks labels up. */
export function neededPacks(labels: Labels, holdings: Holdings, {replaced}: Pick<Standing, 'replaced'>): Needed {
  const packs = new Set<number>()
  const replacing = new Set<number>()
  const unknown: number[] = []
  const without: string[] = []
  for (const [seq, numbers] of replaced.resolve(labels)) {
    const said = labels.get(seq)
    const catalog = holdings.labels.get(seq)
    if (catalog === undefined && holdings.labels.has(seq)) {
      unknown.push(seq)
      continue
    }
    for (const n of numbers) {
      const pack = catalog?.[n - 1]
      if (pack === undefined) without.push(`${seq}.${n}`)
      else (said?.has(n) === true ? packs : replacing).add(pack)
    }
  }
  return {packs, replacing, unknown, without}
}

/** In what a snapshot needs other packs than it reaches; in words. */
export function* misneeded({packs: needed, replacing}: Needed, reached: Reached, ids: IdPacks, holdings: Holdings): Generator<string> {
  const used = new Set<number>()
  const isNeeded = (pack: number): boolean => needed.has(pack) || replacing.has(pack)
  for (const id of reached.shared.keys()) {
    const packs = ids.packs(id)
    if (!packs.some(isNeeded)) yield `reaches object ${id}, which none of the packs has that it needs`
    for (const pack of packs) used.add(pack)
  }
  for (const id of reached.nowhere.keys()) yield `reaches object ${id}, which none of the packs has that it needs`
  const {counts} = reached
  for (let pack = 0; pack < counts.length; pack++) {
    if (counts[pack]! > 0 && !isNeeded(pack)) yield `reaches objects of pack ${holdings.packs[pack]!.name}, which it does not say that it needs`
  }
  for (const pack of needed) {
    if (counts[pack] === 0 && !used.has(pack)) yield `says that it needs pack ${holdings.packs[pack]!.name}, and reaches nothing in it`
  }
}
