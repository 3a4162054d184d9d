// Each way in which backups stop, as it happens in real pipes, and the line in which `bk status` says it: a host whose push fails, or never
// runs, turns it to 1 within --max-age. And what is no trouble stays 0.

import {mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {root, sh, startShell} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {until} from '../harness/limits.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {shWithoutRights} from '../harness/without-rights.ts'

let dir: string
let env: Record<string, string>

/** Runs a script in which `at TIME COMMAND` runs a command at that time of 2026-11. */
const run = (script: string): Promise<Result> => sh(`${at}${script}`, {cwd: dir, env})
const at = `at() { faketime -f "@2026-11-$1" "\${@:2}"; }\n`

/** Runs what must succeed. */
async function done(script: string): Promise<string> {
  const {status, stdout, stderr} = await run(script)
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return String(stdout)
}

/** Status and words of `bk status` at a time, and the words of the sets in its rows. */
async function statusAt(time: string, options = ''): Promise<{readonly status: number; readonly said: string; readonly states: string[]}> {
  const {status, stdout, stderr} = await run(`at '${time}' bk status store ${options}`)
  return {status, said: stderr, states: String(stdout).split('\n').slice(0, -1).map((row) => row.replace(/\t.*\t/, ' '))}
}

/** Pushes the tree at a time. */
async function push(time: string, set = 'web1'): Promise<void> {
  await done(`at '${time}' sh -c 'bk index -q -C tree . >tree.idx && bk send -q --to store --set ${set} <tree.idx'`)
}

const well = {status: 0, said: '', states: ['web1 ok']}

beforeEach(async () => {
  dir = tempDir('status')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(join(dir, 'tree'))
  for (const name of ['a', 'b', 'c', 'd', 'e']) writeFileSync(join(dir, 'tree', name), noise(name.charCodeAt(0), 5000))
  await done('bk init -q store')
})

test('a host that is pushed every night is well, on each day and until the next night', async () => {
  for (const day of ['18', '19', '20']) {
    writeFileSync(join(dir, 'tree/daily'), noise(Number(day), 1000))
    await push(`${day} 02:00:00`)
    expect(await statusAt(`${day} 02:01:00`)).toEqual(well)
  }
  expect(await statusAt('21 01:59:00')).toEqual(well)
})

test('never: a host whose key is there, and that has never pushed', async () => {
  await push('20 02:00:00')
  await done(`ssh-keygen -q -t ed25519 -N '' -C db -f db && bk keys restrict -q db.pub --receive store --set db >keys`)
  expect(await statusAt('20 08:00:00', '--authorized-keys keys')).toEqual({
    status: 1, said: 'bk status: db: never: no snapshot has come yet\n', states: ['db never', 'web1 ok'],
  })
  // Or one that is named, or nobody at all.
  expect(await statusAt('20 08:00:00', '--set mail --set web1')).toEqual({status: 1, said: 'bk status: mail: never: no snapshot has come yet\n', states: ['mail never', 'web1 ok']})
  await done('bk init -q empty')
  expect(await run('bk status empty')).toMatchObject({status: 1, stderr: 'bk status: empty: never: no snapshot has come yet\n'})
  await push('20 09:00:00', 'db')
  expect((await statusAt('20 10:00:00', '--authorized-keys keys')).status).toBe(0)
})

test('stale: a host that stopped to push', async () => {
  await push('20 02:00:00')
  expect(await statusAt('21 03:55:00')).toEqual(well)
  expect(await statusAt('21 05:05:00')).toEqual({
    status: 1, said: 'bk status: web1: stale: the newest complete snapshot, 1, is 27h old, more than 26h\n', states: ['web1 stale'],
  })
  expect((await statusAt('20 04:05:00', '--max-age 2h')).status).toBe(1)
  expect((await statusAt('23 02:00:00', '--max-age 3D')).status).toBe(0)
})

test('partial: a host that cannot read everything', async () => {
  await push('20 02:00:00')
  const index = await shWithoutRights('chmod 0 tree/a; bk index -q -C tree . >tree.idx', {cwd: dir, env})
  expect(index.status).toBe(3)
  await run(`at '21 02:00:00' bk send -q --to store --set web1 <tree.idx`)
  expect(await statusAt('21 02:00:00')).toEqual({status: 1, said: 'bk status: web1: partial: snapshot 2 is partial: 1 path could not be read\n', states: ['web1 partial']})
  // What is complete becomes older all the same.
  expect((await statusAt('21 05:00:00')).states).toEqual(['web1 stale,partial'])
})

describe('cut: a session that was cut off', () => {
  /** A stream of two packs, and what is killed when the first has come. */
  async function cutOff(script: string): Promise<void> {
    writeFileSync(join(dir, 'tree/large'), noise(1, 20 << 20))
    const {done: ended, kill} = startShell(`${at}${script}`, {cwd: dir, env})
    const sessions = join(dir, 'store/sessions')
    await until('a pack has come', () => readdirSync(join(dir, 'store')).includes('sessions') && readdirSync(sessions).includes('web1'))
    kill()
    expect((await ended).signal).toBe('SIGKILL')
  }

  const ways = [
    // What feeds it stops behind its first pack, as a line that is down does.
    {way: 'one way', script: `bk index -q -C tree . | bk send -q >stream; { head -c 18000000 stream; exec sleep 60; } | at '21 02:00:00' bk receive store --set web1`},
    {way: 'into a store', script: `bk index -q -C tree . >tree.idx; at '21 02:00:00' bk send -q --bwlimit 2M --to store --set web1 <tree.idx`},
  ]
  test.for(ways)('$way', async ({script}) => {
    await push('20 02:00:00')
    await cutOff(script)
    expect(await statusAt('21 02:10:00')).toEqual(well)
    const {status, said, states} = await statusAt('21 03:05:00')
    expect([status, states]).toEqual([1, ['web1 cut']])
    expect(said).toMatch(/^bk status: web1: cut: a session ended 1h[45]m ago without a snapshot, and left \d+(?:\.\d)?M\n$/)
    expect((await statusAt('22 05:00:00')).states).toEqual(['web1 stale,cut'])
    // The next that comes to its end goes on from there.
    await push('22 06:00:00')
    expect(await statusAt('22 08:00:00')).toEqual(well)
  })

  test('the very first', async () => {
    await cutOff(ways[0]!.script)
    expect(await statusAt('21 02:05:00')).toEqual(well)
    expect((await statusAt('21 04:00:00')).states).toEqual(['web1 cut'])
    expect((await statusAt('29 04:00:00')).states).toEqual(['web1 cut'])
  })
})

test('full: the quota is nearly used', async () => {
  const receive = (quota: string): string => `at '21 02:00:00' bk receive -q store --set web1 --quota ${quota}`
  await push('20 02:00:00')
  writeFileSync(join(dir, 'tree/new'), noise(77, 40_000))
  await done('bk index -q -C tree . | bk send -q >stream')
  await done(`${receive('1M')} <stream`)
  const keys = async (quota: string): Promise<string> => {
    await done(`[ -e web1 ] || ssh-keygen -q -t ed25519 -N '' -C web1 -f web1; bk keys restrict -q web1.pub --receive store --quota ${quota} >keys`)
    return '--authorized-keys keys'
  }
  expect(await statusAt('21 03:00:00', await keys('1M'))).toEqual(well)
  const {status, said, states} = await statusAt('21 03:00:00', await keys('120K'))
  expect([status, states]).toEqual([1, ['web1 full']])
  expect(said).toMatch(/^bk status: web1: full: \d+K of its quota of 120K is left, and the newest snapshots brought \d+K\n$/)
  // As it turns out.
  writeFileSync(join(dir, 'tree/new'), noise(78, 60_000))
  await done('bk index -q -C tree . | bk send -q >stream')
  expect(await run(`${receive('120K')} <stream`)).toMatchObject({status: 77})
})

test('day-full: pushes are refused, since the day has had as many as are allowed', async () => {
  await done('rm -rf store; bk init -q store --per-day 2')
  for (const minute of ['00', '01']) await push(`20 02:${minute}:00`)
  expect(await run(`at '20 02:02:00' sh -c 'bk index -q -C tree . | bk send -q | bk receive store --set web1'`)).toMatchObject({status: 77})
  expect(await statusAt('20 02:30:00')).toEqual({
    status: 1, said: 'bk status: web1: day-full: 2 snapshots in 24 hours, the limit is 2: the next is refused for 23h still\n', states: ['web1 day-full'],
  })
  // Twice a day, as often as it may, is what was meant.
  await push('21 02:02:00')
  await push('21 14:02:00')
  expect(await statusAt('21 15:00:00')).toEqual(well)
})

test('shrunk: half of it is gone', async () => {
  await push('20 02:00:00')
  for (const name of ['a', 'b', 'c', 'd']) rmSync(join(dir, 'tree', name))
  await push('21 02:00:00')
  expect(await statusAt('21 03:00:00')).toEqual({status: 1, said: 'bk status: web1: shrunk: snapshot 2 has 2 entries, 1 had 6\n', states: ['web1 shrunk']})
  await push('22 02:00:01')
  expect(await statusAt('22 03:00:00')).toEqual(well)
})

test('clock: the clock of the store goes wrong', async () => {
  await push('20 02:00:00')
  await push('25 02:00:00')
  expect(await statusAt('20 03:00:00')).toEqual({status: 1, said: 'bk status: web1: clock: snapshot 2 was received 4D23h later than now\n', states: ['web1 clock']})
  await push('21 01:50:00')
  expect(await statusAt('21 03:00:00')).toEqual({
    status: 1, said: 'bk status: web1: clock: snapshot 3 was received 4D earlier than 2, the one before it\n', states: ['web1 clock'],
  })
  await push('22 02:00:00')
  expect(await statusAt('22 03:00:00')).toEqual(well)
})

describe('over ssh', () => {
  let sshd: Awaited<ReturnType<typeof startSshd>>

  beforeAll(async () => {
    sshd = await startSshd()
  })

  test('a key that may browse is enough, and a host that does not answer is another matter', async () => {
    await push('20 02:00:00')
    sshd.authorize([`restrict,command="${root}/bin/bk browse ${join(dir, 'store')}" ${sshd.publicKeys['vault']}`])
    env = {...env, ...sshd.env}
    const {status, stdout, stderr} = await run('bk status vault: --max-age 100Y')
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(String(stdout)).toMatch(/^web1\t1\t2026-11-20T02:00:0\dZ\t.*\tok\n$/)
    sshd.authorize([])
    const both = await run('bk status store vault: --max-age 100Y')
    expect([both.status, String(both.stdout)]).toEqual([77, expect.stringMatching(/^store\tweb1\t1\t/)])
  })
})
