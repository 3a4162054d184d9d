/*
 * A pack: zstd frames of whole tar members between two skippable frames (docs/format.md, 4). Pure: bytes come in, bytes go
 * out; where they lie and where the random bytes come from is somebody else's business.
 */
import {createHash} from 'node:crypto'
import {BkError} from '../cli/errors.ts'
import {BLOCK, memberSize, readHeader} from './member.ts'
import {decompressFrame, frameContentSize, frameLength} from './zstd.ts'

/** Packs are closed at about this size. */
export const PACK_SIZE = 16 << 20
/** Content of a frame, about. */
export const FRAME_SIZE = 1 << 20
/** A table of contents longer than this is not read. */
const MAX_TOC = 64 << 20
/** A frame may be one large index, which is one buffer in memory; content frames, of several members, are a few MiB. */
const MAX_FRAME = 2 ** 30
const MAX_SHARED_FRAME = 16 << 20
/** An index compresses ten to one. What is far beyond that is a bomb. */
const MAX_RATIO = 256

const LEAD_MAGIC = 0x184d2a50
const TOC_MAGIC = 0x184d2a51
/** Where the first data frame begins: behind the skippable frame of 16 random bytes. */
export const LEAD_SIZE = 24
const TAIL_SIZE = 16

// 1,024 zero bytes, as zstd 1.5 compresses them at level 1. As it stands, because another release may find other bytes.
const TAR_END_FRAME = Buffer.from('28b52ffd6400034d00001000000100fb2b8005cdac85f0', 'hex')

export interface Member {
  readonly id: string
  readonly size: number
}

/** One data frame of a pack. */
export interface Frame {
  /** Of its first byte in the pack. */
  readonly offset: number
  readonly compressed: number
  /** Bytes it unpacks to. */
  readonly size: number
  readonly members: readonly Member[]
}

/** A finished pack. */
export interface Pack {
  /** sha256 of its bytes. */
  readonly name: string
  readonly size: number
  readonly parts: readonly Uint8Array[]
  readonly ids: readonly string[]
}

/** Gathers frames into a pack. */
export class PackBuilder {
  readonly #parts: Uint8Array[]
  readonly #hash = createHash('sha256')
  readonly #ids: string[] = []
  #toc = '#bk toc 1\n'
  #size = LEAD_SIZE

  /** `lead`: 16 random bytes, so that no name ever comes twice. */
  constructor(lead: Uint8Array) {
    const frame = Buffer.alloc(LEAD_SIZE)
    frame.writeUInt32LE(LEAD_MAGIC, 0)
    frame.writeUInt32LE(16, 4)
    frame.set(lead.subarray(0, 16), 8)
    this.#parts = []
    this.#take(frame)
  }

  // Hashed as they come: all at once at the end, nobody would get new work meanwhile.
  #take(part: Uint8Array): void {
    this.#parts.push(part)
    this.#hash.update(part)
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds a frame: its compressed bytes, and the members that it unpacks to.
   * @throws BkError 2 for a frame that no reader would open: nothing may be stored that does not come back
   */
  add(compressed: Uint8Array, size: number, members: readonly Member[]): void {
    if (isTooLarge(compressed.length, size, members.length)) throw new BkError(`an object is too large for a pack: ${size} bytes in a frame`)
    this.#take(compressed)
    this.#size += compressed.length
    this.#toc += `frame ${compressed.length} ${size}\n`
    for (const member of members) {
      this.#toc += `${member.id} ${member.size}\n`
      this.#ids.push(member.id)
    }
  }

  /** Closes the pack and names it. */
  finish(): Pack {
    const length = 8 + this.#toc.length + TAIL_SIZE
    const toc = Buffer.from(`${'x'.repeat(8)}${this.#toc}length ${length.toString().padStart(8, '0')}\n`, 'latin1')
    toc.writeUInt32LE(TOC_MAGIC, 0)
    toc.writeUInt32LE(length - 8, 4)
    this.#take(TAR_END_FRAME)
    this.#take(toc)
    return {name: this.#hash.digest('hex'), size: this.#size + TAR_END_FRAME.length + length, parts: this.#parts, ids: this.#ids.sort()}
  }
}

/** Random access to the bytes of a pack, whatever they lie in (a file, the payload of an age file, a bucket). */
export interface PackBytes {
  readonly size: number
  read(offset: number, length: number): Promise<Buffer>
}

/**
 * Reads a pack's table of contents and holds it to the grammar: the frames must fill the pack exactly.
 * @throws BkError 65
 */
export async function readToc(pack: PackBytes): Promise<Frame[]> {
  const guess = await pack.read(Math.max(0, pack.size - 65_536), Math.min(65_536, pack.size))
  const tail = /length (\d{8})\n$/.exec(guess.toString('latin1', Math.max(0, guess.length - TAIL_SIZE)))
  const length = Number(tail?.[1] ?? 0)
  if (length < 8 + TAIL_SIZE || length > MAX_TOC || length > pack.size) throw bad('has no table of contents')
  const bytes = length <= guess.length ? guess.subarray(guess.length - length) : await pack.read(pack.size - length, length)
  if (bytes.readUInt32LE(0) !== TOC_MAGIC || bytes.readUInt32LE(4) !== length - 8) throw bad('has no table of contents')
  const frames = parseToc(bytes.toString('latin1', 8, length - TAIL_SIZE))
  const last = frames[frames.length - 1]
  const end = last === undefined ? LEAD_SIZE : last.offset + last.compressed
  if (end + TAR_END_FRAME.length + length !== pack.size) throw bad('is not filled by its frames')
  return frames
}

function isTooLarge(compressed: number, size: number, members: number): boolean {
  return size > MAX_FRAME || size > compressed * MAX_RATIO + MAX_SHARED_FRAME || (members > 1 && size > MAX_SHARED_FRAME)
}

function parseToc(text: string): Frame[] {
  const lines = text.split('\n')
  if (lines.shift() !== '#bk toc 1' || lines.pop() !== '') throw bad('has a table of contents of another version')
  const frames: Frame[] = []
  const seen = new Set<string>()
  let offset = LEAD_SIZE
  let members: Member[] = []
  let room = 0
  for (const line of lines) {
    const frame = /^frame ([1-9]\d{0,12}) ([1-9]\d{0,12})$/.exec(line)
    if (frame !== null) {
      if (room !== 0) throw bad('has a frame that its members do not fill')
      members = []
      room = Number(frame[2])
      if (isTooLarge(Number(frame[1]), room, 0)) throw bad('has a frame that is too large')
      frames.push({offset, compressed: Number(frame[1]), size: room, members})
      offset += Number(frame[1])
      continue
    }
    const member = /^([0-9a-f]{64}) ([1-9]\d{0,11})$/.exec(line)
    if (member === null || seen.has(member[1]!)) throw bad('has a table of contents that is not in the format')
    seen.add(member[1]!)
    members.push({id: member[1]!, size: Number(member[2])})
    if (members.length > 1 && frames[frames.length - 1]!.size > MAX_SHARED_FRAME) throw bad('has a frame that is too large')
    room -= memberSize(Number(member[2]))
    if (room < 0) throw bad('has a frame that its members overflow')
  }
  if (room !== 0) throw bad('has a frame that its members do not fill')
  return frames
}

/** Checks that a pack begins and ends as packs do; `head` is its first 24 bytes, `end` what lies between frames and table. */
export function checkEnds(head: Buffer, end: Buffer): void {
  if (head.length !== LEAD_SIZE || head.readUInt32LE(0) !== LEAD_MAGIC || head.readUInt32LE(4) !== 16) throw bad('does not begin as a pack')
  if (!end.equals(TAR_END_FRAME)) throw bad('does not end its archive')
}

/** Length of what lies between the last data frame and the table of contents. */
export const TAR_END_LENGTH = TAR_END_FRAME.length

/**
 * Unpacks a data frame and holds it to what the table of contents says of it, headers and padding included.
 * @returns the content of the frame's tar: member i begins at `contentOffsets(frame)[i]`
 * @throws BkError 65
 */
export function openFrame(frame: Frame, compressed: Buffer): Buffer {
  if (frameContentSize(compressed) !== frame.size) throw bad('has a frame that does not declare its size and checksum')
  // Behind its last block other programs would go on reading.
  if (frameLength(compressed) !== compressed.length) throw bad('has a frame that is not one frame')
  const content = decompressFrame(compressed, frame.size)
  let at = 0
  for (const {id, size} of frame.members) {
    const header = readHeader(content, at)
    if (header === undefined || header.name !== id || header.size !== size) throw bad('has a member that is not in its table of contents')
    const end = at + memberSize(size)
    for (let i = at + BLOCK + size; i < end; i++) if (content[i] !== 0) throw bad('has padding that is not zero')
    at = end
  }
  return content
}

/** Where each member's bytes begin in the frame's content. */
export function contentOffsets(frame: Frame): number[] {
  let at = 0
  return frame.members.map(({size}) => {
    const offset = at + BLOCK
    at += memberSize(size)
    return offset
  })
}

function bad(what: string): BkError {
  return new BkError(`the pack ${what}`, {status: 65})
}
