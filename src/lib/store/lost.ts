/*
 * What of a snapshot's objects the store has lost, as `bk verify --repair` has said (docs/format.md, 6.2): a writer is told that they are
 * lacked, and a snapshot may go on needing them while nobody brings them. Costs nothing where nobody has said anything: the records after a
 * snapshot were read when it was looked for, and which of those before it still matter stands in its own.
 */
import {damagedBy} from './edits.ts'
import type {StoreLog} from './log.ts'
import type {EditRecord, SnapshotRecord} from './record.ts'

/** What a snapshot goes on reaching although it is lost. */
export interface StillLost {
  /** Numbers of the edits that say so. */
  readonly marks: ReadonlySet<number>
  /** Names of the packs that should have it: they may be missing. */
  readonly packs: ReadonlySet<string>
  /** Up to which record edits were looked at. */
  readonly asOf: number
}

interface Place {
  /** Number of the edit. */
  readonly mark: number
  readonly pack: string
}

/** The objects that one snapshot may reach and that are lost. */
export class LostObjects {
  readonly #places: ReadonlyMap<string, Place>
  readonly #marks = new Set<number>()
  readonly #packs = new Set<string>()
  readonly #asOf: number

  private constructor(places: ReadonlyMap<string, Place>, asOf: number) {
    this.#places = places
    this.#asOf = asOf
  }

  /** Those of a snapshot; none where there is none. */
  static async of(log: StoreLog, record: SnapshotRecord | undefined): Promise<LostObjects> {
    const asOf = await log.last()
    const marked = record === undefined ? new Map<string, number>() : await markedFor(log, record)
    return new LostObjects(marked.size === 0 ? new Map() : await placesOf(log, record!, marked), asOf)
  }

  get size(): number {
    return this.#places.size
  }

  has(id: string): boolean {
    return this.#places.has(id)
  }

  ids(): Iterable<string> {
    return this.#places.keys()
  }

  /** The ids that are not lost. */
  good(ids: readonly string[]): readonly string[] {
    return this.size === 0 ? ids : ids.filter((id) => !this.#places.has(id))
  }

  /** Name of the pack that should have a lost object, noted as one that is still reached; undefined for one that is not lost. */
  reach(id: string): string | undefined {
    const place = this.#places.get(id)
    if (place === undefined) return undefined
    this.#marks.add(place.mark)
    this.#packs.add(place.pack)
    return place.pack
  }

  /** What was reached so far. */
  get still(): StillLost {
    return {marks: this.#marks, packs: this.#packs, asOf: this.#asOf}
  }
}

/* Ids that edits which matter to a snapshot say are lost, with the number of the last one. */
async function markedFor(log: StoreLog, record: SnapshotRecord): Promise<Map<string, number>> {
  const edits: EditRecord[] = []
  for await (const each of log.backwards()) {
    if (each.seq <= record.seq) break
    if (each.kind === 'edit') edits.push(each)
  }
  for (const seq of record.damaged?.toReversed() ?? []) {
    const each = await log.record(seq)
    if (each?.kind === 'edit') edits.push(each)
  }
  const marked = new Map<string, number>()
  for (const {seq, lines} of edits.reverse()) for (const id of damagedBy(lines)) marked.set(id, seq)
  return marked
}

/* Of those, the ones that should be in the packs of a snapshot. Whatever came after it was said to be lost is good. */
async function placesOf(log: StoreLog, record: SnapshotRecord, marked: ReadonlyMap<string, number>): Promise<Map<string, Place>> {
  const places = new Map<string, Place>()
  const good = new Set<string>()
  for (const [seq, numbers] of [...(await log.labelsNow(record))].sort(([a], [b]) => b - a)) {
    const packs = await log.catalog(seq)
    for (const n of numbers) for (const id of packs[n - 1]?.ids ?? []) {
      const mark = marked.get(id)
      if (mark === undefined || good.has(id)) continue
      if (seq > mark) good.add(id)
      else places.set(id, {mark, pack: packs[n - 1]!.name})
    }
  }
  return places
}

/** Numbers of the edits after record `seq` that say that something is lost. */
export async function marksSince(log: StoreLog, seq: number): Promise<number[]> {
  const marks: number[] = []
  for await (const record of log.backwards()) {
    if (record.seq <= seq) break
    if (record.kind === 'edit' && record.lines.some((line) => line.startsWith('damaged '))) marks.push(record.seq)
  }
  return marks
}
