/*
 * A snapshot as a tar. The same snapshot gives the same bytes, wherever it lies, as long as nothing of it is lost. A comment before the
 * members says which snapshot it is, and if something was lost another one behind them says what (docs/format.md, 11). The zeros that end a
 * tar come when all was written: one without them is cut off.
 */
import {formatTime} from '../index/entry.ts'
import {parseAddress} from '../store/address.ts'
import {tellHealed} from '../restore/restore.ts'
import {freeBuffer} from '../sys/memory.ts'
import {compressed, pieceSize, type Compression} from './compress.ts'
import {encrypted, type AgeHeader} from './age.ts'
import {Contents} from './contents.ts'
import {Members, type Progress} from './members.ts'
import {globalComment} from './pax.ts'
import {Pieces} from './pieces.ts'
import {planArchive, type ArchivePlan} from './plan.ts'
import type {Reporter} from '../cli/speech.ts'
import type {OpenSnapshot} from '../store/open.ts'
import type {SnapshotRecord} from '../store/record.ts'

export interface ArchiveOptions {
  readonly snapshot: OpenSnapshot
  /** Paths in the snapshot, bytes as latin1 strings; none means everything. */
  readonly paths: readonly string[]
  /** Only what has changed since this earlier snapshot of the set. */
  readonly since?: SnapshotRecord | undefined
  /** Make holes of long runs of zeros, in files that had none too. */
  readonly sparse: boolean
  readonly compression: Compression
  /** Encrypts; absent leaves it in clear. */
  readonly age?: AgeHeader | undefined
  /** How many pieces are compressed at a time. */
  readonly threads: number
  readonly reporter: Reporter
  readonly onProgress?: (progress: Progress) => void
}

/** What was archived. */
export interface Archived {
  /** Everything but directories. */
  readonly files: number
  readonly bytes: number
  /** Files that are missing or damaged in it. */
  readonly lost: number
  /** Paths that the snapshot itself could not read. */
  readonly unread: number
  /** Paths that are gone since the earlier snapshot. */
  readonly gone: number
}

const END = 1024

/**
 * Archives.
 * @param take gets the bytes, in order, which are gone when it is done with them
 * @throws BkError 2, 64 and 65 as `planArchive`, before anything is written
 */
export async function archive(options: ArchiveOptions, take: (bytes: Uint8Array) => Promise<void>): Promise<Archived> {
  const {snapshot, paths, since, sparse, compression, age, threads, reporter} = options
  const planned = await planArchive(snapshot, paths, since, reporter)
  const {plan, objects, gone} = planned
  const pieces = new Pieces(pieceSize(compression))
  const contents = new Contents(snapshot.log.store, objects)
  const members = new Members({plan, contents, isFar: parseAddress(snapshot.where).kind !== 'local', pieces, received: receivedAt(snapshot.record), sparse, reporter, onProgress: options.onProgress})
  const small = compressed(tarOf(planned, members, pieces, options), compression, threads)
  for await (const bytes of age === undefined ? small : encrypted(small, age)) {
    await take(bytes)
    freeBuffer(bytes)
  }
  tellHealed(objects, reporter)
  return {files: members.files, bytes: members.bytes, lost: members.lost.length, unread: plan.unread, gone: gone.length}
}

async function* tarOf(planned: ArchivePlan, members: Members, pieces: Pieces, {snapshot: {record}, since}: ArchiveOptions): AsyncGenerator<Buffer> {
  pieces.add(globalComment(beginning(record, since, planned)))
  yield* members.write()
  if (members.lost.length > 0) {
    pieces.add(globalComment(losses(members)))
    // Python's tarfile refuses a header that nothing follows.
    pieces.add(members.top())
  }
  pieces.zeros(END)
  yield* pieces.take()
  yield pieces.rest()
}

function beginning({seq, set, received, tree}: SnapshotRecord, since: SnapshotRecord | undefined, {root, gone}: ArchivePlan): string {
  const lines = ['#bk archive 1', `snapshot ${seq}`, `set ${set}`, `received ${received}`, `root ${root}`, `tree ${tree}`]
  if (since !== undefined) lines.push(`changed-since ${since.seq} ${since.received}`, ...gone.map((path) => `gone ${path}`))
  return `${lines.join('\n')}\n`
}

function losses({files, lost}: Members): string {
  return `${lost.map(([what, path]) => `${what} ${path}\n`).join('')}#bk end files=${files} lost=${lost.length}\n`
}

function receivedAt({received}: SnapshotRecord): string {
  return formatTime(BigInt(Date.parse(received)) * 1_000_000n)
}
