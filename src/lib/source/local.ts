/*
 * The source that is a directory of this machine, told of by its options; the work is done in local-walk.ts. What belongs
 * to a run as a whole is here: where the tree is, what it is listed as, and which stat cache is about it.
 */
import {statSync} from 'node:fs'
import {BkError, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import type {Reporter} from '../cli/speech.ts'
import {escapeBytes} from '../index/escape.ts'
import type {OnTemp} from '../sys/atomic.ts'
import type {DigestKind} from './digest.ts'
import type {ExcludeOptions} from './exclude.ts'
import {learnDigests} from './learn.ts'
import type {LeftOut} from './left-out.ts'
import {walkTree} from './local-walk.ts'
import type {SharedReference} from './reference.ts'
import {selectPaths} from './selection.ts'
import type {Source} from './source.ts'

/** Paths are raw (latin1) everywhere. */
export interface LocalOptions {
  /** The directory that entries are relative to, absolute and without links in it. */
  readonly root: string
  /** The path that the index gives as its root, where the tree is mounted elsewhere: a snapshot of a volume. */
  readonly listedAs?: string | undefined
  /** Which paths below the root are wanted, with what is below them; undefined for everything. */
  readonly paths?: Iterable<string> | undefined
  /** Which digest files get; undefined leaves out those that would have to be read. */
  readonly digest?: DigestKind | undefined
  readonly exclude?: Partial<ExcludeOptions> | undefined
  /** Directories that are not gone into, wherever the tree has them. The root itself is always listed. */
  readonly leaveOut?: readonly LeftOut[] | undefined
  readonly oneFileSystem?: boolean | undefined
  /** Inodes are numbered anew with every mount: do not compare them. */
  readonly ignoreInode?: boolean | undefined
  readonly reference?: SharedReference | undefined
  /** Worker threads. */
  readonly workers: number
  readonly cache?: CacheOptions | undefined
  readonly reporter: Pick<Reporter, 'problem' | 'note' | 'detail'>
  /** Told now and then how many entries were listed and how many bytes read. */
  readonly onProgress?: ((done: {readonly files: number; readonly bytes: number}) => void) | undefined
}

export interface CacheOptions {
  /** bk's own directory for caches. It is in no index. */
  readonly directory: string
  /** False to read and write none. */
  readonly use: boolean
  /** Which run of several over the same root this is: each has its own cache. Any text. */
  readonly scope: string
  readonly onTemp?: OnTemp | undefined
}

/** A tree of this machine, whose files can be read. */
export interface LocalSource extends Source {
  /** The directory that entries are relative to, where it really is. Raw (latin1). */
  readonly directory: string
  /** Remembers for the next run the digests that it lacks and an index of what was read has, once `batches` came to their end. */
  learn(text: AsyncIterable<Uint8Array>): Promise<void>
}

/** A directory tree as a source. Throws a BkError when the root is not a directory that can be looked at. */
export function localSource(options: LocalOptions): LocalSource {
  const {root} = options
  const isHere = isSameDirectory(root)
  const selection = options.paths && selectPaths(options.paths)
  let withoutDigest = 0
  return {
    root: escapeBytes(options.listedAs ?? root),
    directory: root,
    async *batches() {
      // Relative paths are shorter, which the kernel is grateful for, and never too long for it.
      withoutDigest = yield* walkTree(options, isHere ? '.' : root, selection)
    },
    async learn(text) {
      if (withoutDigest > 0) await learnDigests(options, text)
    },
  }
}

function isSameDirectory(root: string): boolean {
  const place = Buffer.from(root, 'latin1')
  try {
    const stats = statSync(place, {bigint: true})
    if (!stats.isDirectory()) throw new BkError(`cannot read ${escapeName(place)}: not a directory`)
    const here = statSync('.', {bigint: true})
    return stats.ino === here.ino && stats.dev === here.dev
  } catch (cause) {
    if (cause instanceof BkError) throw cause
    throw new BkError(`cannot read ${escapeName(place)}: ${reasonOf(cause)}`, {cause})
  }
}
