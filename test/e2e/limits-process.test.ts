// Limits of real processes: time that runs out, whatever the other end does or does not; a real disk that gets full; several at once.

import {readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {beforeEach, describe, expect, test} from 'vitest'
import {bk, open, root, sh, start} from '../harness/bk.ts'
import {forgePack, packMembers} from '../harness/forge-stream.ts'
import {smallDisk} from '../harness/limits.ts'
import {noise} from '../harness/days.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {firstStream, forged} from './thief.ts'

const MIB = 2 ** 20
let dir: string

beforeEach(async () => {
  dir = tempDir('limits')
  await bk(['init', '-q', 'store'], {cwd: dir})
})

/** Names of all files in the store, temporary ones too, but for those that stand beside the log. */
function files(): string[] {
  return readdirSync(join(dir, 'store'), {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile()).map(({name}) => name)
    .filter((name) => !['README', 'recover.sh', 'bk-store'].includes(name))
}

describe('the deadline', () => {
  const receiving = (): ReturnType<typeof start> => start(join(root, 'bin/bk'), ['receive', 'store', '--set', 'web1', '--deadline', '1s'], {cwd: dir, stdin: open, timeout: 15_000})

  async function expectEnded(running: ReturnType<typeof start>): Promise<void> {
    const {status, stdout, stderr} = await running.done
    expect({status, stdout: String(stdout), stderr}).toEqual({
      status: 77, stdout: 'refused deadline: the session took longer than 1 seconds\n', stderr: 'bk receive: refused deadline: the session took longer than 1 seconds\n',
    })
  }

  test('ends who says nothing at all', async () => {
    await expectEnded(receiving())
    expect(files()).toEqual([])
  })

  test('ends who sends a byte now and then', async () => {
    const running = receiving()
    const stream = firstStream
    for (let at = 0; running.child.exitCode === null; at++) {
      running.child.stdin?.write(stream.subarray(at, at + 1))
      await sleep(20)
    }
    await expectEnded(running)
    expect(files()).toEqual([])
  })

  test('ends who stops in the middle of a pack; what was whole before stays on the list', async () => {
    const running = receiving()
    running.child.stdin?.write(packMembers(forgePack([[noise(1, 1000)]])))
    running.child.stdin?.write(firstStream.subarray(0, 700))
    await expectEnded(running)
    expect(files().map((name) => name.replace(/^[0-9a-f]{64}/, 'PACK')).sort()).toEqual(['PACK.tar.zst', 'web1'])
  })

  test('ends who asks and does not read the answers', async () => {
    // The answers are more than a pipe takes.
    writeFileSync(join(dir, 'asked'), `bk 1\n${`have 1\n${'0'.repeat(64)}\n`.repeat(50_000)}`)
    const script = '(cat asked; sleep 8) | { bk receive store --deadline 1s; echo $? >status; } | sleep 9; cat status'
    const {stdout} = await sh(script, {cwd: dir, timeout: 20_000})
    expect(String(stdout)).toBe('77\n')
  })

  test('keeps nobody who is done', async () => {
    writeFileSync(join(dir, 'stream'), firstStream)
    const began = performance.now()
    const {status} = await sh('cat stream | bk receive store', {cwd: dir})
    expect(status).toBe(0)
    expect(performance.now() - began).toBeLessThan(5000)
  })
})

test('on a small disk the reserve stays free, the store is what it was, and the next snapshot fits', async () => {
  const disk = smallDisk(24)
  const store = join(disk, 'store')
  await bk(['init', '-q', store])
  writeFileSync(join(dir, 'first'), firstStream)
  expect((await sh(`bk receive ${store} --set web1 <first`, {cwd: dir})).status).toBe(0)
  const before = storeFiles(store)
  const packs = Array.from({length: 8}, (_, n) => packMembers(forgePack([[noise(n, 2 * MIB)]])))
  writeFileSync(join(dir, 'packs'), Buffer.concat(packs))
  const {status, stdout} = await sh(`bk receive ${store} --set web1 --reserve 12M <packs`, {cwd: dir})
  expect({status, stdout: String(stdout)}).toEqual({status: 77, stdout: expect.stringMatching(/^refused reserve: the disk of the store has 1\dM left, and 12M must stay free\n$/)})
  const after = storeFiles(store)
  for (const [name, sum] of before) expect(after.get(name), name).toBe(sum)
  expect([...after.keys()].filter((name) => !before.has(name) && !/^(?:packs|sessions)\//.test(name))).toEqual([])
  writeFileSync(join(dir, 'next'), forged())
  expect(await sh(`bk receive ${store} --set web1 --reserve 12M <next`, {cwd: dir})).toMatchObject({status: 0})
})

test('four at once together keep to the quota of their set', async () => {
  const quota = 6 * MIB
  for (let n = 0; n < 4; n++) {
    writeFileSync(join(dir, `packs${n}`), Buffer.concat(Array.from({length: 8}, (_, k) => packMembers(forgePack([[noise(10 * n + k, MIB / 2)]])))))
  }
  await sh(`for n in 0 1 2 3; do bk receive store --set web1 --quota ${quota} <packs$n >answer$n & done; wait; cat answer?`, {cwd: dir})
  const packs = files().filter((name) => name.endsWith('.tar.zst'))
  const size = packs.reduce((sum, name) => sum + statSync(join(dir, 'store/packs', name.slice(0, 2), name)).size, 0)
  // A pack of each may be on its way while the others look.
  expect(size).toBeLessThan(quota + 4 * (MIB / 2 + 4096))
  const list = readFileSync(join(dir, 'store/sessions/web1'), 'latin1')
  expect([...list.matchAll(/^pack ([0-9a-f]{64}) /gm)].map(([, name]) => `${name}.tar.zst`).sort()).toEqual([...packs].sort())
})
