/*
 * The list of packs that sessions of a set have left (docs/format.md, 6.4), as text. Pure.
 */
import {BkError} from '../cli/errors.ts'
import {summedLines, withSum} from './sum.ts'

/** A pack that no record names yet. */
export interface ListedPack {
  readonly name: string
  readonly size: number
  /** When the session that it belongs to last wrote the list, in seconds since 1970. */
  readonly time: number
}

export const MAX_SESSION = 256 << 20

/** Name of a set's list. */
export function sessionName(set: string): string {
  return `sessions/${set}`
}

/** Prints a list: packs of one time stand together. */
export function formatSession(packs: readonly ListedPack[]): Buffer {
  const byTime = new Map<number, ListedPack[]>()
  for (const pack of packs) {
    const group = byTime.get(pack.time)
    if (group === undefined) byTime.set(pack.time, [pack])
    else group.push(pack)
  }
  const lines = [...byTime].sort(([a], [b]) => a - b).flatMap(([time, group]) => [`time ${time}`, ...group.map(({name, size}) => `pack ${name} ${size}`)])
  return withSum(`${['#bk session 1', ...lines].join('\n')}\n`)
}

/**
 * Parses a list.
 * @throws BkError 65 for one that is damaged, or from another version
 */
export function parseSession(bytes: Buffer): ListedPack[] {
  const [header, ...lines] = summedLines(bytes.toString('latin1')).lines
  if (header !== '#bk session 1') throw new BkError('not a list of a session', {status: 65})
  const packs: ListedPack[] = []
  let time: number | undefined
  for (const line of lines) {
    const pack = /^pack ([0-9a-f]{64}) (\d{1,15})$/.exec(line)
    const begins = /^time (\d{1,15})$/.exec(line)
    if (begins !== null) time = Number(begins[1])
    else if (pack !== null && time !== undefined) packs.push({name: pack[1]!, size: Number(pack[2]), time})
    else throw new BkError('not a list of a session', {status: 65})
  }
  return packs
}
