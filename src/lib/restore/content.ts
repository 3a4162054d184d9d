/*
 * Brings back the content of files. Packs are gone through one after the other and each frame is unpacked once, whatever order the
 * files are in: all that is wanted of a frame is written where it belongs when the frame comes by.
 */
import {packName, type Store} from '../store/store.ts'
import {damageWords} from './restorer.ts'
import {findCopies} from './copies.ts'
import type {Planned} from './plan.ts'
import type {StoreLog} from '../store/log.ts'
import type {Frame} from '../store/pack.ts'
import type {Crew} from './crew.ts'
import type {FileTask, FrameWork, Job, Target, Want} from './job.ts'
import type {Run} from './run.ts'
import type {Use} from './wanted.ts'
import type {Lookup} from './wider-objects.ts'

/** Content of one job, about; and pieces, since small files cost more than their bytes. */
const JOB_BYTES = 16 << 20
const JOB_TARGETS = 2048

type FramesJob = Extract<Job, {readonly kind: 'frames'}>

/** The files of one job, and which pieces of them are in it. */
class JobFiles {
  readonly #run: Run
  readonly #positions = new Map<number, number>()
  readonly #numbers: number[] = []
  readonly #pieces: number[] = []

  constructor(run: Run) {
    this.#run = run
  }

  /** Where the bytes of an object belong, in terms of the job. Files that have failed are left out. */
  targetsOf(uses: readonly Use[]): Target[] {
    const targets: Target[] = []
    for (const {file: number, offset} of uses) {
      if (this.#run.hasFailed(number)) continue
      let file = this.#positions.get(number)
      if (file === undefined) {
        if (this.#run.chunksOf(number) > 0 && this.#run.partial(number) === undefined) continue
        file = this.#numbers.length
        this.#positions.set(number, file)
        this.#numbers.push(number)
        this.#pieces.push(0)
      }
      this.#pieces[file]!++
      targets.push({file, offset})
    }
    return targets
  }

  tasks(): FileTask[] {
    return this.#numbers.map((number, file) => {
      const text = this.#run.plan.entries.text(number)
      const chunks = this.#run.chunksOf(number)
      if (chunks === 0) return {number, text}
      // One that failed since then is refused by the thread, which finds no such file.
      const {leaf = '', inode = ''} = this.#run.hasFailed(number) ? {} : (this.#run.partial(number) ?? {})
      const pieces = this.#pieces[file]!
      return {number, text, partial: {leaf, inode, pieces, whole: pieces === chunks}}
    })
  }
}

/**
 * Gives the crew all that can be read where it should be. What cannot is in `run.lost` afterwards.
 * @param elsewhere the store, where one connection is all there is to it, and the threads are handed what they would read
 */
export async function restoreContent(run: Run, crew: Crew, objects: Lookup, packs: Planned['packs'], elsewhere?: Store): Promise<void> {
  const missing = new Map<string, string>()
  for await (const pack of packs) {
    const {ids} = pack
    if (!ids.some((id) => run.plan.wanted.has(id))) continue
    let frames: readonly Frame[] = []
    let why = `pack ${pack.name} does not hold what its catalog lists`
    try {
      frames = await objects.packs.toc(pack.name)
      objects.packs.forget(pack.name)
    } catch (error) {
      why = damageWords(pack.name, error)
    }
    for (const job of jobsOf(run, pack.name, frames)) {
      await crew.give(elsewhere === undefined ? job : await withBytes(job, run, elsewhere))
      await giveReady(run, crew)
    }
    // Most often the pack has held what its catalog lists, and nobody needs to look.
    if (frames.reduce((sum, {members}) => sum + members.length, 0) === ids.length) continue
    // Another pack that is needed may have them too: not lost before all have been seen.
    for (const id of ids) if (run.plan.wanted.has(id)) missing.set(id, why)
  }
  await crew.idle()
  for (const [id, why] of missing) if (run.plan.wanted.has(id)) run.lost.set(id, why)
  for (const id of run.plan.wanted.nowhere) run.lost.set(id, `object ${id} is in no pack`)
  await giveReady(run, crew)
  await crew.idle()
}

/* A frame that cannot be had is left out, and what is wanted of it lost. */
async function withBytes(job: FramesJob, run: Run, store: Store): Promise<Job> {
  const read = async ({frame, wants}: FrameWork): Promise<FrameWork[]> => {
    try {
      const fetched = {frame, wants, bytes: await store.get(packName(job.pack), {offset: frame.offset, length: frame.compressed})}
      run.fetched(fetched, job.files)
      return [fetched]
    } catch (error) {
      const why = damageWords(job.pack, error)
      for (const {member} of wants) run.lost.set(frame.members[member]!.id, why)
      return []
    }
  }
  return {...job, frames: (await Promise.all(job.frames.map(read))).flat()}
}

async function giveReady(run: Run, crew: Crew): Promise<void> {
  for (const number of run.takeReady()) await crew.give({kind: 'finish', file: finishTask(run, number)})
}

function finishTask(run: Run, number: number): FileTask {
  const {leaf, inode} = run.partial(number)!
  return {number, text: run.plan.entries.text(number), partial: {leaf, inode, pieces: 0, whole: false}}
}

function* jobsOf(run: Run, pack: string, frames: readonly Frame[]): Generator<FramesJob> {
  let work: {frame: Frame; wants: Want[]}[] = []
  let files = new JobFiles(run)
  let bytes = 0
  let targets = 0
  for (const frame of frames) {
    const wants: Want[] = []
    for (const [member, {id, size}] of frame.members.entries()) {
      const uses = run.plan.wanted.take(id)
      if (uses === undefined) continue
      const found = files.targetsOf(uses)
      wants.push({member, targets: found})
      targets += found.length
      bytes += size * Math.max(1, found.length)
    }
    if (wants.length > 0) work.push({frame, wants})
    if (bytes < JOB_BYTES && targets < JOB_TARGETS) continue
    yield {kind: 'frames', pack, frames: work, files: files.tasks()}
    work = []
    files = new JobFiles(run)
    bytes = targets = 0
  }
  if (work.length > 0) yield {kind: 'frames', pack, frames: work, files: files.tasks()}
}

/** Tries what was lost in every other copy that the store has. What is lost for good fails the files that need it. */
export async function restoreLost(run: Run, crew: Crew, log: StoreLog, objects: Lookup): Promise<void> {
  if (run.lost.size === 0) return
  const copies = await findCopies(log, run.lost)
  for (const [id, why] of run.lost) {
    const uses = run.plan.wanted.uses(id).filter(({file}) => !run.hasFailed(file))
    const bytes = await firstGood(objects, id, copies.get(id) ?? [])
    if (bytes === undefined) {
      for (const {file} of uses) run.fail(file, `its content is lost: ${why}`)
      continue
    }
    objects.heal(why)
    const files = new JobFiles(run)
    const targets = files.targetsOf(uses)
    if (targets.length > 0) await crew.give({kind: 'object', bytes: Uint8Array.from(bytes), targets, files: files.tasks()})
  }
  await crew.idle()
  await giveReady(run, crew)
  await crew.idle()
}

async function firstGood(objects: Lookup, id: string, packs: readonly string[]): Promise<Buffer | undefined> {
  for (const pack of packs) {
    try {
      return await objects.packs.object(pack, id)
    } catch (error) {
      damageWords(pack, error)
    }
  }
  return undefined
}
