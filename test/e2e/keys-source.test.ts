// What `bk keys restrict --source` prints, proved by logins through a real sshd: the key gets the tree and nothing else, and each other
// thing that somebody may try works with a key that is not restricted.

import {chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {bk, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {until} from '../harness/limits.ts'
import {readStore} from '../harness/read-store.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {attemptsIn} from './attempts.ts'

let dir: string
let sshd: Sshd
const free = 'free'
const sources = ['web1', 'web2', 'db1']
const run = (script: string, env: Readonly<Record<string, string>> = {}): Promise<Result> => sh(script, {cwd: dir, env: {...sshd.env, ...env}})
const tree = (): string => join(dir, 'tree')

/** What restrict prints for a key, as it stands in authorized_keys. */
async function restrict(args: readonly string[], host = 'web1'): Promise<string> {
  const {status, stdout, stderr} = await start('bk', ['keys', 'restrict', ...args], {stdin: `${sshd.publicKeys[host]}\n`, cwd: dir}).done
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return String(stdout).replace(/\n$/, '')
}

async function pulled(store = 'store', host = 'web1'): Promise<string> {
  const {status, stderr} = await run(`bk pull -q ssh://${host} ${store}`)
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return readStore(join(dir, store)).snapshots.at(-1)!.index
}

beforeAll(async () => {
  dir = tempDir('source')
  sshd = await startSshd({
    hosts: [...sources, free],
    serverConfig: ['X11Forwarding yes', 'PermitTunnel yes', 'GatewayPorts yes', 'AcceptEnv *', 'PermitUserEnvironment yes', 'AllowAgentForwarding yes', 'AllowStreamLocalForwarding yes'],
  })
  mkdirSync(tree())
  writeFileSync(join(dir, 'tree/file'), 'content\n')
  writeFileSync(join(dir, 'outside'), 'outside\n')
  expect((await run('bk init -q store')).status).toBe(0)
})

beforeEach(() => {
  for (const name of ['stolen', 'planted', 'remote.sock']) rmSync(join(dir, name), {force: true})
})

describe('a directory', () => {
  test.each([
    'with blanks', "it's", '"', 'say "hi"', 'back\\slash', 'ends\\', '$HOME', '`id`', '$(id)', '*?[a]', '~', 'a;b&c|d', '#hash', '-dash', '--source', 'tab\there', '\u00fcber', '%h%u', '\x1b[2J', "'; id; '", 'a:b',
  ])('%j', async (name) => {
    const odd = join(dir, 'odd', name)
    mkdirSync(odd, {recursive: true})
    writeFileSync(join(odd, 'inside'), `${name}\n`)
    const line = await restrict([`--source=${odd}`])
    sshd.authorize([line])
    expect(await pulled()).toMatch(/^\.\/\S*\/odd\/\S+\/inside type=file /m)
    writeFileSync(join(dir, 'lines'), `${line}\n`)
    const listed = await run('bk keys list --json lines')
    expect(JSON.parse(String(listed.stdout))).toMatchObject({source: odd, command: ['--source', odd]})
  })

  test('is without links, and only what is below it goes', async () => {
    symlinkSync('tree', join(dir, 'link'))
    symlinkSync('../outside', join(dir, 'tree/out'))
    const line = await restrict(['--source', join(dir, 'link')])
    expect(line).toContain(`'--source' '${tree()}'`)
    sshd.authorize([line])
    const paths = (await pulled()).split('\n').filter((each) => each.includes(dir)).map((each) => each.split(' ')[0])
    expect(paths).toEqual([`.${dir}`, `.${tree()}`, `.${tree()}/file`, `.${tree()}/out`])
    rmSync(join(dir, 'tree/out'))
  })

  test.each([
    ['relative', ['--source', 'tree'], 64, /--source: not an absolute path: tree\nbk keys restrict: hint: /],
    ['not there', ['--source', '/nowhere/at/all'], 2, /cannot use \/nowhere\/at\/all: no such file or directory\n/],
    ['a file', ['--source', '/etc/passwd'], 2, /cannot use \/etc\/passwd: not a directory\n/],
    ['on another machine', ['--source', 'host:/srv'], 64, /--source: not an absolute path: host:\/srv\n/],
    ['with a limit, which it has none of', ['--source', '/etc', '--quota', '1G'], 64, /--quota goes with --receive\n/],
    ['with a set', ['--source', '/etc', '--set', 'x'], 64, /--set/],
    ['nothing', [], 64, /nothing is granted\nbk keys restrict: hint: .*--source DIR/],
  ])('%s is an error', async (_name, args, status, words) => {
    const result = await bk(['keys', 'restrict', ...args], {stdin: `${sshd.publicKeys['web1']}\n`, cwd: dir})
    expect({status: result.status, stdout: String(result.stdout), stderr: result.stderr}).toEqual({status, stdout: '', stderr: expect.stringMatching(words)})
  })

  test('with a newline is refused', async () => {
    mkdirSync(join(dir, 'new\nline'))
    expect(await bk(['keys', 'restrict', '--source', join(dir, 'new\nline')], {stdin: `${sshd.publicKeys['web1']}\n`})).toMatchObject({status: 2, stderr: expect.stringContaining('a path with a newline cannot stand in authorized_keys\n')})
  })
})

describe('beside other grants', () => {
  const all = ['--source', '--receive', '--browse'] as const
  const grants = (...words: readonly (typeof all)[number][]): string[] => words.flatMap((word) => [word, word === '--source' ? tree() : join(dir, 'store'), ...(word === '--receive' ? ['--set', 'pushed'] : [])])

  test('each by its name; by none receive before browse before offer', async () => {
    sshd.authorize([await restrict(grants('--source'))])
    expect(String((await run('ssh web1 </dev/null')).stdout)).toBe('bk 1\n')
    sshd.authorize([await restrict(grants('--source', '--receive'))])
    expect(await run('ssh web1 </dev/null')).toMatchObject({status: 65, stderr: 'bk receive: the stream is cut off\n'})
    await pulled()
    expect((await run('bk push -q tree web1:')).status).toBe(0)
    expect(readStore(join(dir, 'store')).snapshots.at(-1)?.set).toBe('pushed')
    sshd.authorize([await restrict(grants('--source', '--browse'))])
    expect((await run('rm -f got; scp -q web1:store/bk-store got && cmp got store/bk-store')).status).toBe(0)
    await pulled()
    expect(await run('ssh web1 bk receive </dev/null')).toMatchObject({status: 77, stderr: 'bk forced: refused command: bk receive\n'})
  })

  test('all three on one line, and it is listed', async () => {
    // Whoever may both add to a plain store and read it is said to.
    const {stdout} = await start('bk', ['keys', 'restrict', ...grants('--browse', '--source', '--receive')], {stdin: `${sshd.publicKeys['web1']}\n`, cwd: dir}).done
    sshd.authorize([String(stdout).trimEnd()])
    await pulled()
    writeFileSync(join(dir, 'lines'), stdout)
    expect(String((await run('bk keys list lines')).stdout)).toContain(`\treceive=${dir}/store browse=${dir}/store source=${tree()}\tpushed\t`)
  })

  test.each([['127.0.0.1', 0], ['192.0.2.1', 77]])('--from %s: %d', async (from, status) => {
    sshd.authorize([await restrict([...grants('--source'), '--from', from, '--expires', '1h'])])
    expect((await run('bk pull -q ssh://web1 store')).status).toBe(status)
  })
})

describe.each(sources)('%s: what its key gets beside its tree', (host) => {
  let before: ReadonlyMap<string, string>

  beforeAll(async () => {
    sshd.authorize([...(await Promise.all(sources.map((each) => restrict(['--source', tree()], each)))), `${sshd.publicKeys[free]}`])
    before = storeFiles(tree())
  })

  test.each(attemptsIn(() => dir, 'bk offer'))('not $name', async ({script, works}) => {
    const attempt = (by: string): Promise<Result> => run(script.replaceAll('HOST', by).replaceAll('PORT', String(sshd.port)))
    // Once is enough to see that it is an attempt.
    if (host === sources[0]) expect(works(await attempt(free))).toBe(true)
    for (const name of ['stolen', 'planted', 'remote.sock']) rmSync(join(dir, name), {force: true})
    const result = await attempt(host)
    expect(works(result)).toBe(false)
    expect(result.status).not.toBe(0)
    expect(storeFiles(tree())).toEqual(before)
  })

  test('nor anything by another word', async () => {
    const asked = [
      'bk receive', 'bk browse', 'bk offer /etc', "bk offer -- '/etc'", 'bk offer -- /etc', 'bk offer --', 'bk  offer', 'bk offer ', ' bk offer', 'BK OFFER', 'bk offer\nid', 'bk offer;id', 'bk offer&&id', 'bk offer|id', 'bk offer\t',
      'bk offer --help', 'bk forced --source /', 'bk index /etc', 'bk push /etc host:', 'bk pull / /tmp', 'sh', '-c', '$(id)', '*', 'internal-sftp', '/usr/lib/openssh/sftp-server', 'rsync --server --sender . /', 'x'.repeat(5000), '\x1b]0;title\x07',
    ]
    for (const command of asked) {
      const {status, stdout, stderr} = await run(`ssh ${host} -- "$ASKED" </dev/null`, {ASKED: command})
      expect({command, status, stdout: String(stdout), stderr}).toEqual({command, status: 77, stdout: '', stderr: expect.stringMatching(/^bk forced: refused command: [^\n\x1b\x07]{1,260}\n$/)})
    }
  }, 60_000)

  test('nor the subsystem sftp, nor another', async () => {
    expect(await run(`ssh -s ${host} sftp </dev/null`)).toMatchObject({status: 77, stdout: Buffer.alloc(0)})
    expect((await run(`ssh -s ${host} shell </dev/null`)).status).not.toBe(0)
  })

  test('nor a terminal, an agent, a display', async () => {
    expect(await run(`ssh -tt ${host} </dev/null`)).toMatchObject({status: 255, stderr: expect.stringContaining('PTY allocation request failed')})
    // A command in the place of bk looks around.
    mkdirSync(join(dir, 'spy'), {recursive: true})
    writeFileSync(join(dir, 'spy/bk'), '#!/bin/sh\nenv\n')
    chmodSync(join(dir, 'spy/bk'), 0o755)
    const line = (await restrict(['--source', tree()], host)).replace(/'[^']*\/bin\/bk'/, `'${join(dir, 'spy/bk')}'`)
    expect(line).toContain('spy')
    const agent = join(dir, `agent-${host}`)
    start('ssh-agent', ['-D', '-a', agent])
    await until('the agent is there', () => existsSync(agent))
    const look = async (): Promise<string> => String((await run(`ssh -A -o IdentityAgent=$SSH_AUTH_SOCK ${host} </dev/null`, {SSH_AUTH_SOCK: agent, DISPLAY: ':7'})).stdout)
    sshd.authorize([line.replace('restrict,', '')])
    expect(await look()).toMatch(/^SSH_AUTH_SOCK=/m)
    sshd.authorize([line])
    expect(await look()).toMatch(/^SSH_CONNECTION=/m)
    expect(await look()).not.toMatch(/^(?:SSH_AUTH_SOCK|DISPLAY)=/m)
  })

  test.each(['LC_ALL=tr_TR.UTF-8', 'NO_COLOR=', 'COLUMNS=1', 'BK_EXCLUDE=*', 'BK_CONFIG=/etc/passwd', 'BK_SOURCE=/etc', 'SSH_ORIGINAL_COMMAND=id'])('nor anything by the variable %j', async (variable) => {
    sshd.authorize([await restrict(['--source', tree()], host)])
    const result = await run(`ssh -o "SetEnv=$VARIABLE" ${host} bk offer </dev/null`, {VARIABLE: variable})
    expect({status: result.status, stdout: String(result.stdout), stderr: result.stderr}).toEqual({status: 75, stdout: 'bk 1\n', stderr: 'bk offer: the other side has gone\n'})
  })
})

test('what is installed lets the key in, and what is revoked does not', async () => {
  const file = join(dir, 'authorized_keys')
  writeFileSync(join(dir, 'web1.pub'), `${sshd.publicKeys['web1']}\n`)
  expect(await run(`bk keys restrict -q web1.pub --source ${tree()} --install --file ${file}`)).toMatchObject({status: 0, stderr: ''})
  sshd.authorize(readFileSync(file, 'utf8').trimEnd().split('\n'))
  await pulled()
  expect((await run(`bk keys revoke -q web1 --file ${file}`)).status).toBe(0)
  expect(readFileSync(file, 'utf8')).toBe('')
})
