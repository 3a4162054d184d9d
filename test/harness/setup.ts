// Runs in each test process before its test file: pins the umask, and ends what the file's tests left behind (processes, mounts,
// directories) when the file is through, also when a test failed.

import {afterAll} from 'vitest'
import {cleanUp} from './cleanup.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** golden files are to be rewritten: `npm test -- -u` */
    update: boolean
  }
}

process.umask(0o022)

afterAll(cleanUp)
