// A small store as bk makes it, in memory: two sets that share content, indexes of all three levels, a file in chunks, a record that was
// torn, the list of a cut session, and packs that nobody names.

import {readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {recordName, packName} from '../../../src/lib/store/store.ts'
import {formatSession} from '../../../src/lib/store/session-list.ts'
import {sh} from '../../harness/bk.ts'
import {makeTree} from '../../harness/tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {joined, MemoryStore, packOf} from '../store/memory-store.ts'

/** Number of the last record that is whole; a torn one follows. */
export const LAST = 9

/** A store that a test may do anything to: what it hands out is a copy. */
export class CopyingStore extends MemoryStore {
  override async get(name: string, range?: {readonly offset: number; readonly length: number}): Promise<Buffer> {
    return Buffer.from(await super.get(name, range))
  }
}

/** Makes the store, with the programs themselves. */
export async function makeVerifiable(): Promise<ReadonlyMap<string, Buffer>> {
  const files = readAll(join(await makeStore(), 'store'))
  const [left, nobodys] = [1, 2].map((n) => packOf([[`left behind ${n}`]], 1, Buffer.alloc(16, n))) as [ReturnType<typeof packOf>, ReturnType<typeof packOf>]
  for (const pack of [left, nobodys]) files.set(packName(pack.name), joined(pack))
  files.set('sessions/web', formatSession([{name: left.name, size: left.size, time: 1_763_800_205}]))
  files.set('left-over', Buffer.from('whatever\n'))
  files.set(recordName(LAST + 1), Buffer.from('#bk record 1 snapshot\nseq 10\nset we'))
  return files
}

/** The same after some time: snapshots were dropped, packs written anew, a path purged, and it went on. */
export async function makeLived(): Promise<ReadonlyMap<string, Buffer>> {
  const dir = await makeStore()
  const rotate = 'bk rotate -q store --apply --compact --waste 1 --now'
  await run(dir, `${rotate} --drop 2,5 && bk purge -q store d1/f4 --apply && ${rotate} --drop 1 && rm -r tree/d1 && bk push -q -C tree --set web . store && bk push -q -C tree --set db . store`)
  return readAll(join(dir, 'store'))
}

async function run(dir: string, script: string): Promise<void> {
  const {status, stderr} = await sh(script, {cwd: dir})
  if (status !== 0) throw new Error(stderr)
}

async function makeStore(): Promise<string> {
  const dir = tempDir('verify')
  const tree = join(dir, 'tree')
  const lines = (from: number, to: number): string => Array.from({length: to - from}, (_, i) => `line ${from + i} of a log that grows\n`).join('')
  makeTree(tree, [
    ...Array.from({length: 30}, (_, i) => ({path: `d${i % 3}/f${i}`, type: 'file' as const, content: `file ${i}\n`})),
    {path: 'large', type: 'file', content: lines(0, 20_000)},
    {path: 'same', type: 'file', content: 'file 1\n'},
    {path: 'other name', type: 'hardlink', target: 'same'},
    {path: 'link', type: 'link', target: 'same'},
    {path: 'empty', type: 'file'},
  ])
  const push = (set: string): Promise<void> => run(dir, `bk push -q -C tree --set ${set} . store`)
  await run(dir, 'bk init -q store')
  await push('web')
  for (let round = 0; round < 5; round++) {
    for (let i = 3 * round; i < 3 * round + 4; i++) if (round < 4 || i % 3 > 0) writeFileSync(join(tree, `d${i % 3}/f${i}`), `changed in round ${round}: ${i}\n`)
    if (round === 2) writeFileSync(join(tree, 'large'), lines(0, 10_000) + 'other\n' + lines(10_000, 21_000))
    if (round === 3) rmSync(join(tree, 'd0'), {recursive: true})
    await push('web')
    if (round === 1) await push('db')
  }
  await push('web')
  await push('db')
  return dir
}

function readAll(dir: string): Map<string, Buffer> {
  const names = readdirSync(dir, {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile())
  return new Map(names.map((entry) => [join(entry.parentPath, entry.name).slice(dir.length + 1), readFileSync(join(entry.parentPath, entry.name))]))
}
