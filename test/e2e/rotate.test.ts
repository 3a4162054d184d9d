// `bk rotate` and `bk keep` as they are typed, over weeks of a clock that the test sets: what stays restores, what goes is free, and what is
// refused changes nothing. The planning is in test/unit/retention, what is deleted in clean-up.test.ts there.

import {chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'

let dir: string
let env: Record<string, string>

/** Runs a script in which `at DAY COMMAND` runs a command at noon of that day of 2026. */
const run = (script: string): Promise<Result> => sh(`at() { faketime -f "@2026-$1 12:00:00" "\${@:2}"; }\n${script}`, {cwd: dir, env: {...env, TZ: 'UTC'}})
const said = ({status, stdout, stderr}: Result) => ({status, stdout: String(stdout), stderr})

async function done(script: string): Promise<string> {
  const {status, stdout, stderr} = said(await run(script))
  expect({script, status, stderr}).toEqual({script, status: 0, stderr: ''})
  return stdout
}

/** A file of the day's own, and one of every day. */
async function push(day: string, set = 'web1'): Promise<void> {
  writeFileSync(join(dir, 'tree/today'), noise(Number(day.replace('-', '')), 40_000))
  await done(`at ${day} bk push -q --set ${set} -C tree . store`)
}

const days = (count: number, month = '11'): string[] => Array.from({length: count}, (_, at) => `${month}-${String(at + 1).padStart(2, '0')}`)
const numbers = async (flags = ''): Promise<number[]> => (await done(`bk log store ${flags}`)).split('\n').filter((line) => line !== '').map((line) => Number(line.split('\t')[0]))
const size = (): number => readdirSync(join(dir, 'store'), {recursive: true, encoding: 'utf8'}).reduce((sum, name) => sum + statSync(join(dir, 'store', name)).size, 0)

async function expectRestores(): Promise<void> {
  for (const seq of await numbers()) await done(`rm -rf back && bk restore -q store@${seq} --to back && cmp back/always tree/always && bk log store --check >/dev/null`)
  await done('bk verify -q store --read-data')
}

beforeEach(async () => {
  dir = tempDir('rotate')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/always'), noise(1, 30_000))
  await done('at 10-31 bk init -q store')
})

test('a plan, and what it says, carried out', async () => {
  for (const day of days(10)) await push(day)
  const before = size()
  const plan = await done('at 11-12 bk rotate store --keep-daily 3 --keep-weekly 2')
  expect(plan).toMatch(/^#bk plan 1\nstore \w{32}\nhead 10 \w{64}\nset web1 UTC daily=3 weekly=2\n/)
  expect(plan.split('\n').filter((line) => /^(?:keep|drop) /.test(line)).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'drop 1', 'keep 2', 'drop 3', 'drop 4', 'drop 5', 'drop 6', 'drop 7', 'keep 8', 'keep 9', 'keep 10',
  ])
  expect(size()).toBe(before)
  expect(await numbers()).toHaveLength(10)
  const answer = await done('at 11-12 bk rotate store --keep-daily 3 --keep-weekly 2 --apply')
  expect(answer).toMatch(/^dropped 6 kept 4 freed \d{6}\n$/)
  expect(before - size()).toBeGreaterThan(5 * 40_000)
  expect(await numbers()).toEqual([2, 8, 9, 10])
  expect(await numbers('--all')).toHaveLength(12)
  await expectRestores()
  expect(await done('at 11-12 bk log store --why 8')).toMatch(/^kept until 2026-11-\d\dT00:00:00Z: daily 2026-11-08/)
  expect(await done('bk log store --why 1')).toMatch(/^dropped: /)
  // The same again, by the rules that are in the store now.
  expect(await done('at 11-12 bk rotate store --apply')).toBe('dropped 0 kept 4 freed 0\n')
  await push('11-13')
  expect(await done('at 11-13 bk rotate store --apply')).toMatch(/^dropped 1 kept 4 /)
  expect((await run('bk restore -q store@1 --to gone')).status).toBe(2)
})

test('a plan that was looked at first', async () => {
  for (const day of days(6)) await push(day)
  await done('at 11-07 bk rotate store --keep-daily 2 >plan')
  await push('11-08')
  await done('at 11-08 bk keep -q store@3 --until 2027-01-01')
  // What came since stays, and what was pinned.
  expect(await done('at 11-08 bk rotate store --apply plan')).toMatch(/^dropped 3 kept 4 /)
  expect(await numbers()).toEqual([3, 5, 6, 7])
  expect(said(await run('sed s/^drop/keep/ plan | bk rotate store --apply -'))).toEqual({status: 65, stdout: '', stderr: expect.stringMatching(/^bk rotate: the plan was changed: its sum is wrong\nbk rotate: hint: /)})
  await done('bk init -q other')
  expect(said(await run('bk rotate other --apply plan'))).toMatchObject({status: 77, stderr: expect.stringMatching(/^bk rotate: the plan is of another store/)})
  await expectRestores()
})

describe('what is refused changes nothing', () => {
  test.each([
    ['narrower rules', 'at 11-05 bk rotate -q store --apply --keep-daily 9', 'at 11-05 bk rotate store --apply --keep-daily 2', 77, /rules of set web1 were wider before: daily=9 in UTC\nbk rotate: hint: .*--force/],
    ['--keep-last alone', 'true', 'bk rotate store --apply --keep-last 2', 64, /--keep-last alone lets whoever pushes often choose what stays/],
    ['no rules at all', 'true', 'bk rotate store --apply', 64, /set web1 was never rotated/],
    ['a clock that went back', 'at 10-01 bk push -q --set web1 -C tree . store', 'at 11-05 bk rotate store --apply --keep-daily 2', 77, /snapshot 4 was received .* earlier than 3, the one before it: a clock was wrong\nbk rotate: hint: --retime/],
    ['a clock that is far ahead', 'faketime -f "@2029-01-01 00:00:00" bk push -q --set web1 -C tree . store', 'at 11-05 bk rotate store --apply --keep-daily 2', 77, /snapshot 4 was received .* later than/],
    ['a set that is not there', 'true', 'bk rotate store --set web2 --keep-daily 2', 2, /has no snapshot of set web2\nbk rotate: hint: the sets are: web1/],
    ['a number that is not there', 'true', 'bk rotate store --drop 2-4 --apply', 2, /there is no snapshot 4/],
    ['a store elsewhere', 'true', 'bk rotate vault: --keep-daily 2 --apply', 64, /vault: is on another machine\nbk rotate: hint: there: bk rotate/],
    ['what is pinned', 'bk keep -q store@2 --until 2030-01-01', 'bk rotate store --drop 2 --apply', 77, /snapshot 2 is kept until 2030-01-0/],
    ['two damaged records in a row', 'chmod u+w store/log/00000[12] && sed -i s/complete/partial/ store/log/00000[12]', 'at 11-05 bk rotate store --apply --keep-daily 2', 65, /./],
  ])('%s', async (_, before, script, status, stderr) => {
    for (const day of days(3)) await push(day)
    await run(before)
    const [log, all] = [readdirSync(join(dir, 'store/log')), size()]
    expect(said(await run(script))).toEqual({status, stdout: '', stderr: expect.stringMatching(stderr)})
    expect([readdirSync(join(dir, 'store/log')), size()]).toEqual([log, all])
  })
})

test('a wrong clock is corrected, and then it goes on', async () => {
  for (const day of days(3)) await push(day)
  await push('10-01')
  await done('at 11-05 bk rotate -q store --retime 4=2026-11-04T12:00:00Z --apply')
  expect(await done('at 11-05 bk rotate store --keep-daily 2 --apply')).toMatch(/^dropped 2 kept 2 /)
  expect(await numbers()).toEqual([3, 4])
  expect(await done('bk log store')).toMatch(/^4\t2026-11-04T12:00:00Z\t/m)
  expect(await done('bk restore -q store@2026-11-04 --to back; cmp back/today tree/today')).toBe('')
})

test('root is not let at the store of another account', async () => {
  await push('11-01')
  await push('11-02')
  chownSync(join(dir, 'store'), 4711, 4711)
  for (const command of ['rotate store --keep-daily 1 --apply', 'keep store@1 --until 2030-01-01']) {
    expect(said(await run(`at 11-03 bk ${command}`))).toEqual({status: 77, stdout: '', stderr: expect.stringMatching(/^bk \w+: store belongs to #4711, who could not read what root writes there\nbk \w+: hint: runuser -u #4711 -- bk /)})
  }
  expect(await done('at 11-03 bk rotate store --keep-daily 1')).toContain('drop 1 ')
})

test('by numbers, and at once', async () => {
  for (const day of days(4)) await push(day)
  expect(await done('at 11-04 bk rotate store --drop 1-2,4 --apply --now')).toMatch(/^dropped 3 kept 1 freed [1-9]/)
  expect(await numbers()).toEqual([3])
  await push('11-05')
  await expectRestores()
  expect(await done('bk diff store@3 store@latest')).toContain('~ ./today ')
})

test('sets each for themselves; for people and for programs', async () => {
  for (const day of days(3)) {
    await push(day, 'web1')
    await push(day, 'web2')
  }
  await done('at 11-04 bk rotate -q store --set web1 --keep-daily 1 --apply')
  expect(await numbers()).toEqual([2, 4, 5, 6])
  const json = (await done('at 11-04 bk rotate store --keep-daily 2 --json')).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as {type: string; set?: string; plan?: string})
  expect(json.filter(({type}) => type === 'set').map(({set}) => set)).toEqual(['web1', 'web2'])
  expect(json.filter(({plan}) => plan === 'drop')).toHaveLength(1)
  const {stdout} = await run('at 11-04 script -qec "stty cols 100; bk rotate store --keep-daily 2" /dev/null')
  expect(String(stdout)).toMatch(/NO +RECEIVED +SET +PLAN +UNTIL +WHY/)
})

test('a push that comes through ssh at the same time: nobody waits, and all that is promised restores', async () => {
  const sshd = await startSshd()
  env = {...env, ...sshd.env}
  for (const day of days(5)) await push(day)
  const restricted = await sh(`echo '${sshd.publicKeys['vault']}' | bk keys restrict --receive "$PWD/store" --set web1`, {cwd: dir})
  sshd.authorize([String(restricted.stdout).trimEnd()])
  for (let round = 0; round < 3; round++) {
    writeFileSync(join(dir, 'tree/today'), noise(round + 500, 3_000_000))
    const result = said(await run('bk push -q -C tree . vault: & push=$!; for i in 1 2 3 4 5 6; do bk rotate -q store --keep-daily 3 --max-gap 9999D --apply >/dev/null || exit; done; wait $push'))
    expect({status: result.status, stderr: result.stderr}).toEqual({status: 0, stderr: ''})
  }
  expect((await numbers()).length).toBeLessThan(8)
  await expectRestores()
  expect(readFileSync(join(dir, 'store/log/000001'), 'latin1')).toContain('set web1')
  rmSync(join(dir, 'back'), {recursive: true})
})
