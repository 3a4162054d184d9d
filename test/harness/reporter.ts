// Counts what vitest ran and decides the exit status, because vitest alone ends with 0 when every test was skipped. What counts as
// failed: a failed test, one that never ran, a suite or file that broke outside its tests, an unhandled error, a run without any
// test, and with CI=true each skipped test. Without CI skipped tests are named in one line.

import {writeFileSync} from 'node:fs'
import type {Reporter, SerializedError, TestModule, Vitest} from 'vitest/node'

export type Counts = {readonly passed: number, readonly failed: number, readonly skipped: readonly string[]}

/**
 * The reporter for vitest's `reporters`.
 * @param env CI=true makes skips failures; BK_TEST_COUNTS names the file that gets `PASSED FAILED`
 */
export function countingReporter(env: Readonly<Record<string, string | undefined>>): Reporter {
  let vitest: Vitest
  return {
    onInit(started) {
      vitest = started
    },
    onTestRunEnd(modules, unhandled) {
      const strict = env['CI'] === 'true'
      const {passed, failed, skipped} = count(modules, unhandled, vitest.getGlobalTestNamePattern())
      if (skipped.length > 0) process.stdout.write(`skipped: ${skipped.join('; ')}\n`)
      const failures = Math.max(failed + (strict ? skipped.length : 0), passed === 0 ? 1 : 0)
      if (failures > 0) process.exitCode = 1
      if (env['BK_TEST_COUNTS']) writeFileSync(env['BK_TEST_COUNTS'], `${passed} ${failures}\n`)
    },
  }
}

function count(modules: readonly TestModule[], unhandled: readonly SerializedError[], pattern: RegExp | undefined): Counts {
  let passed = 0
  let failed = unhandled.length
  const skipped: string[] = []
  for (const module of modules) {
    failed += module.errors().length
    for (const suite of module.children.allSuites()) failed += suite.errors().length
    for (const test of module.children.allTests()) {
      // What -t leaves out is skipped for vitest too, and nothing to speak of here.
      if (pattern !== undefined && !pattern.test(test.fullName)) continue
      const {state} = test.result()
      if (state === 'passed') passed++
      else if (state === 'skipped') skipped.push(`${module.relativeModuleId}: ${test.fullName}`)
      else failed++
    }
  }
  return {passed, failed, skipped}
}
