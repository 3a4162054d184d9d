/**
 * How fast it goes now. A mean since the start would go on praising a line that has stopped, and the last second alone jumps with
 * every file: the rate is what came in the last seconds, however many it takes to have seen some steps. Pure: the clock is an argument.
 */

export type Rate = {
  /** So many bytes have been done by now. Time in milliseconds. */
  add(now: number, bytes: number): void
  /** Bytes a second over the last `span` milliseconds; 0 when nothing moves. */
  at(now: number, span: number): number
  /** Forgets everything: another kind of work begins. */
  reset(): void
}

type Sample = {readonly time: number; readonly bytes: number}

/* Steps closer than this are one: ten files in a millisecond are no ten measurements. */
const thin = 250
/* Steps to look back at least: where content comes in large pieces over a slow line there are none at all in most seconds. */
const steps = 3
const kept = 240
/* Nothing for so long, and for twice as long as the last steps took: it has stopped. */
const patience = 10_000

export function createRate(): Rate {
  let samples: Sample[] = []
  let last: Sample | undefined
  return {
    add(now, bytes) {
      if (last !== undefined && bytes === last.bytes) return
      if (last !== undefined && bytes < last.bytes) samples = []
      last = {time: now, bytes}
      const before = samples.at(-1)
      if (before !== undefined && now - before.time < thin) return
      samples.push(last)
      if (samples.length > kept) samples.splice(0, kept / 2)
    },
    at(now, span) {
      if (last === undefined) return 0
      let from = Math.max(0, samples.length - 1 - steps)
      while (from > 0 && samples[from]!.time > now - span) from--
      const first = samples[from]!
      const idle = now - last.time
      if (now <= first.time || (idle > patience && idle > 2 * (last.time - first.time))) return 0
      return ((last.bytes - first.bytes) * 1000) / (now - first.time)
    },
    reset() {
      samples = []
      last = undefined
    },
  }
}
