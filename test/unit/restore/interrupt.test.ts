// A restore that is told to end leaves nothing half, and one that was killed is finished by the next.

import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {bk, start} from '../../harness/bk.ts'
import {until} from '../../harness/limits.ts'
import {descendants} from '../../harness/processes.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {manyFiles} from '../../harness/tree.ts'
import {addSnapshot, makeStore, readTree} from './make-store.ts'

async function prepared(): Promise<{readonly dir: string; readonly src: string; readonly store: string}> {
  const dir = tempDir('interrupt')
  const src = join(dir, 'src')
  manyFiles(src, 4000)
  for (let i = 0; i < 12; i++) fs.writeFileSync(join(src, `large${i}`), randomBytes(1 << 20))
  const store = await makeStore(join(dir, 'store'))
  await addSnapshot(store, readTree(src), {frame: 100_000, pack: 2 << 20})
  return {dir, src, store}
}

function filesIn(dir: string): string[] {
  if (!fs.existsSync(dir)) return []
  return fs.readdirSync(dir, {recursive: true, encoding: 'utf8'}).filter((path) => fs.lstatSync(join(dir, path), {throwIfNoEntry: false})?.isFile())
}

it.for([['SIGINT', 130], ['SIGTERM', 143]] as const)('%s', async ([signal, status]) => {
  const {dir, src, store} = await prepared()
  for (const [round, least] of [1, 500, 2500].entries()) {
    const out = join(dir, `out${round}`)
    // The second over a tree that is there.
    if (round === 1) manyFiles(out, 200)
    const before = filesIn(out).length
    const {pid, done} = start('bk', ['restore', store, '--overwrite', '--to', out])
    await until(`${least} files are there`, () => filesIn(out).length >= before + Math.max(0, least - before))
    process.kill(pid, signal)
    const result = await done
    // It may have come to its end before.
    expect([0, status]).toContain(result.status)
    for (const path of filesIn(out)) {
      expect(path).not.toContain('.bk.tmp')
      expect(fs.readFileSync(join(out, path)).equals(fs.readFileSync(join(src, path))), path).toBe(true)
    }
    expect(descendants(pid)).toEqual([])
  }
})

it('SIGKILL, and once more', async () => {
  const {dir, src, store} = await prepared()
  const out = join(dir, 'out')
  const {pid, done} = start('bk', ['restore', store, '--to', out])
  await until('some files are there', () => filesIn(out).length > 800)
  process.kill(pid, 'SIGKILL')
  await done
  const again = await bk(['restore', store, '--overwrite', '--to', out])
  expect([again.status, again.stderr.split('\n').length]).toEqual([0, 2])
  for (const path of filesIn(out)) if (path.includes('.bk.tmp')) fs.rmSync(join(out, path))
  expect(sameTree(src, out).filter((line) => !line.startsWith('./: time'))).toEqual([])
})
