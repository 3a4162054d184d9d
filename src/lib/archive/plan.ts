/*
 * Which entries an archive gets: those of a restore, or only those that have changed since an earlier snapshot. The index is held to the
 * same rules as there, since what is written into a tar is what somebody unpacks as root.
 */
import {usageError} from '../cli/errors.ts'
import {IndexWriter} from '../index/write.ts'
import {makePlan, type Plan} from '../restore/plan.ts'
import {EVERYTHING, selectPaths} from '../restore/selection.ts'
import {groupsOf} from '../store/levels.ts'
import {openIndexOf, type OpenSnapshot, type SnapshotRequest} from '../store/open.ts'
import {choose, parseWhen} from '../store/when.ts'
import {freeBuffer} from '../sys/memory.ts'
import {changedBetween, type Changed} from './changed.ts'
import type {Reporter} from '../cli/speech.ts'
import type {Objects} from '../store/objects.ts'
import type {SnapshotRecord} from '../store/record.ts'

export interface ArchivePlan {
  readonly plan: Plan
  readonly objects: Objects
  /** Escaped path that all others are relative to. */
  readonly root: string
  /** Escaped paths that are gone since the earlier snapshot. */
  readonly gone: readonly string[]
}

/**
 * Makes the plan.
 * @param paths bytes as latin1 strings; none means everything
 * @param since the earlier snapshot of the same set
 * @throws BkError 2 for paths that are not there, 64 for a snapshot that is not an earlier one, 65 for an index that must not be followed
 */
export async function planArchive(snapshot: OpenSnapshot, paths: readonly string[], since: SnapshotRecord | undefined, reporter: Reporter): Promise<ArchivePlan> {
  const {record} = snapshot
  const {chain, objects} = await openIndexOf(snapshot)
  const given = paths.length === 0 ? EVERYTHING : await selectPaths(paths, chain.root, groupsOf(chain))
  const changed = since === undefined ? undefined : await changes(snapshot, since, chain, given)
  const writer = new IndexWriter(chain.root, () => {})
  const plan = await makePlan({groups: groupsOf(chain), writer, record, selection: changed?.selection ?? given, objects, reporter})
  // Its text is in the plan now, as far as it is wanted.
  freeBuffer(chain.full)
  return {plan, objects, root: chain.root, gone: changed?.gone ?? []}
}

/** The snapshot of the same set that WHEN means. Throws what `parseWhen` and `choose` throw. */
export async function earlierSnapshot({log, record, where}: OpenSnapshot, when: string, {now, timeZone}: Pick<SnapshotRequest, 'now' | 'timeZone'>): Promise<SnapshotRecord> {
  return choose(await log.snapshots(() => {}), {when: parseWhen(when), set: record.set, now, timeZone, where})
}

async function changes(snapshot: OpenSnapshot, since: SnapshotRecord, chain: Parameters<typeof groupsOf>[0], given: Changed['selection']): Promise<Changed> {
  const {record} = snapshot
  if (since.seq >= record.seq) throw usageError(`snapshot ${since.seq} is not earlier than snapshot ${record.seq}`, 'give --changed-since an earlier one of the same set')
  const {chain: earlier} = await openIndexOf({...snapshot, record: since})
  const changed = await changedBetween(groupsOf(earlier), () => groupsOf(chain), given)
  freeBuffer(earlier.full)
  return changed
}
