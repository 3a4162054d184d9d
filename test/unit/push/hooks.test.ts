// The commands around a push: what they get, where their words go, and how they end.

import {spawnSync} from 'node:child_process'
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {ownVariables} from '../../../src/lib/cli/config.ts'
import {outcomeVariables, runHook, runHookNow, type HookEnd} from '../../../src/lib/push/hooks.ts'
import {bk, root, start} from '../../harness/bk.ts'
import {isRunning} from '../../harness/processes.ts'
import {tempDir} from '../../harness/temp.ts'

const env = {PATH: '/usr/bin:/bin'}
const hooks = join(root, 'src/lib/push/hooks.ts')

/* A process that runs a hook, since its streams are those of the process. */
function script(run: string): string[] {
  return ['--input-type=module', '-e', `const {runHook, runHookNow} = await import('${hooks}'); ${run}`]
}

describe.for<[name: string, run: (command: string, env: NodeJS.ProcessEnv) => HookEnd | Promise<HookEnd>]>([
  ['runHook', runHook],
  ['runHookNow', runHookNow],
])('%s', ([name, run]) => {
  it.for<[command: string, end: HookEnd]>([
    ['true', {status: 0, signal: null}],
    ['exit 7', {status: 7, signal: null}],
    ['no-such-program 2>/dev/null', {status: 127, signal: null}],
    ['kill -TERM $$', {status: 143, signal: 'SIGTERM'}],
    ['test "$A$B" = "1 2"', {status: 0, signal: null}],
    ['false | true && ! [ -t 0 ] && ! read line', {status: 0, signal: null}],
  ])('%s', async ([command, end]) => {
    expect(await run(command, {...env, A: '1', B: ' 2'})).toEqual(end)
  })

  it('reads nothing, and writes to standard error alone', () => {
    const {stdout, stderr} = spawnSync(process.execPath, script(`await ${name}('cat; echo out; echo err >&2', process.env); console.log('record')`), {input: 'in', encoding: 'utf8'})
    expect({stdout, stderr}).toEqual({stdout: 'record\n', stderr: 'out\nerr\n'})
  })

  it('gives no variable but those it is given', async () => {
    const file = join(tempDir('hook'), 'env')
    await run(`env >'${file}'`, {...env, BK_STATUS: '0', HOLE: undefined})
    expect(readFileSync(file, 'utf8').split('\n').filter((line) => !/^(?:PWD|SHLVL|OLDPWD|_)=/.test(line)).sort()).toEqual(['', 'BK_STATUS=0', 'PATH=/usr/bin:/bin'])
  })

  it('says so when no shell can be started', async () => {
    const long = {...env, LONG: 'x'.repeat(2 ** 22)}
    await expect((async () => run('true', long))()).rejects.toMatchObject({name: 'BkError', message: 'cannot run /bin/sh: argument list too long', status: 2})
  })
})

it('an interrupt from the terminal reaches the hook, too', async () => {
  const pidFile = join(tempDir('hook'), 'pid')
  const running = start(process.execPath, script(`await runHook('echo $$ >"${pidFile}"; exec sleep 60', process.env)`))
  let pid = 0
  for (let waited = 0; waited < 20_000 && pid === 0; waited += 50) {
    await new Promise((done) => setTimeout(done, 50))
    try {
      pid = Number(readFileSync(pidFile, 'utf8'))
    } catch {
      // not yet
    }
  }
  expect(isRunning(pid)).toBe(true)
  // What a terminal does: the signal goes to the whole group.
  process.kill(-running.pid, 'SIGINT')
  expect((await running.done).signal).toBe('SIGINT')
  for (let waited = 0; waited < 5000 && isRunning(pid); waited += 50) await new Promise((done) => setTimeout(done, 50))
  expect(isRunning(pid)).toBe(false)
})

describe('what the hook after a push learns', () => {
  it('is status, answer and error, a line each', () => {
    expect(outcomeVariables({status: 3, answer: 'committed 18 abc', error: ''})).toEqual({BK_STATUS: '3', BK_ANSWER: 'committed 18 abc', BK_ERROR: ''})
    expect(outcomeVariables({status: 2, answer: '', error: 'cannot read a\nb'}).BK_ERROR).toBe('cannot read a\\012b')
  })

  it('is no configuration for a bk that it runs', async () => {
    const variables = outcomeVariables({status: 2, answer: 'committed 18 abc', error: 'cannot read x'})
    expect(ownVariables).toEqual(expect.arrayContaining(Object.keys(variables)))
    const dir = tempDir('hook')
    mkdirSync(join(dir, 'src'))
    writeFileSync(join(dir, 'src/a'), 'a')
    const plain = await bk(['index', '-v', '-C', dir, 'src'])
    const hooked = await bk(['index', '-v', '-C', dir, 'src'], {env: variables})
    expect({status: hooked.status, stdout: hooked.stdout, stderr: hooked.stderr}).toEqual({status: plain.status, stdout: plain.stdout, stderr: plain.stderr})
  })
})
