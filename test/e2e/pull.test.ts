// `bk pull` through a real sshd: the backup host starts `bk offer` behind keys that are restricted by `bk keys restrict --source`. Each
// "machine" is a key of its own with a tree of its own. What somebody hostile does at either end is in pull-hostile.test.ts.

import {cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {root, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {days, noise} from '../harness/days.ts'
import {freePort} from '../harness/limits.ts'
import {startProxy} from '../harness/proxy.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {clientProgram, startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let store: string
let sshd: Sshd
let env: Readonly<Record<string, string>>

const hosts = ['web1', 'web2', 'db1']
const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env})
const said = ({status, stdout, stderr}: Result) => ({status, stdout: String(stdout), stderr})
const newest = () => readStore(store).snapshots.at(-1)!
const committed = (seq: number) => ({status: 0, stderr: '', stdout: expect.stringMatching(new RegExp(`^committed ${seq} \\w{64}\\n$`))})
const treeOf = (host: string): string => join(dir, host)

/** The line of authorized_keys for a host. */
async function restricted(host: string): Promise<string> {
  const {status, stdout, stderr} = await start('bk', ['keys', 'restrict', '--source', treeOf(host)], {stdin: `${sshd.publicKeys[host]}\n`}).done
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return String(stdout).trimEnd()
}

/** The lines of an index about what is in a tree, and not about the directories above it. */
function entries(index: string, host: string): string[] {
  return index.split('\n').filter((line) => line.startsWith(`.${treeOf(host)}/`))
}

beforeEach(async () => {
  dir = tempDir('pull')
  store = join(dir, 'store')
  sshd = await startSshd({hosts: [...hosts, 'account', 'stranger', 'receiver', 'backup']})
  env = sshd.env
  for (const host of hosts) {
    mkdirSync(treeOf(host))
    writeFileSync(join(treeOf(host), 'name'), `${host}\n`)
  }
  sshd.authorize(await Promise.all(hosts.map(restricted)))
  expect((await run('bk init -q store')).status).toBe(0)
})

describe('days in a row', () => {
  test('each is there as it was', async () => {
    for (const [at, {pass, what}] of days.slice(0, 12).entries()) {
      pass(treeOf('web1'))
      // It trusts size and time, as rsync does, and one of the days changes a file and leaves it both.
      await run("touch -c 'web1/names/d.js'")
      expect({what, ...said(await run('bk pull -q ssh://web1 store'))}).toEqual({what, ...committed(at + 1)})
      expect(newest().set).toBe('web1')
      expect(entries(newest().index, 'web1'), what).toEqual(entries(String((await run('bk index -q "$PWD/web1"')).stdout), 'web1'))
    }
    expect((await run('bk restore -q store --to out')).status).toBe(0)
    expect(sameTree(treeOf('web1'), join(dir, 'out', treeOf('web1')), {ignoreSockets: true})).toEqual([])
  }, 90_000)

  test('one on which nothing changed costs a record, and the source reads nothing again', async () => {
    for (let at = 0; at < 200; at++) writeFileSync(join(treeOf('web1'), `f${at}`), noise(at, 20_000))
    const proxy = await startProxy(sshd)
    env = proxy.env
    await run('bk pull -q web1: store')
    expect(proxy.down()).toBeGreaterThan(4_000_000)
    // The directories above the tree are in the index too, and /tmp belongs to everybody: it may take more than one night without news.
    for (let night = 2; ; night++) {
      const before = storeFiles(store)
      proxy.reset()
      expect(said(await run('bk pull -q web1: store'))).toEqual(committed(night))
      expect(proxy.down()).toBeLessThan(16_000)
      const grown = [...storeFiles(store).keys()].filter((name) => !before.has(name))
      if (grown.length === 1) break
      expect(night).toBeLessThan(8)
    }
  }, 60_000)

  test('a source that has lost its memory sends no content that the store has', async () => {
    for (let at = 0; at < 200; at++) writeFileSync(join(treeOf('web1'), `f${at}`), noise(at, 20_000))
    const proxy = await startProxy(sshd)
    env = proxy.env
    await run('bk pull -q web1: store')
    for (const name of ['state', 'cache']) rmSync(join(sshd.home, name, 'bk'), {recursive: true})
    proxy.reset()
    expect(said(await run('bk pull -q web1: store'))).toEqual(committed(2))
    expect(proxy.down()).toBeLessThan(100_000)
  })

  test('a source that cannot remember anything says so, and is backed up all the same', async () => {
    mkdirSync(join(dir, 'locked'), {mode: 0o555})
    const nowhere = `setpriv --bounding-set -dac_override env XDG_STATE_HOME=${dir}/locked/state XDG_CACHE_HOME=${dir}/locked/cache`
    sshd.authorize([`restrict,command="${nowhere} ${root}/bin/bk forced --source ${treeOf('web1')}" ${sshd.publicKeys['web1']}`])
    for (const seq of [1, 2]) {
      expect(said(await run('bk pull ssh://web1 store'))).toEqual({
        ...committed(seq), stderr: expect.stringMatching(/^bk pull: ssh:\/\/web1: what was sent cannot be remembered, so that more is read the next time: [^\n]*\n$/),
      })
    }
    expect(said(await run('bk pull -q ssh://web1 store'))).toEqual(committed(3))
  })
})

describe('a cut', () => {
  test('commits nothing, and the next run goes on from what has arrived', async () => {
    await run('bk pull -q ssh://web1 store')
    for (let at = 0; at < 30; at++) writeFileSync(join(treeOf('web1'), `f${at}`), noise(at, 1_000_000))
    const proxy = await startProxy(sshd)
    env = proxy.env
    const before = storeFiles(store)
    proxy.reset(Infinity, 20_000_000)
    expect(said(await run('bk pull -q ssh://web1 store'))).toEqual({status: 75, stdout: '', stderr: expect.stringMatching(/^bk pull: [^\n]*web1[^\n]*\n$/)})
    const after = storeFiles(store)
    for (const [name, sum] of before) expect(after.get(name), name).toBe(sum)
    expect([...after.keys()].filter((name) => !before.has(name) && !/^(?:packs|sessions)\//.test(name))).toEqual([])
    proxy.reset()
    expect(said(await run('bk pull -q ssh://web1 store'))).toEqual(committed(2))
    // Of 30 MB 20 had come; the pack that was on its way is lost, and what lay in buffers behind it.
    expect(proxy.down()).toBeLessThan(30_000_000 - 20_000_000 + (16 << 20))
    expect(proxy.down()).toBeLessThan(22_000_000)
    expect((await run('bk restore -q store --to out')).status).toBe(0)
    expect(sameTree(treeOf('web1'), join(dir, 'out', treeOf('web1')))).toEqual([])
  }, 60_000)
})

describe('several sources', () => {
  const three = 'ssh://web1 web2: ssh://db1'

  test('one command, an answer for each, a set for each', async () => {
    const {status, stdout, stderr} = await run(`bk pull ${three} store`)
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(String(stdout)).toMatch(/^ssh:\/\/web1\tcommitted 1 \w{64}\nweb2:\tcommitted 2 \w{64}\nssh:\/\/db1\tcommitted 3 \w{64}\n$/)
    const {snapshots} = readStore(store)
    expect(snapshots.map(({set}) => set)).toEqual(hosts)
    for (const [at, host] of hosts.entries()) expect(entries(snapshots[at]!.index, host)).toEqual([expect.stringMatching(/\/name type=file /)])
  })

  test('by keys that are only in an agent, which is forwarded from elsewhere', async () => {
    const keys = dirname(sshd.config)
    // On the backup host ssh asks the agent that came with the login: no key of a source lies there, nor in any file.
    clientProgram(join(dir, 'bin'), 'ssh', `-F '${sshd.config}' -o IdentityAgent=SSH_AUTH_SOCK`)
    sshd.authorize([...(await Promise.all(hosts.map(restricted))), `${sshd.publicKeys['backup']}`])
    const there = `PATH=${dir}/bin:${env['PATH']} XDG_STATE_HOME=${dir}/there bk pull ${three} ${store}`
    const script = `ssh-add -q ${hosts.map((host) => join(keys, host)).join(' ')} && rm ${hosts.map((host) => join(keys, host)).join(' ')} && ssh -A -o IdentityAgent=SSH_AUTH_SOCK backup '${there}'`
    const {status, stdout, stderr} = await run(`ssh-agent bash -c "$SCRIPT"`.replace('$SCRIPT', script.replaceAll('"', '\\"').replaceAll('$', '\\$')))
    expect({status, stderr, lines: String(stdout).match(/^\S+\tcommitted /gm)?.length}).toEqual({status: 0, stderr: '', lines: 3})
    // Without the agent nothing works.
    expect((await run('bk pull ssh://web1 store')).status).toBe(77)
  })

  test('one that is unreachable, one that does not know the key, one that refuses, one partial: each is said, the others are there', async () => {
    const port = await freePort()
    writeFileSync(join(treeOf('db1'), 'secret'), 'secret\n', {mode: 0})
    const partly = `restrict,command="setpriv --bounding-set -dac_override,-dac_read_search ${root}/bin/bk forced --source ${treeOf('db1')}" ${sshd.publicKeys['db1']}`
    const receiver = `restrict,command="${root}/bin/bk forced --receive ${store} --set x" ${sshd.publicKeys['receiver']}`
    sshd.authorize([await restricted('web1'), partly, receiver])
    const {status, stdout, stderr} = await run(`bk pull ssh://127.0.0.1:${port} stranger: receiver: ssh://db1 ssh://web1 store`)
    expect(status).toBe(77)
    expect(String(stdout)).toMatch(/^ssh:\/\/db1\tcommitted 1 \w{64}\nssh:\/\/web1\tcommitted 2 \w{64}\n$/)
    expect(stderr.split('\n')).toEqual([
      `bk pull: ssh://127.0.0.1:${port}: 127.0.0.1 refuses the connection: no sshd listens there`,
      'bk pull: stranger:: stranger takes none of the keys that ssh offers',
      expect.stringMatching(/^bk pull: hint: /),
      'bk pull: receiver:: receiver: bk forced: refused command: bk offer',
      `bk pull: ssh://db1: .${treeOf('db1')}/secret: permission denied`,
      'bk pull: ssh://db1: 1 entry could not be read there: the snapshot is partial',
      '',
    ])
    expect(readStore(store).snapshots.map(({state}) => state)).toEqual(['partial 1', 'complete'])
    expect((await run('bk pull -q ssh://db1 ssh://web1 store')).status).toBe(3)
    expect((await run(`bk pull -q ssh://127.0.0.1:${port} ssh://web1 store`)).status).toBe(75)
  })
})

describe('limits', () => {
  test('of the store and of the command line hold for what is pulled, and the stricter of the two', async () => {
    await run('bk init -q --quota 100K narrow')
    writeFileSync(join(treeOf('web1'), 'large'), noise(1, 300_000))
    const before = storeFiles(join(dir, 'narrow'))
    for (const script of ['bk pull ssh://web1 narrow', 'bk pull --quota 1G ssh://web1 narrow', 'bk pull --quota 100K ssh://web1 store', 'bk pull --quota 0 ssh://web1 store']) {
      expect({script, ...said(await run(script))}).toEqual({script, status: 77, stdout: '', stderr: expect.stringMatching(/^bk pull: refused quota: [^\n]*\n$/)})
    }
    expect(storeFiles(join(dir, 'narrow')).get('log/000001')).toBeUndefined()
    for (const [name, sum] of before) expect(storeFiles(join(dir, 'narrow')).get(name)).toBe(sum)
    expect(said(await run('bk pull --max-file 1000 ssh://web1 store'))).toEqual({status: 77, stdout: '', stderr: expect.stringMatching(/^bk pull: refused max-file: /)})
    expect(said(await run('bk pull --per-day 0 ssh://web1 store'))).toEqual({status: 77, stdout: '', stderr: expect.stringMatching(/^bk pull: refused per-day: /)})
    expect(said(await run('bk pull --quota 1G ssh://web1 store'))).toEqual(committed(1))
  })
})

describe('a store that was rolled back', () => {
  test('is told of by the source, who remembers it, and the pull goes on', async () => {
    await run('bk pull -q ssh://web1 store')
    cpSync(store, join(dir, 'aside'), {recursive: true})
    writeFileSync(join(treeOf('web1'), 'second'), 'second\n')
    await run('bk pull -q ssh://web1 store')
    rmSync(store, {recursive: true})
    renameSync(join(dir, 'aside'), store)
    expect(said(await run('bk pull -q ssh://web1 store'))).toEqual({
      status: 3, stdout: expect.stringMatching(/^committed 2 /),
      stderr: expect.stringMatching(/^bk pull: ssh:\/\/web1: the store that pulls \(\w{8}, set web1\) was ROLLED BACK: it had record 2, and now its last is 1\nbk pull: ssh:\/\/web1: hint: [^\n]*\n$/),
    })
    expect(entries(newest().index, 'web1').map((line) => line.split(' ')[0])).toEqual([`.${treeOf('web1')}/name`, `.${treeOf('web1')}/second`])
    expect(said(await run('bk pull -q ssh://web1 store'))).toEqual(committed(3))
  })
})

describe('other places', () => {
  test.each(["it's a tree", '-dash', '$HOME `id`', 'two  blanks'])('%j at an account that may run any command', async (name) => {
    mkdirSync(join(dir, name))
    writeFileSync(join(dir, name, 'file'), 'content\n')
    sshd.authorize([`restrict,command="PATH=${root}/bin:$PATH sh -c \\"$SSH_ORIGINAL_COMMAND\\"" ${sshd.publicKeys['account']}`])
    for (const [at, source] of [`account:${dir}/${name}`, `ssh://account${dir}/${name}`].entries()) {
      const result = await start('bk', ['pull', '-q', '--set', 'tree', source, store], {env}).done
      expect(said(result)).toEqual(committed(at + 1))
      expect(newest()).toMatchObject({set: 'tree', index: expect.stringMatching(/\/file type=file /)})
    }
    const gone = await start('bk', ['pull', '-q', `account:${dir}/gone`, store], {env}).done
    expect(said(gone)).toEqual({status: 2, stdout: '', stderr: `bk pull: account: bk offer: cannot read ${dir}/gone: no such file or directory\n`})
  })

  test('a path of this machine is pushed, and the store is left out of it', async () => {
    expect(said(await run('bk pull -q --set here "$PWD" store'))).toEqual(committed(1))
    expect(newest().index).toContain(`.${dir}/web1/name type=file`)
    expect(newest().index).not.toContain(`.${dir}/store`)
    const both = await run('bk pull -q "$PWD/web1" ssh://web2 store')
    expect({status: both.status, lines: String(both.stdout).match(/\tcommitted/g)?.length}).toEqual({status: 0, lines: 2})
  })
})

describe('words that are wrong', () => {
  test.each([
    ['bk pull store', 64, /nothing to pull\nbk pull: hint: /],
    ['bk pull', 64, /missing operand: SOURCE\n/],
    ['bk pull ssh://web1 vault:/store', 64, /vault:\/store is not on this machine\nbk pull: hint: .*'bk push'/],
    ['bk pull ssh://web1 web1:/etc store', 64, /ssh:\/\/web1 and web1:\/etc would both go to the set web1\nbk pull: hint: .*--set/],
    ['bk pull web1 web2 store', 64, /would both go to the set /],
    ['bk pull --set x ssh://web1 ssh://web2 store', 64, /--set goes with one source\n/],
    ['bk pull --set .x ssh://web1 store', 64, /not the name of a set: \.x\n/],
    ['bk pull s3://web1/srv store', 64, /sources over s3 cannot be pulled/],
    ['bk pull --index i ssh://web1 store', 64, /--index goes with sources over SFTP: ssh:\/\/web1 is none\n/],
    ['bk pull --cumulative sftp://web1/a tree store', 64, /--cumulative goes with sources over SFTP: tree is none\n/],
    ['bk pull --state d sftp://web1/a store', 64, /--cumulative/],
    ['bk pull ssh://-oProxyCommand=id store', 64, /begins with a dash/],
    ['bk pull ssh://[::1] store', 64, /no set can be called as the host of ssh:\/\/\[::1\]\nbk pull: hint: .*--set/],
    ['bk pull --quota 1G web1 store', 64, /--quota goes with sources on other machines/],
    ['bk pull ssh://web1 gone', 2, /gone/],
    ['bk pull gone store', 2, /cannot read gone: no such file or directory\n/],
  ])('%s', async (script, status, words) => {
    expect(said(await run(script))).toEqual({status, stdout: '', stderr: expect.stringMatching(words)})
    expect(readStore(store).snapshots).toEqual([])
  })

  test('a dialogue is no sight for a terminal', async () => {
    const {status, stdout} = await run('script -qec "bk offer $PWD/web1" /dev/null')
    expect({status, said: String(stdout)}).toEqual({status: 64, said: expect.stringContaining('bk offer: will not write a dialogue to a terminal')})
  })
})

test('what somebody sees who sits there: how much came', async () => {
  expect(said(await run('bk pull -v ssh://web1 store'))).toEqual({...committed(1), stderr: expect.stringMatching(/^bk pull: received \S+ ?\S* in \S+\n$/)})
  expect(readFileSync(join(store, 'log/000001'), 'latin1')).toMatch(/^set web1$/m)
})
