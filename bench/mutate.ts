// One deterministic day of change, applied in place to a COPY of a corpus: which file gets what comes from sha1(seed + path), not from the
// order of a directory. 1 % of the files are edited, 0.5 % added, 0.5 % deleted, directories with about 0.5 % of them renamed or moved.
// A folder that holds disk.raw, dump.sql and access.log gets what such files get in a day (mutate-large.ts).

import {createHash} from 'node:crypto'
import {chmodSync, chownSync, existsSync, lstatSync, readFileSync, readdirSync, renameSync} from 'node:fs'
import {statSync, unlinkSync, writeFileSync} from 'node:fs'
import {basename, dirname, join, resolve} from 'node:path'
import {mutateLarge} from './mutate-large.ts'
import {type Random, seeded} from './random.ts'
import {shuffledLines} from './texts.ts'

// Paths are byte strings (one char a byte) until they meet the file system: names need not be UTF-8.
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const text = (buffer: Uint8Array): string => Buffer.from(buffer).toString('latin1')

/** Changes `dir` in place and says in one line what it did. Refuses a corpus that has its MANIFEST beside it: that one is pristine. */
export function mutate(dir: string, seed: string): string {
  const pristine = join(dirname(resolve(dir)), `MANIFEST.${basename(resolve(dir))}`)
  if (existsSync(pristine)) throw new Error(`${dir} is a pristine corpus: give a copy`)
  if (existsSync(join(dir, 'disk.raw'))) return mutateLarge(dir, seed)
  const root = text(Buffer.from(dir))
  const at = (path: string): Buffer => bytes(`${root}/${path}`)
  const files = regularFiles(bytes(root), '.')
  const {moved, taken} = moveDirectories(files, at, seed)
  const rest = files.filter((path) => !taken.some((gone) => path.startsWith(`${gone}/`)))
  const order = sortedBy(rest, (path) => digest(seed + path))
  const edits = roundHalfEven(files.length * 0.01)
  const half = roundHalfEven(files.length * 0.005)
  order.slice(0, edits).forEach((path, i) => edit(at(path), path, i, seed))
  for (const path of order.slice(edits, edits + half)) unlinkSync(at(path))
  for (const path of order.slice(edits + half, edits + 2 * half)) addBeside(text(at(path)), path, seed)
  return `files ${files.length}: edited ${edits}, added ${half}, deleted ${half}, moved ${moved} files in ${taken.length} directories`
}

/** Renames or moves whole directories until about 0.5 % of the files have moved. */
function moveDirectories(files: readonly string[], at: (path: string) => Buffer, seed: string): {moved: number; taken: string[]} {
  const below = new Map<string, number>()
  for (const path of files) {
    for (let dir = dirname(path); dir !== '.'; dir = dirname(dir)) below.set(dir, (below.get(dir) ?? 0) + 1)
  }
  const wanted = files.length * 0.005
  const fits = [...below].filter(([dir, n]) => n >= 5 && n <= Math.max(10, wanted * 0.4) && dir.split('/').length >= 3)
  const taken: string[] = []
  let moved = 0
  for (const [dir, n] of sortedBy(fits, ([name]) => digest(`${seed}mv${name}`))) {
    if (moved >= wanted) break
    if (taken.some((other) => dir.startsWith(`${other}/`) || other.startsWith(`${dir}/`))) continue
    taken.push(dir)
    moved += n
    const renamed = `${dirname(dir)}/${basename(dir)}-renamed`
    const higher = `${dirname(dirname(dir))}/moved-${taken.length}-${basename(dir)}`
    renameSync(at(dir), at(taken.length % 2 === 1 ? renamed : higher))
  }
  return {moved, taken}
}

/** Edits one file as a text or database file is edited; every second one in place, the others by a new file renamed over it. */
function edit(target: Buffer, path: string, i: number, seed: string): void {
  const old = readFileSync(target)
  const line = bytes(`# edited on day ${seed}: ${createHash('sha1').update(bytes(path)).digest('hex')}\n`)
  const fresh = edited(old, line, i, seeded(bytes(path + seed)))
  if (i % 2 === 1) return writeFileSync(target, fresh)
  const {mode, uid, gid} = statSync(target)
  const tmp = Buffer.concat([target, bytes('.tmp~')])
  writeFileSync(tmp, fresh)
  chmodSync(tmp, mode & 0o7777)
  chownSync(tmp, uid, gid)
  renameSync(tmp, target)
}

function edited(old: Buffer, line: Buffer, i: number, random: Random): Buffer {
  const way = i % 10
  if (isBinary(old) || way < 3) {
    const offset = old.length > 0 ? random.below(Math.max(1, old.length - 40)) : 0
    if (old.length <= 41) return line
    return Buffer.concat([old.subarray(0, offset), line.subarray(-41, -1), old.subarray(offset + 40)])
  }
  if (way >= 7) return Buffer.concat([old, line])
  const offset = old.indexOf('\n', Math.floor(old.length / 4)) + 1
  return Buffer.concat([old.subarray(0, offset), line, old.subarray(offset)])
}

/** A new file beside a real one: its lines in another order, or for a binary its bytes backwards, which keeps a real file's entropy. */
function addBeside(template: string, path: string, seed: string): void {
  const old = readFileSync(bytes(template))
  const fresh = isBinary(old)
    ? Buffer.from(old).reverse()
    : Buffer.concat([shuffledLines(old, seeded(bytes(`new${path}${seed}`))), bytes(`\n# new on day ${seed}\n`)])
  const name = basename(template)
  const dot = /^\.*[^.].*\./s.test(name) ? name.lastIndexOf('.') : name.length
  writeFileSync(bytes(`${dirname(template)}/${name.slice(0, dot)}-new${name.slice(dot)}`), fresh)
}

/** Regular files below, as `./name` and `dir/name`; what belongs to git is left alone. */
function regularFiles(root: Buffer, rel: string): string[] {
  const found: string[] = []
  const dir = rel === '.' ? root : Buffer.concat([root, bytes(`/${rel}`)])
  for (const name of readdirSync(dir, {encoding: 'buffer'}).map(text)) {
    const path = `${rel}/${name}`
    const stat = lstatSync(Buffer.concat([root, bytes(`/${path}`)]))
    if (stat.isFile()) found.push(path)
    if (stat.isDirectory() && name !== '.git') found.push(...regularFiles(root, rel === '.' ? name : path))
  }
  return found
}

const isBinary = (content: Buffer): boolean => content.subarray(0, 4096).includes(0)
const digest = (value: string): string => createHash('sha1').update(bytes(value)).digest('hex')

function sortedBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  const keyed = items.map((item) => ({item, key: key(item)}))
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({item}) => item)
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor + (floor % 2)
}
