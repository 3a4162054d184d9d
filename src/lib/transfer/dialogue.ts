/*
 * The dialogue of `send --to` with `receive` (docs/format.md, 7.1): lines of text, a question and its answer at a time, and between them
 * the members of the stream. Pure: the grammar of both sides. Each side is hostile to the other: every line has a bound and a form,
 * every list an end, and what does not fit is refused.
 */
import {BkError} from '../cli/errors.ts'
import {isSetName, type IndexLevel} from '../store/record.ts'

/** What a client says first. Whoever says anything else sends the stream of a one-way pipe. */
export const HELLO = 'bk 1\n'
/** What stands before a pack with its ids, and before the snapshot. */
export const MEMBER = Buffer.from('member\n')
/** Ids in the answer to `damaged`, at most: what else is lost is asked for the next time. */
export const MAX_DAMAGED = 1_000_000
/** Ids in one question, at most. */
export const MAX_IDS = 4096
/** No line is longer than this; those with ranges of positions are the longest. */
export const MAX_LINE = 24 * 1024

/** What the server says of itself. */
export interface Greeting {
  /** The store's id. */
  readonly store: string
  readonly kind: 'plain' | 'sealed'
  /** The set that this client writes to. */
  readonly set: string
  /** The newest record. */
  readonly head: {readonly seq: number; readonly sum: string}
  /** Digest of the set's newest index. */
  readonly newest: string | undefined
  /** Packs that a session which was cut off has left. */
  readonly session: number
  /** Objects that the set's newest snapshot may reach and that the store has lost. */
  readonly damaged: number
}

/** What the server knows of an index. */
export interface KnownTree {
  readonly seq: number
  readonly index: {readonly id: string; readonly level: IndexLevel}
}

const ID = '([0-9a-f]{64})'
const SEQ = '(0|[1-9][0-9]{0,8})'

/** The server's first lines. */
export function formatGreeting({store, kind, set, head, newest, session, damaged}: Greeting): string {
  const lost = damaged === 0 ? '' : `damaged ${damaged}\n`
  return `bk 1\nstore ${store} ${kind}\nset ${set}\nhead ${head.seq} ${head.sum}\nnewest ${newest ?? 'none'}\nsession ${session}\n${lost}end\n`
}

/**
 * Reads the server's first lines. Lines that a later version adds stand before `end`, and are passed over.
 * @param line gives the next line, without its LF
 */
export async function readGreeting(line: () => Promise<string>): Promise<Greeting> {
  const must = async (pattern: RegExp): Promise<readonly string[]> => matched(await line(), pattern)
  const first = await line()
  const version = /^bk (\d{1,9})$/.exec(first)
  if (version === null) throw refusalIn(first) ?? misspoken('the other side does not speak as bk receive does')
  if (version[1] !== '1') throw new BkError(`the other side is from version ${version[1]}, this is version 1`, {status: 65, hint: 'update bk'})
  const [store, kind] = await must(/^store ([0-9a-f]{32}) (plain|sealed)$/)
  const [set] = await must(/^set (\S{1,64})$/)
  if (!isSetName(set!)) throw misspoken('the other side has a set whose name is none')
  const [seq, sum] = await must(new RegExp(`^head ${SEQ} ${ID}$`))
  const [newest] = await must(new RegExp(`^newest (none|[0-9a-f]{64})$`))
  const [session] = await must(/^session (\d{1,7})$/)
  let damaged = 0
  for (let more = await line(), count = 0; more !== 'end'; more = await line(), count++) {
    damaged = Number(/^damaged ([1-9]\d{0,6})$/.exec(more)?.[1] ?? damaged)
    if (count > 100) throw misspoken('the greeting of the other side has no end')
  }
  if (damaged > MAX_DAMAGED) throw misspoken('the other side has lost more than it may say')
  return {
    store: store!, kind: kind as Greeting['kind'], set: set!, head: {seq: Number(seq), sum: sum!}, newest: newest === 'none' ? undefined : newest!,
    session: Number(session),
    damaged,
  }
}

/** A client's line. */
export type Request =
  /** What is the sum of this record? */
  | {readonly ask: 'record'; readonly seq: number}
  /** Is this the digest of a snapshot's index? */
  | {readonly ask: 'tree'; readonly digest: string}
  /** Which of the `count` ids that follow, a line each, does the store have? */
  | {readonly ask: 'have'; readonly count: number}
  /** Which objects are those that the greeting counts as lost? */
  | {readonly ask: 'damaged'}
  /** The next member of the stream follows. */
  | {readonly ask: 'member'}

/** Parses a client's line; throws BkError 65. */
export function parseRequest(line: string): Request {
  if (line === 'member') return {ask: 'member'}
  if (line === 'damaged') return {ask: 'damaged'}
  const have = /^have ([1-9]\d{0,3})$/.exec(line)
  if (have !== null && Number(have[1]) <= MAX_IDS) return {ask: 'have', count: Number(have[1])}
  const tree = new RegExp(`^tree ${ID}$`).exec(line)
  if (tree !== null) return {ask: 'tree', digest: tree[1]!}
  const record = /^record ([1-9]\d{0,8})$/.exec(line)
  if (record !== null) return {ask: 'record', seq: Number(record[1])}
  throw misspoken('not a line of the dialogue')
}

/** The answer to `record`. */
export function formatRecordAnswer(sum: string | undefined): string {
  return `record ${sum ?? 'none'}\n`
}

/** Its sum; undefined where the other side has no such record. */
export function parseRecordAnswer(line: string): string | undefined {
  const [sum] = matched(line, /^record (none|[0-9a-f]{64})$/)
  return sum === 'none' ? undefined : sum
}

/** The answer to `tree`. */
export function formatTreeAnswer(known: KnownTree | undefined): string {
  return known === undefined ? 'tree none\n' : `tree ${known.seq} ${known.index.id} ${known.index.level}\n`
}

export function parseTreeAnswer(line: string): KnownTree | undefined {
  if (line === 'tree none') return undefined
  const [seq, id, level] = matched(line, new RegExp(`^tree ${SEQ} ${ID} (full|far|near)$`))
  return {seq: Number(seq), index: {id: id!, level: level as IndexLevel}}
}

/** The answer to `have`: a line for each pack, with the positions of those ids in the question that lie in it, from 0, and an end. */
export function formatHaveAnswer(byPack: ReadonlyMap<string, readonly number[]>): string {
  let text = ''
  for (const [pack, positions] of byPack) text += `pack ${pack} ${formatPositions(positions)}\n`
  return `${text}end\n`
}

/**
 * Reads the answer to `have`.
 * @param count of the ids that were asked for
 */
export async function readHaveAnswer(count: number, line: () => Promise<string>): Promise<Map<string, number[]>> {
  const byPack = new Map<string, number[]>()
  const seen = new Uint8Array(count)
  for (let lines = 0; ; lines++) {
    const text = await line()
    if (text === 'end') return byPack
    const [pack, ranges] = matched(text, /^pack ([0-9a-f]{64}) (\d{1,4}(?:-\d{1,4})?(?: \d{1,4}(?:-\d{1,4})?)*)$/)
    const positions = parsePositions(ranges!, count)
    for (const position of positions) {
      if (seen[position] !== 0) throw misspoken('an id lies in two packs at once')
      seen[position] = 1
    }
    if (lines >= count || byPack.has(pack!)) throw misspoken('an answer names a pack twice')
    byPack.set(pack!, positions)
  }
}

function formatPositions(positions: readonly number[]): string {
  const ranges: string[] = []
  for (let i = 0; i < positions.length; ) {
    let last = i
    while (positions[last + 1] === positions[last]! + 1) last++
    ranges.push(last === i ? `${positions[i]}` : `${positions[i]}-${positions[last]}`)
    i = last + 1
  }
  return ranges.join(' ')
}

function parsePositions(text: string, count: number): number[] {
  const positions: number[] = []
  for (const range of text.split(' ')) {
    const [from, to] = range.split('-').map(Number) as [number, number | undefined]
    if (to !== undefined && to < from) throw misspoken('a range runs backwards')
    if ((to ?? from) >= count) throw misspoken('an answer is to more than was asked')
    for (let at = from; at <= (to ?? from); at++) positions.push(at)
  }
  return positions
}

/** What a line refuses; undefined for any other line. The other side may say it at any time, in one line. */
export function refusalIn(line: string): BkError | undefined {
  return /^refused [a-z-]+: [ -~]*$/.test(line) ? new BkError(line.slice(0, 500), {status: 77}) : undefined
}

function matched(line: string, pattern: RegExp): readonly string[] {
  const match = pattern.exec(line)
  if (match === null) throw refusalIn(line) ?? misspoken('an answer is not in the format')
  return match.slice(1)
}

function misspoken(what: string): BkError {
  return new BkError(`the dialogue with the store: ${what}`, {status: 65})
}
