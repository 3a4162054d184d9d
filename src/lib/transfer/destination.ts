/*
 * Where a sender sends to: a store at hand, or a stream to somebody who has one. The sender knows only this.
 */
import type {Chain} from '../store/levels.ts'
import type {Pack} from '../store/pack.ts'
import type {IndexLevel} from '../store/record.ts'
import type {Known} from './known.ts'

/** A snapshot as its writer describes it. */
export interface SnapshotFacts {
  /** Writer's clock, as on the record's line. */
  readonly claimed: string
  readonly partial: number
  readonly entries: number
  readonly bytes: number
  readonly index: {readonly id: string; readonly level: IndexLevel}
  /** Digest of the whole index. */
  readonly tree: string
  /** Digest of the index that the changes were against. */
  readonly base: string | undefined
  /** Names of the packs that it reaches. */
  readonly needed: ReadonlySet<string>
}

/** A snapshot that is there, for a base that nothing changed against. */
export type BaseFacts = Omit<SnapshotFacts, 'claimed' | 'base'>

export interface Destination {
  /** What the store has, as far as this writer may use it. Asked once, when something has to be read. */
  known(): Promise<Known>
  /** What the store, or the writer's own memory, says of the snapshot with this index; undefined when it is not known. */
  base(digest: string): Promise<BaseFacts | undefined>
  /** The newest snapshot of the set. */
  newest(): Promise<BaseFacts | undefined>
  /** The texts of that index. */
  chain(facts: BaseFacts): Promise<Chain>
  /** A list of chunks, from a pack that is known. */
  getList(id: string): Promise<Buffer>
  /** Takes a finished pack. */
  pack(pack: Pack): Promise<void>
  /** Commits; resolves to the answer in one line. */
  commit(facts: SnapshotFacts): Promise<string>
}
