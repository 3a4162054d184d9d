/*
 * What the restoring threads are asked and what they answer. A job is enough work to be worth its message (some MiB of content, some
 * hundred entries) and small enough that all threads end at about the same time.
 */
import type {Frame} from '../store/pack.ts'

/** What all jobs of a run have in common. */
export interface RestoreContext {
  /** Descriptor of the directory that is restored into: descriptors belong to the process, so all threads have it. */
  readonly rootFd: number
  /** Address of the store. */
  readonly store: string
  /** Replace what is there, instead of refusing it. */
  readonly overwrite: boolean
  /** Whether owners, devices, set-id bits and protected attributes can be set. */
  readonly asRoot: boolean
  /** Owners by their numbers alone. */
  readonly numericOwner: boolean
  /** Write long runs of zeros as holes in every file. */
  readonly sparse: boolean
  /** For entries whose mode is unknown. */
  readonly umask: number
  /** Not 0 as soon as the process is to end: no thread begins another file then. */
  readonly stop: Int32Array
}

/** An entry that somebody has to do something about. */
export interface Task {
  /** In the table of entries. */
  readonly number: number
  /** Its lines. */
  readonly text: string
}

/** A file that is written piece by piece under another name. */
export interface PartialFile {
  /** Its name until it is whole, in the directory of the entry. */
  readonly leaf: string
  /** Which inode it is: `dev:ino`. What has the name may have been exchanged. */
  readonly inode: string
  /** Pieces of it in this job. */
  readonly pieces: number
  /** Whether these are all that it has. */
  readonly whole: boolean
}

export interface FileTask extends Task {
  /** Absent for a file whose content is one object. */
  readonly partial?: PartialFile | undefined
}

/** Where the bytes of an object belong. */
export interface Target {
  /** Position in the job's `files`. */
  readonly file: number
  readonly offset: number
}

/** A frame of which something is wanted. */
export interface FrameWork {
  readonly frame: Frame
  readonly wants: readonly Want[]
  /** The frame as it lies in the pack; absent where the threads read it themselves. */
  readonly bytes?: Uint8Array
}

/** A member of a frame that is wanted. */
export interface Want {
  readonly member: number
  readonly targets: readonly Target[]
}

export type Job =
  /** Unpack frames and write what is wanted of them. */
  | {readonly kind: 'frames'; readonly pack: string; readonly frames: readonly FrameWork[]; readonly files: readonly FileTask[]}
  /** Write an object that was fetched otherwise. */
  | {readonly kind: 'object'; readonly bytes: Uint8Array; readonly targets: readonly Target[]; readonly files: readonly FileTask[]}
  /** Check a file that has all its pieces, and give it its name. */
  | {readonly kind: 'finish'; readonly file: FileTask}
  /** Make entries without content. */
  | {readonly kind: 'plain'; readonly tasks: readonly Task[]}
  /** Give files their further names. `first` is the text of the entry with the first. */
  | {readonly kind: 'links'; readonly tasks: readonly (Task & {readonly first: string})[]}
  /** Set the metadata of directories, which have all that is in them. */
  | {readonly kind: 'directories'; readonly tasks: readonly Task[]}
  /** Set file flags, after everything else. */
  | {readonly kind: 'flags'; readonly tasks: readonly Task[]}

/** Something that did not go as it should. */
export interface Problem {
  readonly number: number
  readonly why: string
  /** Whether the entry is not there because of it; else it lacks something. */
  readonly fatal: boolean
}

/** What was left out because only root may do it, or the place does not know it. */
export interface Dropped {
  setId: number
  /** Attributes that only root may set. */
  protectedXattrs: number
  /** Files that lack attributes, which the place does not have. */
  unsupportedXattrs: number
}

export interface Outcome {
  /** Entries that are there now. Directories are not counted. */
  readonly files: number
  /** Bytes of content that were written. */
  readonly bytes: number
  readonly problems: readonly Problem[]
  /** Objects that could not be had, by id. */
  readonly lost: readonly {readonly id: string; readonly why: string}[]
  /** By entry: how many pieces of a partial file were written. */
  readonly landed: readonly (readonly [number: number, pieces: number])[]
  /** Partial files that have their names now, or are gone. */
  readonly settled: readonly number[]
  readonly dropped: Dropped
}
