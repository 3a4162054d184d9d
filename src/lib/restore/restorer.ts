/*
 * Does the jobs of a restore, in a thread or in line: reads frames, checks every object, and has made of them what work.ts makes. An
 * object or frame that is bad never stops a job: it is answered with the pack it should have been in.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {openStore} from '../store/open.ts'
import {verified} from '../store/objects.ts'
import {contentOffsets, openFrame} from '../store/pack.ts'
import {packName, type Store} from '../store/store.ts'
import {freeBuffer} from '../sys/memory.ts'
import {Metadata} from './metadata.ts'
import {Work} from './work.ts'
import type {FrameWork, Job, Outcome, RestoreContext} from './job.ts'

export class Restorer {
  readonly #context: RestoreContext
  readonly #store: Store
  readonly #metadata: Metadata

  constructor(context: RestoreContext) {
    this.#context = context
    this.#store = openStore(context.store)
    this.#metadata = new Metadata(context)
  }

  /** Does a job. Throws BkError 2 when there is no space left. */
  async run(job: Job): Promise<Outcome> {
    const work = new Work(this.#context, this.#metadata, 'files' in job ? job.files : job.kind === 'finish' ? [job.file] : [])
    try {
      switch (job.kind) {
        case 'frames':
          for (const frame of job.frames) await this.#frame(work, job.pack, frame)
          work.finishWhole()
          break
        case 'object':
          work.write(asBuffer(job.bytes), job.targets)
          work.finishWhole()
          break
        case 'finish':
          work.finish(0)
          break
        case 'plain':
          for (const task of job.tasks) work.plain(task)
          break
        case 'links':
          for (const task of job.tasks) work.link(task, task.first)
          break
        case 'directories':
          for (const task of job.tasks) work.directory(task)
          break
        case 'flags':
          for (const task of job.tasks) work.flags(task)
          break
      }
      return work.outcome()
    } finally {
      work.close()
    }
  }

  async #frame(work: Work, pack: string, {frame, wants, bytes: given}: FrameWork): Promise<void> {
    let content: Buffer
    try {
      const bytes = given === undefined ? await this.#store.get(packName(pack), {offset: frame.offset, length: frame.compressed}) : asBuffer(given)
      content = openFrame(frame, bytes)
      freeBuffer(bytes)
    } catch (error) {
      const why = damageWords(pack, error)
      for (const {member} of wants) work.lost.push({id: frame.members[member]!.id, why})
      return
    }
    const offsets = contentOffsets(frame)
    for (const {member, targets} of wants) {
      const {id, size} = frame.members[member]!
      let bytes: Buffer
      try {
        bytes = verified(id, content.subarray(offsets[member]!, offsets[member]! + size))
      } catch (error) {
        work.lost.push({id, why: damageWords(pack, error)})
        continue
      }
      work.write(bytes, targets)
    }
    freeBuffer(content)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** What is wrong with a pack, in words. Throws what is no damage but a bug. */
export function damageWords(pack: string, error: unknown): string {
  const code = errorCode(error)
  if (code === undefined && !(error instanceof BkError)) throw error
  return `pack ${pack} ${code === 'ENOENT' ? 'is missing' : reasonOf(error).replace(/^the pack /, '')}`
}
