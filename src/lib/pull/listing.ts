/*
 * The list that lies at a source: an index, an mtree list, or what md5sum and sha256sum wrote there. It is hostile: its size is that
 * which it had when it was opened, and lines, bytes and depth have bounds.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {escapeBytes} from '../index/escape.ts'
import {canonicalIndex, sniffList} from '../index/canonical.ts'
import {normalise} from '../index/foreign.ts'
import {IndexReader} from '../index/read.ts'
import {formatSize} from '../cli/units.ts'
import {PIECE, readRange} from '../ssh/sftp-files.ts'
import {createSpill} from '../sys/spill.ts'
import type {Group} from '../index/group.ts'
import type {SftpClient} from '../ssh/sftp-client.ts'
import type {Groups} from './compare.ts'

/** Bytes of a list, and of what it becomes when the directories are added that it leaves out. */
const MOST_BYTES = 4 * 1024 ** 3
/** Its entries. */
const MOST_ENTRIES = 20_000_000
/** Requests ahead. */
const AHEAD = 16

export interface Listing {
  readonly groups: Groups
  /** What its paths are relative to, where it says so: `/` for a foreign list of absolute paths. */
  readonly root: '/' | undefined
  /** Whether it has md5 and not sha256, by its first file. */
  readonly md5: boolean
}

/**
 * Opens a list.
 * @param path there: absolute, bytes as latin1
 * @throws BkError 2 when it is not there, 65 for what is no list; `groups` throws 65 for what is wrong further down
 */
export async function openListing(client: SftpClient, path: string): Promise<Listing> {
  const name = escapeBytes(path)
  const sniffed = await sniffList(readList(client, path, name))
  const isForeign = sniffed.kind === 'mtree' || sniffed.kind === 'checksums'
  const text = isForeign
    ? normalise(sniffed.pieces, {spill: () => createSpill(0), limits: {entries: MOST_ENTRIES, bytes: MOST_BYTES}})
    : canonicalIndex(sniffed, name, () => createSpill(0))
  const reader = new IndexReader(text)
  const batches = withName(reader.batches(), name)[Symbol.asyncIterator]()
  const held: (readonly Group[])[] = []
  let md5 = false
  // The first line with a digest says which: lists have one kind.
  for (let isKnown = false; !isKnown; ) {
    const {value, done} = await batches.next()
    if (done === true) break
    held.push(value)
    const line = value.find((group) => / (?:md5|sha256)=/.test(group.line))?.line
    isKnown = line !== undefined || held.length >= 8
    md5 = line?.includes(' md5=') === true
  }
  const groups = async function* (): AsyncGenerator<readonly Group[]> {
    yield* held.splice(0)
    yield* {[Symbol.asyncIterator]: () => batches}
  }
  return {groups: groups(), root: isForeign && reader.root === '/' ? '/' : undefined, md5}
}

async function* readList(client: SftpClient, path: string, name: string): AsyncGenerator<Buffer> {
  const handle = await client.open(path).catch((error: unknown) => {
    if (errorCode(error) === undefined) throw error
    throw new BkError(`cannot read the list ${name} there: ${reasonOf(error)}`, {hint: 'is it made there? without --index the tree is walked', cause: error})
  })
  try {
    const {size} = await client.fstat(handle)
    if (size === undefined || size > MOST_BYTES) throw new BkError(`the list ${name} is larger than ${formatSize(MOST_BYTES)}`, {status: 65})
    const asked: Promise<Buffer>[] = []
    for (let at = 0; at < size || asked.length > 0; ) {
      for (; asked.length < AHEAD && at < size; at += PIECE) {
        const piece = readRange(client, handle, at, Math.min(PIECE, size - at))
        piece.catch(() => {})
        asked.push(piece)
      }
      yield await asked.shift()!
    }
  } finally {
    client.close(handle).catch(() => {})
  }
}

async function* withName(groups: Groups, name: string): AsyncGenerator<readonly Group[]> {
  try {
    yield* groups
  } catch (error) {
    if (!(error instanceof BkError) || error.status !== 65) throw error
    throw new BkError(`the list ${name} there: ${error.message}`, {status: 65, hint: error.hint, cause: error})
  }
}
