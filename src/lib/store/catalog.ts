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
  /** Its one object, where it has no other, as with indexes, and that can be said without looking at all of them. */
  readonly only?: string | undefined
  /** Whether an id is among them, where that can be said without looking at all of them. */
  has?(id: string): boolean
}

/** A pack whose ids are kept as text, a third of what they take as strings: a session may bring millions. */
export function compactPack(name: string, size: number, ids: Buffer): CataloguedPack {
  return {
    name,
    size,
    get ids() {
      return ids.toString('latin1', 0, ids.length - 1).split('\n')
    },
  }
}

/** Whether a pack holds an object. */
export function holdsObject(pack: CataloguedPack, id: string): boolean {
  return pack.has?.(id) ?? pack.ids.includes(id)
}

/** The pack that a label means. Throws BkError 65 for one that is not there. */
export function packAt<Pack>(packs: readonly Pack[], seq: number, n: number): Pack {
  const pack = packs[n - 1]
  if (pack === undefined) throw new BkError(`no pack ${seq}.${n} in the catalog of record ${seq}`, {status: 65})
  return pack
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
const NEXT_PACK = '\npack '

/**
 * Parses a catalog. The ids of a pack are looked at when somebody asks for them: whoever only adds another snapshot of the same index
 * wants to know which packs there are, and the bytes of all were held to the record's sum.
 * @throws BkError 65 for anything that `formatCatalog` does not write; for ids, when they are asked for
 */
export function parseCatalog(bytes: Buffer): CataloguedPack[] {
  if (bytes.indexOf(HEADER) !== 0 || bytes.at(-1) !== LF) throw badAt(bytes, 0)
  const packs: CataloguedPack[] = []
  let last = ''
  for (let at = HEADER.length; at < bytes.length; ) {
    const start = bytes.indexOf(LF, at) + 1
    const match = PACK.exec(bytes.toString('latin1', at, start - 1))
    const next = bytes.indexOf(NEXT_PACK, start - 1)
    const stop = next < 0 ? bytes.length : next + 1
    if (match === null || match[1]! <= last || stop === start) throw badAt(bytes, match === null || match[1]! <= last ? at : Math.min(stop, bytes.length - 1))
    last = match[1]!
    packs.push(listed(last, Number(match[2]), bytes, start, stop))
    at = stop
  }
  if (packs.length === 0) throw badAt(bytes, HEADER.length - 1)
  return packs
}

function listed(name: string, size: number, bytes: Buffer, start: number, stop: number): CataloguedPack {
  const isOne = stop - start === 65
  return {
    name,
    size,
    only: isOne ? parseIds(bytes, start, stop)[0] : undefined,
    // Anew each time: who asks puts them into a table of his own, and a thousand catalogs would be kept twice, once as strings.
    get ids() {
      return parseIds(bytes, start, stop)
    },
    has(id) {
      const at = bytes.indexOf(`\n${id}\n`, start - 1)
      return at >= 0 && at < stop
    },
  }
}

function parseIds(bytes: Buffer, start: number, stop: number): string[] {
  const ids = bytes.toString('latin1', start, stop - 1).split('\n')
  let at = start
  for (let i = 0; i < ids.length; i++) {
    if (!isId(ids[i]!) || (i > 0 && ids[i]! <= ids[i - 1]!)) throw badAt(bytes, at)
    at += 65
  }
  return ids
}

function badAt(bytes: Buffer, offset: number): BkError {
  let line = 1
  for (let at = bytes.indexOf(LF); at >= 0 && at < offset; at = bytes.indexOf(LF, at + 1)) line++
  return new BkError(`line ${line}: not a line of a catalog`, {status: 65})
}

const LF = 10
