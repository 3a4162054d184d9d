/*
 * Which files of which snapshots are lost. Snapshots are visited one after the other, each a little different from the one before: a path
 * is lost from one visit to another, however many lie between.
 */
import type {SnapshotRecord} from '../store/record.ts'
import type {Lost} from './finding.ts'

export class LostFiles {
  // By path: visits from which on it is lost and from which on it is not, in turn.
  readonly #turns = new Map<string, number[]>()
  readonly #visited: number[] = []

  /** A snapshot has all that is there now. */
  visit({seq}: SnapshotRecord): void {
    this.#visited.push(seq)
  }

  /** A path comes that is lost. */
  open(path: string): void {
    const turns = this.#turns.get(path)
    if (turns === undefined) this.#turns.set(path, [this.#visited.length])
    else if (turns.at(-1) === this.#visited.length && turns.length % 2 === 0) turns.pop()
    else turns.push(this.#visited.length)
  }

  /** A path goes. */
  close(path: string): void {
    const turns = this.#turns.get(path)
    if (turns !== undefined && turns.length % 2 === 1) turns.push(this.#visited.length)
  }

  /** No index is there any more. */
  closeAll(): void {
    for (const path of this.#turns.keys()) this.close(path)
  }

  /** What was found, by path. */
  *files(): Generator<Lost> {
    for (const path of [...this.#turns.keys()].sort()) {
      const turns = this.#turns.get(path)!
      const snapshots: number[] = []
      for (let i = 0; i < turns.length; i += 2) {
        for (let visit = turns[i]!; visit < (turns[i + 1] ?? this.#visited.length); visit++) snapshots.push(this.#visited[visit]!)
      }
      if (snapshots.length > 0) yield {kind: 'lost', path, snapshots: snapshots.sort((a, b) => a - b)}
    }
  }
}
