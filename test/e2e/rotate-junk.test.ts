// A thief has the client's key and pushes what he likes, whenever he likes, for six weeks, through a real sshd, while the store is rotated now and
// then: whatever was promised at any time is still there until then, and restores as it was. (10,000 such stories without processes are in
// test/unit/retention.)

import {mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {sh} from '../harness/bk.ts'
import {seeded} from '../harness/faults.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'

const PUSHES = 50
const HOUR = 3600
/** The last so that what the client pushed first is promised to the end. */
const rules = '--keep-hourly 3 --keep-daily 7 --keep-weekly 4 --keep-monthly 3'

test(`${PUSHES} pushes of a thief take nobody's place`, async () => {
  const seed = Number(process.env['BK_SEED'] ?? Math.floor(Math.random() * 1e9))
  const random = seeded(seed)
  const dir = tempDir('rotate-junk')
  const offset = join(dir, 'clock')
  let now = 0
  const setClock = (): void => writeFileSync(offset, `+${now}\n`)
  setClock()
  const clock = {LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1', FAKETIME_TIMESTAMP_FILE: offset, NO_FAKE_STAT: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1'}
  const sshd = await startSshd({serverConfig: ['Match all', `SetEnv ${Object.entries({...clock, HOME: newHome(join(dir, 'there'))}).map(([name, value]) => `${name}=${value}`).join(' ')}`]})
  const run = async (script: string, faked = true): Promise<string> => {
    const {status, stdout, stderr} = await sh(script, {cwd: dir, env: {...sshd.env, ...(faked ? clock : {}), XDG_STATE_HOME: join(dir, 'state'), TZ: 'UTC'}})
    expect({seed, script, status, stderr}).toEqual({seed, script, status: 0, stderr: ''})
    return String(stdout)
  }
  await run('bk init -q store')
  // Not with that clock: what faketime shares goes when the first half of a pipe ends.
  sshd.authorize([(await run(`echo '${sshd.publicKeys['vault']}' | bk keys restrict --receive "$PWD/store" --set web1`, false)).trimEnd()])
  mkdirSync(join(dir, 'tree'))
  const promised = new Map<number, number>()
  const honest = new Map<number, string>()
  /** Pushes the client's tree, or what a thief makes of it. */
  const push = async (isThief: boolean): Promise<void> => {
    rmSync(join(dir, 'tree'), {recursive: true})
    mkdirSync(join(dir, 'tree'))
    const count = isThief ? Math.floor(random() ** 3 * 200) : 20
    const words = isThief ? 'junk' : `honest at ${now}`
    for (let at = 0; at < count; at++) writeFileSync(join(dir, `tree/${at}`), words)
    const seq = Number(/^committed (\d+) /.exec(await run('bk push -q -C tree . vault:', false))?.[1])
    if (!isThief) honest.set(seq, words)
  }
  const rotate = async (): Promise<void> => {
    const lines = (await run(`bk rotate store ${rules} --json`)).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as {type: string; seq: number; plan: string; until?: string})
    for (const {type, seq, plan, until} of lines) {
      if (type === 'snapshot' && plan === 'keep' && until !== undefined) promised.set(seq, Math.max(promised.get(seq) ?? 0, Date.parse(until)))
    }
    await run(`bk rotate store ${rules} --apply >/dev/null`)
  }
  await push(false)
  let kept = 0
  for (let pushes = 0; pushes < PUSHES; ) {
    now += Math.floor(random() ** 2 * 40 * HOUR)
    setClock()
    const isThief = random() < 0.75
    if (isThief) pushes++
    await push(isThief)
    if (random() < 0.6) await rotate()
    const rows = (await run('bk log store')).split('\n').filter((line) => line !== '').map((line) => line.split('\t'))
    const there = new Set(rows.map(([seq]) => Number(seq)))
    const newest = Date.parse(rows.at(-1)![1]!)
    for (const [seq, until] of promised) if (until > newest) expect({seed, seq, isThere: there.has(seq)}).toEqual({seed, seq, isThere: true})
  }
  const newest = Date.now() + now * 1000
  for (const [seq, until] of promised) {
    const words = honest.get(seq)
    if (until <= newest || words === undefined) continue
    kept++
    // 3: it says that the one before, which a thief may have made, had twice the entries.
    await run(`bk restore -q store@${seq} --to back 2>said || [ $? = 3 ]`)
    expect(await run(`cat back/*`, false)).toBe(words.repeat(20))
    rmSync(join(dir, 'back'), {recursive: true})
  }
  expect(kept).toBeGreaterThan(0)
}, 600_000)
