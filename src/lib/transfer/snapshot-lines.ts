/*
 * The writer's lines about a snapshot, the last member of a stream (docs/format.md, 7). Pure.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from '../store/object-id.ts'
import {LineTaker} from '../store/line-taker.ts'
import {summedLines} from '../store/sum.ts'
import {noteLines, takeNote, type Described, type IndexLevel} from '../store/record.ts'

/** What a writer says of a snapshot. */
export interface SnapshotLines extends Described {
  readonly base: string | undefined
  /** Packs it needs that the base does not. */
  readonly add: readonly string[]
  /** Packs of the base that it does not need. */
  readonly drop: readonly string[]
  readonly saw: {readonly seq: number; readonly sum: string} | undefined
}

/** Prints the lines. */
export function formatSnapshotLines(lines: SnapshotLines): Buffer {
  const body = `${[
    '#bk snapshot 1',
    `claimed ${lines.claimed}`,
    `state ${lines.partial === 0 ? 'complete' : `partial ${lines.partial}`}`,
    `entries ${lines.entries} bytes ${lines.bytes}`,
    `index ${lines.index.id} ${lines.index.level}`,
    `tree ${lines.tree}`,
    `base ${lines.base ?? 'none'}`,
    ...[...lines.add].sort().map((name) => `pack +${name}`),
    ...[...lines.drop].sort().map((name) => `pack -${name}`),
    ...(lines.saw === undefined ? [] : [`saw ${lines.saw.seq} ${lines.saw.sum}`]),
    ...noteLines(lines),
  ].join('\n')}\n`
  return Buffer.from(`${body}sum ${objectId(Buffer.from(body, 'latin1'))}\n`, 'latin1')
}

const ID = '([0-9a-f]{64})'
const NUMBER = '(0|[1-9][0-9]{0,14})'

/**
 * Parses the lines.
 * @throws BkError 65 for anything that `formatSnapshotLines` does not write
 */
export function parseSnapshotLines(bytes: Buffer): SnapshotLines {
  const {lines} = summedLines(bytes.toString('latin1'))
  const version = /^#bk snapshot (\d+)$/.exec(lines[0]!)?.[1]
  if (version !== undefined && version !== '1') throw new BkError(`the stream is from version ${version}, this is version 1`, {status: 65, hint: 'update bk'})
  const take = new LineTaker(lines)
  take.must(/^#bk snapshot 1$/)
  const claimed = take.must(/^claimed (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/)[0]!
  const partial = Number(take.must(/^state (?:complete|partial ([1-9][0-9]{0,14}))$/)[0] ?? 0)
  const [entries, total] = take.must(new RegExp(`^entries ${NUMBER} bytes ${NUMBER}$`))
  const [id, level] = take.must(new RegExp(`^index ${ID} (full|far|near)$`))
  const tree = take.must(new RegExp(`^tree ${ID}$`))[0]!
  const base = take.must(new RegExp(`^base (?:none|${ID})$`))[0]
  const add: string[] = []
  const drop: string[] = []
  for (let pack = take.maybe(/^pack ([+-])([0-9a-f]{64})$/); pack !== undefined; pack = take.maybe(/^pack ([+-])([0-9a-f]{64})$/)) {
    ;(pack[0] === '+' ? add : drop).push(pack[1]!)
  }
  const saw = take.maybe(new RegExp(`^saw ([1-9][0-9]{0,8}) ${ID}$`))
  const parsed: SnapshotLines = {
    claimed, partial, entries: Number(entries), bytes: Number(total), index: {id: id!, level: level as IndexLevel}, tree, base, add, drop,
    saw: saw === undefined ? undefined : {seq: Number(saw[0]), sum: saw[1]!}, note: takeNote(take),
  }
  const twice = new Set([...add, ...drop]).size < add.length + drop.length
  if (twice || take.rest().length > 0 || !formatSnapshotLines(parsed).equals(bytes)) throw new BkError('the lines of the snapshot are not in the format', {status: 65})
  return parsed
}
