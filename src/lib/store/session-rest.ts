/*
 * Makes room: removes packs that sessions have left. Only what a list of a session names is ever removed, never what a record or the
 * list of another set names too, and nothing at all while a part of the log cannot be read.
 */
import {isFailure} from '../cli/errors.ts'
import {doomedCatalogs} from './edits.ts'
import {changeList, isOver, listedPacks, SMALL_PACK} from './session.ts'
import {broughtNames} from './usage.ts'
import {packName} from './store.ts'
import type {StoreLog} from './log.ts'
import type {ListedPack} from './session-list.ts'

const SESSIONS = 'sessions/'
/** What was noted less than this many seconds ago may be somebody's who is at work. */
const FRESH_SECONDS = 60

/** Removes what is left of a set's sessions that are over. `now` in seconds since 1970. */
export async function removeOver(log: StoreLog, set: string, now: number): Promise<void> {
  await remove(log, set, (pack) => isOver(pack, now))
}

/**
 * Removes what may go when the disk is full: what is over, of all sets, and of this one whatever cut sessions have left.
 * @param isCounted whether a session that is running counts on a pack
 */
export async function removeForRoom(log: StoreLog, set: string, now: number, isCounted: (pack: string) => boolean): Promise<void> {
  for (const other of await setsWithSessions(log)) if (other !== set) await removeOver(log, other, now)
  await remove(log, set, (pack) => isOver(pack, now) || (!isCounted(pack.name) && isIdle(pack, now)))
}

/** Removes what is small of what a set's sessions have left: it is soon sent again. */
export async function removeSmall(log: StoreLog, set: string, now: number): Promise<void> {
  await remove(log, set, (pack) => isOver(pack, now) || (pack.size < SMALL_PACK && isIdle(pack, now)))
}

function isIdle({time}: ListedPack, now: number): boolean {
  return Math.abs(now - time) > FRESH_SECONDS
}

async function setsWithSessions({store}: StoreLog): Promise<string[]> {
  return (await store.list(SESSIONS)).map((name) => name.slice(SESSIONS.length))
}

async function remove(log: StoreLog, set: string, mayGo: (pack: ListedPack) => boolean): Promise<void> {
  const going = (await listedPacks(log.store, set)).filter(mayGo)
  if (going.length === 0) return
  const kept = await namedElsewhere(log, set, new Set(going.map(({name}) => name)))
  if (kept === undefined) return
  const times = new Map(going.map(({name, time}) => [name, time]))
  await changeList(log.store, set, async (list) => {
    // Who began to count on one meanwhile has given it another time.
    const gone = new Set(list.filter(({name, time}) => times.get(name) === time))
    for (const {name} of gone) if (!kept.has(name)) await log.store.remove(packName(name))
    return list.filter((pack) => !gone.has(pack))
  })
}

/** Those of some packs that a record or the list of another set names; undefined where that cannot be known. */
async function namedElsewhere(log: StoreLog, set: string, names: ReadonlySet<string>): Promise<Set<string> | undefined> {
  const found = new Set<string>()
  // An edit stands behind what it deletes, and is seen before.
  const gone = new Set<string>()
  const note = (name: string): void => {
    if (names.has(name)) found.add(name)
  }
  try {
    for (const other of await setsWithSessions(log)) if (other !== set) for (const {name} of await listedPacks(log.store, other)) note(name)
    for await (const record of log.backwards()) {
      if (record.kind === 'edit') {
        for (const line of record.lines) line.split(' ').forEach(note)
        for (const name of doomedCatalogs(record.lines)) gone.add(name)
      }
      if (record.catalog === undefined || !gone.has(record.catalog)) for (const name of await broughtNames(log, record)) note(name)
    }
    return found
  } catch (error) {
    if (isFailure(error)) return undefined
    throw error
  }
}
