// Things a test must not leave behind, whatever happens to it. test/harness/setup.ts runs the list at the end of each test file;
// what escapes even that (a killed test process) lies below TMPDIR, which tools/test removes.

type Cleanup = () => void | Promise<void>

const cleanups: Cleanup[] = []

/** Remembers what to undo at the end of the test file; last come, first undone. The answer is a function that forgets it again. */
export function atEnd(cleanup: Cleanup): () => void {
  cleanups.push(cleanup)
  return () => {
    const place = cleanups.indexOf(cleanup)
    if (place >= 0) cleanups.splice(place, 1)
  }
}

/** Undoes everything; goes on after an error and throws them all together at the end. */
export async function cleanUp(): Promise<void> {
  const errors: unknown[] = []
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) {
    try {
      await cleanup()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `clean-up after the tests failed: ${errors.join('; ')}`)
}
