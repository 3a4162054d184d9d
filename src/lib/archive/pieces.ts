/*
 * Gathers bytes into pieces of one size, which are handed over as they get full: what comes after works on large pieces, and every archive
 * is cut at the same places.
 */

export class Pieces {
  readonly #size: number
  readonly #full: Buffer[] = []
  #piece: Buffer
  #used = 0

  constructor(size: number) {
    this.#size = size
    this.#piece = Buffer.allocUnsafeSlow(size)
  }

  /** Copies bytes. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#size - this.#used)
      this.#piece.set(part, this.#used)
      this.#advance(part.length)
      at += part.length
    }
  }

  /** Adds zeros. */
  zeros(count: number): void {
    for (let left = count; left > 0; ) {
      const part = Math.min(left, this.#size - this.#used)
      this.#piece.fill(0, this.#used, this.#used + part)
      this.#advance(part)
      left -= part
    }
  }

  #advance(count: number): void {
    this.#used += count
    if (this.#used < this.#size) return
    this.#full.push(this.#piece)
    this.#piece = Buffer.allocUnsafeSlow(this.#size)
    this.#used = 0
  }

  /** Whether a piece is full. */
  get isFull(): boolean {
    return this.#full.length > 0
  }

  /** The pieces that are full. They belong to who takes them. */
  *take(): Generator<Buffer> {
    for (let piece = this.#full.shift(); piece !== undefined; piece = this.#full.shift()) yield piece
  }

  /** What is left at the end. */
  rest(): Buffer {
    return this.#piece.subarray(0, this.#used)
  }
}
