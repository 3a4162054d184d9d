/*
 * Turns members into packs: small pieces are gathered into frames of about a MiB, several frames are compressed at the same time,
 * and packs are closed at about 16 MiB and handed on. Order is kept, memory is bounded by how many frames are under way.
 *
 * No frame gets memory of its own: it is compressed where it was read to, and lies in the one buffer of the open pack until that is
 * handed on. With fresh buffers of a MiB the garbage collector took a fifth of the time.
 */
import {BLOCK, memberSize, writeHeader} from '../store/member.ts'
import {PackBuilder, FRAME_SIZE, PACK_SIZE, type Member, type Pack} from '../store/pack.ts'
import {compressFrame, type Level} from '../store/zstd.ts'
import {freeBuffer} from '../sys/memory.ts'
import {SLAB_SIZE, type Members} from './content.ts'

/** A frame's bytes, until they are released. */
export interface Compressed {
  readonly bytes: Uint8Array
  readonly release?: (() => void) | undefined
}

/** Who compresses frames. */
export interface Compressor {
  /** SLAB_SIZE bytes to gather small members in. */
  memory(): Members
  /** Compresses the frame's buffer and releases it. */
  compress(frame: Members, level: Level): Promise<Compressed>
}

export interface PackerOptions {
  readonly level: Level
  /** Bytes at which a pack is closed; PACK_SIZE if not said, and never more. */
  readonly packSize?: number | undefined
  /** Sixteen random bytes. */
  readonly lead: () => Uint8Array
  /** Receives the finished packs, one at a time: the bytes of a pack are only there until this resolves. */
  readonly onPack: (pack: Pack) => Promise<void>
  /** Node's thread pool, if nobody else does it. */
  readonly compressor?: Compressor | undefined
}

interface Pending {
  readonly compressed: Promise<Compressed>
  readonly size: number
  readonly members: readonly Member[]
}

/** Frames under way: two for each of two cores. */
const AHEAD = 8

/** Compresses in Node's thread pool. */
export const threadPool: Compressor = {memory: () => ({buffer: Buffer.allocUnsafeSlow(SLAB_SIZE), members: []}), compress: compressInPool}

/** Compresses one frame there. */
export async function compressInPool({buffer, release}: Members, level: Level): Promise<Compressed> {
  const bytes = await compressFrame(buffer, level)
  release?.()
  return {bytes, release: () => freeBuffer(bytes)}
}

export class Packer {
  readonly #options: PackerOptions
  readonly #compressor: Compressor
  // Small members that wait for more: `#used` bytes of its buffer.
  #open: Members | undefined
  #members: Member[] = []
  #used = 0
  #pending: Pending[] = []
  #builder: PackBuilder | undefined
  // The frames of the open pack, one behind the other.
  #packBuffer: Buffer | undefined
  #packUsed = 0
  // While one pack is handed on, the next one fills the other buffer.
  #spare: Buffer | undefined
  #handing: Promise<void> = Promise.resolve()

  constructor(options: PackerOptions) {
    this.#options = options
    this.#compressor = options.compressor ?? threadPool
  }

  /** Adds members; resolves when there is room for more. */
  async add(part: Members): Promise<void> {
    const {buffer, members, release} = part
    if (members.length === 0) {
      release?.()
      return
    }
    if (this.#used + buffer.length > SLAB_SIZE) this.#closeFrame()
    if (this.#used === 0 && buffer.length >= FRAME_SIZE) this.#compress(part)
    else {
      this.#open ??= this.#compressor.memory()
      this.#open.buffer.set(buffer, this.#used)
      this.#used += buffer.length
      for (const member of members) this.#members.push(member)
      release?.()
      if (this.#used >= FRAME_SIZE) this.#closeFrame()
    }
    while (this.#pending.length > AHEAD) await this.#settle()
  }

  /** Closes what is open: after this every member is in a pack that was handed on. */
  async flush(): Promise<void> {
    this.#closeFrame()
    while (this.#pending.length > 0) await this.#settle()
    await this.#closePack()
    await this.#handing
  }

  #closeFrame(): void {
    if (this.#open === undefined) return
    const frame = {...this.#open, buffer: this.#open.buffer.subarray(0, this.#used), members: this.#members}
    this.#open = undefined
    this.#members = []
    this.#used = 0
    this.#compress(frame)
  }

  #compress(frame: Members): void {
    const compressed = this.#compressor.compress(frame, this.#options.level)
    // Whoever waits for it hears of its failure; nobody may be waiting yet.
    compressed.catch(() => {})
    this.#pending.push({compressed, size: frame.buffer.length, members: frame.members})
  }

  async #settle(): Promise<void> {
    const {compressed, size, members} = this.#pending.shift()!
    const {bytes, release} = await compressed
    this.#builder ??= new PackBuilder(this.#options.lead())
    this.#builder.add(this.#placed(bytes), size, members)
    release?.()
    if (this.#builder.size >= (this.#options.packSize ?? PACK_SIZE)) await this.#closePack()
  }

  #placed(bytes: Uint8Array): Uint8Array {
    this.#packBuffer ??= Buffer.allocUnsafeSlow(PACK_SIZE + SLAB_SIZE)
    const end = this.#packUsed + bytes.length
    // A large index, alone in its pack.
    if (end > this.#packBuffer.length) return Buffer.from(bytes)
    const place = this.#packBuffer.subarray(this.#packUsed, end)
    // Copied as bytes: `set` out of shared memory goes word by word.
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).copy(place)
    this.#packUsed = end
    return place
  }

  async #closePack(): Promise<void> {
    const builder = this.#builder
    this.#builder = undefined
    if (builder === undefined) return
    await this.#handing
    const buffer = this.#packBuffer
    this.#packBuffer = this.#spare
    this.#packUsed = 0
    this.#handing = this.#options.onPack(builder.finish()).then(() => void (this.#spare = buffer))
    // Who waits for it hears of its failure: the next pack, or the end.
    this.#handing.catch(() => {})
  }
}

/** One object laid out as a member. */
export function asMember(id: string, bytes: Uint8Array): Members {
  const buffer = Buffer.alloc(memberSize(bytes.length))
  writeHeader(buffer, 0, id, bytes.length)
  buffer.set(bytes, BLOCK)
  return {buffer, members: [{id, size: bytes.length}]}
}
