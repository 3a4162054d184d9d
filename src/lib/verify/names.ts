/*
 * What lies in a store that nobody knows: packs and catalogs that no record names and no session lists, and files of other names. None
 * of it is damage: a session that was cut off leaves packs, and so does a record that was torn.
 */
import {errorCode, reasonOf} from '../cli/errors.ts'
import {parseSession} from '../store/session-list.ts'
import {SETTINGS, type Store} from '../store/store.ts'
import {isDamage} from '../store/is-damage.ts'
import type {Report} from './report.ts'

const RECORD = /^log\/\d{6,15}$/
const CATALOG = /^catalogs\/[0-9a-f]{64}$/
const PACK = /^packs\/([0-9a-f]{2})\/(\1[0-9a-f]{62})\.tar\.zst$/
const FOLDERS: ReadonlySet<string> = new Set(['log', 'catalogs', 'packs', 'sessions', 'keys'])

export interface KnownNames {
  readonly packs: ReadonlyMap<string, unknown>
  readonly catalogs: ReadonlySet<string>
  /** Names of what stands beside bk-store. */
  readonly files: ReadonlyMap<string, string>
}

/** Tells of what nobody knows. Answers the packs among it: somebody may look into them. */
export async function checkNames(store: Store, known: KnownNames, report: Report): Promise<string[]> {
  const listed = await listedPacks(store, report)
  const packs = new Tally()
  const others = new Tally()
  const unnamed: string[] = []
  for await (const name of allNames(store)) {
    const pack = PACK.exec(name)?.[2]
    if (pack !== undefined) {
      if (known.packs.has(pack) || listed.has(pack)) continue
      unnamed.push(pack)
      await packs.add(store, name)
    } else if (!isKnown(name, known)) await others.add(store, name)
  }
  if (packs.count > 0) report.note(`${count(packs.count, 'pack')} of ${packs.bytes} bytes that no record and no session names`)
  if (others.count > 0) report.note(`${count(others.count, 'name')} that nobody knows, with ${others.bytes} bytes: ${others.first}${others.count > 1 ? ', …' : ''}`)
  return unnamed
}

class Tally {
  count = 0
  bytes = 0
  first = ''

  async add(store: Store, name: string): Promise<void> {
    if (this.count++ === 0) this.first = name
    this.bytes += (await store.size(name)) ?? 0
  }
}

function isKnown(name: string, {catalogs, files}: KnownNames): boolean {
  if (name === SETTINGS || files.has(name) || FOLDERS.has(name) || RECORD.test(name)) return true
  if (CATALOG.test(name)) return catalogs.has(name.slice('catalogs/'.length))
  return name.startsWith('sessions/') || name.startsWith('keys/')
}

/* The lists of sessions may be lost at any time: one that is damaged is no damage to the store. */
async function listedPacks(store: Store, report: Report): Promise<Set<string>> {
  const listed = new Set<string>()
  for (const name of await namesIn(store, 'sessions/')) {
    try {
      for (const pack of parseSession(await store.get(name))) listed.add(pack.name)
    } catch (error) {
      if (!isDamage(error)) throw error
      report.note(`${name} cannot be read (${reasonOf(error)}): its packs are sent again`)
    }
  }
  return listed
}

/* Some places list what is in folders below, and others the folders. */
async function* allNames(store: Store): AsyncGenerator<string> {
  const seen = new Set<string>()
  for (const prefix of ['', 'log/', 'catalogs/', 'packs/']) {
    for (const name of await namesIn(store, prefix)) {
      if (/^packs\/[0-9a-f]{2}$/.test(name)) yield* await namesIn(store, `${name}/`)
      else if (!seen.has(name)) yield name
      seen.add(name)
    }
  }
}

async function namesIn(store: Store, prefix: string): Promise<string[]> {
  try {
    return await store.list(prefix)
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return []
    throw error
  }
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
