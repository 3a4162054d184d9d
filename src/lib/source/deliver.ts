/*
 * From the result of a job, whose turn has come, to a batch of index text; the stat cache is written on the way.
 */
import {HardLinks} from './hard-links.ts'
import {KEPT, MADE, type JobResult, type Link} from './job.ts'
import {splitNames} from './names.ts'
import type {Batch} from './source.ts'
import type {LoadedCache} from './stat-cache-file.ts'
import type {StatCacheWriter} from './stat-cache-writer.ts'

/** Makes batches of results, which must come in order. */
export function createDelivery(cache: LoadedCache | undefined, writer: StatCacheWriter | undefined): (result: JobResult) => Batch {
  const links = new HardLinks()
  return (result) => {
    const {parts, records} = result
    const text = Buffer.from(result.text.buffer, result.text.byteOffset, result.text.length)
    const names = records === undefined ? [] : splitNames(records.names)
    const pieces: Buffer[] = []
    let entries = 0
    let at = 0
    let record = 0
    let nextLink = 0
    const add = (part: number, lines: readonly Buffer[]): void => {
      const link: Link | undefined = result.links[nextLink]
      if (link?.part === part) {
        nextLink++
        pieces.push(links.resolve(link, lines.length === 1 ? lines[0]! : Buffer.concat(lines)))
      } else pieces.push(...lines)
    }
    for (let index = 0; index < parts.length; index += 3) {
      const kind = parts[index]
      const a = parts[index + 1]!
      const b = parts[index + 2]!
      if (kind === KEPT) {
        const lines = cache!.lines(a, b)
        writer?.keep(a, b, lines)
        add(index / 3, lines)
        entries += b
        continue
      }
      const lines = text.subarray(at, at + b)
      at += b
      if (kind === MADE) {
        if (records !== undefined) writer?.make(records, names, record, record + a, lines)
        record += a
        entries += a
      }
      add(index / 3, [lines])
    }
    return {text: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), entries, unread: result.unread}
  }
}
