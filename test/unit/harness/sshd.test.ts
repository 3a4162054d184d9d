// The test's own sshd: logins, forced commands, what they find around them, and that it ends.

import {spawnSync} from 'node:child_process'
import {join} from 'node:path'
import {beforeAll, expect, test} from 'vitest'
import {root, sh, start} from '../../harness/bk.ts'
import {until} from '../../harness/limits.ts'
import {startSshd} from '../../harness/sshd.ts'
import type {Sshd} from '../../harness/sshd.ts'

let sshd: Sshd

beforeAll(async () => {
  sshd = await startSshd({hosts: ['vault', 'stranger']})
  sshd.authorize([
    `restrict,command="printf '%s\\n' \\"$SSH_ORIGINAL_COMMAND\\" \\"$HOME\\" \\"$TZ\\" \\"$PATH\\"; cat" ${sshd.publicKeys['vault']}`,
  ])
})

test('a forced command runs with its own surroundings', async () => {
  const {status, stdout, stderr} = await sh('echo input | ssh vault bk receive', {env: sshd.env})
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const [command, home, zone, path, input] = stdout.toString().split('\n')
  expect([command, home, zone, input]).toEqual(['bk receive', join(sshd.home, 'home'), 'UTC', 'input'])
  expect(path).not.toContain(root)
})

test('a key that is not authorized gets nothing', async () => {
  const {status, stderr} = await sh('ssh stranger true', {env: sshd.env})
  expect(stderr).toMatch(/Permission denied/)
  expect(status).toBe(255)
})

test('keys can be changed at any time', async () => {
  const other = await startSshd()
  expect(await sh('ssh vault true', {env: other.env})).toMatchObject({status: 255})
  other.authorize([`restrict ${other.publicKeys['vault']}`])
  expect(await sh('ssh vault "exit 7"', {env: other.env})).toMatchObject({status: 7})
  other.stop()
  await until('sshd is gone', async () => (await sh('ssh vault true', {env: other.env})).stderr.includes('refused'))
})

test('another host key is refused', async () => {
  const {status, stderr} = await sh(`ssh -o UserKnownHostsFile=/dev/null vault true`, {env: sshd.env})
  expect(stderr).toMatch(/Host key verification failed/)
  expect(status).toBe(255)
})

test('sftp works', async () => {
  const other = await startSshd()
  other.authorize([`restrict ${other.publicKeys['vault']}`])
  const {status, stdout} = await sh("sftp -q -b - vault <<<'ls /etc/passwd'", {env: other.env})
  expect(status).toBe(0)
  expect(stdout.toString()).toContain('/etc/passwd')
})

test('sshd ends when the test process is killed', async () => {
  const script = `
    const {startSshd} = await import(${JSON.stringify(join(root, 'test/harness/sshd.ts'))})
    console.log((await startSshd()).port)
    setInterval(() => {}, 1000)
  `
  const {child, pid} = start(process.execPath, ['--input-type=module', '-e', script])
  let port = ''
  child.stdout?.on('data', (bytes: Buffer) => (port += bytes.toString()))
  await until('sshd has started', () => port.endsWith('\n'))
  const listening = (): boolean => spawnSync('bash', ['-c', `: </dev/tcp/127.0.0.1/${port.trim()}`]).status === 0
  expect(listening()).toBe(true)
  process.kill(pid, 'SIGKILL')
  await until('sshd is gone', () => !listening())
})
