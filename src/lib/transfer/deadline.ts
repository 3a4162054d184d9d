/*
 * One deadline for a whole session: whoever sends nothing, or a byte an hour, or does not read the answers, holds a place for so long
 * and no longer. Measured by a clock that nobody sets.
 */
import {refused} from '../store/limits.ts'

/** Timers take no more than this many milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1

export class Deadline {
  readonly #end: number
  readonly #seconds: number
  // Those who wait. Promise.race with one promise for all would remember every one of them.
  readonly #waiting = new Set<(error: Error) => void>()
  #timer: NodeJS.Timeout | undefined

  /** Begins now. */
  constructor(seconds: number) {
    this.#seconds = seconds
    this.#end = performance.now() + seconds * 1000
    this.#wait()
  }

  // The timer alone keeps no process alive; what is waited for does.
  #wait(): void {
    const left = this.#end - performance.now()
    if (left <= 0) for (const fail of this.#waiting) fail(this.#error())
    else this.#timer = setTimeout(() => this.#wait(), Math.min(Math.ceil(left), LONGEST_TIMER)).unref()
  }

  #error(): Error {
    return refused('deadline', `the session took longer than ${this.#seconds} seconds`)
  }

  /** Throws BkError 77 when time is up: for work that does not wait. */
  check(): void {
    if (performance.now() >= this.#end) throw this.#error()
  }

  /** What is waited for, or BkError 77 when time is up before. */
  async within<Result>(work: Promise<Result>): Promise<Result> {
    this.check()
    return await new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject))
    })
  }

  /** The pieces, as long as there is time. */
  async *pieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const source = pieces[Symbol.asyncIterator]()
    for (;;) {
      const {value, done} = await this.within(source.next())
      if (done === true) return
      yield value
    }
  }

  /** It is over before its time. */
  end(): void {
    clearTimeout(this.#timer)
  }
}
