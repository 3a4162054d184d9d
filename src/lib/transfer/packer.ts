/*
 * Turns members into packs: small pieces are gathered into frames of about a MiB, frames are compressed beside each other in
 * the thread pool, and packs are closed at about 16 MiB and handed on. Order is kept, memory is bounded by how many frames
 * are under way.
 */
import {PackBuilder, FRAME_SIZE, PACK_SIZE, type Member, type Pack} from '../store/pack.ts'
import {compressFrame, type Level} from '../store/zstd.ts'
import {freeBuffer} from '../sys/memory.ts'
import type {Members} from './content.ts'

export interface PackerOptions {
  readonly level: Level
  /** Sixteen random bytes. */
  readonly lead: () => Uint8Array
  /** Receives each finished pack; the next is not closed before this resolves. */
  readonly onPack: (pack: Pack) => Promise<void>
}

interface Pending {
  readonly compressed: Promise<Buffer>
  readonly size: number
  readonly members: readonly Member[]
}

/** Frames under way: two for each of two cores. */
const AHEAD = 4

export class Packer {
  readonly #options: PackerOptions
  #parts: Members[] = []
  #members: Member[] = []
  #size = 0
  #pending: Pending[] = []
  #builder: PackBuilder | undefined
  // Compressed frames of the open pack: ours, and freed when it is handed on.
  #frames: Buffer[] = []

  constructor(options: PackerOptions) {
    this.#options = options
  }

  /** Adds members; resolves when there is room for more. */
  async add(part: Members): Promise<void> {
    const {buffer, members, release} = part
    if (members.length === 0) {
      release?.()
      return
    }
    this.#parts.push(part)
    for (const member of members) this.#members.push(member)
    this.#size += buffer.length
    if (this.#size >= FRAME_SIZE) this.#closeFrame()
    while (this.#pending.length > AHEAD) await this.#settle()
  }

  /** Closes what is open: after this every member is in a pack that was handed on. */
  async flush(): Promise<void> {
    if (this.#size > 0) this.#closeFrame()
    while (this.#pending.length > 0) await this.#settle()
    await this.#closePack()
  }

  #closeFrame(): void {
    const parts = this.#parts
    const single = parts.length === 1 ? parts[0] : undefined
    const content = single?.buffer ?? Buffer.concat(parts.map(({buffer}) => buffer))
    if (single === undefined) for (const {release} of parts) release?.()
    const compressed = compressFrame(content, this.#options.level)
    // Whoever waits for it hears of its failure; nobody may be waiting yet.
    compressed.then(single === undefined ? () => freeBuffer(content) : single.release, () => {})
    this.#pending.push({compressed, size: content.length, members: this.#members})
    this.#parts = []
    this.#members = []
    this.#size = 0
  }

  async #settle(): Promise<void> {
    const {compressed, size, members} = this.#pending.shift()!
    this.#builder ??= new PackBuilder(this.#options.lead())
    const frame = fitted(await compressed)
    this.#frames.push(frame)
    this.#builder.add(frame, size, members)
    if (this.#builder.size >= PACK_SIZE) await this.#closePack()
  }

  async #closePack(): Promise<void> {
    const builder = this.#builder
    this.#builder = undefined
    if (builder === undefined) return
    await this.#options.onPack(builder.finish())
    for (const frame of this.#frames) freeBuffer(frame)
    this.#frames = []
  }
}

// The compressor's buffer has room for what does not compress; a pack keeps many of them.
function fitted(compressed: Buffer): Buffer {
  const exact = Buffer.allocUnsafeSlow(compressed.length)
  compressed.copy(exact)
  freeBuffer(compressed)
  return exact
}
