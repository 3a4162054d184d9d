/*
 * Brings the results of jobs, which end in any order, into the order of the index. A rope is a chain of finished pieces
 * and of gaps, which are directories still to be gone through; a gap is replaced by what a job made of it and the smaller
 * gaps it left. Finished pieces leave at the front. Gaps are given out from the front too, so that what is waited for is
 * worked on first and what has to be kept stays small.
 */
import type {JobResult, SentFrame} from './job.ts'

/* A link is a gap while it has a frame, taken while it has neither, and done once it has a result. */
interface Link {
  frame: SentFrame | undefined
  result: JobResult | undefined
  next: Link | undefined
}

/** Neighbouring gaps that were given out. */
export interface Taken {
  readonly frames: readonly SentFrame[]
  /** The chain's link that stands for them. */
  readonly link: object
}

export class Rope {
  /** Gaps that wait to be taken. */
  waiting: number
  /** Bytes of text that wait for something before them. */
  held = 0
  readonly #before: Link = {frame: undefined, result: undefined, next: undefined}

  constructor(frames: readonly SentFrame[]) {
    this.waiting = frames.length
    this.#before.next = chain(frames, undefined)
  }

  get isEmpty(): boolean {
    return this.#before.next === undefined
  }

  /** Whether the first gap of all waits to be taken: nothing can leave before it is done. */
  get isFrontWaiting(): boolean {
    return this.#before.next?.frame !== undefined
  }

  /** Takes up to `most` neighbouring gaps, the first that wait. */
  take(most: number): Taken | undefined {
    let before = this.#before
    while (before.next !== undefined && before.next.frame === undefined) before = before.next
    let next = before.next
    const frames: SentFrame[] = []
    while (next?.frame !== undefined && frames.length < most) {
      frames.push(next.frame)
      next = next.next
    }
    if (frames.length === 0) return undefined
    this.waiting -= frames.length
    before.next = {frame: undefined, result: undefined, next}
    return {frames, link: before.next}
  }

  /** Puts a job's result in the place of what was taken. */
  put(taken: Taken, result: JobResult): void {
    const link = taken.link as Link
    link.result = result
    link.next = chain(result.frames, link.next)
    this.waiting += result.frames.length
    this.held += result.text.length
  }

  /** The first finished piece, if nothing stands before it. */
  shift(): JobResult | undefined {
    const first = this.#before.next
    if (first?.result === undefined) return undefined
    this.#before.next = first.next
    this.held -= first.result.text.length
    return first.result
  }
}

function chain(frames: readonly SentFrame[], next: Link | undefined): Link | undefined {
  return frames.reduceRight<Link | undefined>((rest, frame) => ({frame, result: undefined, next: rest}), next)
}
