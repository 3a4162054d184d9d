// What time it is, as an argument. Commands hand a clock to the library, which never looks at the system's by itself: a test tells
// it any time it likes, and what receive and rotate decide can be repeated.

/** Tells the time in nanoseconds since 1970, UTC. It may go backwards, as the system's does when somebody sets it. */
export interface Clock {
  now(): bigint
}

/** The machine's clock, to the millisecond (that is what JavaScript is told). */
export const systemClock: Clock = {now: () => BigInt(Date.now()) * 1_000_000n}

/** A clock for tests: stands at `start` and goes on by `step` with every look. */
export function fixedClock(start: bigint, step = 0n): Clock {
  let next = start
  return {
    now: () => {
      const now = next
      next += step
      return now
    },
  }
}

/** Whole seconds since 1970 and the nanoseconds after them; before 1970 the seconds are floored, as mtree and utimensat want it. */
export function splitTime(time: bigint): {readonly seconds: bigint; readonly nanoseconds: number} {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return {seconds: (time - nanoseconds) / 1_000_000_000n, nanoseconds: Number(nanoseconds)}
}
