// Calls that fail: one file is one problem, a full disk is the end, and nothing half is ever left under a name.

import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {interceptCalls, type Calls} from '../../../src/lib/sys/calls.ts'
import {systemError} from '../../../src/lib/sys/errno.ts'
import {smallDisk} from '../../harness/limits.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {addSnapshot, makeStore, readTree} from './make-store.ts'
import {ofKind, runRestore} from './run-restore.ts'

const large = Buffer.from(Array.from({length: 700_000}, (_, i) => (i * i * 13 + (i >> 5)) & 255))
const EIO = 5
const ENOSPC = 28
const EPERM = 1
const ENOTSUP = 95

async function prepared(): Promise<{readonly dir: string; readonly src: string; readonly out: string; readonly store: string}> {
  const dir = tempDir('faults')
  makeTree(join(dir, 'src'), [
    {path: 'd/a', type: 'file', content: 'a'},
    {path: 'd/b', type: 'file', content: 'b', xattrs: {'user.a': '1'}},
    {path: 'd/c', type: 'hardlink', target: 'd/a'},
    {path: 'd/empty', type: 'file'},
    {path: 'd/l', type: 'link', target: 'a'},
    {path: 'd/p', type: 'fifo'},
    {path: 'large', type: 'file', content: large},
  ])
  const store = await makeStore(join(dir, 'store'))
  await addSnapshot(store, readTree(join(dir, 'src')), {frame: 100_000})
  return {dir, src: join(dir, 'src'), out: join(dir, 'out'), store}
}

/** Lets the n-th call of a name fail, from 0; all of them without n. */
function failing(name: keyof Calls, errno: number, n?: number): () => void {
  let count = 0
  return interceptCalls((call) => {
    if (call.name === name && (n === undefined || count++ === n)) throw systemError(errno, name)
    return call.proceed()
  })
}

const names = (dir: string): string[] => fs.readdirSync(dir, {recursive: true, encoding: 'utf8'}).sort()

describe.for(['write', 'openat', 'symlinkat', 'mkfifoat', 'linkat', 'renameNewAt', 'ftruncate'] as const)('%s fails once', (name) => {
  it('loses one file, or none', async () => {
    const {src, out, store} = await prepared()
    const stop = failing(name, EIO, 1)
    const first = await runRestore(store, join(out, '1')).finally(stop)
    const again = failing(name, EIO, 0)
    const second = await runRestore(store, join(out, '2')).finally(again)
    for (const [i, outcome] of [first, second].entries()) {
      const lost = ofKind(outcome, 'problem').map((text) => text.slice(2, text.indexOf(':')))
      expect(lost.length, String(i)).toBeLessThanOrEqual(2)
      expect(outcome.restored.failed).toBe(lost.length)
      // All others are there and whole, and nothing else.
      const there = names(join(out, String(i + 1)))
      expect(there).toEqual(names(src).filter((path) => !lost.includes(path)))
      expect(sameTree(src, join(out, String(i + 1))).filter((line) => !lost.some((path) => line.startsWith(`./${path}:`) || /: time |hard link/.test(line)))).toEqual([])
    }
    expect(second.restored.failed).toBeGreaterThan(0)
  })
})

describe.for(['fchown', 'fchmod', 'futimens', 'fsetxattr', 'utimesAt', 'fchownat', 'fchmodat'] as const)('%s fails', (name) => {
  it('each file that lacks something is named, and is there', async () => {
    const {src, out, store} = await prepared()
    // Of the directory that is restored into, fchmod is needed.
    const stop = failing(name, EPERM)
    const outcome = await runRestore(store, out).finally(stop)
    const problems = ofKind(outcome, 'problem')
    expect(problems.length).toBeGreaterThan(0)
    for (const text of problems) expect(text).toMatch(/ could not be set: operation not permitted$/)
    expect(outcome.restored).toMatchObject({failed: 0, files: 7})
    expect(names(out)).toEqual(names(src))
  })
})

it('attributes that the place does not have are counted', async () => {
  const {out, store} = await prepared()
  const stop = failing('fsetxattr', ENOTSUP)
  const outcome = await runRestore(store, out).finally(stop)
  expect(ofKind(outcome, 'warning')).toEqual(['1 file lacks extended attributes, which this file system does not have'])
  expect(ofKind(outcome, 'problem')).toEqual([])
})

describe('a full disk', () => {
  it.for(['write', 'openat', 'symlinkat', 'mkdirat', 'ftruncate'] as const)('at %s', async (name) => {
    const {out, store} = await prepared()
    const stop = failing(name, ENOSPC, 0)
    await expect(runRestore(store, out).finally(stop)).rejects.toMatchObject({
      status: 2, message: expect.stringMatching(/^no space left to restore to; \d of 7 files were restored into /) as string,
    })
    expect(names(out).filter((path) => path.includes('.bk.tmp'))).toEqual([])
  })

  it('that is one, with threads', async () => {
    const {dir} = await prepared()
    makeTree(join(dir, 'much'), [
      ...Array.from({length: 500}, (_, i) => ({path: `f${i}`, type: 'file' as const, content: `${i} `.repeat(8000)})),
      {path: 'large', type: 'file', content: Buffer.concat(Array.from({length: 8}, (_, i) => Buffer.from(large.map((byte) => byte ^ i))))},
    ])
    const store = await makeStore(join(dir, 'store2'))
    await addSnapshot(store, readTree(join(dir, 'much')))
    const disk = smallDisk(8)
    await expect(runRestore(store, join(disk, 'out'))).rejects.toMatchObject({status: 2, message: expect.stringContaining('no space left to restore to; ') as string})
    const left = names(join(disk, 'out'))
    expect(left.filter((path) => path.includes('.bk.tmp'))).toEqual([])
    for (const path of left.filter((each) => each !== 'large')) {
      expect(fs.readFileSync(join(disk, 'out', path)).equals(fs.readFileSync(join(dir, 'much', path)))).toBe(true)
    }
  })
})

it('renames by link where the kernel knows no other way', async () => {
  const {src, out, store} = await prepared()
  const stop = failing('renameNewAt', 22)
  const outcome = await runRestore(store, out).finally(stop)
  expect(outcome.said).toEqual([])
  expect(sameTree(src, out)).toEqual([])
})
