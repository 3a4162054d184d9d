/*
 * The log of a store read backwards by the first lines of its records, which say whose snapshot it is, when it was received and how large
 * it is. That is a hundredth of the work of reading them whole, so that a store may be asked every few minutes how its sets are: a set that
 * pushed last a thousand records ago is found as well as any.
 */
import {BkError} from '../cli/errors.ts'
import {droppedBy} from '../store/edits.ts'
import {isDamage} from '../store/is-damage.ts'
import {recordName} from '../store/store.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** What the first lines of a snapshot's record say. */
export interface Head {
  readonly seq: number
  readonly set: string
  /** Seconds since 1970, on the store's clock. */
  readonly received: number
  /** Paths that could not be read. */
  readonly partial: number
  readonly entries: number
}

/** The lines that are looked at have less. */
const HEAD_BYTES = 512

const EDIT = /^#bk record 1 edit\n/
const SNAPSHOT =
  /^#bk record 1 snapshot\nseq (\d+)\nset ([A-Za-z0-9][A-Za-z0-9._-]{0,63})\nreceived ([\d-]{10}T[\d:]{8}Z)\nclaimed [^\n]*\nstate (?:complete|partial (\d+))\nentries (\d+) /

/**
 * The heads of all snapshots that are kept, newest first. Sums are not looked at: whoever counts on a record reads it whole. It is to be read after its
 * head was yielded, not before, since a store far away keeps what it has fetched ahead.
 * @throws BkError 65 for a record that is missing, or damaged where it can be seen
 */
export async function* headsBackwards(log: StoreLog): AsyncGenerator<Head> {
  const dropped = new Set<number>()
  for (let seq = await log.last(); seq > 0; seq--) {
    const text = await firstLines(log, seq)
    const head = text === undefined || EDIT.test(text) ? undefined : parseHead(text, seq)
    // An edit, which stands behind what it drops; or torn, or missing, or of a form that only the whole reader knows, or refuses.
    const record = head === undefined ? await log.record(seq) : undefined
    if (record?.kind === 'edit') for (const each of droppedBy(record.lines)) dropped.add(each)
    const whole = record?.kind === 'snapshot' ? headOf(record) : head
    if (whole !== undefined && !dropped.has(seq)) yield whole
    if (text === undefined && record === undefined) throw new BkError(`record ${seq} is missing`, {status: 65, hint: `bk log --check ${log.store.where}`})
  }
}

async function firstLines({store}: StoreLog, seq: number): Promise<string | undefined> {
  try {
    return (await store.get(recordName(seq), {offset: 0, length: HEAD_BYTES})).toString('latin1')
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

function headOf({seq, set, received, partial, entries}: SnapshotRecord): Head {
  return {seq, set, received: Date.parse(received) / 1000, partial, entries}
}

function parseHead(text: string, seq: number): Head | undefined {
  const match = SNAPSHOT.exec(text)
  if (match === null || Number(match[1]) !== seq) return undefined
  const received = Date.parse(match[3]!) / 1000
  if (Number.isNaN(received)) return undefined
  return {seq, set: match[2]!, received, partial: Number(match[4] ?? 0), entries: Number(match[5])}
}
