/*
 * A catalog says which objects the packs of one record hold (docs/format.md, 6.3). Pure text; named by its own sha256.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from './object-id.ts'
import {isId} from './store.ts'

/** A pack as a catalog lists it. */
export interface CataloguedPack {
  readonly name: string
  readonly size: number
  /** Sorted. */
  readonly ids: readonly string[]
}

const HEADER = '#bk catalog 1\n'

/** Prints a catalog; packs are put in order of their names. Returns its bytes, its name, and the packs as labels count them. */
export function formatCatalog(packs: readonly CataloguedPack[]): {readonly bytes: Buffer; readonly digest: string; readonly packs: readonly CataloguedPack[]} {
  const sorted = [...packs].sort((a, b) => (a.name < b.name ? -1 : 1))
  let text = HEADER
  for (const {name, size, ids} of sorted) text += `pack ${name} ${size}\n${ids.join('\n')}\n`
  const bytes = Buffer.from(text, 'latin1')
  return {bytes, digest: objectId(bytes), packs: sorted}
}

const PACK = /^pack ([0-9a-f]{64}) ([1-9]\d{0,14})$/

/**
 * Parses a catalog.
 * @throws BkError 65 for anything that `formatCatalog` does not write
 */
export function parseCatalog(bytes: Buffer): CataloguedPack[] {
  const text = bytes.toString('latin1')
  if (!text.startsWith(HEADER) || !text.endsWith('\n')) throw bad(1)
  const packs: {name: string; size: number; ids: string[]}[] = []
  let ids: string[] = []
  let number = 1
  for (let at = HEADER.length; at < text.length; ) {
    const stop = text.indexOf('\n', at)
    const line = text.slice(at, stop)
    at = stop + 1
    number++
    if (line.length === 64 && packs.length > 0) {
      if (!isId(line) || (ids.length > 0 && line <= ids[ids.length - 1]!)) throw bad(number)
      ids.push(line)
      continue
    }
    const match = PACK.exec(line)
    const last = packs[packs.length - 1]
    if (match === null || (last !== undefined && (last.ids.length === 0 || match[1]! <= last.name))) throw bad(number)
    ids = []
    packs.push({name: match[1]!, size: Number(match[2]), ids})
  }
  if (ids.length === 0) throw bad(number)
  return packs
}

function bad(line: number): BkError {
  return new BkError(`line ${line}: not a line of a catalog`, {status: 65})
}
