/*
 * Brings the results of jobs, which end in any order, into the order of the index. A rope is a chain of finished pieces
 * and of gaps, which are directories still to be gone through; a gap is replaced by what a job made of it and the smaller
 * gaps it left. Finished pieces leave at the front. Gaps are given out from the front too, so that what is waited for is
 * worked on first and what has to be kept stays small.
 */
import type {JobResult, SentFrame} from './job.ts'

type Link = {next: Link | undefined} & (
  | {readonly kind: 'done'; readonly result: JobResult}
  | {readonly kind: 'gap'; readonly frame: SentFrame}
  | {readonly kind: 'taken'}
)

/** Neighbouring gaps that were given out. */
export interface Taken {
  readonly frames: readonly SentFrame[]
  /** The chain's link that stands for them. */
  readonly link: unknown
}

export class Rope {
  /** Gaps that wait to be taken. */
  waiting: number
  /** Bytes of text that wait for something before them. */
  held = 0
  readonly #before: Link = {kind: 'taken', next: undefined}

  constructor(frames: readonly SentFrame[]) {
    this.waiting = frames.length
    this.#before.next = chain(frames, undefined)
  }

  get isEmpty(): boolean {
    return this.#before.next === undefined
  }

  /** Whether the first gap of all waits to be taken: nothing can leave before it is done. */
  get isFrontWaiting(): boolean {
    return this.#before.next?.kind === 'gap'
  }

  /** Takes up to `most` neighbouring gaps, the first that wait. */
  take(most: number): Taken | undefined {
    let before = this.#before
    while (before.next !== undefined && before.next.kind !== 'gap') before = before.next
    let link: Link | undefined = before.next
    const frames: SentFrame[] = []
    while (link?.kind === 'gap' && frames.length < most) {
      frames.push(link.frame)
      link = link.next
    }
    if (frames.length === 0) return undefined
    this.waiting -= frames.length
    before.next = {kind: 'taken', next: link}
    return {frames, link: before.next}
  }

  /** Puts a job's result in the place of what was taken. */
  put(taken: Taken, result: JobResult): void {
    const link = taken.link as Link
    const done: Link = {kind: 'done', result, next: chain(result.frames, link.next)}
    // The link before it holds on to this one, so it is turned into what replaces it.
    Object.assign(link, done)
    this.waiting += result.frames.length
    this.held += result.text.length
  }

  /** The first finished piece, if nothing stands before it. */
  shift(): JobResult | undefined {
    const first = this.#before.next
    if (first?.kind !== 'done') return undefined
    this.#before.next = first.next
    this.held -= first.result.text.length
    return first.result
  }
}

function chain(frames: readonly SentFrame[], next: Link | undefined): Link | undefined {
  return frames.reduceRight<Link | undefined>((rest, frame) => ({kind: 'gap', frame, next: rest}), next)
}
