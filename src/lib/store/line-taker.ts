/*
 * Takes a text of lines apart, strictly: each line is asked for by its pattern, in order.
 */
import {BkError} from '../cli/errors.ts'

/** Takes the lines of a text one by one, each by its pattern. */
export class LineTaker {
  readonly #lines: readonly string[]
  #at = 0

  constructor(lines: readonly string[]) {
    this.#lines = lines
  }

  /** The groups of the next line if it matches, else undefined and the line stays. */
  maybe(pattern: RegExp): readonly (string | undefined)[] | undefined {
    const match = pattern.exec(this.#lines[this.#at] ?? '')
    if (match === null) return undefined
    this.#at++
    return match.slice(1)
  }

  /** As `maybe`, but the line must be there; throws BkError 65 with its number. */
  must(pattern: RegExp): readonly (string | undefined)[] {
    const match = this.maybe(pattern)
    if (match !== undefined) return match
    throw new BkError(`line ${this.#at + 1}: not in the format: ${(this.#lines[this.#at] ?? 'missing').slice(0, 80)}`, {status: 65})
  }

  /** Whether all lines were taken. */
  get done(): boolean {
    return this.#at >= this.#lines.length
  }

  /** Takes what is left. */
  rest(): readonly string[] {
    const lines = this.#lines.slice(this.#at)
    this.#at = this.#lines.length
    return lines
  }
}
