/*
 * One job in progress: makes files, gives them names and metadata, and keeps what came of it. One bad file never stops a job: it is
 * answered with its reason. Only a full disk does, since every further file would fail as well.
 */
import {constants} from 'node:fs'
import {BkError} from '../cli/errors.ts'
import {calls} from '../sys/calls.ts'
import {HeldTree, type Spot} from './held-tree.ts'
import {parseItem, pathOfText, type Item} from './item.ts'
import {makeFile, makeLink, makeSpecial, place, reasonNotMade} from './new-file.ts'
import {PartialFiles} from './partial-files.ts'
import type {FileTask, Outcome, Problem, RestoreContext, Target, Task} from './job.ts'
import type {Metadata} from './metadata.ts'

const {O_DIRECTORY, O_NONBLOCK, O_RDONLY} = constants

/** What one job does. Close it when it is done. */
export class Work {
  readonly lost: {readonly id: string; readonly why: string}[] = []
  readonly #context: RestoreContext
  readonly #metadata: Metadata
  readonly #files: readonly FileTask[]
  readonly #items: (Item | undefined)[]
  readonly #tree: HeldTree
  readonly #partial: PartialFiles
  readonly #problems: Problem[] = []
  // By position in the job: pieces written. A file that failed takes no more.
  readonly #landed = new Map<number, number>()
  readonly #failed = new Set<number>()
  readonly #settled: number[] = []
  #made = 0
  #bytes = 0

  constructor(context: RestoreContext, metadata: Metadata, files: readonly FileTask[]) {
    this.#context = context
    this.#metadata = metadata
    this.#files = files
    this.#items = files.map(() => undefined)
    this.#tree = new HeldTree(context.rootFd)
    this.#partial = new PartialFiles(this.#tree, context)
  }

  /** Writes an object everywhere it belongs. */
  write(bytes: Buffer, targets: readonly Target[]): void {
    for (const {file, offset} of targets) {
      if (this.#failed.has(file)) continue
      const task = this.#files[file]!
      const item = (this.#items[file] ??= parseItem(task.text))
      this.#attempt(task, file, () => {
        if (task.partial === undefined) this.#writeWhole(task, item, bytes)
        else {
          this.#partial.write(file, task, item, bytes, offset)
          this.#landed.set(file, (this.#landed.get(file) ?? 0) + 1)
        }
        this.#bytes += bytes.length
      })
    }
  }

  #writeWhole(task: Task, item: Item, bytes: Buffer): void {
    const {entry} = item
    if (bytes.length !== entry.size) throw new BkError(`its content has ${bytes.length} bytes, its entry says ${entry.size}`, {status: 65})
    const finish = (fd: number): void => this.#blemishes(task, this.#metadata.toOpen(fd, item, !this.#context.overwrite))
    place(this.#tree.spot(entry.path), this.#context.overwrite, makeFile(bytes, item, this.#context, finish))
    this.#made++
  }

  /** Gives those partial files their names that have all their pieces now. */
  finishWhole(): void {
    for (const [file, pieces] of this.#landed) {
      const {whole, pieces: all} = this.#files[file]!.partial!
      if (whole && pieces === all) this.finish(file)
    }
  }

  finish(file: number): void {
    const task = this.#files[file]!
    const item = (this.#items[file] ??= parseItem(task.text))
    this.#attempt(task, file, () => {
      this.#partial.finish(file, task, item, (fd) => this.#blemishes(task, this.#metadata.toOpen(fd, item, !this.#context.overwrite)))
      this.#settled.push(task.number)
      this.#made++
    })
  }

  plain(task: Task): void {
    const {overwrite, asRoot} = this.#context
    const item = parseItem(task.text)
    this.#attempt(task, -1, () => {
      const spot = this.#tree.spot(item.entry.path)
      const make =
        item.entry.type === 'file'
          ? makeFile(Buffer.alloc(0), item, this.#context, (fd) => this.#blemishes(task, this.#metadata.toOpen(fd, item, !overwrite)))
          : makeSpecial(item, asRoot, (at) => this.#blemishes(task, this.#metadata.toLeaf(at, item)))
      place(spot, overwrite, make)
      this.#made++
    })
  }

  link(task: Task, first: string): void {
    this.#attempt(task, -1, () => {
      const spot = this.#tree.spot(pathOfText(task.text))
      const at = place(spot, this.#context.overwrite, makeLink(this.#tree.spot(pathOfText(first))))
      // Where both names were one inode already rename(2) does nothing at all, and the other name stays.
      if (at !== spot && calls.lstatat(at.dir, at.leaf) !== undefined) calls.unlinkat(at.dir, at.leaf)
      this.#made++
    })
  }

  directory(task: Task): void {
    const item = parseItem(task.text)
    this.#opened(task, item, O_DIRECTORY, (fd) => this.#blemishes(task, this.#metadata.toOpen(fd, item, !this.#context.overwrite)))
  }

  flags(task: Task): void {
    const item = parseItem(task.text)
    this.#opened(task, item, O_NONBLOCK, (fd) => this.#blemishes(task, this.#metadata.flags(fd, item)))
  }

  #opened(task: Task, {entry: {path}}: Item, flags: number, work: (fd: number) => void): void {
    this.#attempt(task, -1, () => {
      if (path === '.') return work(this.#context.rootFd)
      const {dir, leaf}: Spot = this.#tree.spot(path)
      const fd = calls.openat(dir, leaf, O_RDONLY | flags)
      try {
        work(fd)
      } finally {
        calls.close(fd)
      }
    })
  }

  /* `file` is the position of a file with pieces, or -1. */
  #attempt(task: FileTask, file: number, work: () => void): void {
    if (Atomics.load(this.#context.stop, 0) !== 0) throw new BkError('interrupted')
    try {
      work()
    } catch (error) {
      const why = error instanceof BkError ? error.message : reasonNotMade(error)
      this.#problems.push({number: task.number, why, fatal: true})
      if (file < 0) return
      this.#failed.add(file)
      if (task.partial === undefined) return
      this.#partial.discard(file, task, this.#items[file]!)
      this.#settled.push(task.number)
    }
  }

  #blemishes(task: Task, problems: readonly string[]): void {
    for (const why of problems) this.#problems.push({number: task.number, why, fatal: false})
  }

  outcome(): Outcome {
    const settled = new Set(this.#settled)
    return {
      files: this.#made,
      bytes: this.#bytes,
      problems: this.#problems,
      lost: this.lost,
      landed: [...this.#landed].map(([file, pieces]) => [this.#files[file]!.number, pieces] as const).filter(([number]) => !settled.has(number)),
      settled: this.#settled,
      dropped: this.#metadata.takeDropped(),
    }
  }

  close(): void {
    this.#partial.close()
    this.#tree.close()
  }
}
