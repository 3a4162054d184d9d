/*
 * A limit of bytes a second for a wire that others use too. Pure: the clock and the waiting are arguments.
 */

/** Lets so many bytes a second pass. What was not used is not saved up. */
export class Throttle {
  readonly #rate: number
  readonly #now: () => number
  readonly #wait: (milliseconds: number) => Promise<void>
  // When what has passed so far will have gone.
  #free = 0

  /**
   * @param rate bytes a second
   * @param now milliseconds of a clock that never goes back
   */
  constructor(rate: number, now: () => number, wait: (milliseconds: number) => Promise<void>) {
    this.#rate = rate
    this.#now = now
    this.#wait = wait
  }

  /** Resolves when so many bytes may go. */
  async take(bytes: number): Promise<void> {
    const now = this.#now()
    const start = Math.max(now, this.#free)
    this.#free = start + (bytes / this.#rate) * 1000
    if (start > now) await this.#wait(start - now)
  }
}
