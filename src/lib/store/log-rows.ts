/*
 * The log of a store as rows, oldest first: for people with local times and short sizes, for programs as the records have it.
 */
import {isFailure} from '../cli/errors.ts'
import {formatSize} from '../cli/units.ts'
import {unescapeNote} from './note.ts'
import {recordsForward} from './log-walk.ts'
import {readState, type LogState} from './state.ts'
import {broughtBy} from './usage.ts'
import type {Column, Row} from '../cli/table.ts'
import type {Reporter} from '../cli/speech.ts'
import type {StoreLog} from './log.ts'
import type {StoreRecord} from './record.ts'

/** A record and what it added. */
export interface LogEntry {
  readonly record: StoreRecord
  /** Packs that came with it, and their bytes; undefined where the catalog that says so is gone. */
  readonly added: {readonly packs: number; readonly bytes: number} | undefined
  /** Why it was dropped, if it was. */
  readonly dropped?: string | undefined
}

export const LOG_COLUMNS: readonly Column[] = [
  {title: 'no', align: 'right'},
  {title: 'received'},
  {title: 'set'},
  {title: 'state'},
  {title: 'entries', align: 'right'},
  {title: 'bytes', align: 'right'},
  {title: 'index'},
  {title: 'new', align: 'right'},
  {title: 'note', overflow: true},
]

const UNKNOWN = '-'
const MOST_WORDS = 60

/**
 * The snapshots of a store, or of one set, oldest first; with `all` also those that were dropped, and edits. Throws BkError 65 for a chain that is
 * broken.
 */
export async function* logEntries(log: StoreLog, {set, all}: {readonly set: string | undefined; readonly all: boolean}, reporter: Pick<Reporter, 'warn'>): AsyncGenerator<LogEntry> {
  const {dropped, doomedCatalogs, kept, droppedRecords, receipts} = await stateOrNothing(log)
  const times = new Map(receipts.filter(({isSet}) => isSet).map(({record: {seq}, received}) => [seq, received]))
  const amended = new Map([...kept.map(({record}) => record), ...droppedRecords].map((record) => [record.seq, record]))
  for await (const record of recordsForward(log)) {
    const why = dropped.get(record.seq)
    if (!all && (record.kind === 'edit' || why !== undefined)) continue
    if (set !== undefined && (record.kind !== 'snapshot' || record.set !== set)) continue
    const isGone = record.kind === 'snapshot' && record.catalog !== undefined && doomedCatalogs.has(record.catalog)
    const added = record.kind === 'edit' ? {packs: 0, bytes: 0} : isGone ? undefined : await broughtBy(log, record)
    if (added === undefined && !isGone) reporter.warn(`the catalog of record ${record.seq} is missing`)
    const received = times.get(record.seq)
    const now = record.kind === 'edit' ? record : {...(amended.get(record.seq) ?? record), received: received ?? record.received}
    yield {record: now, added, dropped: why}
  }
}

/* What stands before a record that is damaged is listed all the same. */
async function stateOrNothing(log: StoreLog): Promise<Pick<LogState, 'dropped' | 'doomedCatalogs' | 'kept' | 'droppedRecords' | 'receipts'>> {
  try {
    return await readState(log)
  } catch (error) {
    if (!isFailure(error)) throw error
    return {dropped: new Map(), doomedCatalogs: new Set(), kept: [], droppedRecords: [], receipts: []}
  }
}

/** A row with everything as the record has it. */
export function exactRow({record, added, dropped}: LogEntry): Row {
  if (record.kind === 'edit') return [String(record.seq), UNKNOWN, UNKNOWN, 'edit', UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, editWords(record.lines)]
  const {seq, received, set, partial, entries, bytes, index, note} = record
  return [String(seq), received, set, dropped === undefined ? stateWord(partial) : 'dropped', String(entries), String(bytes), index.level, added === undefined ? UNKNOWN : String(added.bytes), note === undefined ? '' : unescapeNote(note)]
}

/** A row for people. */
export function readableRow(entry: LogEntry, timeZone: string): Row {
  const {record, added} = entry
  const row = [...exactRow(entry)]
  if (record.kind === 'edit') return row
  row[1] = localTime(Date.parse(record.received), timeZone)
  row[5] = formatSize(record.bytes)
  if (added !== undefined) row[7] = formatSize(added.bytes)
  return row
}

/* What an edit did, in a few words: all of it has --json. */
function editWords(lines: readonly string[]): string {
  const words = lines.map((line) => {
    const [verb = '', ...rest] = line.split(' ')
    if (verb === 'drop') return `drop ${rest[0]}`
    if (verb === 'index') return `index ${rest[0]}`
    return verb.startsWith('doom') || verb === 'damaged' ? `${verb} ${rest.length}` : line
  })
  const text = [...new Set(words)].join('; ')
  return text.length <= MOST_WORDS ? text : `${text.slice(0, MOST_WORDS)}…`
}

/** `complete`, or `partial=K`. */
function stateWord(partial: number): string {
  return partial === 0 ? 'complete' : `partial=${partial}`
}

/** A moment (ms since 1970) as a wall clock shows it: 2026-11-22 08:30:05. */
export function localTime(moment: number, timeZone: string): string {
  // Sweden writes dates as ISO 8601 does.
  return new Date(moment).toLocaleString('sv-SE', {timeZone})
}

/** A record as one line of JSON. */
export function recordAsJson({record, added, dropped}: LogEntry): string {
  if (record.kind === 'edit') return `${JSON.stringify({type: 'edit', seq: record.seq, lines: record.lines, sum: record.sum})}\n`
  const {seq, set, received, claimed, partial, entries, bytes, index, tree, note, sum} = record
  return `${JSON.stringify({
    type: 'snapshot', seq, set, received, claimed, complete: partial === 0, unread: partial, entries, bytes,
    index: index.id, index_level: index.level, tree, new_packs: added?.packs, new_bytes: added?.bytes, ...(note !== undefined && {note: unescapeNote(note)}), ...(dropped !== undefined && {dropped}), sum,
  })}\n`
}
