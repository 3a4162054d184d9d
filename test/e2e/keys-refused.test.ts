// What a key cannot do that `bk keys restrict` has restricted, through a real sshd that allows all of it. Each attempt is made with two
// keys: with one that is not restricted it has to work, or the test would prove nothing.

import {chmodSync, existsSync, mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {connect} from 'node:net'
import {join} from 'node:path'
import {beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {bk, sh, start, startShell} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {freePort, until} from '../harness/limits.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {attemptsIn} from './attempts.ts'

let dir: string
let store: string
let sshd: Sshd
let before: ReadonlyMap<string, string>
const restricted = 'vault'
const free = 'free'
const run = (script: string, env: Readonly<Record<string, string>> = {}): Promise<Result> => sh(script, {cwd: dir, env: {...sshd.env, ...env}})

beforeAll(async () => {
  dir = tempDir('refused')
  store = join(dir, 'store')
  sshd = await startSshd({
    hosts: [restricted, free],
    serverConfig: ['X11Forwarding yes', 'PermitTunnel yes', 'GatewayPorts yes', 'AcceptEnv *', 'PermitUserEnvironment yes', 'AllowAgentForwarding yes', 'AllowStreamLocalForwarding yes'],
  })
  await bk(['init', '-q', store])
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/file'), 'content\n')
  sshd.authorize([await restrict(), `${sshd.publicKeys[free]}`])
  expect((await run(`bk index -C tree . | bk send -q | ssh ${restricted}`)).status).toBe(0)
  before = storeFiles(store)
})

beforeEach(() => {
  for (const name of ['stolen', 'planted', 'remote.sock']) rmSync(join(dir, name), {force: true})
})

async function restrict(...args: readonly string[]): Promise<string> {
  const {stdout} = await start('bk', ['keys', 'restrict', '--receive', store, '--set', 'web1', ...args], {stdin: `${sshd.publicKeys[restricted]}\n`}).done
  return stdout.toString().trimEnd()
}

describe.each(attemptsIn(() => dir, 'bk receive'))('$name', ({script, works}) => {
  const attempt = (host: string): Promise<Result> => run(script.replaceAll('HOST', host).replaceAll('PORT', String(sshd.port)))

  test('works without the restriction', async () => {
    expect(works(await attempt(free))).toBe(true)
  })

  test('fails with it, and the store is as before', async () => {
    const result = await attempt(restricted)
    expect(works(result)).toBe(false)
    expect(result.status).not.toBe(0)
    expect(storeFiles(store)).toEqual(before)
  })
})

// A forced command of one's own looks around: what it can be given is what bk could be given.
describe('around the command', () => {
  const spied: readonly (readonly [name: string, options: string, found: RegExp])[] = [
    ['an agent', '-A -o IdentityAgent=$SSH_AUTH_SOCK', /^SSH_AUTH_SOCK=/m],
    ['a display (-X)', '-X', /^DISPLAY=/m],
    ['a display, trusted (-Y)', '-Y', /^DISPLAY=/m],
  ]
  const shown = async (options: string): Promise<string> => {
    const env = {DISPLAY: ':7', XAUTHORITY: join(dir, 'xauth'), SSH_AUTH_SOCK: join(dir, 'agent')}
    return (await run(`ssh ${options} ${restricted} </dev/null`, env)).stdout.toString().replaceAll('\r', '')
  }
  let line: string

  beforeAll(async () => {
    // Called as bk is, so that the options are those of bk's own line.
    mkdirSync(join(dir, 'spy'))
    writeFileSync(join(dir, 'spy/bk'), '#!/bin/sh\nenv\n')
    chmodSync(join(dir, 'spy/bk'), 0o755)
    line = (await restrict()).replace(/'[^']*\/bin\/bk'/, `'${join(dir, 'spy/bk')}'`)
    expect(line).toContain('spy')
    start('ssh-agent', ['-D', '-a', join(dir, 'agent')])
    await until('the agent is there', () => existsSync(join(dir, 'agent')))
    await run('xauth -q -f xauth add :7 . 00112233445566778899aabbccddeeff')
    return async () => sshd.authorize([await restrict(), `${sshd.publicKeys[free]}`])
  })

  test.each(spied)('%s is there without the restriction, and not with it', async (_name, options, found) => {
    sshd.authorize([line.replace('restrict,', '')])
    expect(await shown(options)).toMatch(found)
    sshd.authorize([line])
    const seen = await shown(options)
    expect(seen).toMatch(/^SSH_CONNECTION=/m)
    expect(seen).not.toMatch(found)
  })

  test('a terminal is there without the restriction; with it ssh gives up', async () => {
    sshd.authorize([line.replace('restrict,', '')])
    expect(await shown('-tt')).toMatch(/^SSH_TTY=/m)
    sshd.authorize([line])
    expect(await run(`ssh -tt ${restricted} </dev/null`)).toMatchObject({status: 255, stdout: Buffer.alloc(0), stderr: expect.stringContaining('PTY allocation request failed')})
  })
})

describe('a tunnel', () => {
  /** What comes out of a tunnel to sshd itself: its greeting, or nothing. */
  async function greeting(host: string, options: string, port: number, hello: Buffer): Promise<string> {
    const ssh = startShell(`ssh -N ${options} ${host}`, {env: sshd.env})
    const socket = await until('the port of the tunnel is open', () =>
      new Promise<ReturnType<typeof connect> | null>((resolve) => {
        const attempt = connect(port, '127.0.0.1', () => resolve(attempt))
        attempt.on('error', () => resolve(null))
      }),
    )
    let got = ''
    const ended = new Promise<void>((resolve) => {
      socket.on('data', (bytes: Buffer) => {
        got += bytes.toString('latin1')
        if (got.includes('SSH-2.0')) resolve()
      })
      socket.on('close', () => resolve())
    })
    socket.write(hello)
    await ended
    socket.destroy()
    ssh.kill()
    return got
  }

  test.each<[string, (port: number) => string, (port: number) => Buffer]>([
    ['-L', (port) => `-L 127.0.0.1:${port}:127.0.0.1:${sshd.port}`, () => Buffer.alloc(0)],
    // SOCKS 4: connect to a port at 127.0.0.1
    ['-D', (port) => `-D 127.0.0.1:${port}`, () => Buffer.from([4, 1, sshd.port >> 8, sshd.port & 255, 127, 0, 0, 1, 0])],
  ])('%s leads nowhere', async (_name, options, hello) => {
    for (const host of [free, restricted]) {
      const port = await freePort()
      const got = await greeting(host, options(port), port, hello(port))
      expect(got.includes('SSH-2.0'), host).toBe(host === free)
    }
    expect(storeFiles(store)).toEqual(before)
  })
})

describe('what is asked for', () => {
  test.each([
    'sh', 'bk', 'receive', 'bk receive --set other', "bk receive --set 'x' -- '/s'", 'bk receive store', 'bk  receive', 'bk receive ', ' bk receive', 'BK RECEIVE', 'bk browse', 'bk offer', 'bk forced', 'bk log store',
    'bk restore store --to /', 'bk keys list', '/bin/bk receive', 'bk receive;id', 'bk receive&&id', 'bk receive|id', 'bk receive\nbk log', 'bk receive\t', '-c', '--', '*', '$(id)', '`id`', 'internal-sftp',
    'bk rec\u0435ive', '\x1b]0;title\x07', 'x'.repeat(5000),
  ])('%j is refused in one line', async (command) => {
    const {status, stdout, stderr} = await run(`ssh ${restricted} -- "$ASKED" </dev/null`, {ASKED: command})
    expect({status, stdout: stdout.toString()}).toEqual({status: 77, stdout: ''})
    expect(stderr).toMatch(/^bk forced: refused command: [^\n\x1b\x07]{1,260}\n$/)
    expect(storeFiles(store)).toEqual(before)
  })

  test('without a command receive runs, and reads nothing from the command line', async () => {
    expect(await run(`ssh ${restricted} </dev/null`)).toMatchObject({status: 65, stderr: 'bk receive: the stream is cut off\n'})
    expect(await run(`ssh ${restricted} bk receive </dev/null`)).toMatchObject({status: 65, stderr: 'bk receive: the stream is cut off\n'})
    expect(storeFiles(store)).toEqual(before)
  })
})

// Which variables come in is for sshd_config to say (AcceptEnv), and no option of a key can forbid it. By default they are none, or the
// locale.
describe('variables of the client', () => {
  test.each(['LC_ALL=tr_TR.UTF-8', 'LANG=C\nx', 'LC_TIME=../../etc', 'LC_EVIL=$(id)', 'TZ=:/etc/passwd', 'COLUMNS=1', 'NO_COLOR='])('%j changes nothing', async (variable) => {
    const {status, stdout, stderr} = await run(`ssh -o "SetEnv=$VARIABLE" ${restricted} bk receive </dev/null`, {VARIABLE: variable})
    expect({status, stdout: stdout.toString(), stderr}).toEqual({status: 65, stdout: '', stderr: 'bk receive: the stream is cut off\n'})
  })

  test('SSH_ORIGINAL_COMMAND is what sshd says', async () => {
    expect(await run(`ssh -o SetEnv='"SSH_ORIGINAL_COMMAND=bk receive"' ${restricted} id </dev/null`)).toMatchObject({status: 77, stderr: 'bk forced: refused command: id\n'})
  })
})

test('a misspelt option shuts the key out: the tests above would see it', async () => {
  const line = await restrict()
  sshd.authorize([line.replace('restrict', 'restrickt')])
  expect(await run(`ssh ${restricted} </dev/null`)).toMatchObject({status: 255, stderr: expect.stringContaining('Permission denied')})
  writeFileSync(join(dir, 'misspelt'), `${line.replace('restrict', 'restrickt')}\n`)
  expect(await run('ssh-keygen -l -f misspelt')).toMatchObject({status: 0})
})
