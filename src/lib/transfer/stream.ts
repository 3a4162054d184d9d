/*
 * The stream between send and receive: a ustar archive with a fixed order of members (docs/format.md, 7). Pure: it makes and
 * takes apart bytes. Every member's header must be exactly the one that would have been written, so there is nothing in it
 * to interpret: no owner, no link, no path that could lead anywhere.
 */
import {BkError} from '../cli/errors.ts'
import {BLOCK, headerOf, readHeader, TAR_END} from '../store/member.ts'

/** A member of the stream, before its content. */
export interface StreamHeader {
  readonly name: string
  readonly size: number
}

/** The bytes of one member. */
export function streamMember(name: string, parts: readonly Uint8Array[]): Uint8Array[] {
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const padding = (BLOCK - (size % BLOCK)) % BLOCK
  return [headerOf(name, size), ...parts, ...(padding === 0 ? [] : [Buffer.alloc(padding)])]
}

/** What ends a stream. */
export const STREAM_END = TAR_END

/** Takes a stream apart. */
export class StreamReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #staysOpen: boolean
  #held: Buffer = Buffer.alloc(0)

  /** @param options `staysOpen`: the writer keeps his end open until he has an answer, so that nothing is waited for behind the end of the archive */
  constructor(pieces: AsyncIterable<Uint8Array>, {staysOpen = false}: {readonly staysOpen?: boolean | undefined} = {}) {
    this.#pieces = pieces[Symbol.asyncIterator]()
    this.#staysOpen = staysOpen
  }

  /** The first bytes, which stay. Fewer than asked for at the end. */
  async peek(length: number): Promise<Buffer> {
    while (this.#held.length < length && (await this.#fill())) {
      // until there are enough
    }
    return this.#held.subarray(0, length)
  }

  /**
   * The next member's header; undefined at the end of the archive, behind which there must be nothing.
   * @throws BkError 65 when the stream is cut off, or has anything else in it
   */
  async next(): Promise<StreamHeader | undefined> {
    const block = await this.#take(BLOCK)
    if (block[0] === 0) {
      const rest = await this.#take(TAR_END.length - BLOCK)
      if (!Buffer.concat([block, rest]).equals(TAR_END)) throw bad('its end is not zeros')
      if (this.#held.length > 0 || (!this.#staysOpen && (await this.#fill()))) throw bad('something stands behind its end')
      return undefined
    }
    const header = readHeader(block, 0)
    if (header === undefined) throw bad('a member has another header than bk writes')
    return header
  }

  /** The content of the member whose header was read, which the caller has found not too large. */
  async content({size}: StreamHeader): Promise<Buffer> {
    const content = await this.#take(size)
    const padding = await this.#take((BLOCK - (size % BLOCK)) % BLOCK)
    if (padding.some((byte) => byte !== 0)) throw bad('padding is not zeros')
    return content
  }

  /**
   * A line of a dialogue, without its LF.
   * @throws BkError 65 when it is longer than `most` bytes, or cut off
   */
  async line(most: number): Promise<string> {
    for (let from = 0; ; ) {
      const stop = this.#held.indexOf(10, from)
      if (stop > most || (stop < 0 && this.#held.length > most)) throw bad('a line has no end')
      if (stop >= 0) {
        const line = this.#held.toString('latin1', 0, stop)
        this.#held = this.#held.subarray(stop + 1)
        return line
      }
      from = this.#held.length
      if (!(await this.#fill())) throw new BkError('the stream is cut off', {status: 65})
    }
  }

  // Into one buffer from the start: a sender of single bytes must not cost more than one of large pieces.
  async #take(length: number): Promise<Buffer> {
    if (this.#held.length >= length) {
      const taken = this.#held.subarray(0, length)
      this.#held = this.#held.subarray(length)
      return taken
    }
    const taken = Buffer.allocUnsafe(length)
    for (let have = 0; ; ) {
      const copied = this.#held.copy(taken, have)
      this.#held = this.#held.subarray(copied)
      have += copied
      if (have === length) return taken
      if (!(await this.#fill())) throw new BkError('the stream is cut off', {status: 65})
    }
  }

  // Reads on; what was held must have been used or is kept in front.
  async #fill(): Promise<boolean> {
    for (;;) {
      const {value, done} = await this.#pieces.next()
      if (done === true) return false
      if (value.length === 0) continue
      const piece = Buffer.from(value.buffer, value.byteOffset, value.length)
      this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
      return true
    }
  }
}

function bad(what: string): BkError {
  return new BkError(`not a stream of bk send: ${what}`, {status: 65})
}
