// How the tests run: two processes at a time, each with the umask and the clean-up of test/harness/setup.ts; a skip or an empty run
// is never a silent success (test/harness/reporter.ts). `npm test -- -u` reaches the scripts as `inject('update')`.

import {defineConfig} from 'vitest/config'
import {countingReporter} from './test/harness/reporter.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'plugins/*/test/**/*.test.ts'],
    setupFiles: ['test/harness/setup.ts'],
    reporters: ['default', countingReporter(process.env)],
    provide: {update: process.argv.includes('-u') || process.argv.includes('--update')},
    pool: 'forks',
    maxWorkers: 2,
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
