/*
 * Packets of SFTP, version 3 (draft-ietf-secsh-filexfer-02), for both ends: the client that reads a store elsewhere, and `bk browse`.
 * Pure. What comes is hostile, so lengths are unsigned and bounded before anything is kept, and a field that does not lie in its packet
 * is refused. (ssh2 has a class for this, but a packet that says it is 2^32-1 bytes long throws a TypeError in it, its answers have no
 * bound, and it wants a make-believe connection around it.)
 */
import {inputError} from '../cli/errors.ts'

export const KIND = {
  init: 1, version: 2, open: 3, close: 4, read: 5, write: 6, lstat: 7, fstat: 8, setstat: 9, fsetstat: 10, opendir: 11, readdir: 12,
  remove: 13, mkdir: 14, rmdir: 15, realpath: 16, stat: 17, rename: 18, readlink: 19, symlink: 20,
  status: 101, handle: 102, data: 103, name: 104, attrs: 105, extended: 200,
} as const

export const STATUS = {ok: 0, eof: 1, noSuchFile: 2, permissionDenied: 3, failure: 4, badMessage: 5, unsupported: 8} as const

export const OPEN_READ = 1
export const VERSION = 3

/** Longest packet, as OpenSSH has it. */
const MAX_PACKET = 256 * 1024
/** The most content that fits into one, with room for what is around it. */
export const MAX_READ = MAX_PACKET - 1024

const HAS = {size: 1, owner: 2, permissions: 4, times: 8} as const
const HAS_EXTENDED = 0x8000_0000

/** A packet without its length: `kind` and the rest. */
export interface Packet {
  readonly kind: number
  readonly fields: Fields
}

/** Puts pieces of a stream together into packets. */
export class PacketReader {
  #pieces: Buffer[] = []
  #held = 0

  /** Whether the stream may end here. */
  get isBetween(): boolean {
    return this.#held === 0
  }

  /** Takes a piece and gives the packets that are whole now. Throws BkError 65. */
  *take(piece: Buffer): Generator<Packet> {
    this.#pieces.push(piece)
    this.#held += piece.length
    for (;;) {
      if (this.#held < 4) return
      const length = this.#front(4).readUInt32BE(0)
      if (length === 0 || length > MAX_PACKET) throw inputError(`a packet of ${length} bytes is no packet of SFTP`)
      if (this.#held < 4 + length) return
      const bytes = this.#front(4 + length)
      this.#held -= 4 + length
      this.#pieces = this.#held === 0 ? [] : [this.#pieces[0]!.subarray(4 + length)]
      yield {kind: bytes[4]!, fields: new Fields(bytes.subarray(5, 4 + length))}
    }
  }

  /* What comes first, in one buffer. Joined only when there is enough of it, so that a trickle costs nothing but itself. */
  #front(length: number): Buffer {
    if (this.#pieces[0]!.length < length) this.#pieces = [Buffer.concat(this.#pieces, this.#held)]
    return this.#pieces[0]!
  }
}

/** What is known of a file. */
export interface Attributes {
  readonly size?: number
  /** With the bits of the type. */
  readonly mode?: number
  /** Seconds since 1970. */
  readonly time?: number
  readonly uid?: number
  readonly gid?: number
}

/** The fields of a packet, one after the other. Everything throws BkError 65 where the packet ends before the field. */
export class Fields {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  uint32(): number {
    return this.#next(4).readUInt32BE(0)
  }

  /** A number that a file can have as offset or size; what is beyond 2^53 is Infinity. */
  uint64(): number {
    const value = this.#next(8).readBigUInt64BE(0)
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value)
  }

  /** Bytes with their length before them. Part of the packet, not a copy. */
  bytes(): Buffer {
    return this.#next(this.uint32())
  }

  /** The same as text, a character per byte. */
  text(): string {
    return this.bytes().toString('latin1')
  }

  attributes(): Attributes {
    const flags = this.uint32()
    const found: {-readonly [Name in keyof Attributes]: Attributes[Name]} = {}
    if ((flags & HAS.size) !== 0) found.size = this.uint64()
    if ((flags & HAS.owner) !== 0) [found.uid, found.gid] = [this.uint32(), this.uint32()]
    if ((flags & HAS.permissions) !== 0) found.mode = this.uint32()
    // The first is when it was last read.
    if ((flags & HAS.times) !== 0) found.time = [this.uint32(), this.uint32()][1]!
    if ((flags & HAS_EXTENDED) !== 0) for (let left = this.uint32(); left > 0; left--) void [this.bytes(), this.bytes()]
    return found
  }

  #next(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw inputError('a packet of SFTP ends in the middle of a field')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

/** A field of a packet that is made: a number of 32 bits, one of 64, or bytes with their length before them. */
export type Field = number | bigint | Uint8Array | string

/** Makes a packet. Texts have a character per byte. */
export function packet(kind: number, ...fields: readonly Field[]): Buffer {
  let length = 5
  for (const field of fields) length += typeof field === 'number' ? 4 : typeof field === 'bigint' ? 8 : 4 + field.length
  const bytes = Buffer.allocUnsafe(length)
  bytes.writeUInt32BE(length - 4, 0)
  bytes[4] = kind
  let at = 5
  for (const field of fields) {
    if (typeof field === 'number') at = bytes.writeUInt32BE(field, at)
    else if (typeof field === 'bigint') at = bytes.writeBigUInt64BE(field, at)
    else {
      at = bytes.writeUInt32BE(field.length, at)
      if (typeof field === 'string') bytes.write(field, at, 'latin1')
      else bytes.set(field, at)
      at += field.length
    }
  }
  return bytes
}

/** Attributes as fields: size, nobody as owner, mode and time. */
export function attributeFields({size = 0, mode = 0, time = 0}: Attributes): Field[] {
  const seconds = Math.min(0xffff_ffff, Math.max(0, Math.floor(time)))
  return [HAS.size | HAS.owner | HAS.permissions | HAS.times, BigInt(size), 0, 0, mode, seconds, seconds]
}
