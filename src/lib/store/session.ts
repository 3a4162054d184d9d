/*
 * What a session that was cut off has left in a store: packs that no record names yet (docs/format.md, 6.4). The next run of
 * the same set goes on from them instead of sending everything again.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import {objectId} from './object-id.ts'
import {readToc} from './pack.ts'
import {summedLines} from './record.ts'
import {packName, type Store} from './store.ts'
import type {CataloguedPack} from './catalog.ts'

/** A session is worth going on with for this long after its last byte. */
const KEPT_SECONDS = 24 * 3600
/** The list is written anew at most once a second, and the longer it is the more seldom: it costs nothing beside the packs. */
function secondsBetween(packs: number): number {
  return 1 + packs / 200
}

const MAX_SESSION = 256 << 20

function nameOf(set: string): string {
  return `sessions/${set}`
}

/** Keeps the list of a running session. */
export class Session {
  readonly #store: Store
  readonly #set: string
  readonly #packs: CataloguedPack[] = []
  #written = 0

  constructor(store: Store, set: string) {
    this.#store = store
    this.#set = set
  }

  /** Notes a pack that is durable. `now` in seconds since 1970. */
  async add(pack: CataloguedPack, now: number): Promise<void> {
    this.#packs.push(pack)
    if (now - this.#written < secondsBetween(this.#packs.length) && now >= this.#written) return
    this.#written = now
    const body = `#bk session 1\ntime ${now}\n${this.#packs.map(({name, size}) => `pack ${name} ${size}\n`).join('')}`
    await this.#store.put(nameOf(this.#set), [Buffer.from(`${body}sum ${objectId(Buffer.from(body, 'latin1'))}\n`, 'latin1')], false)
  }

  /** The session has come to its end. */
  async end(): Promise<void> {
    await this.#store.remove(nameOf(this.#set))
  }
}

/**
 * The packs that a cut session of the set has left, as far as they are whole. Whatever is wrong with them, they are only not used.
 */
export async function leftPacks(store: Store, set: string, now: number): Promise<CataloguedPack[]> {
  let lines: string[]
  try {
    lines = summedLines((await store.get(nameOf(set), {offset: 0, length: MAX_SESSION})).toString('latin1')).lines
  } catch (error) {
    if (error instanceof BkError || errorCode(error) !== undefined) return []
    throw error
  }
  const time = /^time (\d{1,15})$/.exec(lines[1] ?? '')
  if (lines[0] !== '#bk session 1' || time === null || Math.abs(now - Number(time[1])) > KEPT_SECONDS) return []
  const packs: CataloguedPack[] = []
  for (const line of lines.slice(2)) {
    const match = /^pack ([0-9a-f]{64}) (\d{1,15})$/.exec(line)
    const pack = match === null ? undefined : await readPack(store, match[1]!, Number(match[2]))
    if (pack !== undefined) packs.push(pack)
  }
  return packs
}

async function readPack(store: Store, name: string, size: number): Promise<CataloguedPack | undefined> {
  const file = packName(name)
  try {
    if ((await store.size(file)) !== size) return undefined
    const frames = await readToc({size, read: (offset, length) => store.get(file, {offset, length})})
    return {name, size, ids: frames.flatMap(({members}) => members.map(({id}) => id)).sort()}
  } catch (error) {
    if (error instanceof BkError || errorCode(error) !== undefined) return undefined
    throw error
  }
}
