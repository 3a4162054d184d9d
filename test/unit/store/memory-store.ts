// A store in memory, with what a store may do wrong: files that are missing, cut off or changed; and packs made by hand.

import {createHash} from 'node:crypto'
import {memberSize, writeHeader, BLOCK} from '../../../src/lib/store/member.ts'
import {PackBuilder, type Frame, type Member, type Pack, type PackBytes} from '../../../src/lib/store/pack.ts'
import {SETTINGS, type Store} from '../../../src/lib/store/store.ts'
import {formatSettings} from '../../../src/lib/store/settings.ts'
import {compressFrameSync, type Level} from '../../../src/lib/store/zstd.ts'
import {seeded} from '../../harness/faults.ts'

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(typeof data === 'string' ? Buffer.from(data, 'latin1') : data).digest('hex')
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(size: number, seed = 1): Buffer {
  const random = seeded(seed)
  return Buffer.from(Array.from({length: size}, () => Math.floor(random() * 256)))
}

/** A store whose files are a map that tests may change. */
export class MemoryStore implements Store {
  readonly where = 'memory'
  readonly files = new Map<string, Buffer>()
  /** Names asked for, in order. */
  readonly asked: string[] = []
  /** Called before a file is made if absent: what another writer does meanwhile. */
  onCreate: (name: string) => void = () => {}

  async put(name: string, parts: readonly Uint8Array[], ifAbsent: boolean): Promise<boolean> {
    if (ifAbsent) this.onCreate(name)
    if (ifAbsent && this.files.has(name)) return false
    this.files.set(name, Buffer.concat(parts))
    return true
  }

  async get(name: string, range?: {readonly offset: number; readonly length: number}): Promise<Buffer> {
    this.asked.push(name)
    const bytes = this.files.get(name)
    if (bytes === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), {code: 'ENOENT'})
    return range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.length)
  }

  async size(name: string): Promise<number | undefined> {
    return this.files.get(name)?.length
  }

  async list(prefix: string, after = ''): Promise<string[]> {
    return [...this.files.keys()].filter((name) => name.startsWith(prefix) && name > after).sort()
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name)
  }

  features(): {readonly atomicCreate: boolean} {
    return {atomicCreate: true}
  }
}

/** A store with its bk-store and nothing else. */
export function emptyStore(): MemoryStore {
  const store = new MemoryStore()
  store.files.set(SETTINGS, formatSettings({id: '0'.repeat(32), kind: 'plain', limits: {}, files: new Map(), unknown: []}))
  return store
}

/** Content as an object. */
export function object(content: string | Uint8Array): {readonly id: string; readonly bytes: Buffer} {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : Buffer.from(content)
  return {id: sha256(bytes), bytes}
}

/** The tar of a frame, and its members. */
export function frameOf(contents: readonly (string | Uint8Array)[]): {readonly tar: Buffer; readonly members: Member[]} {
  const objects = contents.map(object)
  const tar = Buffer.alloc(objects.reduce((sum, {bytes}) => sum + memberSize(bytes.length), 0))
  let at = 0
  for (const {id, bytes} of objects) {
    writeHeader(tar, at, id, bytes.length)
    bytes.copy(tar, at + BLOCK)
    at += memberSize(bytes.length)
  }
  return {tar, members: objects.map(({id, bytes}) => ({id, size: bytes.length}))}
}

/** A pack of frames of contents. */
export function packOf(frames: readonly (readonly (string | Uint8Array)[])[], level: Level = 1, lead: Uint8Array = Buffer.alloc(16, 7)): Pack {
  const builder = new PackBuilder(lead)
  for (const contents of frames) {
    const {tar, members} = frameOf(contents)
    builder.add(compressFrameSync(tar, level), tar.length, members)
  }
  return builder.finish()
}

export function joined(pack: Pack): Buffer {
  return Buffer.concat(pack.parts)
}

/** Bytes as a reader of packs asks for them; `most` is the largest piece that was asked for. */
export function packBytes(bytes: Buffer): PackBytes & {most: number} {
  return {
    size: bytes.length,
    most: 0,
    async read(offset, length) {
      this.most = Math.max(this.most, length)
      return bytes.subarray(offset, offset + length)
    },
  }
}

/** A pack's bytes with another table of contents, whose length is right. */
export function withToc(bytes: Buffer, toc: string, end: number): Buffer {
  const length = 8 + toc.length + 16
  const table = Buffer.from(`${'x'.repeat(8)}${toc}length ${length.toString().padStart(8, '0')}\n`, 'latin1')
  table.writeUInt32LE(0x184d2a51, 0)
  table.writeUInt32LE(length - 8, 4)
  return Buffer.concat([bytes.subarray(0, end), table])
}

/** The text of a pack's table of contents, and where the skippable frame begins that holds it. */
export function tocOf(bytes: Buffer): {readonly text: string; readonly start: number} {
  const length = Number(/length (\d{8})\n$/.exec(bytes.toString('latin1', bytes.length - 16))![1])
  return {text: bytes.toString('latin1', bytes.length - length + 8, bytes.length - 16), start: bytes.length - length}
}

/** Compressed bytes of a frame. */
export function compressedOf(bytes: Buffer, frame: Frame): Buffer {
  return bytes.subarray(frame.offset, frame.offset + frame.compressed)
}
