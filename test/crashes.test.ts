// The promise that matters most: killed at any instant, a store stays valid, nothing older in it changes, and the next run goes on from
// there. SIGKILL hits the sender of a local store, the receiver of a stream, or a push, at a random instant; afterwards the whole store is
// read by somebody who knows only docs/format.md. 30 rounds in `npm test`, 300 by `npm run crashes`; BK_SEED repeats one.

import {appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {bk, sh} from './harness/bk.ts'
import {noise} from './harness/days.ts'
import {killDuring, rounds} from './harness/faults.ts'
import {readStore} from './harness/read-store.ts'
import {sameTree} from './harness/same-tree.ts'
import {storeFiles} from './harness/store-files.ts'
import {newHome, removeTree, tempDir} from './harness/temp.ts'

const count = Number(process.env['BK_CRASHES'] ?? 30)
// A new store now and then: reading all of it takes longer with each snapshot.
const perStore = 10

const ways = [
  {victim: /bk\.js send/, pipe: 'bk index -C tree . | bk diff -q remote.idx | bk send -q --to store --index-out remote.idx'},
  {
    victim: /bk\.js receive/,
    pipe: 'bk index -C tree . | bk diff -q remote.idx | bk send -q --index-out remote.idx | bk receive store && mv remote.idx.pending remote.idx',
  },
  {victim: /bk\.js push/, pipe: 'bk push -q -C tree . store && bk index -q store@latest >remote.idx'},
]

type Place = {
  readonly dir: string
  readonly env: Readonly<Record<string, string>>
  /** how long a run takes here, now: kills are spread over that */
  readonly milliseconds: number
}

test(`${count} times SIGKILL`, async () => {
  let place = await newPlace()
  let hits = 0
  await rounds(count, async (random, round) => {
    if (round % perStore === 0) place = await newPlace()
    const {dir, env} = place
    const store = join(dir, 'store')
    const {victim, pipe} = ways[round % ways.length]!
    change(dir, random, round)
    const tree = String((await bk(['index', '-C', 'tree', '.'], {cwd: dir})).stdout)
    const before = storeFiles(store)
    const {result, killed} = await killDuring(pipe, {victim, after: random() * place.milliseconds}, {cwd: dir, env})
    if (killed) hits++
    checkStore(place, before, tree, String(result.stdout))
    const next = await sh(pipe, {cwd: dir, env})
    expect({status: next.status, stderr: next.stderr}).toEqual({status: 0, stderr: ''})
    const index = checkStore(place, before, tree, String(next.stdout))
    expect(index === readFileSync(join(dir, 'remote.idx'), 'latin1'), 'remote.idx is the newest snapshot').toBe(true)
    if (round % perStore === perStore - 1 || round === count - 1) await expectRestored(place)
  })
  // Instants that come too late hit nobody: most must not.
  expect(hits).toBeGreaterThan(count / 2)
}, 60_000 + count * 10_000)

async function newPlace(): Promise<Place> {
  const dir = tempDir('crashes')
  const home = newHome(join(dir, 'home'))
  mkdirSync(join(dir, 'tree/below'), {recursive: true})
  for (let at = 0; at < 200; at++) writeFileSync(join(dir, `tree/below/file ${at}`), noise(at, 1000))
  writeFileSync(join(dir, 'tree/large'), noise(1000, 1_500_000))
  await bk(['init', '-q', 'store'], {cwd: dir})
  const env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  const began = performance.now()
  expect((await sh(ways[0]!.pipe, {cwd: dir, env})).status).toBe(0)
  return {dir, env, milliseconds: performance.now() - began}
}

/** What a night brings: something new, something else gone, a name changed, a large file written to. */
function change(dir: string, random: () => number, round: number): void {
  const some = (): string => join(dir, `tree/below/file ${Math.floor(random() * 200)}`)
  writeFileSync(join(dir, `tree/new ${round}`), noise(Math.floor(random() * 1e9), Math.floor(random() * 400_000)))
  writeFileSync(some(), noise(Math.floor(random() * 1e9), 2000))
  rmSync(some(), {force: true})
  const moved = some()
  if (existsSync(moved)) renameSync(moved, join(dir, `tree/moved ${round}`))
  appendFileSync(join(dir, 'tree/large'), noise(Math.floor(random() * 1e9), 20_000))
}

/** The store is valid, what was in it is in it still, and what is new is a whole snapshot or none. Answers the newest index. */
function checkStore({dir}: Place, before: ReadonlyMap<string, string>, tree: string, stdout: string): string | undefined {
  const after = storeFiles(join(dir, 'store'))
  for (const [name, sum] of before) if (!name.startsWith('sessions/')) expect(after.get(name), name).toBe(sum)
  const {snapshots} = readStore(join(dir, 'store'))
  expect(snapshots.every(({state}) => state === 'complete')).toBe(true)
  const committed = /^committed (\d+) /.exec(stdout)?.[1]
  if (committed !== undefined) expect(snapshots.at(-1)?.seq).toBe(Number(committed))
  // The stored index says besides how the large file is cut.
  const plain = (index: string): string => index.replaceAll(/^#bk \S+ (?:chunks|cut)=.*\n|^#bk end .*\n/gm, '')
  const known = [...before.keys()].filter((name) => name.startsWith('log/')).length
  for (const {index} of snapshots.slice(known)) expect(plain(index) === plain(tree), 'a snapshot is the tree').toBe(true)
  return snapshots.at(-1)?.index
}

async function expectRestored({dir}: Place): Promise<void> {
  expect(await bk(['restore', '-q', 'store', '--to', 'restored'], {cwd: dir})).toMatchObject({status: 0, stderr: ''})
  expect(sameTree(join(dir, 'tree'), join(dir, 'restored'))).toEqual([])
  removeTree(join(dir, 'restored'))
}
