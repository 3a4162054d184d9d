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
const MOST_BYTES = 1024 ** 3
/** Its entries, where there is no limit. A directory is counted again now and then: hence twice as many as the limit, and some. */
const MOST_ENTRIES = 20_000_000
const SOME_ENTRIES = 10_000
const TYPE = 0o170000
const REGULAR = 0o100000
/** Requests ahead. */
const AHEAD = 16

export interface Listing {
  readonly groups: Groups
  /** What its paths are relative to, where it says so: `/` for a foreign list of absolute paths. */
  readonly root: '/' | undefined
  /** What was said of files in what of it has been taken so far. */
  readonly says: {readonly md5: boolean; readonly sizes: boolean}
}

/**
 * Opens a list.
 * @param path there: absolute, bytes as latin1
 * @param maxEntries how many entries are counted later
 * @throws BkError 2 when it is not there, 65 for what is no list, 75 when it changes; `groups` throws 65 for what is wrong further down
 */
export async function openListing(client: SftpClient, path: string, maxEntries = MOST_ENTRIES): Promise<Listing> {
  const name = escapeBytes(path)
  const sniffed = await sniffList(readList(client, path, name))
  const isForeign = sniffed.kind === 'mtree' || sniffed.kind === 'checksums'
  const text = isForeign
    ? normalise(sniffed.pieces, {spill: () => createSpill(0), limits: {entries: Math.min(MOST_ENTRIES, 2 * maxEntries + SOME_ENTRIES), bytes: MOST_BYTES}})
    : canonicalIndex(sniffed, name, () => createSpill(0))
  const reader = new IndexReader(text)
  const batches = withName(reader.batches(), name)
  const first = await batches.next()
  const says = {md5: false, sizes: false}
  const groups = async function* (): AsyncGenerator<readonly Group[]> {
    for (let next = first; next.done !== true; next = await batches.next()) {
      says.md5 ||= next.value.some(({line}) => line.includes(' md5='))
      says.sizes ||= next.value.some(({line}) => line.includes(' size='))
      yield next.value
    }
  }
  return {groups: groups(), root: isForeign && reader.root === '/' ? '/' : undefined, says}
}

async function* readList(client: SftpClient, path: string, name: string): AsyncGenerator<Buffer> {
  const readable = async <Result>(result: Promise<Result>): Promise<Result> =>
    await result.catch((error: unknown) => {
      if (errorCode(error) === undefined) throw error
      throw new BkError(`cannot read the list ${name} there: ${reasonOf(error)}`, {hint: 'is it made there? without --index the tree is walked', cause: error})
    })
  const handle = await readable(client.open(path))
  try {
    const {size, mode, time} = await readable(client.fstat(handle))
    if (mode !== undefined && (mode & TYPE) !== REGULAR) throw new BkError(`the list ${name} is no file there`)
    if (size === undefined || size > MOST_BYTES) throw new BkError(`the list ${name} is larger than ${formatSize(MOST_BYTES)}`, {status: 65})
    const asked: Promise<Buffer>[] = []
    for (let at = 0; at < size || asked.length > 0; ) {
      for (; asked.length < AHEAD && at < size; at += PIECE) {
        const length = Math.min(PIECE, size - at)
        const piece = readRange(client, handle, at, length).then((bytes) => (bytes.length < length ? Promise.reject(restless(name)) : bytes))
        piece.catch(() => {})
        asked.push(piece)
      }
      yield await readable(asked.shift()!)
    }
    // What md5sum is still writing would be a tree of which half is gone.
    const after = await readable(client.fstat(handle))
    if (after.size !== size || after.time !== time) throw restless(name)
  } finally {
    client.close(handle).catch(() => {})
  }
}

function restless(name: string): BkError {
  return new BkError(`the list ${name} there was changed while it was read`, {status: 75, hint: 'try again later; let it be written under another name, and renamed when it is whole'})
}

async function* withName(groups: Groups, name: string): AsyncGenerator<readonly Group[]> {
  try {
    yield* groups
  } catch (error) {
    if (!(error instanceof BkError) || error.status !== 65) throw error
    throw new BkError(`the list ${name} there: ${error.message}`, {status: 65, hint: error.hint, cause: error})
  }
}
