// Index texts for tests: printed naively here, so that the printers of the library have something to be held against.

import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {ChangesReader, type Change, type ChangesEnd, type ChangesHeader} from '../../../src/lib/index/changes.ts'
import {Diff, diffText, type DiffOptions} from '../../../src/lib/index/diff.ts'
import {IndexReader, type ReadOptions, type IndexEnd} from '../../../src/lib/index/read.ts'
import type {Group} from '../../../src/lib/index/group.ts'
import type {Spill} from '../../../src/lib/index/spill.ts'

/** One byte per character. */
export function bytes(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1')
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(typeof data === 'string' ? bytes(data) : data).digest('hex')
}

/** Lines of an index (entries and comments, in order) with header and end line around them. */
export function indexText(lines: readonly string[], root = '/srv'): string {
  const above = ['#mtree', `#bk index 1 root=${root}`, ...lines].map((line) => `${line}\n`).join('')
  const entries = lines.filter((line) => !line.startsWith('#')).length
  const unread = new Set(lines.flatMap((line) => /^#bk ([^ ]+) (?:error|stale)=/.exec(line)?.[1] ?? []))
  return `${above}#bk end entries=${entries} ${unread.size === 0 ? 'complete' : `partial=${unread.size}`} sha256=${sha256(above)}\n`
}

/** Lines of changes with header and end line around them. */
export function changesText(lines: readonly string[], root = '/srv'): string {
  const all = [`#bk changes 1 root=${root}`, ...lines, `#bk end base=none target=sha256:${'0'.repeat(64)} lines=${lines.length} complete`]
  return all.map((line) => `${line}\n`).join('')
}

export function linesOf(group: Group): string[] {
  return group.line === '' ? [...group.comments] : [group.line, ...group.comments]
}

/** The text of an index that has these groups, which are in order. */
export function printed(groups: Iterable<Group>, root = '/srv'): string {
  return indexText([...groups].flatMap(linesOf), root)
}

type Pieces = string | Iterable<Uint8Array>

function piecesOf(text: Pieces): Iterable<Uint8Array> {
  return typeof text === 'string' ? [bytes(text)] : text
}

export interface ReadIndex {
  readonly groups: Group[]
  readonly root: string
  readonly end: IndexEnd
}

export async function readIndex(text: Pieces, strict = true): Promise<ReadIndex> {
  const reader = new IndexReader(piecesOf(text), {strict})
  const groups: Group[] = []
  for await (const batch of reader.batches()) groups.push(...batch)
  return {groups, root: reader.root, end: reader.end!}
}

export interface ReadChanges {
  readonly changes: Change[]
  readonly header: ChangesHeader
  readonly end: ChangesEnd
}

export async function readChanges(text: Pieces): Promise<ReadChanges> {
  const reader = new ChangesReader(piecesOf(text))
  const changes: Change[] = []
  for await (const batch of reader.batches()) changes.push(...batch)
  return {changes, header: reader.header!, end: reader.end!}
}

/** The message with which something is refused as not being in the format. Any other outcome fails the test. */
export async function refusal(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof BkError) || error.status !== 65) throw error
    return error.message
  }
  throw new Error('was not refused')
}

/** What came of it: the message of a refusal, or the value. Errors that are no refusal pass. */
export async function outcome<T>(work: () => T | Promise<T>): Promise<T | {readonly refused: string}> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BkError) || error.status !== 65) throw error
    return {refused: error.message}
  }
}

/** Waiting changes and runs, in memory. */
export function memorySpill(): Spill {
  const pieces: Buffer[] = []
  return {
    write: (piece) => void pieces.push(Buffer.from(piece)),
    async *pieces() {
      yield* pieces
    },
    close() {},
  }
}

export interface Diffed {
  readonly text: string
  readonly changes: Change[]
  readonly end: ChangesEnd
  readonly target: string
}

/** A diff of two texts, and the target it announces. */
export async function diffOf(old: Pieces | undefined, next: Pieces, options: Partial<DiffOptions> = {}, read: ReadOptions = {}): Promise<Diffed> {
  let target = ''
  const diff = new Diff(old === undefined ? undefined : new IndexReader(piecesOf(old), read), new IndexReader(piecesOf(next), read), {
    spill: memorySpill,
    onTarget: (piece) => (target += piece.toString('latin1')),
    ...options,
  })
  let text = ''
  for await (const piece of diffText(diff)) text += piece
  const {changes, end} = await readChanges(text)
  return {text, changes, end, target}
}

const runsOf = (runs: number): number => (process.env['SLOW'] === '1' ? runs * 20 : runs)

/** Checks a property on random values. BK_SEED=… repeats the run that a failure names; SLOW=1 tries twenty times as many. */
export async function law<T extends [unknown, ...unknown[]]>(property: fc.IAsyncProperty<T> | fc.IProperty<T>, runs: number): Promise<void> {
  const seed = Number(process.env['BK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  await fc.assert(property as fc.IAsyncProperty<T>, {seed, numRuns: runsOf(runs)})
}
