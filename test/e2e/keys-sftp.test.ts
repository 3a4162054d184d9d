// sftp(1) and scp(1) with a key that may browse: through a real sshd, which hands bk forced what its configuration says of the
// subsystem. They read the store and nothing else, and change nothing. Whatever is refused works with a key that is not restricted, on
// a copy of the store, or the test would prove nothing.

import {cpSync, existsSync, mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {bk, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let store: string
let sshd: Sshd
const [browsing, free] = ['vault', 'free']
const run = (script: string, env: Readonly<Record<string, string>> = {}): Promise<Result> => sh(script, {cwd: dir, env: {...sshd.env, ...env}})

/** What an administrator may write behind `Subsystem NAME`. */
const subsystems = {
  internal: 'internal-sftp -l INFO -f AUTH',
  external: '/usr/lib/openssh/sftp-server',
  options: '/usr/lib/openssh/sftp-server   -l   INFO',
  quoted: '"/usr/libexec/sftp-server" -u 0022 -R',
} as const

beforeAll(async () => {
  dir = tempDir('keys-sftp')
  store = join(dir, 'store')
  sshd = await startSshd({hosts: [browsing, free], serverConfig: Object.entries(subsystems).map(([name, command]) => `Subsystem ${name} ${command}`)})
  await bk(['init', '-q', store])
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/file'), 'content\n')
  expect((await run('bk index -C tree . | bk send -q --to store')).status).toBe(0)
  mkdirSync(join(store, 'sessions'), {recursive: true})
  writeFileSync(join(store, 'sessions/web1'), 'who is writing\n')
  writeFileSync(join(dir, 'mine'), 'forged\n')
  writeFileSync(join(dir, 'longer'), 'forged\n'.repeat(10_000))
  await allow('--browse', store)
})

beforeEach(() => {
  for (const name of ['got', 'stolen', 'copy']) rmSync(join(dir, name), {recursive: true, force: true})
  cpSync(store, join(dir, 'copy'), {recursive: true})
})

/** Gives the key of `vault` these grants; that of `free` is not restricted. */
async function allow(...grants: readonly string[]): Promise<void> {
  const {status, stdout} = await start('bk', ['keys', 'restrict', '-q', ...grants], {stdin: `${sshd.publicKeys[browsing]}\n`}).done
  expect(status).toBe(0)
  sshd.authorize([stdout.toString().trimEnd(), `${sshd.publicKeys[free]}`])
}

/** All that can be changed about the files in a directory: kind, mode, owner, links, size, time, where a link leads. */
async function metadata(path: string): Promise<string> {
  return (await sh(`cd "$AT" && find . -printf '%p %y %m %U:%G %n %s %T@ %l\\n' | sort`, {env: {AT: path}})).stdout.toString()
}

const sftp = (host: string, commands: string, options = ''): Promise<Result> => run(`sftp -q -b - ${options} ${host} <<<"$COMMANDS"`, {COMMANDS: commands})

describe('reading', () => {
  test.each(['sftp', ...Object.keys(subsystems)])('by the subsystem %s', async (subsystem) => {
    expect(await sftp(browsing, 'ls store/log\ncd /store\nget bk-store got', `-s ${subsystem}`)).toMatchObject({status: 0, stderr: ''})
    expect(await run('cmp got store/bk-store')).toMatchObject({status: 0})
  })

  test('a whole store with sftp, from where it begins', async () => {
    const {status, stdout, stderr} = await sftp(browsing, 'pwd\nls -1\nget -R store got')
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(stdout.toString()).toMatch(/^Remote working directory: \/$/m)
    const all = [...storeFiles(store)].filter(([name]) => !name.startsWith('sessions'))
    expect([...storeFiles(join(dir, 'got'))]).toEqual(all)
  })

  test.each(['store/README', '/store/README', './store/../store//README'])('scp of %s', async (path) => {
    expect(await run(`scp -q ${browsing}:${path} got && cmp got store/README`)).toMatchObject({status: 0, stderr: ''})
  })

  test('scp of directories, and of what a pattern says', async () => {
    expect(await run(`mkdir got; scp -q -r ${browsing}:store/log ${browsing}:'store/README*' got && diff -r got/log store/log && cmp got/README store/README`)).toMatchObject({status: 0, stderr: ''})
  })

  test('a store that was fetched so is one', async () => {
    expect(await run(`scp -q -r ${browsing}:store got && bk restore got --to got/back && cmp got/back/file tree/file`)).toMatchObject({status: 0})
  })

  test('bk itself by sshd\'s own name for it', async () => {
    expect(await run(`bk log sftp://${browsing}/store | wc -l`)).toMatchObject({status: 0, stdout: Buffer.from('1\n')})
  })
})

const writing = [
  'put mine AT/log/000002', 'put mine AT/bk-store', 'put -p mine AT/README', 'put mine AT/x', 'put -R tree AT/new', 'reput longer AT/README', 'rm AT/log/000001', 'rm AT/packs/*/*', 'rename AT/log/000001 AT/log/000009',
  'rename -l AT/log/000001 AT/log/000009', 'mkdir AT/new', 'rmdir AT/empty', 'chmod 777 AT/bk-store', 'chmod -h 777 AT/bk-store', 'chmod 777 AT/log', 'chown 1234 AT/bk-store', 'chgrp 1234 AT/bk-store',
  'ln AT/bk-store AT/x', 'ln -s /etc/passwd AT/x', 'cp AT/bk-store AT/x',
]

describe.each(writing)('%s', (command) => {
  beforeEach(() => {
    mkdirSync(join(dir, 'copy/empty'))
  })

  test('works without the restriction', async () => {
    const before = await metadata(join(dir, 'copy'))
    expect(await sftp(free, command.replaceAll('AT', join(dir, 'copy')))).toMatchObject({status: 0})
    expect(await metadata(join(dir, 'copy'))).not.toBe(before)
  })

  test('is refused with it, and nothing is changed', async () => {
    const [files, before] = [storeFiles(store), await metadata(store)]
    for (const at of ['/store', store]) {
      const {status, stderr} = await sftp(browsing, command.replaceAll('AT', at))
      expect({status, stderr}).toEqual({status: 1, stderr: expect.stringMatching(/denied|not support|not found|no such file|failure|does not/i)})
    }
    expect(storeFiles(store)).toEqual(files)
    expect(await metadata(store)).toBe(before)
  })
})

describe('scp', () => {
  test.each([
    ['to a store', 'scp -q mine HOST:AT/log/000002', 'log/000002'],
    ['over a file of it', 'scp -q mine HOST:AT/bk-store', 'bk-store'],
    ['of a directory', 'scp -q -r tree HOST:AT/new', 'new/file'],
    ['to a store, the old way', 'scp -O -q mine HOST:AT/x', 'x'],
  ])('%s', async (_name, script, name) => {
    const before = await metadata(store)
    expect(await run(script.replace('HOST', free).replace('AT', join(dir, 'copy')))).toMatchObject({status: 0})
    expect(storeFiles(join(dir, 'copy')).get(name)).not.toBe(storeFiles(store).get(name))
    for (const at of ['/store', 'store', store]) expect((await run(script.replace('HOST', browsing).replace('AT', at))).status).not.toBe(0)
    expect(await metadata(store)).toBe(before)
  })

  test('from there, the old way, is another command, and refused', async () => {
    expect(await run(`scp -O -q ${browsing}:store/README got`)).toMatchObject({status: 1, stderr: expect.stringContaining('bk forced: refused command: scp -f store/README\n')})
  })
})

describe('nothing of the machine beside the store', () => {
  test.each(['/etc/passwd', '../../etc/passwd', '/store/../../../etc/passwd', '/store/sessions/web1', '/proc/self/environ'])('%s', async (path) => {
    await sftp(browsing, `get ${path} stolen`)
    expect((await run(`scp -q ${browsing}:${path} stolen`)).status).not.toBe(0)
    expect(existsSync(join(dir, 'stolen'))).toBe(false)
  })

  test('the store by its path there', async () => {
    expect(await sftp(browsing, `get ${store}/README stolen`)).toMatchObject({status: 1})
    expect(existsSync(join(dir, 'stolen'))).toBe(false)
  })
})

describe('other grants', () => {
  test('a key that may only add is refused each of them, as before', async () => {
    await allow('--receive', store, '--set', 'web1')
    for (const subsystem of ['sftp', ...Object.keys(subsystems)]) {
      expect(await sftp(browsing, 'ls', `-s ${subsystem}`)).toMatchObject({status: 255, stderr: expect.stringMatching(/^Connection closed\s*$/)})
      // sshd passes nothing on of what a subsystem says on stderr.
      expect(await run(`ssh -s ${browsing} ${subsystem} </dev/null`)).toMatchObject({status: 77, stdout: Buffer.alloc(0), stderr: ''})
    }
    expect(await run(`ssh ${browsing} internal-sftp </dev/null`)).toMatchObject({status: 77, stderr: 'bk forced: refused command: internal-sftp\n'})
    expect((await run(`scp -q ${browsing}:store/README got`)).status).not.toBe(0)
    expect(existsSync(join(dir, 'got'))).toBe(false)
  })

  test('a key that may add and read has both, each by what it asks for', async () => {
    await allow('--receive', store, '--set', 'web1', '--browse', store)
    expect(await run(`scp -q ${browsing}:store/README got && cmp got store/README`)).toMatchObject({status: 0, stderr: ''})
    expect(await run(`bk index -C tree . | bk send -q | ssh ${browsing}`)).toMatchObject({status: 0, stderr: ''})
    await allow('--browse', store)
  })
})
