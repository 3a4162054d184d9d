/*
 * Checks bk-store, what stands beside it, and every record on its own and as a chain. Goes on where a listing has to stop, because what
 * stands behind a damaged record may be whole.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {StoreLog} from '../store/log.ts'
import {objectId} from '../store/object-id.ts'
import {summedLines} from '../store/sum.ts'
import {findCopy, readRecordFile, recordNumbers, withMissing} from '../store/record-files.ts'
import {NO_RECORD, type StoreRecord} from '../store/record.ts'
import {parseSettings, type Settings} from '../store/settings.ts'
import {recordName, SETTINGS, type Store} from '../store/store.ts'
import {isDamage} from '../store/is-damage.ts'
import type {Report} from './report.ts'

/** A log that was looked at. */
export interface CheckedLog {
  readonly log: StoreLog
  /** Those that are whole, in order. */
  readonly records: readonly StoreRecord[]
  /** Sum of the last of them. */
  readonly head: string
  /** Number of the last, whole or not. */
  readonly last: number
}

/** What is known of a store whose bk-store says nothing. */
const NO_SETTINGS: Settings = {id: '', kind: 'plain', limits: {}, files: new Map(), unknown: []}

/**
 * Checks the log of a store and all that stands beside it. What the next record has a copy of counts as damaged, and is gone on with.
 * @param repair whether such a record is made anew
 * @throws BkError 2 where there is no store
 */
export async function checkRecords(store: Store, report: Report, repair: boolean): Promise<CheckedLog> {
  const settings = await checkSettings(store, report)
  for (const [name, digest] of settings.files) await checkFile(store, name, digest, report)
  const log = StoreLog.over(store, settings)
  const records: StoreRecord[] = []
  let head = NO_RECORD
  // Numbers whose records mean nothing: torn, if the next is chained past them.
  let torn: number[] = []
  let hasGap = false
  let before = 0
  for (const seq of await numbersWithCopies(store)) {
    // However large a number somebody has given to a file, what is missing before it is one gap.
    if (seq > before + 1) report.add('record', seq > before + 2 ? `${before + 1}-${seq - 1}` : String(seq - 1), 'is missing')
    hasGap ||= seq > before + 1
    before = seq
    const record = await readRecord(log, seq, report, repair)
    if (typeof record === 'string') {
      if (record === TORN) torn.push(seq)
      else report.add('record', String(seq), record)
      hasGap ||= record !== TORN
      continue
    }
    if (record.prev === head) tellTorn(torn, report)
    else if (torn.length > 0) for (const each of torn) report.add('record', String(each), `is damaged: record ${seq} is chained to it`)
    else if (!hasGap) report.add('record', String(seq), 'is not chained to the record before it')
    torn = []
    hasGap = false
    head = record.sum
    records.push(record)
  }
  tellTorn(torn, report)
  return {log, records, head, last: before}
}

/* Rising: of records that there are files of, or copies. */
async function numbersWithCopies(store: Store): Promise<number[]> {
  const falling = await recordNumbers(store)
  const files = new Set(falling)
  const copied = await Promise.all(withMissing(falling).map(async (seq) => (files.has(seq) || (await findCopy(store, seq)) !== undefined ? [seq] : [])))
  return copied.flat().reverse()
}

async function checkSettings(store: Store, report: Report): Promise<Settings> {
  try {
    const bytes = await store.get(SETTINGS)
    // First: what says that it is from another version may just as well be damaged.
    summedLines(bytes.toString('latin1'))
    return parseSettings(bytes)
  } catch (error) {
    const code = errorCode(error)
    if (!(error instanceof BkError) && code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    // Without a log there is nothing that says it ever was a store.
    if (!(error instanceof BkError) && (code === 'ENOTDIR' || !(await hasLog(store)))) await StoreLog.open(store)
    if (error instanceof BkError && error.hint !== undefined) throw error
    report.add('file', SETTINGS, error instanceof BkError ? error.message : 'is missing')
    return NO_SETTINGS
  }
}

async function hasLog(store: Store): Promise<boolean> {
  return (await recordNumbers(store)).length > 0
}

async function checkFile(store: Store, name: string, digest: string, report: Report): Promise<void> {
  try {
    if (objectId(await store.get(name)) !== digest) report.add('file', name, 'was changed since the store was made')
  } catch (error) {
    report.add('file', name, whyNot(error))
  }
}

const TORN = 'torn'

/* A record, or what is wrong with it. */
async function readRecord(log: StoreLog, seq: number, report: Report, repair: boolean): Promise<StoreRecord | string> {
  const record = await readFile(log.store, seq)
  if (typeof record !== 'string') return record
  const copy = await findCopy(log.store, seq)
  if (copy === undefined) return record
  const why = record === TORN ? 'is cut off' : record
  if (repair && copy.text !== undefined) {
    await log.store.put(recordName(seq), [Buffer.from(copy.text, 'latin1')], false)
    report.add('repaired', recordName(seq), `${why}, and was made anew from the copy in record ${copy.by}`)
  } else report.add('record', String(seq), `${why}: record ${copy.by} has a copy of ${copy.text === undefined ? 'what it said' : 'it'}`)
  return copy.record
}

async function readFile(store: Store, seq: number): Promise<StoreRecord | string> {
  try {
    const file = await readRecordFile(store, seq)
    if (file !== undefined) return file.record
    const bytes = await store.get(recordName(seq))
    // One that was torn while it was written lacks its end; one that has it was whole once.
    return /\nsum [0-9a-f]{64}\n$/.test(bytes.toString('latin1', Math.max(0, bytes.length - 80))) ? 'its sum is wrong' : TORN
  } catch (error) {
    return whyNot(error).replace(`record ${seq} is damaged: `, '')
  }
}

function tellTorn(torn: readonly number[], report: Report): void {
  for (const seq of torn) report.note(`record ${seq} is torn: it was cut off while it was written, and means nothing`)
}

/** What is wrong, in words; throws what is a bug. */
export function whyNot(error: unknown): string {
  if (errorCode(error) === 'ENOENT') return 'is missing'
  if (isDamage(error)) return reasonOf(error)
  throw error
}
