/*
 * The records of a store as files. Each carries what the one before it said (docs/decisions/0011), so that of one that is damaged or gone
 * the next one tells.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {isDamage} from './is-damage.ts'
import {formatOwn, ownLines, parseCopied, parseRecord, type StoreRecord} from './record.ts'
import {recordName, type Store} from './store.ts'

const MAX_RECORD = 16 << 20
/** No number is longer. */
const NAME = /^log\/(?:\d{6}|[1-9]\d{6,8})$/
/** So many numbers in a row may be torn, with a record behind them that has a copy of the one before them. */
const MOST_TORN = 3

/** What a later record has of one. */
export interface CopiedRecord {
  readonly record: StoreRecord
  /** The file as it was; undefined where the record before is damaged as well, whose lines were in it. */
  readonly text: string | undefined
  /** Number of the record that has the copy. */
  readonly by: number
}

/** Number of the records that there are files of, falling. By their names: one that somebody has given to a file, and that is no record's, may be any number. */
export async function recordNumbers(store: Store): Promise<number[]> {
  const names = await store.list('log/')
  return names.flatMap((name) => (NAME.test(name) && Number(name.slice(4)) > 0 ? [Number(name.slice(4))] : [])).sort((a, b) => b - a)
}

/** The same with those that are missing, and that the record behind them may have a copy of. */
export function withMissing(falling: readonly number[]): number[] {
  return falling.flatMap((seq, i) => (seq > 1 && falling[i + 1] !== seq - 1 ? [seq, seq - 1] : [seq]))
}

/**
 * A record as its file says it, or undefined for one that is torn or not there.
 * @throws BkError 65 for one that is damaged otherwise
 */
export async function readRecordFile(store: Store, seq: number): Promise<{readonly record: StoreRecord; readonly text: string} | undefined> {
  let bytes: Buffer
  try {
    bytes = await store.get(recordName(seq), {offset: 0, length: MAX_RECORD})
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const record = parseRecord(bytes)
    if (record.seq !== seq) throw new BkError(`it says it is record ${record.seq}`, {status: 65})
    return {record, text: bytes.toString('latin1')}
  } catch (error) {
    if (error instanceof BkError && error.message.startsWith('its sum')) return undefined
    throw new BkError(`record ${seq} is damaged: ${error instanceof Error ? error.message : String(error)}`, {status: 65, cause: error})
  }
}

/** What a later record has of this one; undefined where none has. */
export async function findCopy(store: Store, seq: number): Promise<CopiedRecord | undefined> {
  for (let by = seq + 1; by <= seq + MOST_TORN; by++) {
    const later = await wholeOr(store, by)
    if (later === undefined) continue
    const {copied, prev} = later.record
    if (copied[1] !== `seq ${seq}`) return undefined
    const record = parseCopied(copied, prev)
    for (const lines of await linesBefore(store, record)) {
      const {text, sum} = formatOwn(copied, lines)
      if (sum === prev) return {record: parseRecord(Buffer.from(text, 'latin1')), text, by}
    }
    return {record, text: undefined, by}
  }
  return undefined
}

/* What a record may have copied: the one that it was chained to, or nothing. */
async function linesBefore(store: Store, {seq, prev}: StoreRecord): Promise<(readonly string[])[]> {
  for (let at = seq - 1; at > 0 && at >= seq - MOST_TORN; at--) {
    const before = await wholeOr(store, at)
    if (before?.record.sum === prev) return [ownLines(before.text), []]
  }
  return [[]]
}

async function wholeOr(store: Store, seq: number): ReturnType<typeof readRecordFile> {
  try {
    return await readRecordFile(store, seq)
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}
