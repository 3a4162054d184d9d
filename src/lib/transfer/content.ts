/*
 * What the reading workers are asked and what they answer. A batch of small files comes back as one buffer that is laid out
 * as the members of a tar already, so that a frame is compressed from where the files were read to, without a copy.
 */
import type {Level} from '../store/zstd.ts'
import type {Compressor} from './packer.ts'

/** A file to read. Strings are latin1, a character per byte. */
export interface FileRequest {
  readonly path: string
  /** As the index says; undefined where it does not know. */
  readonly size: number | undefined
  readonly time: string | undefined
}

/** Who reads the files that changes name. */
export interface FileReaders extends Compressor {
  /** Large files that are read at a time, and a third of the batches that are asked for ahead. */
  readonly count: number
  /** Whether also files are read whose content the store has by its digest. */
  readonly readsAll: boolean
  /** What a path of the index (escaped) is called there. Throws BkError 2 where there is nothing to read below. */
  place(path: string): string
  /** Reads small files; one answer for all of them. */
  files(files: readonly FileRequest[]): Promise<FilesAnswer>
  /** Reads a large file piece by piece; the last piece has `end`. `cut`: the class that an earlier version was cut with. */
  pieces(file: FileRequest, cut: number | undefined): AsyncGenerator<PieceAnswer>
  /** When something was missed: throws BkError where everything is gone. */
  mustBeThere(): Promise<void>
  close(): Promise<void>
}

/** Metadata of a file as it was read, as far as it is to be had. */
export interface FileStat {
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly size: number
  readonly time: string | undefined
}

/**
 * What a worker is asked. `slab` is the number of a piece of shared memory to lay the answer out in: fresh memory for every
 * MiB, or memory that changes hands, makes the garbage collector work as hard as the compressor.
 */
export type ContentRequest =
  | {readonly kind: 'files'; readonly files: readonly FileRequest[]; readonly slab: number | undefined}
  | {readonly kind: 'open'; readonly session: number; readonly file: FileRequest; readonly cut: number | undefined; readonly slab: number | undefined}
  | {readonly kind: 'more'; readonly session: number; readonly slab: number | undefined}
  | {readonly kind: 'close'; readonly session: number}
  /** Compress the first `used` bytes of the slab, into the slab. */
  | {readonly kind: 'compress'; readonly slab: number; readonly used: number; readonly level: Level}

/** Size of a slab. What does not fit into one comes back in memory of its own. */
export const SLAB_SIZE = 2 << 20

/** What every worker finds as its workerData. */
export interface ContentWorkerData {
  readonly slabs: readonly SharedArrayBuffer[]
}

/** A frame that was compressed: so many bytes of the slab, or what did not fit there. */
export interface FrameAnswer {
  readonly inSlab: number
  readonly tooLarge: Uint8Array | undefined
}

/** How the reading of one file ended. */
export type FileAnswer =
  | {
      readonly status: 'read'
      readonly sha256: string
      /** Where the reader was asked for it. */
      readonly md5?: string | undefined
      /** The index is a list of another machine, which may say anything of the file. */
      readonly checked?: boolean | undefined
      readonly stat: FileStat
      readonly changed: boolean
    }
  /** Too large for one object: to be opened. */
  | {readonly status: 'large'}
  /** Not there any more, or no regular file any more. */
  | {readonly status: 'vanished'; readonly why: 'gone' | 'not a file'}
  | {readonly status: 'failed'; readonly code: string}

/** Bytes laid out as members, with their ids. */
export interface Members {
  readonly buffer: Uint8Array
  readonly members: readonly {readonly id: string; readonly size: number}[]
  /** The slab that the buffer lies in, from its beginning. */
  readonly slab?: number | undefined
  /** Gives the buffer back; nobody may look at it afterwards. */
  readonly release?: (() => void) | undefined
}

/** What every answer says. */
interface Answer extends Members {
  /** How many bytes of the slab that came with the request are used; undefined when the answer is in `buffer`. */
  readonly inSlab?: number | undefined
}

export interface FilesAnswer extends Answer {
  /** One for each file asked for, in order. */
  readonly files: readonly FileAnswer[]
}

/** A piece of a large file. The last piece has `end`. */
export interface PieceAnswer extends Answer {
  /** Class that the file is cut with. */
  readonly cut: number
  readonly end: FileAnswer | undefined
}
