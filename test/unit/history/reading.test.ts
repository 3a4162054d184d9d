// A history is read as it is stored: each stored index once or twice, and none is put together whole.

import {join} from 'node:path'
import {expect, test} from 'vitest'
import {findHistories} from '../../../src/lib/history/find.ts'
import {parsePattern} from '../../../src/lib/history/pattern.ts'
import {LocalStore} from '../../../src/lib/store/local.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {readState} from '../../../src/lib/store/state.ts'
import {tempDir} from '../../harness/temp.ts'
import {addSnapshot, group, indexText, makeStore, type Contents} from '../restore/make-store.ts'
import {storedChanges} from '../restore/old-histories.ts'
import {sha256} from '../store/memory-store.ts'

/* Counts the bytes that are read of packs. */
class CountingStore extends LocalStore {
  read = 0

  override async get(name: string, range?: {readonly offset: number; readonly length: number}): Promise<Buffer> {
    const bytes = await super.get(name, range)
    if (name.startsWith('packs/')) this.read += bytes.length
    return bytes
  }
}

const SNAPSHOTS = 30
const FILES = 1000

/* In each snapshot another file is new. */
function contents(round: number): Contents {
  const files = Array.from({length: FILES}, (_, i) => `./f${String(i).padStart(5, '0')}`)
  return {
    root: '/',
    objects: new Map(),
    groups: [group('. type=dir'), ...files.map((path, i) => group(`${path} type=file size=1 time=0.000000000 sha256=${sha256(`${i} ${i > 0 && i <= round ? 1 : 0}`)}`))],
  }
}

test('30 snapshots cost what they differ by', async () => {
  const dir = await makeStore(join(tempDir('reading'), 'store'))
  const full = indexText(contents(0)).bytes
  await addSnapshot(dir, contents(0))
  let below = full
  let stored = full.length
  for (let round = 1; round < SNAPSHOTS; round++) {
    const bytes = storedChanges(contents(round - 1), contents(round), below)
    await addSnapshot(dir, contents(round), {index: {bytes, level: 'near'}})
    below = bytes
    stored += bytes.length
  }
  // A pack is smaller than what is in it, but for what surrounds it.
  const store = new CountingStore(dir)
  const log = await StoreLog.open(store)
  const found: string[] = []
  const options = {log, state: await readState(log), set: 'test', onLost: () => expect.unreachable()}
  for await (const {path, versions} of findHistories(await parsePattern('f*'), options)) found.push(`${path} ${versions.length}`)
  expect(found).toEqual(Array.from({length: FILES}, (_, i) => `./f${String(i).padStart(5, '0')} ${i > 0 && i < SNAPSHOTS ? 2 : 1}`))
  expect(store.read).toBeLessThan(stored + SNAPSHOTS * 2048)
})
