// examples/: what others are told to copy has to work as it stands. The two scripts meet success, files that cannot be read, a store that
// is not there, a part of the pipe that is killed, and each other; the lines of cron and the units of systemd are run as they are written.

import {spawnSync} from 'node:child_process'
import {chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {root, sh, startShell} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {until} from '../harness/limits.ts'
import {oddTree} from '../harness/odd-tree.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {tempDir} from '../harness/temp.ts'
import {makeTree} from '../harness/tree.ts'
import {shWithoutRights} from '../harness/without-rights.ts'

const examples = join(root, 'examples')
const text = (name: string): string => readFileSync(join(examples, name), 'utf8')

let dir: string
let env: Record<string, string>

const run = (script: string, more: Record<string, string> = {}): Promise<Result> => sh(script, {cwd: dir, env: {...env, ...more}})
const committed = (): number => readStore(join(dir, 'store')).snapshots.length

/** A `bk` that comes first on PATH, and of which one command does something else before or instead. */
function bkWith(command: string, script: string): Record<string, string> {
  mkdirSync(join(dir, 'bin'))
  writeFileSync(join(dir, 'bin/bk'), `#!/bin/sh\nif [ "$1" = ${command} ]; then\n${script}\nfi\nexec ${root}/bin/bk "$@"\n`, {mode: 0o755})
  return {PATH: `${join(dir, 'bin')}:${env['PATH']}`}
}

beforeEach(async () => {
  dir = tempDir('examples')
  // The Node of bk stands for the one that who uses zx has.
  const node = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin')
  env = {
    PATH: `${root}/bin:${existsSync(node) ? node : dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: dir, XDG_STATE_HOME: join(dir, 'state'), XDG_CACHE_HOME: join(dir, 'cache'), STATE: join(dir, 'nightly'), ATTEMPTS: '1', WAIT: '50ms',
  }
  makeTree(join(dir, 'tree'), oddTree())
  writeFileSync(join(dir, 'tree/large'), noise(1, 2_000_000))
  expect((await run('bk init -q store')).status).toBe(0)
})

/** The newest snapshot is the tree. */
async function expectRestored(): Promise<void> {
  expect((await run('bk restore -q store --to again')).status).toBe(0)
  expect(sameTree(join(dir, 'tree'), join(dir, 'again/tree'), {ignoreSockets: true})).toEqual([])
}

/** Each script, and what it ends with where `bk index` did not come to its end. */
describe.each([
  {name: 'nightly.sh', missing: 2, killed: 137},
  {name: 'nightly.mjs', missing: 65, killed: 65},
])('$name', ({name, missing, killed}) => {
  const nightly = `${examples}/${name}`

  test('stores the tree, quietly, night after night', async () => {
    expect(await run(`${nightly} store tree`)).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
    writeFileSync(join(dir, 'tree/new'), 'new\n')
    expect(await run(`${nightly} store tree`)).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
    expect(committed()).toBe(2)
    await expectRestored()
    expect(readFileSync(join(dir, 'nightly/remote.idx'), 'latin1')).toBe(readStore(join(dir, 'store')).snapshots[1]?.index)
  })

  test('ends with 3 where a file cannot be read, and names it', async () => {
    chmodSync(join(dir, 'tree/large'), 0)
    const result = await shWithoutRights(`${nightly} store tree`, {cwd: dir, env})
    expect(result).toMatchObject({status: 3, stderr: expect.stringContaining('tree/large: permission denied\n')})
    expect(readStore(join(dir, 'store')).snapshots[0]).toMatchObject({state: expect.stringMatching(/^partial /)})
  })

  test('ends with 2 where there is no store, and with 75 where its host does not answer', async () => {
    expect(await run(`${nightly} elsewhere tree`)).toMatchObject({status: 2, stderr: expect.stringContaining('bk send: elsewhere is not a store')})
    expect(await run(`${nightly} ssh://127.0.0.1:1/store tree`)).toMatchObject({status: 75, stderr: expect.stringContaining('bk send: ')})
  })

  test('stores nothing where a directory is missing', async () => {
    expect(await run(`${nightly} store tree mount`)).toMatchObject({status: missing, stderr: expect.stringContaining('bk index: cannot read mount: no such file or directory\n')})
    expect(committed()).toBe(0)
  })

  test('stores nothing where bk index is killed half-way, and all of it the night after', async () => {
    expect((await run(`${nightly} store tree`)).status).toBe(0)
    const result = await run(`${nightly} store tree`, bkWith('index', `${root}/bin/bk "$@" | head -n 20\nkill -9 $$`))
    expect(result).toMatchObject({status: killed, stderr: expect.stringContaining('cut off')})
    expect(committed()).toBe(1)
    expect((await run(`${nightly} store tree`)).status).toBe(0)
    await expectRestored()
  })

  test('says why where bk send fails, and not what came of it before', async () => {
    const result = await run(`${nightly} store tree`, bkWith('send', 'echo "bk send: no room" >&2\nexit 77'))
    expect(result).toMatchObject({status: 77, stderr: expect.stringContaining('bk send: no room\n')})
  })

  test('gives way to one that is at work', async () => {
    const waiting = bkWith('index', 'touch waiting; while [ ! -e go ]; do sleep 0.05; done')
    const first = startShell(`${nightly} store tree`, {cwd: dir, env: {...env, ...waiting}})
    // Whoever tried the lock to find out might have it when the first comes for it.
    await until('the first has the lock', () => existsSync(join(dir, 'waiting')))
    expect(await run(`${nightly} store tree`)).toMatchObject({status: 75, stderr: expect.stringContaining('another run is at work\n')})
    writeFileSync(join(dir, 'go'), '')
    expect(await first.done).toMatchObject({status: 0, stderr: ''})
    expect(committed()).toBe(1)
  })

  test('says how it is used', async () => {
    expect(await run(`${nightly} store`)).toMatchObject({status: 64, stderr: `usage: ${name} STORE DIRECTORY...\n`})
  })
})

test('nightly.sh keeps a log of all that was said', async () => {
  await run(`${examples}/nightly.sh store tree`)
  await run(`${examples}/nightly.sh elsewhere tree`)
  expect(readFileSync(join(dir, 'nightly/log'), 'utf8')).toMatch(/^--- [-\d: ]+\ncommitted 1 [0-9a-f]{64}\n--- [-\d: ]+\nbk send: elsewhere is not a store[^]*\nnightly\.sh: bk send ended with 2\n$/)
})

test('nightly.mjs tries again while it is shut out, until it comes through', async () => {
  const waiting = bkWith('index', '[ ! -e first ] || { rm first; while [ ! -e go ]; do sleep 0.05; done; }')
  writeFileSync(join(dir, 'first'), '')
  const first = startShell(`${examples}/nightly.mjs store tree`, {cwd: dir, env: {...env, ...waiting}})
  await until('the first waits', () => !existsSync(join(dir, 'first')))
  const second = startShell(`${examples}/nightly.mjs store tree`, {cwd: dir, env: {...env, ATTEMPTS: '1000'}})
  let said = ''
  second.child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()))
  await until('the second has been sent away', () => said.includes('nightly.mjs: again in 50ms\n'))
  writeFileSync(join(dir, 'go'), '')
  expect([(await first.done).status, (await second.done).status]).toEqual([0, 0])
  expect(committed()).toBe(2)
})

test('nightly.sh is one that every sh understands', () => {
  for (const words of [['dash', '-n'], ['bash', '--posix', '-n'], ['shellcheck', '--shell=sh']]) {
    const {status, stdout, stderr} = spawnSync(words[0]!, [...words.slice(1), join(examples, 'nightly.sh')], {encoding: 'utf8'})
    expect({words, status, stdout, stderr}).toEqual({words, status: 0, stdout: '', stderr: ''})
  }
})

/** Words of an example, with the places of this test in them. */
function here(words: string): string {
  return words.replaceAll('/usr/local/bin/bk', `${root}/bin/bk`).replaceAll('/srv/keeper/store', 'store').replaceAll('vault:', 'store').replaceAll(/(?<![\w/])\/(etc|srv)\b/g, `${dir}/$1`)
}

/** What the examples talk of: the list of directories, and a database. */
function prepare(): void {
  for (const name of ['etc', 'srv', 'bin']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'etc/backups'), `${join(dir, 'tree')}\n${join(dir, 'etc')}\n`)
  writeFileSync(join(dir, 'bin/pg_dumpall'), '#!/bin/sh\necho all >"$4"\n', {mode: 0o755})
}

describe('backup.cron', () => {
  // Those behind a # are there to be chosen.
  const jobs = [...text('backup.cron').matchAll(/^#?(?:[\d*/,-]+ ){5}(?:root|keeper) (.*)$/gm)].map(([, command = '']) => command)
  const path = /^PATH=(.*)$/m.exec(text('backup.cron'))?.[1] ?? ''

  test('every line works in the environment of cron, and is quiet', async () => {
    prepare()
    expect((await run('cp -a tree srv')).status).toBe(0)
    // Where bk is installed, and what the machine has.
    cpSync(join(dir, 'bin'), join(dir, 'usr/local/bin'), {recursive: true})
    expect((await run(`ln -s ${root}/bin/bk usr/local/bin/bk`)).status).toBe(0)
    expect(jobs).toHaveLength(5)
    for (const job of jobs) {
      const cron = {...env, JOB: here(job), CRON: path.replace('/usr/local/bin', `${dir}/usr/local/bin`)}
      const result = await run('exec env -i HOME="$HOME" LOGNAME=root SHELL=/bin/sh BK_CONFIG= PATH="$CRON" /bin/sh -c "$JOB"', cron)
      expect({job, ...result}).toMatchObject({job, status: 0, stderr: '', stdout: Buffer.alloc(0)})
    }
    expect(committed()).toBe(3)
    expect(readStore(join(dir, 'store')).snapshots[2]?.index).toContain(`/srv/all.sql type=file `)
    expect(existsSync(join(dir, 'srv/all.sql'))).toBe(false)
  })
})

describe('units of systemd', () => {
  test('are what systemd-analyze verify has nothing to say about', async () => {
    mkdirSync(join(dir, 'units'))
    for (const name of ['bk-push.service', 'bk-push.timer']) writeFileSync(join(dir, 'units', name), text(name).replace('/usr/local/bin/bk', `${root}/bin/bk`))
    expect(await run('systemd-analyze verify --man=no units/bk-push.service units/bk-push.timer')).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
    // It does see what is wrong.
    await run("sed -i 's/^Type=oneshot/Type=once/' units/bk-push.service")
    expect((await run('systemd-analyze verify --man=no units/bk-push.service')).stderr).toContain('Failed to parse service type')
  })

  test('the service can do its work with the rights that it has, and remembers in its own places', async () => {
    prepare()
    rmSync(join(dir, 'state'), {recursive: true, force: true})
    const service = text('bk-push.service')
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(service)?.[1] ?? ''
    const environment = value('Environment').replace('%S', join(dir, 'var/lib')).replace('%C', join(dir, 'var/cache'))
    const rights = value('CapabilityBoundingSet').replace('CAP_', '+').toLowerCase()
    expect(rights).toBe('+dac_read_search')
    chmodSync(join(dir, 'tree/large'), 0)
    const mayChange = process.getuid?.() === 0 ? `setpriv --bounding-set -all,${rights} --no-new-privs` : ''
    const result = await run(`exec env -i PATH=/usr/bin:/bin BK_CONFIG= ${environment} ${mayChange} ${here(value('ExecStart'))}`)
    expect(result).toMatchObject({status: process.getuid?.() === 0 ? 0 : 3, stdout: expect.anything()})
    expect(committed()).toBe(1)
    expect(existsSync(join(dir, 'var', value('StateDirectory') === 'bk' ? 'lib/bk' : '?'))).toBe(true)
    expect(existsSync(join(dir, 'var', value('CacheDirectory') === 'bk' ? 'cache/bk' : '?'))).toBe(true)
  })
})
