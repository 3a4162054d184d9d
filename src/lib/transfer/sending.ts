/*
 * What a send is given and what it gives back (send.ts).
 */
import type {Change, ChangesEnd, Mark} from '../index/changes.ts'
import type {IndexEnd} from '../index/read.ts'
import type {SpillFactory} from '../index/spill.ts'
import type {Level} from '../store/zstd.ts'
import type {Clock} from '../sys/clock.ts'
import type {FileReaders} from './content.ts'
import type {OwnerNames} from './correct.ts'

/** Changes on their way: a text that is read, or a diff that is made. */
export interface ChangesSource {
  readonly root: string
  readonly end: ChangesEnd | undefined
  batches(): AsyncIterable<readonly Change[]>
}

/** Callbacks of the library while it reads. Paths are escaped. */
export interface ReadReporter {
  problem(path: string, code: string): void
  note(path: string, what: string): void
  /** A file is not what a list of another machine says it is. */
  differs?(path: string): void
  /** How much has been read. `totalBytes` is there once it is known what there is to read. */
  progress?(update: {readonly files: number; readonly bytes: number; readonly totalBytes: number | undefined; readonly path: string}): void
  /** A pack of so many bytes is ready to go. */
  packed?(bytes: number): void
}

/** What goes with a send. */
export interface SendOptions {
  /** Who reads the files below the root of the changes (escaped). */
  readonly readers: (root: string) => FileReaders
  readonly level: Level
  readonly clock: Clock
  readonly names: OwnerNames
  readonly reporter: ReadReporter
  readonly spill: SpillFactory
  readonly lead: () => Uint8Array
  /** Words for the record, as note.ts writes them. */
  readonly note?: string | undefined
  /** Is given the index that is about to be committed. When it fails, nothing is. */
  readonly beforeCommit?: ((index: StoredIndex) => Promise<void>) | undefined
}

/** The same but for who reads, and how many threads it takes where that is this machine. */
export type SendSettings = Omit<SendOptions, 'readers'> & {readonly workers: number}

/** The index that is stored: what was really read. */
export interface StoredIndex {
  readonly end: IndexEnd
  text(): AsyncIterable<Buffer>
}

/** What was sent. */
export interface SentTotals {
  /** Files that were read, and their bytes. */
  readonly files: number
  readonly bytes: number
  /** Changes by their marks, as they turned out. */
  readonly changes: Readonly<Record<Mark, number>>
  /** Files and other entries whose content was sent again, since the store had lost it. */
  readonly healed: number
  /** Bytes of the packs that were made. */
  readonly stored: number
}

/** What came of it. */
export interface Sent extends StoredIndex {
  /** The destination's answer, one line. */
  readonly answer: string
  readonly totals: SentTotals
  /** Frees what `text` needs. */
  close(): void
}

/** Changes as they turned out, which wait in a spill. */
export interface Gathered {
  readonly changes: number
  /** Bytes of their text. */
  readonly size: number
  readonly froms: ReadonlySet<string>
  /** Paths that are named as the first of their hard links. */
  readonly firsts: Set<string>
  /** Whether something was not as the index said. */
  readonly differs: boolean
}
