/*
 * Where stat caches lie: one file for each root and scope in one directory of the user's, which nobody else can write.
 * Without that directory there simply is no cache.
 */
import {createHash} from 'node:crypto'
import {existsSync, lstatSync, readdirSync, unlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {isTempName, makeFolders} from '../sys/atomic.ts'
import {loadUsers} from '../sys/users.ts'
import {placeOf, type Place} from './apart.ts'
import type {LocalOptions} from './local.ts'
import {openCacheFile, type CacheFile, type LoadedCache} from './stat-cache-file.ts'
import {StatCacheWriter} from './stat-cache-writer.ts'

/** The cache of one run, as far as there is one. */
export interface RunCache {
  /** What the last run left, not yet read. */
  readonly file: CacheFile | undefined
  /** The new one; undefined where none is wanted. To be called once, with the old one if that could be read. */
  readonly createWriter: ((old: LoadedCache | undefined) => StatCacheWriter) | undefined
  /** The directory of caches, whether they are used or not. */
  readonly place: Place | undefined
  close(): void
}

/* Any change of the lines that bk writes for a tree makes another number. */
const version = 1
const hour = 3_600_000

/** Opens the cache that is about these options. */
export function openCache({cache, digest, listedAs, root}: LocalOptions): RunCache {
  if (cache === undefined) return nothing(undefined)
  if (cache.use) prepare(cache.directory)
  const place = placeOf(cache.directory)
  if (!cache.use || place === undefined) return nothing(place)
  const key = [version, listedAs ?? root, digest ?? 'sha256', cache.scope].join('\n')
  const path = join(cache.directory, `stat-${createHash('sha256').update(key, 'latin1').digest('hex').slice(0, 32)}`)
  const {stamp} = loadUsers()
  const file = openCacheFile(path, key, stamp)
  let writer: StatCacheWriter | undefined
  return {
    file, place,
    createWriter: (old) => (writer = new StatCacheWriter({path, key, stamp, old, onTemp: cache.onTemp})),
    close: () => {
      writer?.discard()
      file?.close()
    },
  }
}

function nothing(place: Place | undefined): RunCache {
  return {file: undefined, createWriter: undefined, place, close: () => {}}
}

/* https://bford.info/cachedir/: other programs that back up know by it what not to keep. */
const tag = 'Signature: 8a477f597d28d172789f06886806bc55\n# This directory holds caches of bk. They can be removed at any time.\n'

function prepare(directory: string): void {
  try {
    // Not mkdirSync's `recursive`, which goes round and round where nothing can be made, below /proc.
    if (!existsSync(directory)) {
      makeFolders(directory)
      writeFileSync(join(directory, 'CACHEDIR.TAG'), tag)
    }
    removeLeftovers(directory)
  } catch {
    // No cache then; or one that cannot be written, which the writer finds out.
  }
}

/* What killed runs left. */
function removeLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (isTempName(name) && lstatSync(path).mtimeMs < Date.now() - hour) unlinkSync(path)
  }
}
