/*
 * What a writer knows of the stores it writes to: the newest record, as it was told when it committed last, since a store that does not have
 * this record any more was rolled back, or rewritten; and what lies where, so that it can begin to compare while it still connects. Losing it
 * costs one comparison, or some time.
 */
import {isFailure} from '../cli/errors.ts'
import {LineTaker} from '../store/line-taker.ts'
import {objectId} from '../store/object-id.ts'
import {summedLines, withSum} from '../store/sum.ts'
import {readFile} from '../sys/calls.ts'
import {makeFolders, replaceFile, type AtomicOptions} from '../sys/atomic.ts'

/** A record as its writer knows it. */
export interface Seen {
  readonly seq: number
  readonly sum: string
}

/** What was committed last at an address: in what state (SentState) it is remembered, and the digest of its index. */
export interface Last {
  readonly state: string
  readonly tree: string
}

/** What is remembered in a file; undefined when nothing is, or it is damaged. */
export function readSeen(path: string): Seen | undefined {
  const line = readLine(path, /^#bk seen 1$/, /^record ([1-9]\d{0,8}) ([0-9a-f]{64})$/)
  return line && {seq: Number(line[0]), sum: line[1]!}
}

/** Remembers a record. */
export function writeSeen(path: string, {seq, sum}: Seen): void {
  write(path, `#bk seen 1\nrecord ${seq} ${sum}\n`)
}

/** What was committed last to a store; undefined when that is not remembered, or damaged. `words` are those that named store and set. */
export function readLast(folder: string, words: readonly string[]): Last | undefined {
  const line = readLine(`${folder}/${nameOf(words)}`, /^#bk last 1$/, /^last ([A-Za-z0-9._-]{1,200}) ([0-9a-f]{64})$/)
  return line && {state: line[0]!, tree: line[1]!}
}

/** Remembers what was committed last. */
export function writeLast(folder: string, words: readonly string[], {state, tree}: Last): void {
  write(`${folder}/${nameOf(words)}`, `#bk last 1\nlast ${state} ${tree}\n`, 'nothing')
}

function nameOf(words: readonly string[]): string {
  return `last-${objectId(Buffer.from(JSON.stringify(words))).slice(0, 32)}`
}

function readLine(path: string, header: RegExp, line: RegExp): readonly (string | undefined)[] | undefined {
  try {
    const take = new LineTaker(summedLines(readFile(path, 4096).toString('latin1')).lines)
    take.must(header)
    return take.must(line)
  } catch (error) {
    if (!isFailure(error)) throw error
    return undefined
  }
}

function write(path: string, text: string, sync: AtomicOptions['sync'] = 'file-and-directory'): void {
  makeFolders(path.slice(0, path.lastIndexOf('/')))
  replaceFile(path, withSum(text), {mode: 0o600, sync})
}
