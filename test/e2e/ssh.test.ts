// One way through a real sshd, to a key that may add snapshots and do nothing else: what the key cannot do, and what is left when the
// connection goes. (That twenty days work is in twenty-days.test.ts.)

import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {killDuring, rounds} from '../harness/faults.ts'
import {readStore} from '../harness/read-store.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let store: string
let sshd: Sshd
const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: sshd.env})
const pipe = 'bk index -C tree . | bk diff -q remote.idx | bk send -q --index-out remote.idx | ssh vault && mv remote.idx.pending remote.idx'

beforeAll(async () => {
  dir = tempDir('ssh')
  store = join(dir, 'store')
  sshd = await startSshd({hosts: ['vault', 'web2', 'stranger']})
  sshd.authorize([
    `restrict,command="${root}/bin/bk receive ${store} --set web1" ${sshd.publicKeys['vault']}`,
    `restrict,command="${root}/bin/bk receive ${store} --set web2" ${sshd.publicKeys['web2']}`,
  ])
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/first'), 'first\n')
  await bk(['init', '-q', store])
  const first = await run(pipe)
  expect({...first, stdout: String(first.stdout)}).toMatchObject({status: 0, stderr: '', stdout: expect.stringMatching(/^committed 1 \w{64}\n$/)})
})

describe('the key', () => {
  test.each(["ssh vault 'rm -rf /'", 'ssh vault bk restore store --to /', 'ssh vault sh', 'ssh -t vault'])('%s: receive runs all the same', async (command) => {
    const before = storeFiles(store)
    const {status, stdout, stderr} = await run(`${command} </dev/null`)
    expect({status, stdout: String(stdout)}).toEqual({status: 65, stdout: ''})
    expect(stderr).toContain('bk receive: the stream is cut off\n')
    expect(storeFiles(store)).toEqual(before)
  })

  test('scp and sftp get nowhere, nor do they hang, and no port is forwarded', async () => {
    expect((await run('scp vault:/etc/passwd stolen')).status).not.toBe(0)
    expect((await run('echo get /etc/passwd stolen | sftp -b - vault')).status).not.toBe(0)
    expect((await run('ssh -o ExitOnForwardFailure=yes -R 127.0.0.1:0:127.0.0.1:22 vault </dev/null')).status).not.toBe(0)
    expect(existsSync(join(dir, 'stolen'))).toBe(false)
  })

  test('the set is named by the line in authorized_keys; each key has its own', async () => {
    expect((await run('bk index -C tree . | bk send -q | ssh web2')).status).toBe(0)
    const {snapshots} = readStore(store)
    expect(snapshots.map(({set}) => set)).toEqual(['web1', 'web2'])
    expect(snapshots[0]?.index).toBe(snapshots[1]?.index)
  })

  test('one that is not there: the pipe ends with the status of ssh, remote.idx stays', async () => {
    const before = readFileSync(join(dir, 'remote.idx'))
    const {status} = await run(pipe.replace('ssh vault', 'ssh stranger'))
    expect(status).toBe(255)
    expect(readFileSync(join(dir, 'remote.idx')).equals(before)).toBe(true)
  })
})

describe('a refusal', () => {
  test('comes through: one line on stdout, words on stderr, 77, remote.idx stays', async () => {
    const before = storeFiles(store)
    const {status, stdout, stderr} = await run('bk index -C . tree >other.idx; bk index -C tree . | bk diff other.idx | bk send --base other.idx | ssh vault')
    expect({status, stdout: String(stdout)}).toEqual({status: 77, stdout: expect.stringMatching(/^refused unknown-base: [^\n]*\n$/)})
    expect(stderr).toMatch(/bk receive: refused unknown-base: [^\n]*\nbk receive: hint: [^\n]*\n/)
    expect(recorded(storeFiles(store))).toEqual(recorded(before))
  })
})

describe('a connection that goes', () => {
  test('at any instant: nothing is committed or all of it, and the next run succeeds', async () => {
    await rounds(5, async (random, index) => {
      writeFileSync(join(dir, 'tree/large'), noise(index + Math.floor(random() * 1e6), 4_000_000))
      const before = storeFiles(store)
      const {result} = await killDuring(pipe, {victim: /^ssh .*vault/, after: random() * 300}, {cwd: dir, env: sshd.env})
      const {snapshots} = readStore(store)
      const indexes = snapshots.map((snapshot) => snapshot.index)
      expect(indexes).toContain(readFileSync(join(dir, 'remote.idx'), 'latin1'))
      for (const [name, sum] of before) if (!name.startsWith('sessions/')) expect(storeFiles(store).get(name), name).toBe(sum)
      if (result.status === 0) expect(indexes.at(-1)).toBe(readFileSync(join(dir, 'remote.idx'), 'latin1'))
      const next = await run(pipe)
      expect({status: next.status, stdout: String(next.stdout)}).toEqual({status: 0, stdout: expect.stringMatching(/^committed /)})
      expect(readStore(store).snapshots.at(-1)?.index).toBe(readFileSync(join(dir, 'remote.idx'), 'latin1'))
    })
  }, 60_000)

  test('because sshd is gone', async () => {
    const before = readFileSync(join(dir, 'remote.idx'))
    sshd.stop()
    writeFileSync(join(dir, 'tree/second'), 'second\n')
    expect((await run(pipe)).status).toBe(255)
    expect(readFileSync(join(dir, 'remote.idx')).equals(before)).toBe(true)
  })
})

/** What the log names: packs of a refused stream may lie there, and mean nothing. */
function recorded(files: ReadonlyMap<string, string>): [string, string][] {
  return [...files].filter(([name]) => /^(?:log|catalogs)\//.test(name))
}
