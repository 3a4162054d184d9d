/**
 * What must be undone when the process is told to die: temporary files, above all. Whoever makes one registers its
 * removal here and takes it back when done. SIGINT, SIGTERM and SIGHUP are listened to only while something is
 * registered, so that at all other times a busy process dies of them at once; afterwards the process dies of that very
 * signal, which is what a shell wants to see. A kill -9 runs nothing, so nothing may depend on this.
 * Only for the main thread: workers get no signals.
 */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const registered = new Set<(signal?: NodeJS.Signals) => void>()

/**
 * Registers a synchronous function to run when the process is interrupted, which is told by what: no signal when it ends for another reason.
 * Returns the function that takes the registration back, to be called once the thing is finished or removed.
 */
export function onInterrupt(undo: (signal?: NodeJS.Signals) => void): () => void {
  // A wrapper of its own, so that the same function registered twice is two registrations.
  const entry = (signal?: NodeJS.Signals): void => undo(signal)
  if (registered.size === 0) for (const signal of signals) process.on(signal, die)
  registered.add(entry)
  return () => {
    registered.delete(entry)
    if (registered.size === 0) stopListening()
  }
}

/** Runs every registered function once, the newest first. One that throws does not keep the others from running. */
export function runCleanups(signal?: NodeJS.Signals): void {
  const pending = [...registered].reverse()
  registered.clear()
  stopListening()
  for (const undo of pending) {
    try {
      undo(signal)
    } catch {
      // The process is dying: what cannot be removed now is found by the next run.
    }
  }
}

function stopListening(): void {
  for (const signal of signals) process.off(signal, die)
}

/* The listeners are gone before the clean-up begins: a second Ctrl-C ends it at once. */
function die(signal: NodeJS.Signals): void {
  runCleanups(signal)
  process.kill(process.pid, signal)
}
