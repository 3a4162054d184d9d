// How programs are run: status, streams, environment, and that nothing outlives its time.

import {existsSync} from 'node:fs'
import {expect, test} from 'vitest'
import {sh, start} from '../../harness/bk.ts'
import {until} from '../../harness/limits.ts'

test('answers status and streams', async () => {
  const result = await sh('cat; echo problem >&2; exit 3', {stdin: Buffer.from([0xff, 0x0a])})
  expect(result).toEqual({status: 3, signal: null, stdout: Buffer.from([0xff, 0x0a]), stderr: 'problem\n'})
})

test('answers a signal as a shell does', async () => {
  expect(await sh('kill -TERM $$')).toMatchObject({status: 143, signal: 'SIGTERM'})
})

test('a pipe has the status of its failing part', async () => {
  expect(await sh('exit 4 | cat')).toMatchObject({status: 4})
})

test('a program that does not read its input is no error', async () => {
  expect(await sh('exit 0', {stdin: Buffer.alloc(1_000_000)})).toMatchObject({status: 0})
})

test('the environment is ours alone', async () => {
  process.env['NOT_PINNED'] = 'x'
  const {stdout} = await sh('env | cut -d= -f1 | sort; umask', {env: {ADDED: 'y'}})
  const names = stdout.toString().split('\n')
  expect(names).toEqual(expect.arrayContaining(['ADDED', 'HOME', 'LC_ALL', 'PATH', 'TZ', 'XDG_STATE_HOME', '0022']))
  expect(names).not.toContain('NOT_PINNED')
  expect(names).not.toContain('NODE_ENV')
})

test('a program that takes too long is killed with all it started', async () => {
  const running = start('bash', ['-c', 'echo said >&2; sleep 100 & echo $! ; wait'], {timeout: 300})
  let child = ''
  running.child.stdout?.on('data', (bytes: Buffer) => (child += bytes.toString()))
  await expect(running.done).rejects.toThrow(/killed after 300 ms: bash -c [^]*said/)
  expect(child).toMatch(/^\d+\n$/)
  await until('the grandchild is gone', () => !existsSync(`/proc/${child.trim()}`))
})

test('a program that is not there is an error', async () => {
  await expect(start('no-such-program', []).done).rejects.toThrow('ENOENT')
})
