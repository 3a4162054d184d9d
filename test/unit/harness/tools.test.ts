// tools/test and .ci/run must end in a verdict whatever breaks on the way, and tools/setup must install or name what is missing. They
// run in a directory where every other part is a stand-in of a line or two.

import {chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {root as repository, start} from '../../harness/bk.ts'
import type {Result, Running} from '../../harness/bk.ts'
import {until} from '../../harness/limits.ts'
import {tempDir} from '../../harness/temp.ts'

type Parts = Readonly<Record<string, string>>

/** A project of the real file and stand-ins, of which `parts` replaces some. */
function project(file: string, parts: Parts): string {
  const dir = tempDir('project')
  const standIns = {
    'tools/setup': 'echo setup',
    'tools/build': 'echo build',
    'tools/lint': 'echo lint',
    'tools/node': 'echo "7 0" >"$BK_TEST_COUNTS"; echo "$@"; [ -z "${NODE_ENV+set}" ] && echo no NODE_ENV',
    'bin/npm': 'echo "3 passed, 0 failed"',
    ...parts,
  }
  for (const [name, lines] of Object.entries(standIns)) {
    mkdirSync(dirname(join(dir, name)), {recursive: true})
    writeFileSync(join(dir, name), `#!/bin/sh\n${lines}\n`)
    chmodSync(join(dir, name), 0o755)
  }
  mkdirSync(dirname(join(dir, file)), {recursive: true})
  copyFileSync(join(repository, file), join(dir, file))
  mkdirSync(join(dir, 'tmp'))
  return dir
}

function lastLine({stdout}: Result): string | undefined {
  return stdout.toString().split('\n').at(-2)
}

describe('tools/test', () => {
  const run = (dir: string, args: string[] = []): Running => {
    return start('sh', [join(dir, 'tools/test'), ...args], {env: {TMPDIR: join(dir, 'tmp'), NODE_ENV: 'production'}})
  }
  const ended = (parts: Parts, args?: string[]): Promise<Result> => run(project('tools/test', parts), args).done

  test('prepares, runs vitest with the arguments, and says what came of it', async () => {
    const result = await ended({}, ['scripts', '-t', 'a b'])
    expect(result.status).toBe(0)
    const lines = ['setup', 'build', 'lint', 'node_modules/vitest/vitest.mjs run scripts -t a b', 'no NODE_ENV', '7 passed, 0 failed', '']
    expect(result.stdout.toString().split('\n')).toEqual(lines)
  })

  test.each<[string, Parts, string]>([
    ['a setup that fails', {'tools/setup': 'exit 1'}, '0 passed, 1 failed'],
    ['a build that fails', {'tools/build': 'exit 1'}, '0 passed, 1 failed'],
    ['lint that fails', {'tools/lint': 'exit 1'}, '7 passed, 1 failed'],
    ['tests that fail', {'tools/node': 'echo "7 2" >"$BK_TEST_COUNTS"; exit 1'}, '7 passed, 2 failed'],
    ['failures that vitest forgot', {'tools/node': 'echo "7 2" >"$BK_TEST_COUNTS"'}, '7 passed, 2 failed'],
    ['vitest that fails without a failed test', {'tools/node': 'echo "7 0" >"$BK_TEST_COUNTS"; exit 9'}, '7 passed, 1 failed'],
    ['vitest that dies', {'tools/node': 'kill -9 $$'}, '0 passed, 1 failed'],
    ['vitest that counts nothing', {'tools/node': 'exit 0'}, '0 passed, 1 failed'],
    ['no tests', {'tools/node': 'echo "0 0" >"$BK_TEST_COUNTS"'}, '0 passed, 1 failed'],
  ])('%s', async (_, parts, verdict) => {
    const result = await ended(parts)
    expect([result.status, lastLine(result)]).toEqual([1, verdict])
  })

  test('leaves nothing in the temporary directory, also when stopped', async () => {
    const dir = project('tools/test', {'tools/node': 'mkdir -p "$TMPDIR/a/b"; chmod 0 "$TMPDIR/a"; : >started; sleep 30'})
    const {child, pid, done} = run(dir)
    await until('the tests run', () => existsSync(join(dir, 'started')) || child.exitCode !== null)
    process.kill(-pid, 'SIGTERM')
    const result = await done
    expect([result.status, lastLine(result)]).toEqual([1, '0 passed, 1 failed'])
    expect(readdirSync(join(dir, 'tmp'))).toEqual([])
  })
})

describe('.ci/run', () => {
  const ended = (parts: Parts): Promise<Result> => {
    const dir = project('.ci/run', parts)
    return start(join(dir, '.ci/run'), [], {env: {PATH: `${join(dir, 'bin')}:/usr/bin:/bin`, TMPDIR: join(dir, 'tmp')}}).done
  }

  test('runs npm test with CI=true and no input', async () => {
    const result = await ended({'bin/npm': 'echo "$1 $CI"; cat; echo "3 passed, 0 failed"'})
    expect(result).toMatchObject({status: 0, stderr: ''})
    expect(result.stdout.toString().split('\n')).toEqual(['test true', '3 passed, 0 failed', '3 passed, 0 failed', ''])
  })

  test.each<[string, string, number, string]>([
    ['tests that fail, and npm which goes on talking', 'echo "3 passed, 2 failed"; echo npm error >&2; exit 1', 1, '3 passed, 2 failed'],
    ['npm that fails after all', 'echo "3 passed, 0 failed"; exit 4', 4, '0 passed, 1 failed'],
    ['no verdict', 'exit 0', 1, '0 passed, 1 failed'],
    ['nothing passed', 'echo "0 passed, 0 failed"', 1, '0 passed, 1 failed'],
    ['a verdict that is only part of a line', 'echo "x 3 passed, 0 failed"', 1, '0 passed, 1 failed'],
  ])('%s', async (_, npm, status, verdict) => {
    const result = await ended({'bin/npm': npm})
    expect([result.status, lastLine(result)]).toEqual([status, verdict])
  })
})

describe('tools/setup', () => {
  const wanted = ['sshd', 'bsdtar', 'mtree', 'zstd', 'age', 'getfattr', 'setfacl', 'faketime', 'tmux', 'rsync', 'strace', 'groff', 'shellcheck', 'systemd-analyze']
  const all = Object.fromEntries(wanted.map((name) => [`bin/${name}`, 'exit 0']))
  const {'bin/age': _age, 'bin/getfattr': _getfattr, ...some} = all

  // What is wanted is sought on a PATH of stand-ins alone.
  const ended = async (parts: Parts, env: Record<string, string> = {}): Promise<Result & {calls: string}> => {
    const dir = project('tools/setup', {'bin/id': 'echo 1000', ...parts})
    const result = await start('/bin/sh', ['tools/setup'], {cwd: dir, env: {PATH: join(dir, 'bin'), ...env}}).done
    const calls = existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8') : ''
    return {...result, calls}
  }
  const root = {'bin/id': 'echo 0'}
  const install = 'for name; do case $name in age) : >bin/age ;; attr) : >bin/getfattr ;; esac; done; /bin/chmod +x bin/*'

  test('says nothing when all is there', async () => {
    expect(await ended(all)).toMatchObject({status: 0, stderr: '', calls: ''})
  })

  test('names what is missing, which with CI=true is a failure', async () => {
    const said = 'setup: missing, and the tests that need it are skipped: age attr\n'
    expect(await ended(some)).toMatchObject({status: 0, stderr: said})
    expect(await ended(some, {CI: 'true'})).toMatchObject({status: 1, stderr: said})
    expect(await ended({...some, ...root}, {CI: 'true'})).toMatchObject({status: 1, stderr: expect.stringContaining(said)})
  })

  test('installs as root', async () => {
    const result = await ended({...some, ...root, 'bin/apt-get': `echo "$@" >>calls\n${install}`}, {CI: 'true'})
    expect(result).toMatchObject({status: 0, stderr: 'setup: installing age attr\n'})
    expect(result.calls).toMatch(/install .* age attr\n$/)
  })

  test('brings the lists up to date when installing fails', async () => {
    const stale = `echo "$@" >>calls\ncase $1 in update) : >updated; exit ;; esac\n[ -e updated ] || exit 100\n${install}`
    const result = await ended({...some, ...root, 'bin/apt-get': stale}, {CI: 'true'})
    expect(result.status).toBe(0)
    expect(result.calls).toMatch(/update -qq\ninstall .* age attr\n$/)
  })
})
