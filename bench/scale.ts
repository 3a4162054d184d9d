// `npm run scale`: what a thousand days cost. A store of 1,000 snapshots of 100,000 entries, beside what it was when it had 100: the time to
// drop one day, the memory of every command, the bytes of the indexes. docs/performance.md has the method and the figures.
// Exit status: 0 all within the bounds, 1 not, 2 nothing measured, 64 usage.

import {spawnSync} from 'node:child_process'
import {mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir, userInfo} from 'node:os'
import {join} from 'node:path'
import {parseArgs} from 'node:util'
import {excesses, scaleReport, type Measured} from './scale-report.ts'
import {Runs, type Took} from './scale-runs.ts'
import {makeStores, type Stores} from './scale-stores.ts'
import {cleanUp} from '../test/harness/cleanup.ts'
import type {Owner} from '../test/harness/invented-tree.ts'

const usage = `usage: npm run scale -- [options]
  -n, --laps N        runs of each command in each store (default 5)
      --snapshots N   of the larger store; the smaller one has a tenth (default 1000)
      --entries N     of each snapshot (default 100000)
      --keep          leave the stores there, and
      --again         measure once more in those that were left
WORK is a directory for the stores and a tree, 2 GB; below it \${TMPDIR:-/tmp}/bk-scale is made anew and removed.
`
const say = (line: string): void => void process.stderr.write(`scale: ${line}\n`)

class UsageError extends Error {}

interface Options {
  readonly laps: number
  readonly snapshots: number
  readonly entries: number
  readonly keep: boolean
  readonly again: boolean
}

function readOptions(): Options {
  const count = (value: string): {type: 'string'; default: string} => ({type: 'string', default: value})
  const flag = {type: 'boolean', default: false} as const
  let values
  try {
    values = parseArgs({options: {laps: {...count('5'), short: 'n'}, snapshots: count('1000'), entries: count('100000'), keep: flag, again: flag}}).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const {keep, again} = values
  const [laps, snapshots, entries] = [values.laps, values.snapshots, values.entries].map(Number) as [number, number, number]
  if (![laps, snapshots, entries].every(Number.isInteger) || laps < 1 || snapshots < 20 || entries < 1000) throw new UsageError('at least one lap, 20 snapshots and 1000 entries')
  return {laps, snapshots, entries, keep, again}
}

/* Whoever restores the tree is its owner, so that nothing has changed when it is pushed. */
function self(): Owner {
  const {uid, gid, username} = userInfo()
  return {uid, gid, uname: username, gname: spawnSync('id', ['-gn'], {encoding: 'utf8'}).stdout.trim()}
}

/* What was made is remembered beside the stores. */
async function storesIn(work: string, {snapshots, entries, again}: Options): Promise<Stores> {
  const note = join(work, 'stores.json')
  if (again) return JSON.parse(readFileSync(note, 'utf8')) as Stores
  const stores = await makeStores({work, snapshots, entries, owner: self()}, say)
  writeFileSync(note, JSON.stringify(stores))
  return stores
}

async function measureAll(work: string, options: Options): Promise<Measured> {
  const {laps} = options
  const stores = await storesIn(work, options)
  const began = performance.now()
  const runs = new Runs(stores, work)
  const took: Took[] = []
  const add = async <Some extends Took>(some: Promise<Some>): Promise<Some> => {
    const one = await some
    took.push(one)
    say(`${((performance.now() - began) / 1000).toFixed(0)} s: ${one.name}`)
    return one
  }
  await add(runs.rotation('rotate, dropping the oldest', laps, () => '--drop 1'))
  await add(runs.rotation('rotate, dropping one in the middle', laps, (count) => `--drop ${count / 2}`))
  await add(runs.rotation('rotate, dropping the newest and freeing it at once', laps, (count) => `--drop ${count} --now`))
  await add(runs.rotation('rotate, by rules that let one day go', laps, (count) => `--keep-daily ${count - 1}`))
  await add(runs.reading('a plan of rotate', laps, 'bk rotate "$STORE" --keep-daily 30 >/dev/null'))
  await add(runs.reading('log', laps, 'bk log "$STORE" >/dev/null'))
  await add(runs.reading('log --all', laps, 'bk log --all "$STORE" >/dev/null'))
  await add(runs.reading('status', laps, 'bk status "$STORE" >/dev/null'))
  await add(runs.reading('verify', 1, 'bk verify -q "$STORE"'))
  await add(runs.reading('index of the first', laps, 'bk index -q "$STORE"@1 >"$TREE.idx"'))
  await add(runs.reading('restore of a file of the first', laps, `bk restore -q "$STORE"@1 "$(awk '/ type=file /{print $1; exit}' "$TREE.idx")" --to "$(mktemp -d -u)"`))
  await add(runs.reading('archive of a directory', laps, `bk archive -q "$STORE" "$(awk '/ type=dir / && split($1, names, "/") == 4 {print $1; exit}' "$TREE.idx")" >/dev/null`))
  await add(runs.reading('restore of the newest', 1, 'rm -rf "$TREE"; bk restore -q "$STORE" --to "$TREE"'))
  const {added} = await add(runs.push('push, nothing changed'))
  await runs.prepare(`find "$TREE" -type f | LC_ALL=C sort | awk 'NR % 95 == 1' | while read -r file; do date +%N >>"$file"; done`)
  await add(runs.push('push, one of a hundred files changed'))
  return {took, same: added, indexes: stores.indexes}
}

async function main(): Promise<number> {
  const place = process.env['WORK'] || tmpdir()
  mkdirSync(place, {recursive: true})
  const work = join(realpathSync(place), 'bk-scale')
  const options = readOptions()
  try {
    const measured = await measureAll(work, options)
    process.stdout.write(scaleReport(measured))
    for (const excess of excesses(measured)) say(`beyond its bound: ${excess}`)
    return excesses(measured).length === 0 ? 0 : 1
  } finally {
    await cleanUp()
    if (!options.keep && !options.again) rmSync(work, {recursive: true, force: true})
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  if (error instanceof UsageError) process.stderr.write(usage)
  process.exitCode = error instanceof UsageError ? 64 : 2
}
