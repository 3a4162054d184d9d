/*
 * The seam under everything that keeps a store: immutable files by name, and create-if-absent. No rename, no lock, no
 * modification time, so that a directory, an SFTP server and an S3 bucket are the same to everything above.
 */

/** Names in a store are relative, of `[A-Za-z0-9._-]` components joined by `/`. */
export interface Store {
  /** For messages: where the store is. */
  readonly where: string
  /**
   * Makes a file of these bytes, joined. It is durable when the promise resolves. Under `ifAbsent` false means that something
   * had the name already, and nothing was written.
   */
  put(name: string, parts: readonly Uint8Array[], ifAbsent: boolean): Promise<boolean>
  /**
   * Reads a file, or a range of it; shorter than asked for where the file ends before.
   * @throws an error with code ENOENT when there is none
   */
  get(name: string, range?: {readonly offset: number; readonly length: number}): Promise<Buffer>
  /** Size of a file, or undefined when there is none. */
  size(name: string): Promise<number | undefined>
  /** Names that begin with `prefix` (a folder and a slash), after `after`, sorted. */
  list(prefix: string, after?: string): Promise<string[]>
  /** Removes a file; one that is not there is no error. */
  remove(name: string): Promise<void>
  features(): Features
  /** Seconds since 1970 at which a file was made, where the place knows it: only to leave alone what is new. */
  made?(name: string): Promise<number | undefined>
  /** What is free, where the place can say it. */
  room?(): Promise<Room | undefined>
  /**
   * Does work while no other process of this machine does any under the same roof; where the place knows no locks it is just done. It
   * sharpens counts and saves work: no snapshot may depend on it.
   */
  alone?<Result>(work: () => Promise<Result>): Promise<Result>
}

/** What is free for ordinary users. */
export interface Room {
  readonly bytes: number
  /** Undefined where the file system does not count them. */
  readonly inodes: number | undefined
}

/** What the place can do, as probed. */
export interface Features {
  /** Whether create-if-absent is one step (link(2), If-None-Match), so that no torn file ever has a name. */
  readonly atomicCreate: boolean
}

const ID = /^[0-9a-f]{64}$/

/** Whether a text is an id, digest or sum. */
export function isId(text: string): boolean {
  return ID.test(text)
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** Whether a file or folder of a store may have this name. */
export function isStoreName(name: string): boolean {
  return NAME.test(name)
}

export const SETTINGS = 'bk-store'

/** Name of a record's file. */
export function recordName(seq: number): string {
  return `log/${seq.toString().padStart(6, '0')}`
}

/** Name of a catalog's file. */
export function catalogName(digest: string): string {
  return `catalogs/${digest}`
}

/** Name of a pack's file. */
export function packName(name: string): string {
  return `packs/${name.slice(0, 2)}/${name}.tar.zst`
}
