/*
 * The limits of a store, and of a key, held to while a session goes on: before a pack is read it is known whether it may be kept. What
 * is refused leaves every byte that was there before; what came of the session so far stays on its list and counts.
 */
import {BkError} from '../cli/errors.ts'
import {formatSize} from '../cli/units.ts'
import {removeForRoom, removeOver, removeSmall} from './session-rest.ts'
import {SMALL_PACK, type Session} from './session.ts'
import {snapshotsOfDay, usedBy} from './usage.ts'
import type {Limits} from './settings.ts'
import type {StoreLog} from './log.ts'

/** The stricter of two, limit by limit: nobody can lift what another has set. 0 is a limit, never "no limit". */
export function stricter(a: Limits, b: Limits): Limits {
  return {
    quota: least(a.quota, b.quota),
    perDay: least(a.perDay, b.perDay),
    maxFile: least(a.maxFile, b.maxFile),
    maxEntries: least(a.maxEntries, b.maxEntries),
    reserve: a.reserve === undefined || b.reserve === undefined ? (a.reserve ?? b.reserve) : Math.max(a.reserve, b.reserve),
  }
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}

/** The error for what must not be taken; the other end sees the message. */
export function refused(word: string, why: string, hint?: string): BkError {
  return new BkError(`refused ${word}: ${why}`, {status: 77, ...(hint === undefined ? {} : {hint})})
}

/** Inodes that stay free where bytes have to. */
const RESERVED_INODES = 10_000
/** A pack may need a directory, a temporary name, and a list. */
const INODES_OF_A_PACK = 4
/** An honest session leaves a handful. Each costs the same work as a large one. */
const MAX_SMALL = 1000
/** With more than this a session does not begin: they are cleared away, so that who cut them off shuts nobody out for long. */
const MANY_SMALL = MAX_SMALL / 2
/** Other sessions of a set learn of this part of what it has on the list at the latest. */
const UNLISTED_PART = 1 / 64

export interface GuardOptions {
  readonly log: StoreLog
  readonly set: string
  readonly limits: Limits
  readonly session: Session
  /** Seconds since 1970. */
  readonly now: () => number
}

/** Stands at the door of a store while a set sends something. */
export class Guard {
  readonly limits: Limits
  readonly #options: GuardOptions
  // Bytes that the set's records have brought.
  #used: number | undefined

  constructor(options: GuardOptions) {
    this.limits = options.limits
    this.#options = options
  }

  /** Before anything is read. Clears away what is left of earlier sessions that are over. */
  async begin(): Promise<void> {
    const {log, set, session, now} = this.#options
    await removeOver(log, set, now())
    await session.refresh()
    if (session.total.small > MANY_SMALL) {
      await removeSmall(log, set, now())
      await session.refresh()
    }
    await this.#checkDay()
  }

  /** Before a pack of so many bytes is read. */
  async beforePack(size: number): Promise<void> {
    const {session, set} = this.#options
    if (size < SMALL_PACK && session.total.small >= MAX_SMALL) {
      const what = `sessions of set ${set} that brought no snapshot have just sent ${MAX_SMALL} packs of less than ${formatSize(SMALL_PACK)}`
      throw refused('small-packs', `${what}; a session that begins a minute after the last of them is taken`, 'if nothing of yours was cut off, somebody else has the key')
    }
    await this.#checkQuota(size)
    await this.#checkRoom(size)
  }

  /** After a pack was kept, and the session knows of it. */
  async afterPack(): Promise<void> {
    const {session, now} = this.#options
    if (this.limits.quota === undefined || session.unlisted.bytes <= session.total.bytes * UNLISTED_PART) return
    await session.flush(now())
    await this.#count()
  }

  /** Before an index of so many entries is looked at. */
  checkEntries(entries: number): void {
    const {maxEntries} = this.limits
    if (maxEntries !== undefined && entries > maxEntries) throw refused('max-entries', `the index has ${entries} entries, the limit is ${maxEntries}`)
  }

  /** Before a record, with its catalog of so many bytes in all, is written; asked again under each head. */
  async beforeRecord(bytes: number): Promise<void> {
    await this.#checkDay()
    this.#used = undefined
    await this.#checkQuota(bytes)
    await this.#checkRoom(bytes)
  }

  async #checkDay(): Promise<void> {
    const {perDay} = this.limits
    const {log, set, now} = this.#options
    if (perDay === undefined) return
    const count = await snapshotsOfDay(log, set, now())
    if (count >= perDay) throw refused('per-day', `${count} snapshots of set ${set} were received in the last 24 hours, the limit is ${perDay}`)
  }

  async #checkQuota(bytes: number): Promise<void> {
    const {quota} = this.limits
    const {session, set} = this.#options
    if (quota === undefined || (this.#used !== undefined && this.#used + session.total.bytes + bytes <= quota)) return
    // Another session of the set may have committed, or left something, since this was counted.
    const used = await this.#count()
    if (used + session.total.bytes + bytes <= quota) return
    const left = session.total.bytes === 0 ? '' : `, ${session.total.bytes} of them in no snapshot`
    throw refused('quota', `set ${set} has brought ${used + session.total.bytes} bytes${left}, and ${bytes} more would be over its ${quota}`)
  }

  async #count(): Promise<number> {
    const {log, set, session} = this.#options
    // In this order: what is committed meanwhile is counted twice, and not left out.
    await session.refresh()
    return (this.#used = await usedBy(log, set))
  }

  async #checkRoom(bytes: number): Promise<void> {
    const {log, set, session, now} = this.#options
    if (this.limits.reserve === undefined || (await this.#missing(bytes)) === undefined) return
    await removeForRoom(log, set, now(), (pack) => session.has(pack))
    await session.refresh()
    const missing = await this.#missing(bytes)
    if (missing !== undefined) throw refused('reserve', missing)
  }

  /* What there would be too little of. */
  async #missing(bytes: number): Promise<string | undefined> {
    const {reserve = 0} = this.limits
    const room = await this.#options.log.store.room?.()
    if (room === undefined) return undefined
    if (room.bytes - bytes < reserve) return `the disk of the store has ${formatSize(room.bytes)} left, and ${formatSize(reserve)} must stay free`
    if (reserve === 0 || room.inodes === undefined || room.inodes - INODES_OF_A_PACK >= RESERVED_INODES) return undefined
    return `the disk of the store has ${room.inodes} inodes left, and ${RESERVED_INODES} must stay free`
  }
}
