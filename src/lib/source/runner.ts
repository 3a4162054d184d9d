/*
 * Does jobs, in a worker or, for the first moments and for small trees, in the main thread: everything a walk needs, put
 * together from what can be sent to a thread.
 */
import {loadUsers} from '../sys/users.ts'
import type {Apart} from './apart.ts'
import {createExcluder, type ExcludeOptions} from './exclude.ts'
import type {DigestKind} from './digest.ts'
import {createNameKeeper} from './file-system.ts'
import {Harvest} from './harvest.ts'
import {FIRST_NEW_ID, type Job, type JobResult} from './job.ts'
import {viewReference, type SharedReference} from './reference.ts'
import {viewSelection, type SharedSelection} from './selection.ts'
import {viewCache, type SharedCache} from './stat-cache.ts'
import {createReach} from './system-path.ts'
import {createVisitor, type VisitContext} from './visit.ts'
import {walk} from './walk.ts'

/** What a run is about, as it is sent to workers. */
export interface WalkSetup {
  /** The directory of the walk, raw (latin1); '.' for the working directory. */
  readonly root: string
  /** Which digest files get, if any. */
  readonly digest: DigestKind | undefined
  readonly exclude: ExcludeOptions
  readonly oneFileSystem: boolean
  readonly ignoreInode: boolean
  /** Is there a stat cache to be written? */
  readonly remembers: boolean
  readonly cache: SharedCache | undefined
  readonly reference: SharedReference | undefined
  readonly selection: SharedSelection | undefined
  readonly apart: readonly Apart[]
  /** One number for all threads: how many directories have got an id. */
  readonly ids: SharedArrayBuffer
}

/** Does one job, synchronously. */
export type Runner = (job: Job) => JobResult

const startShare = {entries: 0, milliseconds: 0, bytes: 0, patient: false}

export async function createRunner(setup: WalkSetup): Promise<Runner> {
  const ids = new Int32Array(setup.ids)
  const cache = setup.cache && viewCache(setup.cache)
  const reference = setup.reference && viewReference(setup.reference)
  const selection = setup.selection && viewSelection(setup.selection)
  const context: VisitContext = {
    reach: createReach(setup.root),
    kind: setup.digest,
    excluder: await createExcluder(setup.exclude),
    cache,
    trust: {inode: !setup.ignoreInode, digest: setup.digest !== undefined},
    reference,
    selection,
    oneFileSystem: setup.oneFileSystem,
    excludesNodump: setup.exclude.nodump,
    apart: setup.apart,
    users: lazyUsers(),
    keepsNames: createNameKeeper(),
    newId: () => FIRST_NEW_ID + Atomics.add(ids, 0, 1),
    share: startShare,
    now: 0n,
  }
  const visit = createVisitor(context)
  const trees = {known: cache?.tree, reference: reference?.tree, selected: selection?.tree}
  return (job) => {
    context.share = job.share
    context.now = BigInt(Date.now()) * 1_000_000n
    return walk(job, trees, visit, new Harvest(setup.remembers))
  }
}

/* The tables of owners are read when the first name is asked for, which is never where nothing changed. */
function lazyUsers(): Pick<ReturnType<typeof loadUsers>, 'uname' | 'gname'> {
  let users: ReturnType<typeof loadUsers> | undefined
  return {uname: (uid) => (users ??= loadUsers()).uname(uid), gname: (gid) => (users ??= loadUsers()).gname(gid)}
}
