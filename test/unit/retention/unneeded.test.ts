// Which packs nobody needs is found by what records say has changed; here, by the whole list of each.

import {expect, test} from 'vitest'
import {unneededLabels} from '../../../src/lib/retention/unneeded.ts'
import {commitEdit} from '../../../src/lib/store/commit.ts'
import {formatEdit} from '../../../src/lib/store/edits.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {diffNeeds, type Labels} from '../../../src/lib/store/needs.ts'
import {readState} from '../../../src/lib/store/state.ts'
import {seeded} from '../../harness/faults.ts'
import {addRecord, seconds} from '../status/made-log.ts'
import {emptyStore} from '../store/memory-store.ts'

const start = seconds('2026-01-01T00:00:00Z')
const hour = 3600
const timeOf = (seq: number): string => new Date((start + seq * hour) * 1000).toISOString().replace('.000', '')

const wordsOf = (several: readonly Labels[]): Set<string> => new Set(several.flatMap((labels) => [...labels].flatMap(([seq, numbers]) => [...numbers].map((n) => `${seq}.${n}`))))

test.each(Array.from({length: 60}, (_, seed) => seed))('of history %i', async (seed) => {
  const random = seeded(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const store = emptyStore()
  const snapshots: {set: string; seq: number; labels: Labels}[] = []
  for (let seq = 1; seq <= 60; seq++) {
    const set = ['a', 'b'][below(2)]!
    const before = snapshots.filter((each) => each.set === set)
    // Nearly always the one before; an older one, where that was dropped.
    const base = below(8) === 0 ? undefined : before.at(below(6) === 0 ? -1 - below(before.length) : -1)
    const old = [...(base?.labels ?? [])].map(([at, numbers]) => [at, new Set([...numbers].filter(() => below(10) > 0))] as const)
    const labels: Labels = new Map([...old.filter(([, {size}]) => size > 0), [seq, new Set([1, 2, 3].slice(0, 1 + below(3)))]])
    addRecord(store, set, timeOf(seq), {needs: base === undefined ? {base, drop: new Map(), add: labels} : diffNeeds(base.seq, base.labels, labels)})
    snapshots.push({set, seq, labels})
  }
  const dropped = snapshots.filter(() => below(3) > 0)
  const log = await StoreLog.open(store)
  await commitEdit(log, async () => dropped.flatMap(({seq}) => formatEdit({verb: 'drop', numbers: [seq], why: 'a test'})))
  const now = start + 70 * hour
  // Whoever began to send less than 25 hours ago counts on what was the newest of its set then.
  const isCounted = ({set, seq}: {set: string; seq: number}): boolean => !snapshots.some((each) => each.set === set && each.seq > seq && each.seq <= 45)
  for (const [time, counts] of [[now, isCounted], [undefined, () => false]] as const) {
    const {labels, needed} = await unneededLabels(log, await readState(log), time)
    const staying = wordsOf(snapshots.filter((each) => !dropped.includes(each) || counts(each)).map((each) => each.labels))
    expect(wordsOf([needed])).toEqual(staying)
    expect(wordsOf([labels])).toEqual(new Set([...wordsOf(dropped.map((each) => each.labels))].filter((word) => !staying.has(word))))
  }
})
