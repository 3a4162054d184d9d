// One cycle of one peer on one corpus: an empty store, then first backup, nothing changed, a day's change, restore, each a measured run.
// Everything a run could owe to the one before is settled first: the disk is synced, the tree and the program are read into the cache.

import {lstatSync, opendirSync} from 'node:fs'
import {join} from 'node:path'
import {type Measured, measure} from './measure.ts'
import {mutate} from './mutate.ts'
import type {Op, Peer} from './peers.ts'
import {type Row, succeeded} from './rows.ts'
import type {Stage} from './stage.ts'

export interface Setting {
  readonly corpus: string
  /** the pristine corpus, only read */
  readonly pristine: string
  /** a directory of this run's own, for the working copy */
  readonly scratch: string
  readonly stage: Stage
  /** the bk under test */
  readonly bk: string
  readonly ops: readonly Op[]
  /** seconds any one command may take */
  readonly limit: number
  readonly signal: AbortSignal
}

/** The part of a setting that commands see. */
export type Place = Pick<Setting, 'corpus' | 'pristine' | 'scratch' | 'stage' | 'bk'>

/** Takes each row as it is measured, with what a failed command said last. */
export type Measurement = (row: Row, complaint: string) => void

// The cache is warmed by what everybody has: content by tar (GNU tar would read nothing if it wrote to /dev/null itself), metadata by find.
const read = (dir: string): string => `tar -C "$${dir}" -cf - . | cat > /dev/null`
const warmBackup = `find "$STORE" -size +0 > /dev/null; ${read('SRC')}; ${read('STATE')}`
const warmRestore = `${read('STORE')}; ${read('STATE')}`
// A copy whose unchanged files keep inode and times from lap to lap costs less than a fresh one; where rsync is missing it is made anew.
const reset =
  'mkdir -p "$SRC" && if command -v rsync > /dev/null; then rsync -aH --delete "$PRISTINE/" "$SRC/"; ' +
  'else rm -rf "$SRC" && cp -a "$PRISTINE" "$SRC"; fi'

/** Runs the cycle and hands over a row for each operation; stops at the first that fails. Leaves nothing but the working copy. */
export async function cycle(peer: Peer, lap: number, setting: Setting, measured: Measurement): Promise<void> {
  const {corpus, stage, limit, signal} = setting
  const env = environment(peer, setting)
  const untimed = async (command: string | undefined): Promise<void> => {
    if (command === undefined || signal.aborted) return
    const {status, stderr} = await measure({command, env, limit}, signal)
    if (status !== '0' && !signal.aborted) throw new Error(`${peer.name}: ${command}: status ${status}\n${stderr}`)
  }
  stage.renew()
  try {
    await untimed(reset)
    await untimed(peer.init)
    for (const op of setting.ops) {
      if (op === 'mutated' && !signal.aborted) mutate(env['SRC']!, '1')
      await untimed(peer.before)
      await untimed('sync')
      await untimed(op === 'restore' ? warmRestore : warmBackup)
      await untimed(peer.version)
      if (signal.aborted) return
      const run = await measure({command: peer[op], env: {...env, OP: op}, limit}, signal)
      if (signal.aborted) return
      const owed = await measure({command: 'sync', env, limit}, signal)
      const proof = op === 'restore' && run.status === '0' ? await prove(env, setting) : '-'
      if (signal.aborted) return
      const row = {corpus, peer: peer.name, op, lap, ...figures(run), sync: owed.wall, ...footprint(env['STORE']!), proof}
      measured(row, run.stderr || run.stdout)
      if (!succeeded(row)) return
    }
  } finally {
    stage.remove()
  }
}

/** What a command sees: nothing of the caller's but PATH. */
export function environment(peer: Peer, {corpus, pristine, scratch, stage, bk}: Place): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    HOME: join(stage.dir, 'state/home'),
    TMPDIR: join(scratch, 'tmp'),
    PRISTINE: pristine,
    SRC: join(scratch, 'source', corpus),
    STORE: join(stage.dir, 'store'),
    STATE: join(stage.dir, 'state'),
    OUT: join(stage.dir, 'out'),
    BK: bk,
    ...peer.env,
  }
}

function figures({wall, user, system, maxRss, sumRss, status}: Measured) {
  return {when: new Date().toISOString(), wall, user, system, maxRss, sumRss, status}
}

/** Content, names and links of what was restored, by a program that is no peer. */
async function prove(env: Record<string, string>, {limit, signal}: Setting): Promise<string> {
  const {status} = await measure({command: 'diff -rq --no-dereference "$SRC" "$OUT"', env, limit}, signal)
  return status === '0' ? 'ok' : 'differs'
}

/** What a directory takes: a file with several names counts once. */
export function footprint(dir: string): {storeBytes: number; storeDisk: number; storeFiles: number} {
  const seen = new Set<number>()
  const total = {storeBytes: 0, storeDisk: 0, storeFiles: 0}
  const visit = (path: string): void => {
    const stat = lstatSync(path)
    if (stat.nlink > 1 && !stat.isDirectory()) {
      if (seen.has(stat.ino)) return
      seen.add(stat.ino)
    }
    total.storeDisk += stat.blocks * 512
    if (stat.isFile()) {
      total.storeFiles++
      total.storeBytes += stat.size
    }
    if (!stat.isDirectory()) return
    const names = opendirSync(path)
    for (let entry = names.readSync(); entry; entry = names.readSync()) visit(join(path, entry.name))
    names.closeSync()
  }
  visit(dir)
  return total
}
