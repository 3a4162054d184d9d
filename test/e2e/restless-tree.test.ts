// A tree in which something happens all the time while it is backed up, one run after the other: files come, go, grow, move, become
// directories and links. No run fails, every snapshot is valid and comes back, and when the tree holds still the next one is the tree.

import {appendFileSync, chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {rounds} from '../harness/faults.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {newHome, removeTree, tempDir} from '../harness/temp.ts'

const ways = [
  {name: 'into a store', pipe: 'bk index -C tree . | bk diff -q remote.idx | bk send -q --to store --index-out remote.idx'},
  {name: 'each file read by send alone', pipe: 'bk index --no-digest -C tree . | bk diff -q remote.idx | bk send -q --to store --index-out remote.idx'},
  {
    name: 'one way',
    pipe: 'bk index -C tree . | bk diff -q remote.idx | bk send -q --index-out remote.idx | bk receive store && mv remote.idx.pending remote.idx',
  },
]

test.each(ways)('$name', async ({pipe}) => {
  await rounds(1, async (random) => {
    const dir = tempDir('restless')
    const tree = join(dir, 'tree')
    const home = newHome(join(dir, 'home'))
    const env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
    mkdirSync(tree)
    for (let at = 0; at < 1500; at++) happen(tree, random)
    await bk(['init', '-q', 'store'], {cwd: dir})
    const life = setInterval(() => {
      for (let at = 0; at < 4; at++) happen(tree, random)
    }, 1)
    try {
      for (let night = 1; night <= 8; night++) {
        const {status, stdout, stderr} = await sh(pipe, {cwd: dir, env})
        expect({night, status, stdout: String(stdout), stderr}).toEqual({night, status: 0, stdout: expect.stringMatching(/^committed /), stderr: ''})
      }
    } finally {
      clearInterval(life)
    }
    // A note from the last restless night goes with one more.
    for (let night = 0; night < 2; night++) expect((await sh(pipe, {cwd: dir, env})).status).toBe(0)
    const {snapshots} = readStore(join(dir, 'store'))
    expect(snapshots.map(({state}) => state)).toEqual(Array.from({length: 10}, () => 'complete'))
    for (const {seq} of snapshots) {
      expect(await bk(['restore', '-q', `store@${seq}`, '--to', 'restored'], {cwd: dir})).toMatchObject({stderr: expect.stringMatching(/^(?:bk restore: snapshot \d+ has \d+ entries, [^\n]*\n)?$/)})
      if (seq < 10) removeTree(join(dir, 'restored'))
    }
    expect(sameTree(tree, join(dir, 'restored'))).toEqual([])
  })
}, 120_000)

/** One thing that may happen to a tree; what makes no sense just now does not happen. */
function happen(tree: string, random: () => number): void {
  const pick = (count: number): number => Math.floor(random() * count)
  // Few names, so that what happens meets what is there.
  const some = (): string => join(tree, ...Array.from({length: 1 + pick(3)}, () => `n${pick(12)}`))
  const size = random() < 0.03 ? 600_000 + pick(600_000) : pick(4000)
  const content = (): Buffer => noise(pick(40), size)
  const things: readonly (() => void)[] = [
    () => mkdirSync(some(), {recursive: true}),
    () => writeFileSync(some(), content()),
    () => writeFileSync(some(), content()),
    () => writeFileSync(join(tree, `n${pick(12)}`, `n${pick(12)}`), content()),
    () => appendFileSync(some(), content()),
    () => truncateSync(some(), pick(3000)),
    () => renameSync(some(), some()),
    () => renameSync(some(), some()),
    () => linkSync(some(), some()),
    () => linkSync(some(), some()),
    () => symlinkSync(`n${pick(12)}`, some()),
    () => chmodSync(some(), 0o600 + pick(0o200)),
    () => rmSync(some()),
    () => random() < 0.2 && rmSync(some(), {recursive: true}),
  ]
  try {
    things[pick(things.length)]!()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
  }
}
