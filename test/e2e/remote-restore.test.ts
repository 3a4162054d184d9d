// Reading a store on another machine through a real sshd: by a key restricted to `bk browse`, by an account with a shell, by the SFTP of
// sshd. What comes back is what was stored; each way in which it can fail is one line.

import {cpSync, readdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {root, sh, startShell} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {until} from '../harness/limits.ts'
import {oddTree} from '../harness/odd-tree.ts'
import {descendants, isRunning} from '../harness/processes.ts'
import {sameTree} from '../harness/same-tree.ts'
import {clientProgram, startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {makeTree, manyFiles} from '../harness/tree.ts'

let dir: string
let sshd: Sshd
const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: sshd.env})
const logins = (): number => sshd.log().match(/Accepted publickey/g)?.length ?? 0

/** What a key may do is a shell command, or nothing at all: then it is a whole account. */
function line(host: string, command?: string): string {
  return `${command === undefined ? '' : `restrict,command="${command.replaceAll('"', String.raw`\"`)}" `}${sshd.publicKeys[host]}`
}

beforeAll(async () => {
  dir = tempDir('remote')
  sshd = await startSshd({hosts: ['vault', 'both', 'account', 'bare', 'receiver', 'rude', 'chatty', 'stranger']})
  const store = join(dir, 'store')
  sshd.authorize([
    line('vault', `${root}/bin/bk browse ${store}`),
    line('both', `${root}/bin/bk forced --receive ${store} --set web1 --browse ${store}`),
    // An account with a shell that finds bk.
    line('account', `PATH=${root}/bin:$PATH sh -c "$SSH_ORIGINAL_COMMAND"`),
    line('bare'),
    line('receiver', `${root}/bin/bk forced --receive ${store} --set web1`),
    line('rude', String.raw`printf '\033]0;owned\007no\r\n' >&2; exit 2`),
    line('chatty', `echo Welcome to this host; ${root}/bin/bk browse ${store}`),
  ])
  makeTree(join(dir, 'tree'), oddTree())
  manyFiles(join(dir, 'tree/many'), 600)
  writeFileSync(join(dir, 'tree/large'), noise(1, 24_000_000))
  const first = await run('bk init -q store && bk index -C tree . | bk send -q --to store --set web1')
  expect({status: first.status, stderr: first.stderr}).toEqual({status: 0, stderr: ''})
  // Node copies times to the microsecond.
  await run('cp -a tree/many before')
  writeFileSync(join(dir, 'tree/many/d0/f1'), 'changed\n')
  const second = await run('bk index -C tree . | bk send -q --to store --set web1')
  expect({status: second.status, stderr: second.stderr}).toEqual({status: 0, stderr: ''})
}, 60_000)

describe('a key that is restricted to bk browse', () => {
  test('has the whole store checked, and drilled', async () => {
    const {status, stdout, stderr} = await run('bk verify --read-data vault:')
    expect({status, stdout: String(stdout)}).toEqual({status: 0, stdout: ''})
    expect(stderr).toMatch(/^bk verify: 2 snapshots, \d+ packs of \S+, all of them read: nothing is damaged\n$/)
    expect((await run('bk verify -q --drill 5 vault:')).status).toBe(0)
    const changed = await run('bk verify -q vault:@1 --content-only --against tree')
    expect({status: changed.status, stdout: String(changed.stdout)}).toEqual({status: 1, stdout: 'content\tsize 8, not 14\t./many/d0/f1\n'})
  })

  test('gives the tree back, over one connection, and the store is as it was', async () => {
    const files = storeFiles(join(dir, 'store'))
    const before = logins()
    const {status, stderr} = await run('bk restore vault: --to restored')
    expect({status, stderr}).toEqual({status: 0, stderr: expect.stringMatching(/^bk restore: snapshot 2 of set web1, received \S+\n$/)})
    expect(sameTree(join(dir, 'tree'), join(dir, 'restored'), {ignoreSockets: true})).toEqual([])
    expect(logins() - before).toBe(1)
    expect(storeFiles(join(dir, 'store'))).toEqual(files)
  }, 60_000)

  test('gives an earlier snapshot, and parts of it', async () => {
    expect((await run('bk restore -q vault:@1 many --to earlier')).status).toBe(0)
    expect(readFileSync(join(dir, 'earlier/many/d0/f1'), 'utf8')).toBe('file number 1\n')
    expect(readdirSync(join(dir, 'earlier'))).toEqual(['many'])
  })

  test.each([
    'log STORE', 'log STORE --json', 'log STORE@1 -l many', 'log STORE --check', 'log -q STORE many/d0/f1 /large', 'log -q STORE --find f?1', 'log -q STORE --find /many/d0/* --json', 'index STORE@latest', 'index STORE@1', 'diff STORE@1 STORE@2', 'diff STORE@1 STORE@2 --stat', 'restore -n STORE@1 large --null',
  ])('bk %s says what it says of the store at hand', async (words) => {
    const [there, here] = [await run(`bk ${words.replaceAll('STORE', 'vault:')}`), await run(`bk ${words.replaceAll('STORE', './store')}`)]
    expect(there).toEqual(here)
    expect(there.status).toBe(0)
  })

  test('and to more than that: it is asked for by its name', async () => {
    const {status, stdout, stderr} = await run("bk log both: -q && echo 'ls -1 /store/log' | sftp -q -b - -D 'ssh both bk browse'")
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(String(stdout)).toMatch(/^1\t.*\n2\t.*\nsftp> .*\n\/store\/log\/000001 *\n\/store\/log\/000002 *\n$/)
  })

  test('cannot be written through', async () => {
    const before = storeFiles(join(dir, 'store'))
    for (const command of ['put tree/many/d0/f1 /store/log/000009', 'rm /store/log/000001', 'rename /store/bk-store /store/x']) {
      const {status, stderr} = await run(`echo '${command}' | sftp -q -b - vault`)
      expect({status, stderr}).toEqual({status: 1, stderr: expect.stringContaining('Permission denied')})
    }
    expect(storeFiles(join(dir, 'store'))).toEqual(before)
  })
})

describe('an account with a shell', () => {
  test.each(['store', 'another store', "it's $HOME `x`"])('finds the store by its path: %s', async (name) => {
    if (name !== 'store') cpSync(join(dir, 'store'), join(dir, name), {recursive: true})
    writeFileSync(join(dir, 'address'), `account:${dir}/${name}`)
    const {status, stdout, stderr} = await run('bk log "$(cat address)" && bk restore -q "$(cat address)@1" many/d0 --to "from-$(md5sum <address)"')
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(String(stdout).split('\n')).toHaveLength(3)
  })

  test('by a URL, and by the SFTP of its sshd, which needs no bk there', async () => {
    expect((await run(`bk restore -q ssh://account${dir}/store@1 many --to by-url`)).status).toBe(0)
    const {status, stdout, stderr} = await run(`bk restore -q sftp://bare${dir}/store --to by-sftp && bk log --check sftp://bare${dir}/store`)
    expect({status, stderr, stdout: String(stdout)}).toEqual({status: 0, stderr: '', stdout: expect.stringMatching(/^2 records, head \w{64}\n$/)})
    expect(sameTree(join(dir, 'before'), join(dir, 'by-url/many'))).toEqual([])
    expect(sameTree(join(dir, 'tree'), join(dir, 'by-sftp'), {ignoreSockets: true})).toEqual([])
  }, 60_000)
})

describe('one line for each way it fails', () => {
  test.each([
    ['stranger:', 77, 'stranger takes none of the keys that ssh offers'],
    ['bare:/srv/store', 2, 'there is no bk on PATH at bare'],
    ['receiver:', 77, 'receiver: bk forced: refused command: bk browse'],
    ['chatty:', 65, 'chatty does not answer in SFTP: a packet of 1466264675 bytes is no packet of SFTP'],
    ['account:/nowhere', 2, 'account: bk browse: /nowhere is not a store: it has no bk-store'],
    ['sftp://bare/nowhere', 2, 'sftp://bare/nowhere is not a store: it has no bk-store'],
    ['rude:', 2, String.raw`rude: \033]0;owned\007no`],
    ['nobody.invalid:', 75, 'no such host: nobody.invalid'],
    ['-oProxyCommand=touch${IFS}pwned:', 64, 'cannot use -oProxyCommand=touch${IFS}pwned: as a place on another machine: its host begins with a dash'],
  ] as const)('%s', async (address, status, message) => {
    const result = await run(`bk log -- '${address}'`)
    expect({status: result.status, stdout: String(result.stdout), lines: result.stderr.split('\n').filter((each) => !each.startsWith('bk log: hint: '))}).toEqual({
      status, stdout: '', lines: [`bk log: ${message}`, ''],
    })
    expect(readdirSync(dir)).not.toContain('pwned')
  })

  test('the host key has changed', async () => {
    // Known by a key that is somebody else's.
    writeFileSync(join(dir, 'known_hosts'), `[127.0.0.1]:${sshd.port} ${sshd.publicKeys['vault']}\n`)
    writeFileSync(join(dir, 'config'), `Host changed\n  UserKnownHostsFile ${dir}/known_hosts\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  StrictHostKeyChecking yes\n  GlobalKnownHostsFile none\n`)
    clientProgram(join(dir, 'bin'), 'ssh', `-F ${dir}/config`)
    const {status, stderr} = await run(`PATH=${dir}/bin:$PATH bk log changed:`)
    expect({status, stderr}).toEqual({status: 77, stderr: expect.stringMatching(/^bk log: the host key of changed has changed: [^\n]*\nbk log: hint: [^\n]*ssh-keygen -R '\[127\.0\.0\.1\]:\d+'\n$/)})
  })
})

describe('a connection that goes', () => {
  test('in the middle of a restore: 75, one line, and no half of a file', async () => {
    // A line so slow that there is time.
    const slow = startShell('bk restore -q vault: --to cut', {cwd: dir, env: {...sshd.env, PATH: `${slowSsh()}:${sshd.env['PATH']}`}})
    const ssh = await until('ssh has begun', () => descendants(slow.pid).find(({command}) => command.startsWith('/usr/bin/ssh ')))
    await until('something is restored', () => readdirSync(dir).includes('cut') && readdirSync(join(dir, 'cut')).length > 0)
    process.kill(ssh.pid, 'SIGKILL')
    const {status, stderr} = await slow.done
    expect({status, stderr}).toEqual({status: 75, stderr: expect.stringMatching(/^bk restore: ssh to vault was ended by SIGKILL; \d+ of \d+ files were restored into cut\n$/)})
    expect(readdirSync(join(dir, 'cut')).filter((name) => name.startsWith('.'))).toEqual([])
  }, 30_000)

  test('bk that is told to die takes its ssh along', async () => {
    const slow = startShell('exec bk restore -q vault: --to killed', {cwd: dir, env: {...sshd.env, PATH: `${slowSsh()}:${sshd.env['PATH']}`}})
    const ssh = await until('ssh has begun', () => descendants(slow.pid).find(({command}) => command.startsWith('/usr/bin/ssh ')))
    process.kill(slow.pid, 'SIGTERM')
    expect((await slow.done).signal).toBe('SIGTERM')
    await until('ssh is gone', () => !isRunning(ssh.pid))
  })
})

describe('a store that lies', () => {
  test('about what is in a pack: named, and not restored', async () => {
    const store = join(dir, 'damaged')
    cpSync(join(dir, 'store'), store, {recursive: true})
    // The largest pack has pieces of the large file, and a middle.
    const packs = [...storeFiles(store).keys()].filter((name) => name.startsWith('packs/')).map((name) => join(store, name))
    const pack = packs.sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!
    const bytes = readFileSync(pack)
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1)
    renameSync(pack, `${pack}.aside`)
    writeFileSync(pack, bytes)
    const {status, stderr} = await run(`bk restore account:${store} --to partly`)
    expect(status).toBe(3)
    expect(stderr).toMatch(/^bk restore: \.\/large: its content is lost: pack \w{64} /m)
    expect(readdirSync(join(dir, 'partly'))).not.toContain('large')
    expect(sameTree(join(dir, 'tree/many'), join(dir, 'partly/many'))).toEqual([])
  }, 30_000)
})

/** An ssh that lets only so much through in a second. */
function slowSsh(): string {
  const bin = join(dir, 'slow')
  clientProgram(bin, 'ssh', `-F '${sshd.config}' -oProxyCommand='${process.execPath} ${bin}/slow.cjs ${sshd.port}'`)
  writeFileSync(join(bin, 'slow.cjs'), `
    const socket = require('net').connect(Number(process.argv[2]), '127.0.0.1')
    process.stdin.pipe(socket)
    socket.on('data', (bytes) => {
      process.stdout.write(bytes)
      socket.pause()
      setTimeout(() => socket.resume(), 20)
    })
    socket.on('close', () => process.exit())`)
  return bin
}
