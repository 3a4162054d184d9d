// The main job, twenty days in a row, from an absent remote.idx on: every day the pipe runs as a user types it, the snapshot comes back
// as the tree was, and only what is new was moved. At the end every day is still there.

import {lstatSync, mkdirSync, readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import {days} from '../harness/days.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, removeTree, tempDir} from '../harness/temp.ts'

type Way = {
  readonly name: string
  /** Makes a place ready; answers variables for its commands. */
  readonly prepare?: (dir: string) => Promise<Record<string, string>>
  /** What the user types in a directory with `tree`, `store` and, from the second day on, `remote.idx`. */
  readonly pipe: string
  /** Days on which something was lost the night before: below `home`. */
  readonly lost?: (day: number) => 'state' | 'cache' | undefined
  /** Absolute paths are stored relative to /: a restore has the directories that lead to the tree. */
  readonly absolute?: true
  /** Restores all days again at the end. */
  readonly restoreAll?: true
}

const oneWay = 'bk index -C tree . | bk diff remote.idx | bk send --index-out remote.idx | ssh vault && mv remote.idx.pending remote.idx'

const ways: readonly Way[] = [
  {
    name: 'into a store, with --index-out',
    pipe: 'bk index "$PWD/tree" | bk diff remote.idx | bk send --to store --index-out remote.idx',
    absolute: true,
    restoreAll: true,
  },
  {
    // It trusts size and time, as rsync does, and two of the days change a file and leave it both.
    name: 'into a store, each file read once by send alone, state and cache lost on some nights',
    pipe: "touch -c 'tree/names/d.js' 'tree/papers/file 20'; bk index --no-digest -C tree . | bk diff remote.idx | bk send --to store --index-out remote.idx",
    lost: (day) => (day % 4 === 1 ? 'state' : day % 4 === 2 ? 'cache' : undefined),
  },
  {
    name: 'into a store, with remote.idx fetched from it',
    pipe: '{ [ ! -e store/log/000001 ] || bk index -q store@latest >remote.idx; } && bk index -C tree . | bk diff remote.idx | bk send --to store',
  },
  {
    name: 'in one process, into a store',
    pipe: "touch -c 'tree/names/d.js' 'tree/papers/file 20'; bk push -q -C tree . store",
    lost: (day) => (day % 4 === 2 ? 'cache' : undefined),
    restoreAll: true,
  },
  {
    name: 'in one process, to a vault, state and cache lost on some nights',
    prepare: behindSsh,
    pipe: "touch -c 'tree/names/d.js' 'tree/papers/file 20'; bk push -q -C tree . vault:",
    lost: (day) => (day % 4 === 1 ? 'state' : day % 4 === 2 ? 'cache' : undefined),
  },
  {name: 'one way through ssh, with remote.idx.pending', prepare: behindSsh, pipe: oneWay, restoreAll: true},
  {
    name: 'one way through ssh, the state lost on some nights',
    prepare: behindSsh,
    pipe: oneWay,
    lost: (day) => (day % 3 === 1 ? 'state' : undefined),
  },
]

async function behindSsh(dir: string): Promise<Record<string, string>> {
  const sshd = await startSshd()
  sshd.authorize([`restrict,command="${root}/bin/bk receive ${dir}/store" ${sshd.publicKeys['vault']}`])
  return {...sshd.env}
}

describe.each(ways)('$name', (way) => {
  test('twenty days', async () => {
    const dir = tempDir('days')
    const home = newHome(join(dir, 'home'))
    const env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache'), ...(await way.prepare?.(dir))}
    expect(await bk(['init', '-q', 'store'], {cwd: dir})).toMatchObject({status: 0, stderr: ''})
    expect(days).toHaveLength(20)
    for (const [at, {what, pass}] of days.entries()) {
      const day = at + 1
      const lost = way.lost?.(day)
      if (lost !== undefined) removeTree(join(home, lost))
      const fresh = pass(join(dir, 'tree'))
      const before = packSizes(dir)
      const result = await sh(way.pipe, {cwd: dir, env})
      expect({...result, stdout: String(result.stdout)}, `day ${day}: ${what}`).toMatchObject({
        status: 0,
        stderr: day === 1 && way.pipe.includes('bk diff') ? 'bk diff: remote.idx does not exist: taken as an empty tree\n' : '',
        stdout: expect.stringMatching(new RegExp(`^committed ${day} [0-9a-f]{64}\n$`)),
      })
      const moved = [...packSizes(dir)].filter(([name]) => !before.has(name)).reduce((sum, [, size]) => sum + size, 0)
      const room = indexRoom + (lost === 'state' && way.pipe === oneWay ? largeFile : 0)
      expect(moved, `bytes of new packs on day ${day}: ${what}`).toBeLessThanOrEqual(fresh + room)
      if (fresh === 0) expect(lstatSync(join(dir, recordName(day))).size).toBeLessThan(2048)
      await expectRestored(dir, 'store', join(dir, 'tree'), way)
      if (way.restoreAll) await sh(`cp -a tree 'day ${day}'`, {cwd: dir})
    }
    await checkAll(dir, way)
  }, 240_000)
})

// What a day's index may take; a full one now and then is 10 KiB compressed here.
const indexRoom = 64 * 1024
// Only the state knows the chunks of what lies in a store that one cannot ask: of files above 512 KiB that changed or were copied all of them are sent again.
const largeFile = 4000 * 1024

function recordName(seq: number): string {
  return `store/log/${String(seq).padStart(6, '0')}`
}

function packSizes(dir: string): Map<string, number> {
  mkdirSync(join(dir, 'store/packs'), {recursive: true})
  const names = readdirSync(join(dir, 'store/packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.tar.zst'))
  return new Map(names.map((name) => [name, lstatSync(join(dir, 'store/packs', name)).size]))
}

/** A snapshot is the tree, by find and what else knows nothing of bk. */
async function expectRestored(dir: string, snapshot: string, tree: string, {absolute}: Way): Promise<void> {
  const to = join(dir, 'restored')
  const result = await bk(['restore', '-q', snapshot, '--to', to], {cwd: dir})
  expect(result, `restore of ${snapshot}`).toMatchObject({status: 0, stderr: ''})
  expect(sameTree(tree, absolute ? join(to, dir, 'tree') : to, {ignoreSockets: true}), `${snapshot} as restored`).toEqual([])
  removeTree(to)
}

/** Every day is there still, by restore and by somebody who knows only docs/format.md. */
async function checkAll(dir: string, way: Way): Promise<void> {
  const {snapshots} = readStore(join(dir, 'store'))
  expect(snapshots.map(({seq, state}) => `${seq} ${state}`)).toEqual(days.map((_, at) => `${at + 1} complete`))
  for (const {seq} of way.restoreAll ? snapshots : []) await expectRestored(dir, `store@${seq}`, join(dir, `day ${seq}`), way)
  if (way.pipe.includes('--index-out')) {
    expect(readFileSync(join(dir, 'remote.idx'), 'latin1')).toBe(snapshots.at(-1)?.index)
  }
}
