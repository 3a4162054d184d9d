// Rotation and compaction that are killed at any instant while a sender is at work: what is kept is whole, what is gone is what was dropped, the sender is
// not harmed (with --now it may have to send again), and the next rotation goes on. 30 rounds in `npm test`, 300 by `npm run crashes`; BK_SEED
// repeats one. The whole store is read afterwards by somebody who knows only docs/format.md.

import {mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {sh} from './harness/bk.ts'
import {noise} from './harness/days.ts'
import {killDuring, rounds} from './harness/faults.ts'
import {readStore} from './harness/read-store.ts'
import {newHome, tempDir} from './harness/temp.ts'

const count = Number(process.env['BK_CRASHES'] ?? 30)
/** A new store now and then: reading all of it takes longer with each snapshot. */
const perStore = 10
/** Of a day the first snapshot stays, and the newest: nearly every rotation drops something. */
const rotate = 'bk rotate -q store --keep-daily 1 --apply'
/** Little waste is enough: nearly every one has something to write anew, of the sender's set too. */
const compact = ' --compact --waste 3'

type Place = {readonly dir: string; readonly env: Readonly<Record<string, string>>}

function newPlace(): Place {
  const dir = tempDir('crashes-rotate')
  const home = newHome(join(dir, 'home'))
  for (const tree of ['tree', 'other']) {
    mkdirSync(join(dir, tree))
    for (let at = 0; at < 20; at++) writeFileSync(join(dir, tree, `file ${at}`), noise(at, 2000))
  }
  return {dir, env: {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}}
}

test(`${count} times SIGKILL`, async () => {
  let place = newPlace()
  let [hits, resent, replaced] = [0, 0, 0]
  await rounds(count, async (random, round) => {
    if (round % perStore === 0) place = newPlace()
    const {dir, env} = place
    const run = async (script: string, allowed: readonly number[] = [0]): Promise<number> => {
      const {status, stderr} = await sh(script, {cwd: dir, env})
      expect({script, isAllowed: allowed.includes(status ?? -1), stderr}).toEqual({script, isAllowed: true, stderr: ''})
      return status ?? -1
    }
    if (round % perStore === 0) await run('bk init -q store')
    for (const each of [1, 2]) {
      for (let at = 0; at < 5; at++) writeFileSync(join(dir, 'tree', `file ${Math.floor(random() * 20)}`), noise(Math.floor(random() * 1e9), 10_000 * each))
      await run('bk push -q --set one -C tree . store >/dev/null')
    }
    // Large enough to be at work all the while; what comes with it is needed longer.
    for (let at = 0; at < 5; at++) writeFileSync(join(dir, 'other', `file ${Math.floor(random() * 20)}`), noise(Math.floor(random() * 1e9), 2000))
    writeFileSync(join(dir, 'other/large'), noise(Math.floor(random() * 1e9), 4_000_000))
    const atOnce = random() < 0.5 ? ' --now' : ''
    const isCompacting = random() < 0.7
    const script = `bk push -q --set two -C other . store >/dev/null 2>said & sender=$!; ${rotate}${isCompacting ? compact : ''}${atOnce} >/dev/null; wait $sender; echo $? >sender`
    const {killed} = await killDuring(script, {victim: /bk\.js rotate/, after: random() * (isCompacting ? 150 : 110)}, {cwd: dir, env})
    if (killed) hits++
    const sender = Number(await text(place, 'cat sender'))
    expect({said: sender === 0 ? '' : await text(place, 'cat said'), sender: atOnce === '' ? sender : sender === 77 ? 0 : sender}).toEqual({said: expect.any(String), sender: 0})
    if (sender !== 0) {
      resent++
      await run('bk push -q --set two -C other . store >/dev/null')
    }
    const {snapshots} = readStore(join(dir, 'store'))
    expect(snapshots.at(-1)?.state).toBe('complete')
    expect(await text(place, 'bk log store --check')).toMatch(/^\d+ records?, head /)
    await run('bk verify -q store --read-data >&2')
    await run(`${rotate} --now >/dev/null`)
    // What a compaction has written that was killed before it said so, or that found what it stands for needed otherwise by the sender, no record
    // names: it goes when it is a day old. There is nothing else.
    const early = unneeded(dir)
    if (isCompacting) expect(early.filter((name) => isNamed(dir, name))).toEqual([])
    else expect(early).toEqual([])
    await run('find store/packs store/catalogs -type f -exec touch -d "2 days ago" {} +')
    // What came with --now while somebody was sending may be waste again: twice is enough.
    await run(`${rotate}${isCompacting ? compact : ''} --now >/dev/null && ${rotate}${isCompacting ? compact : ''} --now >/dev/null`)
    await run('bk verify -q store --read-data >&2')
    replaced += Number(await text(place, "cat store/log/* | grep -ac '^replace '"))
    const kept = readStore(join(dir, 'store'))
    expect(kept.snapshots.map(({set}) => set).sort().join(' ')).toMatch(/^one one two(?: two)?$/)
    // Dropping the last user of a pack frees it: there is nothing in the store that nobody needs.
    expect(unneeded(dir)).toEqual([])
    await run('bk restore -q store --set two --to back && cmp back/large other/large && bk restore -q store --set one --to back1')
    for (const name of ['back', 'back1']) rmSync(join(dir, name), {recursive: true})
  })
  // Instants that come too late hit nobody: most must not.
  expect(hits).toBeGreaterThan(count / 2)
  expect(resent).toBeLessThan(count / 2)
  expect(replaced).toBeGreaterThan(count)
}, 60_000 + count * 15_000)

/** The packs that no kept snapshot needs. */
function unneeded(dir: string): string[] {
  const needed = new Set(readStore(join(dir, 'store')).snapshots.flatMap(({packs}) => [...packs]))
  const files = readdirSync(join(dir, 'store/packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).map((name) => name.slice(3, 67))
  return files.filter((name) => !needed.has(name))
}

/** Whether a pack is in the catalog of a record. */
function isNamed(dir: string, pack: string): boolean {
  const records = readdirSync(join(dir, 'store/log')).map((name) => readFileSync(join(dir, 'store/log', name), 'latin1')).join('')
  return readdirSync(join(dir, 'store/catalogs')).some((digest) => records.includes(`catalog ${digest}`) && readFileSync(join(dir, 'store/catalogs', digest), 'latin1').includes(`pack ${pack} `))
}

async function text({dir, env}: Place, script: string): Promise<string> {
  return String((await sh(script, {cwd: dir, env})).stdout)
}
