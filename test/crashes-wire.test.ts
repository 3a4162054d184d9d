// `bk send --to vault:`, and `bk push`, whose connection is cut at a random byte, again and again: nothing is committed or all of it, and the next run goes
// on from the packs that have arrived. Bytes are counted on the wire. `npm run crashes` has ten times as many rounds.

import {existsSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {bk, root, sh} from './harness/bk.ts'
import type {Result} from './harness/bk.ts'
import {noise} from './harness/days.ts'
import {rounds} from './harness/faults.ts'
import {startProxy} from './harness/proxy.ts'
import {readStore} from './harness/read-store.ts'
import {startSshd} from './harness/sshd.ts'
import {newHome, tempDir} from './harness/temp.ts'

const count = Math.ceil(Number(process.env['BK_CRASHES'] ?? 30) / 2)
const ways = [
  ['the pipe', 'bk index -C tree . | bk diff -q remote.idx | bk send -q --to vault: --index-out remote.idx'],
  ['a push', 'bk push -q -C tree . vault:'],
] as const
const records = (store: string): number => (existsSync(join(store, 'log')) ? readdirSync(join(store, 'log')).length : 0)
const entries = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('.'))
/** What login, questions and index cost a run, at most. */
const besides = 150_000

test.each(ways)('%s whose connection is cut at any byte costs at most 16 MiB more, and commits nothing or all', async (_, command) => {
  const dir = tempDir('wire')
  const store = join(dir, 'store')
  const tree = join(dir, 'tree')
  const sshd = await startSshd()
  const proxy = await startProxy(sshd)
  sshd.authorize([`restrict,command="${root}/bin/bk receive ${store} --set web1" ${sshd.publicKeys['vault']}`])
  const env = {...proxy.env, XDG_STATE_HOME: join(newHome(join(dir, 'home')), 'state')}
  const run = (): Promise<Result> => sh(command, {cwd: dir, env})
  mkdirSync(tree)
  for (let at = 0; at < 300; at++) writeFileSync(join(tree, `f${at}`), noise(at, 5000))
  await bk(['init', '-q', store])
  await rounds(count, async (random, index) => {
    // Every sixth is more than a pack, which is what a cut may cost.
    const size = index % 6 === 0 ? 17_000_000 + Math.floor(random() * 8_000_000) : 600_000 + Math.floor(random() * 3_000_000)
    writeFileSync(join(tree, 'large'), noise(index + Math.floor(random() * 1e6), size))
    for (let at = 0; at < 40; at++) writeFileSync(join(tree, `f${at}`), noise(Math.floor(random() * 1e9), 20_000))
    const before = records(store)
    // The first time everything is new.
    const content = size + 40 * 20_000 + (index === 0 ? 260 * 5000 : 0)
    let sent = 0
    const cuts = 1 + Math.floor(random() * 2)
    for (let cut = 0; cut < cuts; cut++) {
      proxy.reset(Math.floor(random() * (size + 1_000_000)))
      const result = await run()
      sent += proxy.up()
      if (result.status === 0) break
      expect({status: result.status, stderr: result.stderr}).toEqual({status: 75, stderr: expect.stringMatching(/^bk (send|push): [^\n]*\n(?:bk \1: hint: [^\n]*\n)?$/)})
    }
    proxy.reset()
    const result = await run()
    sent += proxy.up()
    expect({status: result.status, stderr: result.stderr}).toEqual({status: 0, stderr: ''})
    const stored = await bk(['index', '-q', `${store}@latest`])
    expect(entries(String(stored.stdout))).toEqual(entries(String((await bk(['index', '-C', 'tree', '.'], {cwd: dir})).stdout)))
    expect(records(store) - before).toBeLessThanOrEqual(cuts + 1)
    expect(sent).toBeLessThan(content * 1.02 + cuts * (16 << 20) + (cuts + 1) * besides)
  })
  // Everything that came, to the byte, by somebody who knows only docs/format.md. Not after each round, which would take longer and longer.
  expect(readStore(store).snapshots).toHaveLength(records(store))
}, count * 60_000)
