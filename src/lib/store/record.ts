/*
 * Records are the log of a store: numbered, immutable text files, chained by their sums (docs/format.md, 6.2). Pure: parsing
 * is strict, and what parses prints back byte for byte.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from './object-id.ts'
import {catalogBy} from './edits.ts'
import {formatNeeds, parseNeeds, type Needs} from './needs.ts'
import {isNote} from './note.ts'

export type IndexLevel = 'full' | 'far' | 'near'

/** What is common to all records. */
interface Chained {
  readonly seq: number
  /** Sum of the record before. */
  readonly prev: string
  readonly sum: string
  readonly size: number
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
export type SnapshotDraft = Omit<SnapshotRecord, 'kind' | 'sum' | 'unknown' | 'size'>

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
    `prev ${draft.prev}`,
  ]
  const body = lines.join('\n') + '\n'
  const sum = objectId(Buffer.from(body, 'latin1'))
  return {text: `${body}sum ${sum}\n`, sum}
}

/** Prints an edit's record and says its sum. */
export function formatEditRecord({seq, lines, prev}: Pick<EditRecord, 'seq' | 'lines' | 'prev'>): {readonly text: string; readonly sum: string} {
  const body = ['#bk record 1 edit', `seq ${seq}`, ...lines, `prev ${prev}`].join('\n') + '\n'
  const sum = objectId(Buffer.from(body, 'latin1'))
  return {text: `${body}sum ${sum}\n`, sum}
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
  prev: new RegExp(`^prev ${ID}$`),
  // What this version has a word for is never a line of a later one.
  later: /^((?!(?:seq|set|received|claimed|state|entries|index|tree|catalog|stored|needs|epoch|saw|note|damaged|prev|sum) )[a-z][a-z-]*(?: [!-~]+)+)$/,
  edit: /^([a-z][a-z-]*(?: [!-~]+)*)$/,
} as const

/** Takes the lines of a text one by one, each by its pattern. */
export class LineTaker {
  readonly #lines: readonly string[]
  #at = 0

  constructor(lines: readonly string[]) {
    this.#lines = lines
  }

  /** The groups of the next line if it matches, else undefined and the line stays. */
  maybe(pattern: RegExp): readonly (string | undefined)[] | undefined {
    const match = pattern.exec(this.#lines[this.#at] ?? '')
    if (match === null) return undefined
    this.#at++
    return match.slice(1)
  }

  /** As `maybe`, but the line must be there; throws BkError 65 with its number. */
  must(pattern: RegExp): readonly (string | undefined)[] {
    const match = this.maybe(pattern)
    if (match !== undefined) return match
    throw new BkError(`line ${this.#at + 1}: not in the format: ${(this.#lines[this.#at] ?? 'missing').slice(0, 80)}`, {status: 65})
  }

  /** Whether all lines were taken. */
  get done(): boolean {
    return this.#at >= this.#lines.length
  }

  /** Takes what is left. */
  rest(): readonly string[] {
    const lines = this.#lines.slice(this.#at)
    this.#at = this.#lines.length
    return lines
  }
}

/**
 * Cuts a text that ends in its own sum into lines, without the sum.
 * @throws BkError 65 when the sum is missing or wrong
 */
export function summedLines(text: string): {readonly lines: string[]; readonly sum: string} {
  const match = /^sum ([0-9a-f]{64})\n$/m.exec(text.slice(-69))
  const body = text.slice(0, -69)
  if (match === null || !body.endsWith('\n') || objectId(Buffer.from(body, 'latin1')) !== match[1]) {
    throw new BkError('its sum is wrong or missing', {status: 65})
  }
  return {lines: body.slice(0, -1).split('\n'), sum: match[1]!}
}

/**
 * Parses a record.
 * @throws BkError 65 for anything outside the grammar, with `its sum is wrong` first
 */
export function parseRecord(bytes: Buffer): StoreRecord {
  const text = bytes.toString('latin1')
  const {lines, sum} = summedLines(text)
  const head = /^#bk record (\d+) (snapshot|edit)$/.exec(lines[0]!)
  if (head === null) throw new BkError('line 1: not a record of bk', {status: 65})
  if (head[1] !== '1') throw new BkError(`record is from version ${head[1]}, this is version 1`, {status: 65, hint: 'update bk'})
  return head[2] === 'edit' ? parseEdit(lines, sum, text.length) : parseSnapshot(lines, sum, text.length)
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
  let prev = take.maybe(LINES.prev)
  while (prev === undefined) {
    unknown.push(take.must(LINES.later)[0]!)
    prev = take.maybe(LINES.prev)
  }
  if (take.rest().length > 0) throw new BkError('something stands behind prev', {status: 65})
  return {
    kind: 'snapshot', seq, set, received, claimed, partial, entries: Number(entries), bytes: Number(total),
    index: {id: id!, level: level as IndexLevel}, tree, catalog,
    stored: stored === undefined ? undefined : {bytes: Number(stored[0]), total: Number(stored[1])}, needs: parseNeeds(needs), epoch,
    saw: saw === undefined ? undefined : {seq: Number(saw[0]), sum: saw[1]!}, note, damaged, unknown, prev: prev[0]!, sum, size,
  }
}

function parseEdit(lines: readonly string[], sum: string, size: number): EditRecord {
  const take = new LineTaker(lines)
  take.must(/^#/)
  const seq = Number(take.must(LINES.seq)[0])
  const body: string[] = []
  let prev = take.maybe(LINES.prev)
  for (; prev === undefined; prev = take.maybe(LINES.prev)) body.push(take.must(LINES.edit)[0]!)
  if (take.rest().length > 0) throw new BkError('something stands behind prev', {status: 65})
  const catalog = catalogBy(body)
  return {kind: 'edit', seq, lines: body, catalog: catalog?.digest, stored: catalog === undefined ? undefined : {bytes: catalog.bytes}, prev: prev[0]!, sum, size}
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
