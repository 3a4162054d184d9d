/*
 * What main thread and workers say to each other. A job is some directories to go through; its result is text in the order
 * of the index, followed by what is left to do when the job's share was used up. So a job is never long, memory stays
 * bounded, and what is left can be done by any worker.
 */

/** A place in a tree of names (name-tree.ts): the directory's node, and the next child's. */
export type SentCursor = readonly [node: number, at: number]

/** A directory whose names are read: some of them are still to be visited. Strings are raw (latin1). */
export interface SentListing {
  /** From the root, with a slash behind it; '' is the root's own, where the only name is '.'. */
  readonly path: string
  /** In the order of their escaped spelling, joined by slashes. */
  readonly names: string
  /** The directory's record in the stat cache: see Records. */
  readonly id: number
  readonly known: SentCursor | undefined
  readonly reference: SentCursor | undefined
  /** Undefined where everything is wanted. */
  readonly selected: SentCursor | undefined
  /** The file system that --one-file-system stays on. */
  readonly device: bigint | undefined
}

/** A directory on the way: what is left of its names, and subdirectories whose turn comes between or after them. */
export interface SentFrame extends SentListing {
  readonly pending: readonly SentListing[]
}

/** How much of each a job may do before it stops. */
export interface Share {
  readonly entries: number
  readonly milliseconds: number
  /** Bytes of content. At least one file is read whatever its size, unless `patient` is false. */
  readonly bytes: number
  /** False for the main thread, which must not be kept by a large file. */
  readonly patient: boolean
}

export interface Job {
  /** In the order of the index. */
  readonly frames: readonly SentFrame[]
  readonly share: Share
}

/** Kinds of parts of a result: lines kept from the stat cache, lines made now, and comments without an entry. */
export const KEPT = 0
export const MADE = 1
export const LOOSE = 2

/** An entry that has other names elsewhere. It is a part of its own. */
export interface Link {
  /** Index of its part. */
  readonly part: number
  readonly device: bigint
  readonly inode: bigint
  readonly names: bigint
}

/** What happened to one path. */
export interface Incident {
  /** Raw (latin1), from the root. */
  readonly path: string
  readonly kind: 'problem' | 'vanished' | 'changed' | 'socket' | 'unknown-type' | 'nodump' | 'apart' | 'apart-inside'
  /** errno name and words of a problem. */
  readonly code?: string
  readonly reason?: string
}

/** Bits of a record's flags: its stats can be trusted; it is a file without a digest; no name in the directory needs an escape. */
export const TRUSTED = 1
export const WITHOUT_DIGEST = 2
export const PLAIN = 4
/** Only in memory: every name that was found in the directory is a node. */
export const COMPLETE = 8
/** The number of names in what is no directory, or was not read as a whole. */
export const UNKNOWN = 0xffff_ffff
/** From here on ids are new directories of this run, below they are nodes of the stat cache. */
export const FIRST_NEW_ID = 0x8000_0000

/** What the stat cache is to remember of the entries whose lines were made, in their order. */
export interface Records {
  readonly count: number
  /** Four for each: inode, size, mtime and ctime in nanoseconds. */
  readonly stats: BigInt64Array
  /**
   * Five for each: bytes of its lines; id, which is a directory's node in the old stat cache if it has one, else a new
   * number, and 0 for what is no directory; id of the directory it is in; flags; how many names are in it.
   */
  readonly numbers: Uint32Array
  /** Joined by slashes. */
  readonly names: string
}

export interface JobResult {
  /** What was made now: MADE and LOOSE parts, one after the other. */
  readonly text: Uint8Array
  /** Three numbers for each part: kind, then node and count (KEPT), count and bytes (MADE), or 0 and bytes (LOOSE). */
  readonly parts: readonly number[]
  readonly links: readonly Link[]
  /** Undefined where nothing is to be remembered. */
  readonly records: Records | undefined
  readonly incidents: readonly Incident[]
  readonly unread: number
  /** Bytes of content read. */
  readonly bytes: number
  /** What is left, in the order of the index. */
  readonly frames: readonly SentFrame[]
}
