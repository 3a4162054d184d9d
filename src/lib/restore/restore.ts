/*
 * Restores a snapshot, or paths of it, into a directory: plan, directories, content, everything without content, further names of
 * files, and at last the metadata of directories. Nothing is written before the whole index has been read and found in order.
 */
import {BkError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {ConnectionLost} from '../ssh/failure.ts'
import {parseAddress} from '../store/address.ts'
import {IndexWriter} from '../index/write.ts'
import {groupsOf} from '../store/levels.ts'
import {openIndexOf, type OpenSnapshot} from '../store/open.ts'
import {calls} from '../sys/calls.ts'
import {freeBuffer} from '../sys/memory.ts'
import {restoreContent, restoreLost} from './content.ts'
import {createCrew, startThreads, type Crew, type Threads} from './crew.ts'
import {finishDirectories, makeDirectories} from './directories.ts'
import {KINDS} from './entry-table.ts'
import {planOldLayout} from './old-layout.ts'
import {makePlan, readLists, type Planned} from './plan.ts'
import {Run, type Progress} from './run.ts'
import {EVERYTHING, selectPaths} from './selection.ts'
import {checkTarget, openTarget} from './target.ts'
import type {Reporter} from '../cli/speech.ts'
import type {Job, RestoreContext, Task} from './job.ts'
import type {Lookup} from './wider-objects.ts'

export interface RestoreOptions {
  readonly snapshot: OpenSnapshot
  /** Paths in the snapshot, bytes as latin1 strings; none means everything. */
  readonly paths: readonly string[]
  /** `old` puts the earlier versions of files beside them; absent is the tree alone. */
  readonly layout?: Layout | undefined
  /** Directory to restore into. */
  readonly to: Buffer
  /** Replace what is there. */
  readonly overwrite: boolean
  readonly numericOwner: boolean
  /** Write long runs of zeros as holes, in files that had none too. */
  readonly sparse: boolean
  /** Whether this is root: owners, devices and set-id bits come back. */
  readonly asRoot: boolean
  readonly umask: number
  /** Threads to use for what is worth it; 0 does everything in line. */
  readonly threads: number
  readonly reporter: Reporter
  readonly onProgress?: (progress: Progress) => void
  /** Registers what has to be undone when the process is told to die; the answer takes it back. */
  readonly onInterrupt?: (undo: () => void) => () => void
}

/** What came back. */
export interface Restored {
  /** Everything but directories. */
  readonly files: number
  readonly bytes: number
  /** Entries that could not be restored. */
  readonly failed: number
  /** Paths that the snapshot itself could not read. */
  readonly unread: number
  /** Earlier versions that were wanted. */
  readonly versions: number
}

/** What is restored beside the tree. */
export type Layout = 'old'

/** Below both of these a single thread is done before another has started. */
const FEW_FILES = 300
const FEW_BYTES = 16 << 20

const BATCH = 512
/** Milliseconds in which a thread writes a small file. */
const GRACE = 60

/** Makes the plan of a restore: what would be done. Throws BkError 2 and 65. */
export async function planRestore(snapshot: OpenSnapshot, paths: readonly string[], reporter: Reporter, layout?: Layout): Promise<Planned> {
  if (layout === 'old') return await planOldLayout(snapshot, paths, reporter)
  const {log, record} = snapshot
  const {chain, objects} = await openIndexOf(snapshot)
  const selection = paths.length === 0 ? EVERYTHING : await selectPaths(paths, chain.root, groupsOf(chain))
  const writer = new IndexWriter(chain.root, () => {})
  const plan = await makePlan({groups: groupsOf(chain), writer, record, selection, objects, reporter})
  // Its text is in the plan now, as far as it is wanted.
  freeBuffer(chain.full)
  return {plan, objects, packs: log.eachPack(record, () => {}), versions: 0}
}

/**
 * Restores. Problems with single files go to the reporter and stop nothing.
 * @throws BkError 2 for a directory that cannot be used, a path that is not in the snapshot and a full disk, 65 for an index that is
 * not in the format
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const {snapshot: {record}, overwrite, to} = options
  checkTarget(to, overwrite)
  const isWorthThreads = (files: number, bytes: number): boolean => options.threads > 0 && (files > FEW_FILES || bytes > FEW_BYTES)
  // What comes over a line is held in memory until a thread takes it, and a line keeps no more of them busy.
  const size = isLocal(options.snapshot.where) ? options.threads : Math.min(2, options.threads)
  let threads = options.paths.length === 0 && isWorthThreads(record.entries, record.bytes) ? startThreads(size) : undefined
  try {
    const planned = await planRestore(options.snapshot, options.paths, options.reporter, options.layout)
    if (isWorthThreads(planned.plan.files, planned.plan.bytes)) threads ??= startThreads(size)
    return await carryOut(planned, threads, options)
  } finally {
    await threads?.pool.close()
  }
}

async function carryOut(planned: Planned, threads: Threads | undefined, options: RestoreOptions): Promise<Restored> {
  const {plan, objects, versions} = planned
  const {snapshot, to, asRoot, numericOwner, sparse, umask, reporter} = options
  const target = openTarget(to, options.overwrite)
  const context: RestoreContext = {rootFd: target.fd, store: snapshot.where, overwrite: target.hasContent, asRoot, numericOwner, sparse, umask, stop: new Int32Array(new SharedArrayBuffer(8))}
  const run = new Run(plan, target.fd, options)
  const uninterrupted = options.onInterrupt?.(() => {
    // The threads go on while this one handles a signal: time for each to end the file that it is at, and to begin no other.
    Atomics.store(context.stop, 0, 1)
    Atomics.wait(context.stop, 1, 0, GRACE)
    run.close()
  })
  const crew = createCrew(context, threads, (outcome, job) => run.take(outcome, job))
  try {
    await restoreAll(run, crew, options, planned, target.hasContent)
  } catch (error) {
    if (!(error instanceof BkError || error instanceof ConnectionLost)) throw error
    const done = `${run.files} of ${plan.files} files were restored into ${escapeName(to)}`
    throw new BkError(`${error.message}; ${done}`, {status: error.status, cause: error, ...(error.hint === undefined ? {} : {hint: error.hint})})
  } finally {
    // The threads first: they work with descriptors that are closed next.
    await threads?.pool.close()
    run.close()
    calls.close(target.fd)
    uninterrupted?.()
  }
  tellHealed(objects, reporter)
  tellDropped(run, reporter)
  return {files: run.files, bytes: run.bytes, failed: run.failed, unread: plan.unread, versions}
}

function isLocal(address: string): boolean {
  return parseAddress(address).kind === 'local'
}

async function restoreAll(run: Run, crew: Crew, {snapshot: {log}}: RestoreOptions, {objects, packs}: Planned, hasContent: boolean): Promise<void> {
  const {plan} = run
  const directories = makeDirectories(run, hasContent)
  run.chunks = await readLists(plan, (id) => objects.get(id), (number, why) => run.fail(number, `its content is lost: ${why}`))
  // From here on packs are gone through, whatever they hold.
  objects.release()
  await giveTasks(crew, ofKind(run, KINDS.plain), (tasks) => ({kind: 'plain', tasks}))
  await restoreContent(run, crew, objects, packs, isLocal(log.store.where) ? undefined : log.store)
  await restoreLost(run, crew, log, objects)
  await giveTasks(crew, linkTasks(run), (tasks) => ({kind: 'links', tasks}))
  await crew.idle()
  await finishDirectories(run, crew, directories)
  await giveTasks(crew, numbered(run, plan.flagged), (tasks) => ({kind: 'flags', tasks}))
  await crew.idle()
}

async function giveTasks<T extends Task>(crew: Crew, tasks: Iterable<T>, jobOf: (tasks: T[]) => Job): Promise<void> {
  let batch: T[] = []
  for (const task of tasks) {
    batch.push(task)
    if (batch.length < BATCH) continue
    await crew.give(jobOf(batch))
    batch = []
  }
  if (batch.length > 0) await crew.give(jobOf(batch))
}

function* ofKind(run: Run, kind: number): Generator<Task> {
  const {entries} = run.plan
  for (let number = 0; number < entries.count; number++) if (entries.kind(number) === kind) yield {number, text: entries.text(number)}
}

function* numbered(run: Run, numbers: readonly number[]): Generator<Task> {
  for (const number of numbers) if (!run.hasFailed(number)) yield {number, text: run.plan.entries.text(number)}
}

function* linkTasks(run: Run): Generator<Task & {readonly first: string}> {
  const {entries, links} = run.plan
  for (const [number, first] of links) {
    if (run.hasFailed(first)) run.fail(number, `${entries.path(first)}, which it is a hard link to, could not be restored`)
    else yield {number, text: entries.text(number), first: entries.text(first)}
  }
}

/** Warns of the packs that are damaged, though nothing was lost by it. */
export function tellHealed({healed, damage}: Lookup, reporter: Pick<Reporter, 'warn'>): void {
  for (const why of damage) reporter.warn(`${why}; what it names was sought elsewhere`)
  for (const [damage, count] of healed) reporter.warn(`${damage}; ${count === 1 ? 'an object was' : `${count} objects were`} taken from other packs`)
}

function tellDropped({dropped}: Run, reporter: Reporter): void {
  const {setId, protectedXattrs, unsupportedXattrs} = dropped
  if (setId > 0) reporter.note(`${setId} set-id ${setId === 1 ? 'bit was' : 'bits were'} dropped: only root can set them`)
  if (protectedXattrs > 0) reporter.note(`${protectedXattrs} extended ${protectedXattrs === 1 ? 'attribute was' : 'attributes were'} dropped: only root can set them`)
  if (unsupportedXattrs > 0) reporter.warn(`${unsupportedXattrs} ${unsupportedXattrs === 1 ? 'file lacks' : 'files lack'} extended attributes, which this file system does not have`)
}
