/*
 * Lists of chunks: what a large file's content is made of, as text (docs/format.md, 5.2). A list over 64 KiB is cut into
 * several and joined by a list of lists, so that one changed chunk costs one path through them and not the whole list.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from './object-id.ts'

export const LIST_SIZE = 64 * 1024

/** A line of a list. */
export interface ListLine {
  readonly kind: 'chunk' | 'list'
  readonly id: string
  /** Bytes of content. */
  readonly size: number
}

/** A list as an object. */
export interface ListObject {
  readonly id: string
  readonly bytes: Buffer
}

/**
 * Makes the lists of a file out of its chunks.
 * @param chunks at least one: a file of no bytes has no list
 * @returns the id of the topmost list, and all lists as objects, each after those it names
 */
export function makeLists(chunks: readonly Omit<ListLine, 'kind'>[]): {readonly id: string; readonly objects: readonly ListObject[]} {
  if (chunks.length === 0) throw new Error('a list of no chunks')
  const objects: ListObject[] = []
  let lines: ListLine[] = chunks.map(({id, size}) => ({kind: 'chunk', id, size}))
  for (;;) {
    const lists = cut(lines)
    objects.push(...lists.map(({id, bytes}) => ({id, bytes})))
    if (lists.length === 1) return {id: lists[0]!.id, objects}
    lines = lists.map(({id, size}) => ({kind: 'list', id, size}))
  }
}

// Where a list is cut depends on the ids (one in 512, at least 64 lines), so that an insertion moves no later cut.
function cut(lines: readonly ListLine[]): (ListObject & {readonly size: number})[] {
  const total = lines.reduce((sum, line) => sum + textOf(line).length, 0)
  const lists: (ListObject & {size: number})[] = []
  let text = ''
  let size = 0
  let count = 0
  const close = (): void => {
    const bytes = Buffer.from(text, 'latin1')
    lists.push({id: objectId(bytes), bytes, size})
    text = ''
    size = count = 0
  }
  for (const line of lines) {
    const next = textOf(line)
    if (text.length + next.length > LIST_SIZE) close()
    text += next
    size += line.size
    count++
    if (total > LIST_SIZE && count >= 64 && parseInt(line.id.slice(0, 3), 16) % 512 === 0) close()
  }
  if (text !== '') close()
  return lists
}

function textOf({kind, id, size}: ListLine): string {
  return `${kind} ${id} ${size}\n`
}

const LINE = /^(chunk|list) ([0-9a-f]{64}) ([1-9]\d{0,14})$/

/** Parses one list; throws BkError 65. */
export function parseList(bytes: Buffer): ListLine[] {
  if (bytes.length === 0 || bytes.length > LIST_SIZE || bytes[bytes.length - 1] !== 10) throw bad(1)
  const lines = bytes.toString('latin1', 0, bytes.length - 1).split('\n').map((line, i) => {
    const match = LINE.exec(line)
    if (match === null) throw bad(i + 1)
    return {kind: match[1] as ListLine['kind'], id: match[2]!, size: Number(match[3])}
  })
  if (lines.some(({kind}) => kind !== lines[0]!.kind)) throw bad(1)
  return lines
}

/** Lists nest no deeper than this below the topmost one: five levels of 64 KiB lists are 10^13 chunks. */
export const MAX_DEPTH = 5

/**
 * The chunks under a list, in order.
 * @param get fetches a list object; asked in order
 * @throws BkError 65 for lists that are not in the format or do not add up
 */
export async function* chunksOf(id: string, get: (id: string) => Promise<Buffer>, depth = 0): AsyncGenerator<ListLine> {
  if (depth > MAX_DEPTH) throw new BkError('lists of chunks nest too deep', {status: 65})
  for (const line of parseList(await get(id))) {
    if (line.kind === 'chunk') {
      yield line
      continue
    }
    let size = 0
    for await (const chunk of chunksOf(line.id, get, depth + 1)) {
      size += chunk.size
      yield chunk
    }
    if (size !== line.size) throw new BkError('a list of chunks does not add up', {status: 65})
  }
}

function bad(line: number): BkError {
  return new BkError(`line ${line}: not a list of chunks`, {status: 65})
}
