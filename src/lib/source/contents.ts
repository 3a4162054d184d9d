/*
 * Where a file's digest comes from: the stat cache, an old index, another name of the same file, and only then its content.
 */
import type {BigIntStats} from 'node:fs'
import {errnoName} from '../sys/errno.ts'
import {createDigester, type DigestKind} from './digest.ts'
import type {Share} from './job.ts'
import type {Reference} from './reference.ts'
import {isUnchanged, linesOf, type StatCache, type Trust} from './stat-cache.ts'
import type {Subject} from './visit.ts'
import {TOO_MUCH} from './walk.ts'

export interface FileReaderOptions {
  /** Undefined where digests are not wanted. */
  readonly kind: DigestKind | undefined
  readonly cache: StatCache | undefined
  readonly trust: Trust
  readonly reference: Reference | undefined
  /** That of the job at hand. */
  share: Share
}

/** A file's content, as far as an index says something about it. */
export interface FileContent {
  /** As on the line, with its keyword and the blank before it; undefined where digests are not wanted. */
  readonly digest: string | undefined
  readonly stats: BigIntStats
  /** Bytes, where they are not those in `stats`. */
  readonly size: bigint | undefined
  readonly changed: boolean
}

/** The name leads to something else now. */
export const REPLACED = Symbol('replaced')

export type FileReader = (subject: Subject, stats: BigIntStats) => FileContent | typeof REPLACED | typeof TOO_MUCH

/* Digests of files with several names are kept until so many are. */
const mostLinked = 10_000

/** What the main thread reads at most while it has other things to do; more is left to a worker. */
const impatientSize = 256n * 1024n

export function createFileReader(options: FileReaderOptions): FileReader {
  const {cache, kind, reference, trust} = options
  if (kind === undefined) return (_, stats) => ({digest: undefined, stats, size: undefined, changed: false})
  const digester = createDigester(kind)
  const cached = new RegExp(`^[^#].* ${kind}=([0-9a-f]+)$`, 'm')
  const linked = new Map<string, {readonly stats: BigIntStats; readonly digest: string}>()
  const as = (digest: string, stats: BigIntStats): FileContent => ({digest: ` ${kind}=${digest}`, stats, size: undefined, changed: false})

  const known = ({known, referred}: Subject, stats: BigIntStats): string | undefined => {
    if (cache !== undefined && known !== 0 && isUnchanged(cache, known, stats, trust)) {
      const digest = cached.exec(linesOf(cache, known))?.[1]
      if (digest !== undefined) return digest
    }
    return referred === 0 ? undefined : reference?.digestOf(referred, stats.size, stats.mtimeNs)
  }

  return (subject, stats) => {
    const digest = known(subject, stats)
    if (digest !== undefined) return as(digest, stats)
    const names = stats.nlink === 1n ? undefined : `${stats.dev} ${stats.ino}`
    const other = names === undefined ? undefined : linked.get(names)
    if (other !== undefined && isSame(other.stats, stats)) return as(other.digest, stats)
    const {harvest} = subject
    const {share} = options
    const isLarge = !share.patient ? stats.size > impatientSize : harvest.bytes > 0 && stats.size > share.bytes
    if (isLarge) return TOO_MUCH
    try {
      const content = digester(subject.place, stats)
      if (content === undefined) return REPLACED
      harvest.bytes += Number(content.size)
      if (names !== undefined && !content.changed) {
        if (linked.size >= mostLinked) linked.clear()
        linked.set(names, {stats: content.stats, digest: content.digest})
      }
      return {...content, digest: ` ${kind}=${content.digest}`}
    } catch (error) {
      // A link (ELOOP), a socket (ENXIO) or a directory that took the file's place.
      const name = errnoName(error)
      if (name === 'ELOOP' || name === 'ENXIO' || name === 'EISDIR') return REPLACED
      throw error
    }
  }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}
