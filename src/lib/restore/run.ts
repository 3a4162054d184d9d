/*
 * The state of one restore: what failed, what is begun, how far it is. Everything that happens to an entry, in whatever thread, is
 * entered here, so that an entry is told of once and counted once.
 */
import {toBytes, unescapeText} from '../index/escape.ts'
import {parseEntryLine} from '../index/entry.ts'
import {beginPartial} from './partial-files.ts'
import {HeldTree, type Spot} from './held-tree.ts'
import {noneDropped} from './metadata.ts'
import {pathOfText} from './item.ts'
import {discard, reasonNotMade} from './new-file.ts'
import type {Reporter} from '../cli/speech.ts'
import type {FileTask, FrameWork, Job, Outcome} from './job.ts'
import type {Plan} from './plan.ts'

/** What has been done so far. */
export interface Progress {
  readonly files: number
  /** Written, or fetched over a line and about to be. */
  readonly bytes: number
  readonly totalBytes: number
  /** Escaped path of something that has just been worked on. */
  readonly path: string | undefined
}

export interface RunOptions {
  readonly reporter: Pick<Reporter, 'problem'>
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

interface Begun {
  readonly leaf: string
  readonly inode: string
  /** Pieces that are still missing. */
  left: number
}

export class Run {
  readonly plan: Plan
  readonly tree: HeldTree
  files = 0
  bytes = 0
  readonly dropped = noneDropped()
  /** Objects that could not be had where they should be, and why. */
  readonly lost = new Map<string, string>()
  readonly #options: RunOptions
  readonly #failed = new Set<number>()
  readonly #begun = new Map<number, Begun>()
  // By entry: how many chunks it has.
  #chunks: ReadonlyMap<number, number> = new Map()
  // Entries whose pieces are all there, and which nobody has finished yet.
  #ready: number[] = []
  // Content that has come over a line and is not written yet.
  #fetched = 0
  #path: string | undefined

  constructor(plan: Plan, rootFd: number, options: RunOptions) {
    this.plan = plan
    this.tree = new HeldTree(rootFd)
    this.#options = options
  }

  set chunks(counts: ReadonlyMap<number, number>) {
    this.#chunks = counts
  }

  chunksOf(number: number): number {
    return this.#chunks.get(number) ?? 0
  }

  hasFailed(number: number): boolean {
    return this.#failed.has(number)
  }

  get failed(): number {
    return this.#failed.size
  }

  /** An entry will not be there. Told once, whatever else goes wrong with it. */
  fail(number: number, why: string): void {
    if (this.#failed.has(number)) return
    this.#failed.add(number)
    this.#tell(number, why)
    const begun = this.#begun.get(number)
    if (begun === undefined) return
    this.#remove(number, begun)
    this.#begun.delete(number)
  }

  #tell(number: number, why: string): void {
    this.#options.reporter.problem(toBytes(unescapeText(this.plan.entries.path(number))), why)
  }

  /** The partial file of an entry, begun if it is not; undefined when it cannot be, and then the entry has failed. */
  partial(number: number): {readonly leaf: string; readonly inode: string} | undefined {
    const known = this.#begun.get(number)
    if (known !== undefined) return known
    const {path, size} = parseEntryLine(this.plan.entries.text(number).split('\n', 1)[0]!)
    try {
      const {leaf, inode} = beginPartial(this.tree.spot(path), size!)
      const begun: Begun = {leaf, inode, left: this.chunksOf(number)}
      this.#begun.set(number, begun)
      return begun
    } catch (error) {
      this.fail(number, reasonNotMade(error))
      return undefined
    }
  }

  #remove(number: number, {leaf}: Begun): void {
    let spot: Spot
    try {
      spot = this.tree.spot(this.plan.entries.path(number))
    } catch {
      // The directory is gone, and the file with it.
      return
    }
    discard({dir: spot.dir, leaf: Buffer.from(leaf, 'latin1')})
  }

  /** A frame of a job with these files has come over a line: on a slow one the whole job takes long. */
  fetched(work: FrameWork, files: readonly FileTask[]): void {
    this.#fetched += contentOf(work)
    const file = work.wants.at(-1)?.targets.at(-1)?.file
    if (file !== undefined) this.#path = pathOfText(files[file]!.text)
    this.#report()
  }

  /** Enters what came of a job. */
  take(outcome: Outcome, job: Job): void {
    this.files += outcome.files
    this.bytes += outcome.bytes
    this.#path = pathOfJob(job)
    if (job.kind === 'frames') for (const work of job.frames) if (work.bytes !== undefined) this.#fetched -= contentOf(work)
    for (const {number, why, fatal} of outcome.problems) {
      if (fatal) this.fail(number, why)
      else this.#tell(number, why)
    }
    for (const number of outcome.settled) this.#begun.delete(number)
    for (const {id, why} of outcome.lost) this.lost.set(id, why)
    for (const [number, pieces] of outcome.landed) {
      const begun = this.#begun.get(number)
      if (begun === undefined) continue
      begun.left -= pieces
      if (begun.left === 0) this.#ready.push(number)
    }
    this.dropped.setId += outcome.dropped.setId
    this.dropped.protectedXattrs += outcome.dropped.protectedXattrs
    this.dropped.unsupportedXattrs += outcome.dropped.unsupportedXattrs
    this.#report()
  }

  #report(): void {
    this.#options.onProgress?.({files: this.files, bytes: this.bytes + this.#fetched, totalBytes: this.plan.bytes, path: this.#path})
  }

  /** The entries that have all their pieces since this was last asked. */
  takeReady(): number[] {
    const ready = this.#ready
    this.#ready = []
    return ready.filter((number) => !this.#failed.has(number))
  }

  /** Removes what is not whole. */
  close(): void {
    for (const [number, begun] of this.#begun) this.#remove(number, begun)
    this.#begun.clear()
    this.tree.close()
  }
}

/* The bytes that will be written of a frame. */
function contentOf({frame, wants}: FrameWork): number {
  return wants.reduce((sum, {member, targets}) => sum + frame.members[member]!.size * targets.length, 0)
}

/* A job is many files: the last stands for all. */
function pathOfJob(job: Job): string | undefined {
  const task = 'files' in job ? job.files.at(-1) : 'tasks' in job ? job.tasks.at(-1) : job.file
  return task === undefined ? undefined : pathOfText(task.text)
}
