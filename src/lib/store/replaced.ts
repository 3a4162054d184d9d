/*
 * Labels that mean other packs now, because compaction has written what is needed of them anew. Records are never changed: what they say
 * they need is looked up here. What is replaced may be replaced again.
 */
import type {Replacement} from './edits.ts'
import type {Labels} from './needs.ts'

export class Replaced {
  readonly #fresh = new Map<number, Map<number, Labels>>()

  /** Takes what an edit says, in any order. */
  add({old, fresh}: Pick<Replacement, 'old' | 'fresh'>): void {
    for (const [seq, numbers] of old) {
      const known = this.#fresh.get(seq) ?? new Map<number, Labels>()
      this.#fresh.set(seq, known)
      for (const n of numbers) known.set(n, fresh)
    }
  }

  /** Whether a label means other packs. */
  has(seq: number, n: number): boolean {
    return this.#fresh.get(seq)?.has(n) === true
  }

  /** What labels mean now. */
  resolve(labels: Labels): Labels {
    if (this.#fresh.size === 0) return labels
    const result = new Map<number, Set<number>>()
    this.#add(labels, result)
    return result
  }

  #add(labels: Labels, to: Map<number, Set<number>>): void {
    for (const [seq, numbers] of labels) {
      const replaced = this.#fresh.get(seq)
      const stay = replaced === undefined ? numbers : [...numbers].filter((n) => !replaced.has(n))
      const known = to.get(seq)
      if (known !== undefined) for (const n of stay) known.add(n)
      else if (replaced === undefined || [...stay].length > 0) to.set(seq, new Set(stay))
      if (replaced === undefined) continue
      // Many labels have the same in their place.
      const places = new Set<Labels>()
      for (const n of numbers) if (replaced.has(n)) places.add(replaced.get(n)!)
      // They are of later records, so that this comes to an end.
      for (const fresh of places) this.#add(fresh, to)
    }
  }
}
