/*
 * Records are the log of a store: numbered, immutable text files, chained by their sums (docs/format.md, 6.2). Pure: parsing
 * is strict, and what parses prints back byte for byte.
 */
import {BkError} from '../cli/errors.ts'
import {catalogBy} from './edits.ts'
import {LineTaker} from './line-taker.ts'
import {formatNeeds, parseNeeds, type Needs} from './needs.ts'
import {isNote} from './note.ts'
import {summedLines, withSum} from './sum.ts'

export type IndexLevel = 'full' | 'far' | 'near'

/** What is common to all records. */
interface Chained {
  readonly seq: number
  /** Sum of the record before. */
  readonly prev: string
  readonly sum: string
  /** Bytes of it without what it has copied: a set pays for what is its own. */
  readonly size: number
  /** The record before, as `ownLines` gives it: should that be damaged, this is what it said. Empty in a first record, and behind a long one. */
  readonly copied: readonly string[]
}

/** What a writer says of a snapshot, and its record repeats. Times are UTC, whole seconds, ISO 8601, as on the lines. */
export interface Described {
  /** The writer's clock, a note. */
  readonly claimed: string
  /** Paths that could not be read; 0 is complete. */
  readonly partial: number
  readonly entries: number
  /** Sum of the sizes of all files. */
  readonly bytes: number
  readonly index: {readonly id: string; readonly level: IndexLevel}
  /** Digest of the whole index. */
  readonly tree: string
  /** Words of whoever made it, as note.ts writes them. */
  readonly note?: string | undefined
}

/** What a snapshot has brought into the store. Not in records of versions that did not count it. */
export interface Stored {
  /** Bytes of its catalog, and of the packs in it. */
  readonly bytes: number
  /** With those of all records of its set before it, and the bytes of those records. */
  readonly total: number
}

/** An index was received. */
export interface SnapshotRecord extends Chained, Described {
  readonly kind: 'snapshot'
  readonly set: string
  /** The server's clock. */
  readonly received: string
  readonly catalog: string | undefined
  /** Bytes that it brought: catalog and packs. */
  readonly stored?: Stored | undefined
  readonly needs: Needs
  readonly epoch: number
  readonly saw: {readonly seq: number; readonly sum: string} | undefined
  /** Numbers of the edits, rising, that say of objects which this snapshot reaches that they are lost; undefined for none. */
  readonly damaged?: readonly number[] | undefined
  /** Lines of later versions, kept. */
  readonly unknown: readonly string[]
}

/** Something done on the store's own host. */
export interface EditRecord extends Chained {
  readonly kind: 'edit'
  readonly lines: readonly string[]
  /** Of packs that take the place of others. */
  readonly catalog: string | undefined
  readonly stored?: Pick<Stored, 'bytes'> | undefined
}

export type StoreRecord = SnapshotRecord | EditRecord

/** `prev` of the first record. */
export const NO_RECORD = '0'.repeat(64)

/** A snapshot before it has its sum. */
export type SnapshotDraft = Omit<SnapshotRecord, 'kind' | 'sum' | 'unknown' | 'size' | 'copied'> & Partial<Pick<SnapshotRecord, 'copied'>>

/** Bytes of a record that the next one copies; a longer one is kept once. */
const MOST_COPIED = 65_536

/** Counts have up to fifteen digits. */
const MAX_COUNT = 999_999_999_999_999

/**
 * Prints a snapshot's record and says its sum.
 * @throws BkError 2 for what no reader would take, since a record that was written cannot be taken back
 */
export function formatSnapshot(draft: SnapshotDraft): {readonly text: string; readonly sum: string} {
  if (draft.bytes > MAX_COUNT) throw new BkError('the sizes of all files are together more than a snapshot can say: a petabyte')
  const lines = [
    '#bk record 1 snapshot',
    `seq ${draft.seq}`,
    `set ${draft.set}`,
    `received ${draft.received}`,
    `claimed ${draft.claimed}`,
    `state ${draft.partial === 0 ? 'complete' : `partial ${draft.partial}`}`,
    `entries ${draft.entries} bytes ${draft.bytes}`,
    `index ${draft.index.id} ${draft.index.level}`,
    `tree ${draft.tree}`,
    ...(draft.catalog === undefined ? [] : [`catalog ${draft.catalog}`]),
    ...(draft.stored === undefined ? [] : [`stored ${draft.stored.bytes} ${draft.stored.total}`]),
    ...formatNeeds(draft.needs).map((value) => `needs ${value}`),
    `epoch ${draft.epoch}`,
    ...(draft.saw === undefined ? [] : [`saw ${draft.saw.seq} ${draft.saw.sum}`]),
    ...noteLines(draft),
    ...(draft.damaged === undefined ? [] : [`damaged ${draft.damaged.join(' ')}`]),
    ...copyLines(draft.copied),
    `prev ${draft.prev}`,
  ]
  return summed(lines)
}

/** Prints an edit's record and says its sum. */
export function formatEditRecord({seq, lines, copied, prev}: Pick<EditRecord, 'seq' | 'lines' | 'prev'> & Partial<Pick<EditRecord, 'copied'>>): {readonly text: string; readonly sum: string} {
  return summed(['#bk record 1 edit', `seq ${seq}`, ...lines, ...copyLines(copied), `prev ${prev}`])
}

/** The lines of a record that the next one copies: all but its sum and what it has copied itself. Empty for a long one. */
export function ownLines(text: string): readonly string[] {
  const lines = text.split('\n').slice(0, -2).filter((line) => !line.startsWith('copy '))
  return lines.reduce((sum, line) => sum + line.length + 1, 0) > MOST_COPIED ? [] : lines
}

/**
 * Makes a record out of what the next one has copied of it, and what it has copied of the one before.
 */
export function formatOwn(own: readonly string[], copied: readonly string[]): {readonly text: string; readonly sum: string} {
  return summed([...own.slice(0, -1), ...copyLines(copied), own.at(-1)!])
}

function copyLines(copied: readonly string[] = []): string[] {
  return copied.map((line) => `copy ${line}`)
}

function summed(lines: readonly string[]): {readonly text: string; readonly sum: string} {
  const text = withSum(lines.join('\n') + '\n').toString('latin1')
  return {text, sum: text.slice(-65, -1)}
}

/** The line of a note, if there is one: the same in a record as in the writer's lines. */
export function noteLines({note}: Pick<Described, 'note'>): string[] {
  return note === undefined ? [] : [`note ${note}`]
}

/** Takes the line of a note, if it is next. */
export function takeNote(take: LineTaker): string | undefined {
  const note = take.maybe(LINES.note)?.[0]
  if (note !== undefined && !isNote(note)) throw new BkError('a note is not in the format', {status: 65})
  return note
}

const NUMBER = '(0|[1-9][0-9]{0,14})'
const ID = '([0-9a-f]{64})'
const TIME = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)`
const LINES = {
  seq: new RegExp(`^seq ([1-9][0-9]{0,8})$`),
  set: /^set ([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/,
  received: new RegExp(`^received ${TIME}$`),
  claimed: new RegExp(`^claimed ${TIME}$`),
  state: /^state (?:complete|partial ([1-9][0-9]{0,14}))$/,
  entries: new RegExp(`^entries ${NUMBER} bytes ${NUMBER}$`),
  index: new RegExp(`^index ${ID} (full|far|near)$`),
  tree: new RegExp(`^tree ${ID}$`),
  catalog: new RegExp(`^catalog ${ID}$`),
  stored: new RegExp(`^stored ${NUMBER} ${NUMBER}$`),
  epoch: new RegExp(`^epoch ([1-9][0-9]{0,8})$`),
  saw: new RegExp(`^saw ([1-9][0-9]{0,8}) ${ID}$`),
  note: /^note ([!-~]+(?: [!-~]+)*)$/,
  damaged: /^damaged ([1-9][0-9]{0,8}(?: [1-9][0-9]{0,8})*)$/,
  copied: /^copy ([!-~]+(?: [!-~]+)*)$/,
  prev: new RegExp(`^prev ${ID}$`),
  // What this version has a word for is never a line of a later one.
  later: /^((?!(?:seq|set|received|claimed|state|entries|index|tree|catalog|stored|needs|epoch|saw|note|damaged|copy|prev|sum) )[a-z][a-z-]*(?: [!-~]+)+)$/,
  // Nor is one of these a verb.
  edit: /^((?!(?:copy|prev) )[a-z][a-z-]*(?: [!-~]+)*)$/,
} as const

/**
 * Parses a record.
 * @throws BkError 65 for anything outside the grammar, with `its sum is wrong` first
 */
export function parseRecord(bytes: Buffer): StoreRecord {
  const text = bytes.toString('latin1')
  const {lines, sum} = summedLines(text)
  return parseLines(lines, sum)
}

/**
 * Parses what the next record has copied of one.
 * @param sum its sum, as the next one says it
 * @throws BkError 65 for anything outside the grammar
 */
export function parseCopied(own: readonly string[], sum: string): StoreRecord {
  return parseLines(own, sum)
}

function parseLines(lines: readonly string[], sum: string): StoreRecord {
  const size = lines.reduce((length, line) => length + (line.startsWith('copy ') ? 0 : line.length + 1), `sum ${sum}\n`.length)
  const head = /^#bk record (\d+) (snapshot|edit)$/.exec(lines[0]!)
  if (head === null) throw new BkError('line 1: not a record of bk', {status: 65})
  if (head[1] !== '1') throw new BkError(`record is from version ${head[1]}, this is version 1`, {status: 65, hint: 'update bk'})
  return head[2] === 'edit' ? parseEdit(lines, sum, size) : parseSnapshot(lines, sum, size)
}

function parseSnapshot(lines: readonly string[], sum: string, size: number): SnapshotRecord {
  const take = new LineTaker(lines)
  take.must(/^#/)
  const seq = Number(take.must(LINES.seq)[0])
  const set = take.must(LINES.set)[0]!
  const received = checkedTime(take.must(LINES.received)[0]!)
  const claimed = checkedTime(take.must(LINES.claimed)[0]!)
  const partial = Number(take.must(LINES.state)[0] ?? 0)
  const [entries, total] = take.must(LINES.entries)
  const [id, level] = take.must(LINES.index)
  const tree = take.must(LINES.tree)[0]!
  const catalog = take.maybe(LINES.catalog)?.[0]
  const stored = take.maybe(LINES.stored)
  const needs: string[] = []
  for (let value = take.must(/^needs (.+)$/); ; ) {
    needs.push(value[0]!)
    const more = take.maybe(/^needs (and .+)$/)
    if (more === undefined) break
    value = more
  }
  const epoch = Number(take.must(LINES.epoch)[0])
  const saw = take.maybe(LINES.saw)
  const note = takeNote(take)
  const damaged = take.maybe(LINES.damaged)?.[0]?.split(' ').map(Number)
  if (damaged?.some((each, i) => each >= seq || each <= (damaged[i - 1] ?? 0)) === true) throw new BkError('damaged does not name records before it, in order', {status: 65})
  const unknown: string[] = []
  for (let line = take.maybe(LINES.later); line !== undefined; line = take.maybe(LINES.later)) unknown.push(line[0]!)
  const copied = takeCopied(take)
  const prev = take.must(LINES.prev)
  if (take.rest().length > 0) throw new BkError('something stands behind prev', {status: 65})
  return {
    kind: 'snapshot', seq, set, received, claimed, partial, entries: Number(entries), bytes: Number(total),
    index: {id: id!, level: level as IndexLevel}, tree, catalog,
    stored: stored === undefined ? undefined : {bytes: Number(stored[0]), total: Number(stored[1])}, needs: parseNeeds(needs), epoch,
    saw: saw === undefined ? undefined : {seq: Number(saw[0]), sum: saw[1]!}, note, damaged, unknown, copied, prev: prev[0]!, sum, size,
  }
}

function parseEdit(lines: readonly string[], sum: string, size: number): EditRecord {
  const take = new LineTaker(lines)
  take.must(/^#/)
  const seq = Number(take.must(LINES.seq)[0])
  const body: string[] = []
  for (let line = take.maybe(LINES.edit); line !== undefined; line = take.maybe(LINES.edit)) body.push(line[0]!)
  const copied = takeCopied(take)
  const prev = take.must(LINES.prev)
  if (take.rest().length > 0) throw new BkError('something stands behind prev', {status: 65})
  const catalog = catalogBy(body)
  return {kind: 'edit', seq, lines: body, catalog: catalog?.digest, stored: catalog === undefined ? undefined : {bytes: catalog.bytes}, copied, prev: prev[0]!, sum, size}
}

function takeCopied(take: LineTaker): string[] {
  const copied: string[] = []
  for (let line = take.maybe(LINES.copied); line !== undefined; line = take.maybe(LINES.copied)) copied.push(line[0]!)
  return copied
}

/** The time as it came; throws BkError 65 for one like the 30th of February. */
function checkedTime(text: string): string {
  const time = Date.parse(text)
  if (Number.isNaN(time) || recordTime(BigInt(time) * 1_000_000n) !== text) throw new BkError(`not a time: ${text}`, {status: 65})
  return text
}

const SET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Whether a text may name a set. */
export function isSetName(text: string): boolean {
  return SET.test(text)
}

/** A time in nanoseconds since 1970 as records write it: whole seconds, UTC. */
export function recordTime(nanoseconds: bigint): string {
  return new Date(Number(nanoseconds / 1_000_000n)).toISOString().replace(/\.\d+Z$/, 'Z')
}
