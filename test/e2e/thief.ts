// What the tests of `bk receive` share: a store in memory with an honest snapshot in it, an honest stream for the next one, and the
// means to forge one thing about it.

import {StoreLog} from '../../src/lib/store/log.ts'
import {receive} from '../../src/lib/transfer/receive.ts'
import {countsOf, digestOf, forgePack, indexText, packMembers, member, snapshotLines, storedChanges, streamEnd, withSum} from '../harness/forge-stream.ts'
import type {ForgedPack, SnapshotLines} from '../harness/forge-stream.ts'
import {noise} from '../harness/days.ts'
import {sha256} from '../harness/read-store.ts'
import {emptyStore, type MemoryStore} from '../unit/store/memory-store.ts'
import type {Limits} from '../../src/lib/store/settings.ts'

const owner = 'uid=0 gid=0 uname=root gname=root'
const time = 'time=1763800000.000000000'

export const dirLine = (path: string): string => `${path} type=dir mode=0755 ${owner} ${time}`
export const fileLine = (path: string, content: Buffer): string => `${path} type=file mode=0644 ${owner} size=${content.length} ${time} sha256=${sha256(content)}`

/** A text as an object of a pack. */
export const asObject = (text: string): Buffer => Buffer.from(text, 'latin1')
/** An id, or the name of a pack, that is nobody's. */
export const nowhere = 'f'.repeat(64)

export const one = Buffer.from('one\n')
export const two = Buffer.from('two\n')
export const chunks = [noise(1, 300), noise(2, 700)]
export const big = Buffer.concat(chunks)
export const list = Buffer.from(chunks.map((chunk) => `chunk ${sha256(chunk)} ${chunk.length}\n`).join(''))

const bigLines = [fileLine('./big', big), `#bk ./big chunks=${sha256(list)}`, '#bk ./big cut=15']

/** The index of the snapshot that is in the store. */
export const before = indexText([dirLine('.'), fileLine('./a', one), ...bigLines])
/** The index of the next one: ./a has changed. */
export const after = indexText([dirLine('.'), fileLine('./a', two), ...bigLines])
/** And as it is stored. */
export const near = storedChanges({object: sha256(Buffer.from(before)), text: before}, after, [`~ ${fileLine('./a', two)}`])

export type Parts = {
  readonly packs: readonly Buffer[]
  readonly snapshot: Buffer
  readonly end: Buffer
}


/** What the stream of a snapshot is made of, with what is wrong about it. */
export type Forged = {
  /** texts of the index objects, the one that the snapshot names last; each in a pack of its own */
  readonly indexes?: readonly string[]
  /** text of the whole index that they give */
  readonly whole?: string
  readonly content?: readonly Buffer[]
  readonly packs?: readonly ForgedPack[]
  readonly lines?: Partial<SnapshotLines>
}

/** An honest stream, but for what is asked for. */
export function streamParts({indexes = [near], whole = after, content = [two], packs, lines = {}}: Forged = {}): Parts {
  const all = packs ?? [...(content.length > 0 ? [forgePack([content])] : []), ...indexes.map((text) => forgePack([[asObject(text)]]))]
  const index = indexes.at(-1) ?? ''
  const level = index.startsWith('#mtree') ? 'full' : 'near'
  return {
    packs: all.map(packMembers),
    snapshot: snapshotLines({
      index: `${sha256(asObject(index))} ${level}`, tree: digestOf(whole), base: digestOf(before), counts: countsOf(whole), ...lines,
    }),
    end: streamEnd,
  }
}

export function joined({packs, snapshot, end}: Parts): Buffer {
  return Buffer.concat([...packs, member('snapshot', snapshot), end])
}

export const forged = (what: Forged = {}): Buffer => joined(streamParts(what))

/** The honest stream, the lines of its snapshot without their sum, and the stream with other lines, or with another line for a key. */
export const honest = streamParts()
export const honestLines: readonly string[] = String(honest.snapshot).split('\n').slice(0, -2)
export const withLines = (lines: readonly string[]): Buffer => joined({...honest, snapshot: withSum(lines)})
export const withLine = (key: string, line: string): Buffer => withLines(honestLines.map((each) => (each.startsWith(`${key} `) ? line : each)))

/** The stream of the first snapshot: a full index. */
export const firstStream = forged({
  indexes: [before], whole: before, lines: {base: 'none'}, packs: [forgePack([[one, ...chunks, list]]), forgePack([[asObject(before)]])],
})

const clock = {now: () => 1_763_800_205_000_000_000n}

export type Outcome = {
  /** 0 when it was committed, else the status that `bk receive` would end with */
  readonly status: number
  readonly message: string
  /** names of the files that are in the store now and were not before, but for the list of the session, which means nothing to snapshots */
  readonly grown: readonly string[]
  /** names of files that are gone or different */
  readonly harmed: readonly string[]
  readonly store: MemoryStore
}

/** Lets a store receive a stream, in pieces of any size, without touching the store itself. */
export async function attempt(
  stream: Buffer,
  {store = emptyStore(), set = 'web1', piece = 4096, limits = {}, now = clock.now()}: {store?: MemoryStore; set?: string; piece?: number; limits?: Limits; now?: bigint} = {},
): Promise<Outcome> {
  const copy = emptyStore()
  for (const [name, bytes] of store.files) copy.files.set(name, bytes)
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < stream.length; at += piece) yield stream.subarray(at, at + piece)
  }
  let [status, message] = [0, '']
  try {
    await receive(pieces(), await StoreLog.open(copy), {set, clock: {now: () => now}, limits, answer: async () => undefined})
  } catch (error) {
    if (!(error instanceof Error) || !('status' in error)) throw error
    ;[status, message] = [Number(error.status), error.message]
  }
  const grown = [...copy.files.keys()].filter((name) => !store.files.has(name) && !name.startsWith('sessions/')).sort()
  const harmed = [...store.files].filter(([name, bytes]) => copy.files.get(name)?.equals(bytes) !== true).map(([name]) => name)
  return {status, message, grown, harmed, store: copy}
}

/** A store with the first snapshot. */
export async function storeWithFirst(): Promise<MemoryStore> {
  const {status, message, store} = await attempt(firstStream)
  if (status !== 0) throw new Error(`the honest stream was refused: ${message}`)
  return store
}
