/*
 * Cuts a large file into chunks while it comes, and lays them out as the members of a tar: the same for files of this machine, read
 * by workers, and for those of another.
 */
import {createHash} from 'node:crypto'
import {Chunker, gearTable} from '../store/chunker.ts'
import {BLOCK, memberSize, writeHeader} from '../store/member.ts'
import {objectId} from '../store/object-id.ts'
import {FRAME_SIZE, type Member} from '../store/pack.ts'

const gear = gearTable()

// Windows of files that were read to their end, for the next ones.
const windows: Buffer[] = []

/** Chunks on their way into a buffer. */
export interface Piece {
  readonly members: Member[]
  /** Bytes of the buffer that are used, and how many of them are content. */
  used: number
  content: number
}

/** One file. Fill what is `free` and say so, and take pieces, in turns. */
export class Cutter {
  readonly cut: number
  /** Bytes of a buffer that every piece fits in. */
  readonly pieceRoom: number
  readonly #chunker: Chunker
  readonly #whole = createHash('sha256')
  readonly #window: Buffer
  #start = 0
  #end = 0
  #isLast = false

  /** @param cut the class that the file is cut with */
  constructor(cut: number) {
    this.cut = cut
    this.#chunker = new Chunker(gear, cut)
    const {max} = this.#chunker
    this.pieceRoom = FRAME_SIZE + max + BLOCK * (2 * (FRAME_SIZE / (max >> 4)) + 4)
    const size = FRAME_SIZE + 2 * max
    const index = windows.findIndex((window) => window.length === size)
    this.#window = index < 0 ? Buffer.allocUnsafeSlow(size) : windows.splice(index, 1)[0]!
  }

  /** Whether nothing can be cut before more was filled in. */
  get needsMore(): boolean {
    return !this.#isLast && this.#end - this.#start < this.#chunker.max
  }

  /** Whether all was cut. */
  get isDone(): boolean {
    return this.#isLast && this.#start === this.#end
  }

  /** Where more goes. What was filled in before moves to the front. */
  free(): Buffer {
    const window = this.#window
    window.copy(window, 0, this.#start, this.#end)
    this.#end -= this.#start
    this.#start = 0
    return window.subarray(this.#end)
  }

  /** So many bytes of `free` were filled. `isLast`: there are no more. */
  filled(bytes: number, isLast: boolean): void {
    this.#whole.update(this.#window.subarray(this.#end, this.#end + bytes))
    this.#end += bytes
    this.#isLast = isLast
  }

  /** Cuts into a buffer until the piece is large enough, or more is needed. True when there is room for more. */
  cutInto(buffer: Buffer, piece: Piece): boolean {
    while (piece.content < FRAME_SIZE) {
      if (this.needsMore) return true
      if (this.#start === this.#end) return false
      const size = this.#chunker.next(this.#window, this.#start, this.#end)
      const room = memberSize(size)
      if (piece.used + room > buffer.length) return false
      const chunk = this.#window.subarray(this.#start, this.#start + size)
      const id = objectId(chunk)
      writeHeader(buffer, piece.used, id, size)
      chunk.copy(buffer, piece.used + BLOCK)
      buffer.fill(0, piece.used + BLOCK + size, piece.used + room)
      piece.members.push({id, size})
      piece.used += room
      piece.content += size
      this.#start += size
    }
    return false
  }

  /** sha256 of the file, when all was filled in. */
  digest(): string {
    return this.#whole.digest('hex')
  }

  /** Gives its memory back. */
  close(): void {
    windows.push(this.#window)
  }
}
