// Builds streams for `bk receive` by hand, by what docs/format.md says and without bk's code: honest ones, and ones in which a single
// thing is wrong. A thief who has the key can send anything; this is the thief.

import {constants, zstdCompressSync} from 'node:zlib'
import {tarHeader} from './read-pack.ts'
import {sha256} from './read-store.ts'

export type ForgedPack = {readonly name: string; readonly bytes: Buffer; readonly ids: readonly string[]}

/** What to do otherwise than the format says, when a pack is made. */
export type PackForgery = {
  /** the whole first frame */
  readonly lead?: Buffer
  readonly header?: (id: string, size: number) => Buffer
  /** what stands between the members and behind the last */
  readonly padding?: number
  readonly compress?: (content: Buffer) => Buffer
  /** the frame of the tar's end */
  readonly end?: Buffer
  /** the text of the table of contents but for its last line */
  readonly toc?: (text: string) => string
  /** behind everything */
  readonly trail?: Buffer
  /** the id an object goes by */
  readonly id?: (object: Buffer) => string
}

/** A zstd frame as packs have them. */
export function zstdFrame(content: Uint8Array): Buffer {
  const params = {[constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 1}
  return zstdCompressSync(content, {pledgedSrcSize: content.length, params})
}

/** A frame whose header names a dictionary, by RFC 8878, 3.1.1.1. */
export function withDictionary(content: Buffer): Buffer {
  const frame = zstdFrame(content)
  return Buffer.concat([frame.subarray(0, 4), Buffer.from([frame[4]! | 1]), frame.subarray(5, 6), Buffer.from([7]), frame.subarray(6)])
}

/** A frame made by hand, not compressed, that asks for a window of so many bytes (their log2). */
export function withWindow(log: number): (content: Buffer) => Buffer {
  return (content) => {
    const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x84, (log - 10) << 3, 0, 0, 0, 0, 0, 0, 0])
    head.writeUInt32LE(content.length, 6)
    head.writeUIntLE(1 | (content.length << 3), 10, 3)
    return Buffer.concat([head, content, zstdFrame(content).subarray(-4)])
  }
}

export function skippable(magic: number, content: Uint8Array): Buffer {
  const head = Buffer.from([magic, 0x2a, 0x4d, 0x18, 0, 0, 0, 0])
  head.writeUInt32LE(content.length, 4)
  return Buffer.concat([head, content])
}

let packs = 0

/** A pack of objects, in frames of `frames` each. */
export function forgePack(frames: readonly (readonly Buffer[])[], forgery: PackForgery = {}): ForgedPack {
  const {header = tarHeader, padding = 0, compress = zstdFrame, id = sha256, toc = (text: string) => text} = forgery
  const lead = forgery.lead ?? skippable(0x50, Buffer.alloc(16, ++packs))
  let text = '#bk toc 1\n'
  const parts = [lead]
  for (const objects of frames) {
    const members = objects.flatMap((object) => [header(id(object), object.length), object, Buffer.alloc((512 - (object.length % 512)) % 512, padding)])
    const content = Buffer.concat(members)
    const compressed = compress(content)
    parts.push(compressed)
    text += `frame ${compressed.length} ${content.length}\n${objects.map((object) => `${id(object)} ${object.length}\n`).join('')}`
  }
  text = toc(text)
  const length = `length ${String(8 + text.length + 16).padStart(8, '0')}\n`
  parts.push(forgery.end ?? zstdFrame(Buffer.alloc(1024)), skippable(0x51, Buffer.from(text + length, 'latin1')), forgery.trail ?? Buffer.alloc(0))
  const bytes = Buffer.concat(parts)
  return {name: sha256(bytes), bytes, ids: frames.flat().map(id).sort()}
}

/** One member of the stream: header, content, zeros. */
export function member(name: string, content: Uint8Array, fields: Readonly<Record<number, string>> = {}): Buffer {
  return Buffer.concat([tarHeader(name, content.length, fields), content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}

/** The two members of a pack. */
export function packMembers({name, bytes, ids}: ForgedPack): Buffer {
  return Buffer.concat([member(`pack/${name}`, bytes), member(`ids/${name}`, Buffer.from(`${ids.join('\n')}\n`))])
}

export const streamEnd = Buffer.alloc(1024)

/** The text of an index. `lines` are those between header and end. */
export function indexText(lines: readonly string[], {root = '/srv', state = 'complete'} = {}): string {
  const body = `#mtree\n#bk index 1 root=${root}\n${lines.map((line) => `${line}\n`).join('')}`
  return `${body}#bk end entries=${lines.filter((line) => !line.startsWith('#')).length} ${state} sha256=${sha256(Buffer.from(body, 'latin1'))}\n`
}

/** Changes as a store keeps them: against the object of `base`, giving `target`. */
export function storedChanges(base: {readonly object: string; readonly text: string}, target: string, lines: readonly string[], root = '/srv'): string {
  const body = `#bk changes 1 root=${root} object=${base.object}\n${lines.map((line) => `${line}\n`).join('')}`
  const state = / (complete|partial=\d+) sha256=/.exec(target)?.[1]
  return `${body}#bk end base=sha256:${digestOf(base.text)} target=sha256:${digestOf(target)} lines=${lines.length} ${state}\n`
}

/** The digest in the end line of an index. */
export function digestOf(index: string): string {
  return index.slice(-65, -1)
}

export type SnapshotLines = {
  readonly claimed?: string
  readonly state?: string
  readonly counts?: string
  /** id and level */
  readonly index: string
  readonly tree: string
  readonly base?: string
  readonly packs?: readonly string[]
  readonly saw?: string
}

/** The writer's lines. */
export function snapshotLines({claimed = '2026-11-22T08:29:58Z', state = 'complete', counts = '', index, tree, base = 'none', packs = [], saw}: SnapshotLines): Buffer {
  const lines = [
    '#bk snapshot 1', `claimed ${claimed}`, `state ${state}`, `entries ${counts}`, `index ${index}`, `tree ${tree}`, `base ${base}`,
    ...packs.map((pack) => `pack ${pack}`), ...(saw === undefined ? [] : [`saw ${saw}`]),
  ]
  return withSum(lines)
}

/** Lines and their sum. */
export function withSum(lines: readonly string[]): Buffer {
  const body = lines.map((line) => `${line}\n`).join('')
  return Buffer.from(`${body}sum ${sha256(Buffer.from(body, 'latin1'))}\n`, 'latin1')
}

/** `N bytes B` of an index. */
export function countsOf(index: string): string {
  const lines = index.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const bytes = lines.reduce((sum, line) => sum + Number(/ type=file .*size=(\d+)/.exec(line)?.[1] ?? 0), 0)
  return `${lines.length} bytes ${bytes}`
}
