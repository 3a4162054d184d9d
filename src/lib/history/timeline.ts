/*
 * Snapshots are gone through in the order in which their indexes hang below one another, and asked about in that of their numbers. What
 * stood at a path is noted with a tick of the walk; here it becomes what stood there in which snapshots. Pure.
 */
import type {SnapshotRecord} from '../store/record.ts'

/** What stood at a path from a tick on: a text that says all of it, '' for nothing. */
export interface Noted {
  readonly tick: number
  readonly text: string
}

/** What stood at a path in all snapshots from one to another, both by their place in order. */
export interface Run {
  readonly first: number
  readonly last: number
  readonly text: string
}

export class Timeline {
  /** What was visited, in order once `finish` was called. */
  readonly snapshots: SnapshotRecord[] = []
  // By tick: how many snapshots were visited before it, and at which number of visits its family ends.
  readonly #starts: number[] = []
  readonly #families: number[] = []
  readonly #ends: number[] = []
  // By visit: its place in order; and the visits that do not come right behind the one before.
  #places: number[] = []
  #breaks: number[] = []

  /** Another family of indexes begins, in which nothing stands anywhere. */
  beginFamily(): void {
    if (this.#ends.length > 0) this.#ends[this.#ends.length - 1] = this.snapshots.length
    this.#ends.push(Infinity)
  }

  /** The next tick. What is noted by it stands from the next visit on, until something else is noted or the family ends. */
  tick(): number {
    this.#families.push(this.#ends.length - 1)
    return this.#starts.push(this.snapshots.length) - 1
  }

  visit(record: SnapshotRecord): void {
    this.snapshots.push(record)
  }

  /** Puts the snapshots in order. */
  finish(): void {
    const count = this.snapshots.length
    if (this.#ends.length > 0) this.#ends[this.#ends.length - 1] = count
    const order = this.snapshots.map((record, visit) => ({record, visit})).sort((a, b) => a.record.seq - b.record.seq)
    this.#places = Array.from({length: count}, () => 0)
    for (const [place, {record, visit}] of order.entries()) {
      this.#places[visit] = place
      this.snapshots[place] = record
    }
    this.#breaks = this.#places.flatMap((place, visit) => (visit > 0 && place !== this.#places[visit - 1]! + 1 ? [visit] : []))
  }

  /**
   * What stood at a path, in order; where nothing did there is no run. Runs that touch may say the same.
   * @param noted in the order of their ticks
   */
  runs(noted: readonly Noted[]): Run[] {
    const runs: Run[] = []
    for (const [i, {tick, text}] of noted.entries()) {
      const next = noted[i + 1]
      const family = this.#families[tick]!
      const until = next !== undefined && this.#families[next.tick] === family ? this.#starts[next.tick]! : this.#ends[family]!
      if (text === '') continue
      for (const [from, to] of this.#pieces(this.#starts[tick]!, until)) runs.push({first: this.#places[from]!, last: this.#places[to - 1]!, text})
    }
    return this.#breaks.length === 0 ? runs : runs.sort((a, b) => a.first - b.first)
  }

  /* Visits from one to before another, in pieces that are in order. */
  *#pieces(from: number, to: number): Generator<readonly [number, number]> {
    let start = from
    for (const at of this.#breaks) {
      if (at <= start) continue
      if (at >= to) break
      yield [start, at]
      start = at
    }
    if (start < to) yield [start, to]
  }
}
