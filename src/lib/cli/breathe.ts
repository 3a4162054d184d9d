/**
 * Lets the event loop turn. A filter that reads and writes regular files never has to wait for anything, so a long run
 * would go through without Ctrl-C, timers or a gone reader being noticed. Long synchronous work asks here now and then.
 */

/* Longest stretch without a turn, in milliseconds: Ctrl-C feels immediate, and the cost is nothing. */
const stretch = 50

/** Returns a function that gives a promise to wait for when it is time for a turn, and undefined otherwise. */
export function createBreather(): () => Promise<void> | undefined {
  // Date, because touching `performance` loads a module of Node's that nothing else needs.
  let last = Date.now()
  return () => {
    const now = Date.now()
    if (now - last < stretch) return undefined
    last = now
    return new Promise((resolve) => setImmediate(resolve))
  }
}
