/*
 * A cursor over an asynchronous iteration of batches, for merges: `advance` waits only when a batch is used up, so that a
 * merge of a million lines costs a few thousand turns of the event loop and not a million.
 */

export class Cursor<T> {
  /** The item the cursor stands on; undefined before the first advance and at the end. */
  current: T | undefined
  readonly #batches: AsyncIterator<readonly T[]>
  #batch: readonly T[] = []
  #next = 0

  constructor(batches: AsyncIterable<readonly T[]>) {
    this.#batches = batches[Symbol.asyncIterator]()
  }

  /** Whether the next step has to wait. */
  get isUsedUp(): boolean {
    return this.#next >= this.#batch.length
  }

  /** Steps to the next item. Returns a promise only if it has to wait for a batch. */
  advance(): Promise<void> | undefined {
    if (this.#next < this.#batch.length) {
      this.current = this.#batch[this.#next++]
      return undefined
    }
    return this.#fill()
  }

  async #fill(): Promise<void> {
    for (;;) {
      const {value, done} = await this.#batches.next()
      if (done === true) {
        this.#batch = []
        this.#next = 0
        this.current = undefined
        return
      }
      if (value.length === 0) continue
      this.#batch = value
      this.#next = 1
      this.current = value[0]
      return
    }
  }
}

/** Batches of a plain list, for merges of what is in memory already. */
export async function* batchOf<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield items
}
