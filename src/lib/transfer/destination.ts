/*
 * Where a sender sends to: a store at hand, or a stream to somebody who has one. The sender knows only this.
 */
import type {Chain} from '../store/levels.ts'
import type {Pack} from '../store/pack.ts'
import type {Described} from '../store/record.ts'
import type {Known} from './known.ts'

/** A snapshot as its writer describes it. */
export interface SnapshotFacts extends Described {
  /** Digest of the index that the changes were against. */
  readonly base: string | undefined
  /** Names of the packs that it reaches. */
  readonly needed: ReadonlySet<string>
}

/** A snapshot that is there. Without `index` only its text is known, and nothing can be stored as changes against it. */
export type BaseFacts = Omit<SnapshotFacts, 'claimed' | 'base' | 'index'> & {readonly index: SnapshotFacts['index'] | undefined}

/** What a snapshot leaves behind for a writer that cannot ask the store next time. */
export interface Keepsake {
  /** The index objects from the newest down to the full one; undefined for those that were there before. */
  readonly links: readonly {readonly id: string; readonly size: number; readonly bytes: Buffer | undefined}[]
  /** Ids of all lists of chunks that the snapshot reaches. */
  readonly lists: ReadonlySet<string>
}

/** Ids of objects that are lost. */
export interface LostIds {
  has(id: string): boolean
}

export interface Destination {
  /** Bytes at which packs are closed, where that is sooner than usual. */
  readonly packSize?: number | undefined
  /** What the store has, as far as this writer may use it. Asked once, when something has to be read. */
  known(): Promise<Known>
  /** What the store, or the writer's own memory, says of the snapshot with this index; undefined when it is not known. */
  base(digest: string): Promise<BaseFacts | undefined>
  /** The newest snapshot of the set. */
  newest(): Promise<BaseFacts | undefined>
  /** Adds to what is known those of these objects that the store has: where the writer's own memory is not enough. */
  learn?(ids: () => readonly string[]): Promise<void>
  /** Objects that the base may reach and that the store has lost; undefined for none. They are not known, so that they are sent again. */
  lost?(): Promise<LostIds | undefined>
  /** The index with this digest where the writer remembers it and the store does not. Undefined where there is nobody to ask what it lacks. */
  lostBase?(digest: string): Promise<Chain | undefined>
  /** The texts of that index. */
  chain(facts: BaseFacts): Promise<Chain>
  /** Name of the pack an object lies in; undefined when the snapshot may not count on it. */
  packOf(id: string): string | undefined
  /** A list of chunks; undefined where it is not at hand and the receiving end checks it alone. */
  getList(id: string): Promise<Buffer | undefined>
  /** Hears of each list of chunks that a file was found to have. */
  onList?(id: string, bytes: Buffer): void
  /** Takes a finished pack. */
  pack(pack: Pack): Promise<void>
  /** Commits; resolves to the answer in one line. */
  commit(facts: SnapshotFacts, keepsake?: Keepsake): Promise<string>
}
