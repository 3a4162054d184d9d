// Records whose sums are right and which do not tell the truth: what no accident makes, and verify finds by reading what they name.

import {beforeAll, expect, test} from 'vitest'
import {formatSnapshot, parseRecord, type SnapshotDraft, type SnapshotRecord} from '../../../src/lib/store/record.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {recordName} from '../../../src/lib/store/store.ts'
import {LAST, makeVerifiable, type CopyingStore} from './made-store.ts'
import {storeOf, verified} from './verified.ts'

let whole: ReadonlyMap<string, Buffer>

beforeAll(async () => {
  const files = new Map(await makeVerifiable())
  files.delete(recordName(LAST + 1))
  whole = files
})

function lastRecord(): SnapshotRecord {
  const record = parseRecord(whole.get(recordName(LAST))!)
  if (record.kind !== 'snapshot') throw new Error('not a snapshot')
  return record
}

function lying(change: (record: SnapshotRecord) => Partial<SnapshotDraft>): CopyingStore {
  const record = lastRecord()
  const store = storeOf(whole)
  store.files.set(recordName(LAST), Buffer.from(formatSnapshot({...record, ...change(record)}).text))
  return store
}

const zeros = '0'.repeat(64)

test.for<[string, (record: SnapshotRecord) => Partial<SnapshotDraft>, RegExp]>([
  ['entries', ({entries}) => ({entries: entries + 1}), /^its record says \d+ entries, its index has \d+$/],
  ['bytes', ({bytes}) => ({bytes: bytes - 1}), /^its record says \d+ bytes, its index has \d+$/],
  ['unread paths', () => ({partial: 2}), /^its record says 2 unread paths, its index has 0$/],
  ['the digest', () => ({tree: zeros}), /^its index is not the one that its record names$/],
  ['the level', ({index}) => ({index: {id: index.id, level: index.level === 'full' ? 'near' : 'full'}}), /a full one/],
  ['a pack too many', () => ({needs: {base: undefined, drop: new Map(), add: new Map([[1, new Set([1, 2])], [LAST, new Set([1])], [2, new Set([1])]])}}), /(says that it needs pack|does not say that it needs)/],
  ['a label that no catalog has', ({needs}) => ({needs: {...needs, add: new Map([...needs.add, [LAST, new Set([900])]])}}), new RegExp(`^needs pack ${LAST}\\.900, which no catalog has$`)],
  ['the needs of another set', ({needs}) => ({needs: {...needs, base: 1}}), /^needs what record 1 needs, which is no snapshot of its set$/],
  ['an index that is not there', ({index}) => ({index: {...index, id: zeros}}), /^its index is lost: object 0{64} is in no pack$/],
])('a record that lies about %s', async ([, change, words]) => {
  const {findings, summary} = await verified(lying(change))
  const said = findings.flatMap((each) => (each.kind === 'snapshot' && each.name === String(LAST) ? [each.why] : []))
  expect(said.join('\n')).toMatch(words)
  expect(findings.filter((each) => each.kind === 'record' || each.kind === 'pack')).toEqual([])
  expect(summary.damages).toBeGreaterThan(0)
})

test('needs are exact: each that is left out, or added, is told of', async () => {
  const log = await StoreLog.open(storeOf(whole))
  const labels = await log.labels(lastRecord())
  const all = [...labels].flatMap(([seq, numbers]) => [...numbers].map((n) => [seq, n] as const))
  for (const [seq, n] of all) {
    const add = new Map([...labels].map(([at, numbers]) => [at, new Set([...numbers].filter((each) => at !== seq || each !== n))] as const).filter(([, numbers]) => numbers.size > 0))
    const {findings} = await verified(lying(() => ({needs: {base: undefined, drop: new Map(), add}})), {read: undefined})
    expect(findings.map((each) => ('why' in each ? each.why : '')).join('\n')).toMatch(/does not say that it needs|none of the packs has that it needs/)
  }
})
