// The counts that decide whether `npm test` has passed. Each case is a little project in which vitest runs with our reporter; what
// vitest alone would let pass (skips, an empty choice) must be seen.

import {mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {root, start} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'

type Verdict = {readonly status: number; readonly counts: string; readonly stdout: string}

async function verdict(code: string, {strict = false, args = []}: {strict?: boolean; args?: string[]} = {}): Promise<Verdict> {
  const cwd = tempDir('vitest')
  symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules'))
  writeFileSync(join(cwd, 'package.json'), '{"type": "module"}')
  writeFileSync(join(cwd, 'vitest.config.ts'), `
    import {countingReporter} from ${JSON.stringify(join(root, 'test/harness/reporter.ts'))}
    export default {test: {reporters: ['default', countingReporter(process.env)], maxWorkers: 1}}
  `)
  mkdirSync(join(cwd, 'test'))
  writeFileSync(join(cwd, 'test/case.test.ts'), `import {beforeAll, describe, expect, test} from 'vitest'\n${code}`)
  const env = {BK_TEST_COUNTS: join(cwd, 'counts'), NO_COLOR: '1', ...(strict ? {CI: 'true'} : {})}
  const {status, stdout} = await start(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {cwd, env}).done
  return {status, counts: readFileSync(join(cwd, 'counts'), 'utf8').trim(), stdout: stdout.toString()}
}

const pass = "test('passes', () => { expect(1).toBe(1) })\n"

test.concurrent.each<[string, string, string]>([
  ['tests that pass', pass + pass.replace('passes', 'too'), '2 0'],
  ['a test that fails', `${pass}test('fails', () => { expect(1).toBe(2) })`, '1 1'],
  ['a file that cannot be read', `${pass}syntax error`, '0 1'],
  ['a file that throws', `${pass}throw new Error('early')`, '0 1'],
  ['an error nobody handles', `${pass}${pass.replace('expect', "Promise.reject(new Error('lost')); expect")}`, '2 1'],
  ['no test at all', '', '0 1'],
])('%s', async (_, code, counts) => {
  const {status, counts: got} = await verdict(code)
  expect({status, counts: got}).toEqual({status: counts.endsWith(' 0') ? 0 : 1, counts})
})

test('a suite that cannot be set up', async () => {
  const suite = "describe('s', () => { beforeAll(() => { throw new Error('no') }); test('a', () => {}) })"
  const {status, counts} = await verdict(`${pass}${suite}`)
  expect(status).toBe(1)
  expect(counts).toMatch(/^1 [12]$/)
})

const skips = `${pass}
  test.skip('later', () => {})
  describe('s', () => { test('here', ({skip}) => skip('needs a moon')) })
  test.todo('some day')
`

test('skips are named, and pass', async () => {
  const {status, counts, stdout} = await verdict(skips)
  expect({status, counts}).toEqual({status: 0, counts: '1 0'})
  expect(stdout).toContain('skipped: test/case.test.ts: later; test/case.test.ts: s > here; test/case.test.ts: some day\n')
})

test('with CI=true skips are failures', async () => {
  const {status, counts, stdout} = await verdict(skips, {strict: true})
  expect({status, counts}).toEqual({status: 1, counts: '1 3'})
  expect(stdout).toContain('skipped: test/case.test.ts: later;')
})

test('nothing but skips is a failure', async () => {
  expect(await verdict("test.skip('later', () => {})")).toMatchObject({status: 1, counts: '0 1'})
})

test('what -t leaves out is no skip', async () => {
  const code = "describe('outer', () => { test('wanted', () => {}) })\ntest('other', () => {})"
  const chosen = await verdict(code, {strict: true, args: ['-t', 'outer > wanted']})
  expect(chosen).toMatchObject({status: 0, counts: '1 0'})
  expect(chosen.stdout).not.toContain('skipped:')
})

test('a choice of nothing is a failure', async () => {
  expect(await verdict(pass, {args: ['-t', 'no such test']})).toMatchObject({status: 1, counts: '0 1'})
})
