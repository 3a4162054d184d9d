/*
 * The newest record that a writer knows of each store it writes to: what it was told when it committed last. A store that does not have
 * this record any more was rolled back, or rewritten. Losing it costs one comparison, nothing else.
 */
import {isFailure} from '../cli/errors.ts'
import {LineTaker, summedLines} from '../store/record.ts'
import {objectId} from '../store/object-id.ts'
import {readFile} from '../sys/calls.ts'
import {makeFolders, replaceFile} from '../sys/atomic.ts'

/** A record as its writer knows it. */
export interface Seen {
  readonly seq: number
  readonly sum: string
}

/** What is remembered in a file; undefined when nothing is, or it is damaged. */
export function readSeen(path: string): Seen | undefined {
  try {
    const take = new LineTaker(summedLines(readFile(path, 4096).toString('latin1')).lines)
    take.must(/^#bk seen 1$/)
    const [seq, sum] = take.must(/^record ([1-9]\d{0,8}) ([0-9a-f]{64})$/)
    return {seq: Number(seq), sum: sum!}
  } catch (error) {
    if (!isFailure(error)) throw error
    return undefined
  }
}

/** Remembers a record. */
export function writeSeen(path: string, {seq, sum}: Seen): void {
  const body = `#bk seen 1\nrecord ${seq} ${sum}\n`
  makeFolders(path.slice(0, path.lastIndexOf('/')))
  replaceFile(path, Buffer.from(`${body}sum ${objectId(Buffer.from(body, 'latin1'))}\n`, 'latin1'), {mode: 0o600})
}
