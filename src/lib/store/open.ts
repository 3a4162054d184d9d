/*
 * Opens what a command was given as STORE or STORE@WHEN. The one place that turns an address into a store: another kind of
 * place to keep stores in is another line in `openStore`, and every command can use it.
 */
import {BkError, errorCode, usageError, isFailure} from '../cli/errors.ts'
import {parseSshTarget} from '../ssh/target.ts'
import {calls} from '../sys/calls.ts'
import {cutAtWhen, parseAddress} from './address.ts'
import {readChain, textOf, type Chain} from './levels.ts'
import {LocalStore, type LocalOptions} from './local.ts'
import {StoreLog} from './log.ts'
import type {OnDamage} from './on-damage.ts'
import {Objects, PackReader} from './objects.ts'
import {SftpStore} from './sftp.ts'
import {SETTINGS, type Store} from './store.ts'
import {choose, parseWhen, type When} from './when.ts'
import type {SnapshotRecord} from './record.ts'

/** The store at an address; one on another machine is for reading. Throws a usage error for places that this version cannot reach. */
export function openStore(address: string, options: LocalOptions = {}): Store {
  const parsed = parseAddress(address)
  if (parsed.kind === 'local') return new LocalStore(parsed.path, options)
  if (parsed.how === 'ssh' || parsed.how === 'sftp') return new SftpStore(address, parseSshTarget(address), parsed.how)
  throw usageError(`stores over ${parsed.how} cannot be opened by this version: ${address}`, `a path with a colon in it is written ./${address}`)
}

/** The log of the store at an address. */
export async function openLog(address: string, options: LocalOptions = {}): Promise<StoreLog> {
  const log = await StoreLog.open(openStore(address, options))
  if (log.settings.kind === 'sealed') throw new BkError(`${address} is sealed: this version of bk cannot read sealed stores`)
  return log
}

/** A store, and which snapshot of it. */
export interface SnapshotOperand {
  readonly store: string
  /** undefined is the newest. */
  readonly when: When | undefined
}

/**
 * Whether an operand means a snapshot and not a tree: STORE@WHEN, where nothing of that whole name exists and STORE is a store. What is
 * on another machine is taken for one.
 */
export function namesSnapshot(operand: string): boolean {
  const cut = cutAtWhen(operand)
  return cut !== undefined && !exists(operand) && (isStore(cut.store) || (cut.isWhen && isElsewhere(cut.store)))
}

/**
 * Takes an operand apart that must be STORE or STORE@WHEN.
 * @param at the value of --at, which says the same as @WHEN
 * @throws a usage error for a WHEN that is none, and for two of them
 */
export function snapshotOperand(operand: string, at?: string): SnapshotOperand {
  const cut = exists(operand) ? undefined : cutAtWhen(operand)
  const flagged = at === undefined ? undefined : parseWhen(at)
  if (cut === undefined || !(cut.isWhen || isStore(cut.store))) return {store: operand, when: flagged}
  if (flagged !== undefined) throw usageError(`${operand} and --at ${at} both say when`, 'say it once')
  return {store: cut.store, when: parseWhen(cut.when)}
}

function isStore(path: string): boolean {
  return parseAddress(path).kind === 'local' && exists(`${path}/${SETTINGS}`)
}

function isElsewhere(address: string): boolean {
  return parseAddress(address).kind === 'remote'
}

function exists(path: string): boolean {
  try {
    return calls.lstatOrNone(path) !== undefined
  } catch (error) {
    // A name that no file can have.
    if (errorCode(error) === 'ENAMETOOLONG' || errorCode(error) === 'ENOTDIR') return false
    throw error
  }
}

/** Which snapshot is wanted, with all that the answer depends on. */
export interface SnapshotRequest {
  /** STORE or STORE@WHEN. */
  readonly operand: string
  /** Value of --at. */
  readonly at?: string | undefined
  /** Value of --set. */
  readonly set?: string | undefined
  /** Nanoseconds since 1970. */
  readonly now: bigint
  /** IANA name. */
  readonly timeZone: string
}

/** A snapshot that was found. */
export interface OpenSnapshot {
  /** The store as typed. */
  readonly where: string
  readonly log: StoreLog
  readonly record: SnapshotRecord
  /** The snapshot of the same set before it. */
  readonly before: SnapshotRecord | undefined
}

/**
 * Finds a snapshot. Throws what `openLog`, `snapshotOperand` and `choose` throw.
 * @param onDamage hears of damaged records, and the choice is among those that are whole; otherwise they end it (65)
 */
export async function openSnapshot({operand, at, set, now, timeZone}: SnapshotRequest, onDamage?: OnDamage): Promise<OpenSnapshot> {
  const {store: where, when} = snapshotOperand(operand, at)
  const log = await openLog(where)
  const snapshots = await log.snapshots(onDamage)
  const record = choose(snapshots, {when, set, now, timeZone, where})
  const before = snapshots.findLast((each) => each.set === record.set && each.seq < record.seq)
  return {where, log, record, before}
}

/** The index of a snapshot, taken apart, and the objects that the snapshot reaches. */
export async function openIndexOf({log, record}: OpenSnapshot): Promise<{readonly chain: Chain; readonly objects: Objects}> {
  const objects = await Objects.of(log, record)
  // Indexes are read by a reader of their own, which goes with the chain: a frame of one may be as large as all other memory.
  const reader = new PackReader(log.store)
  const chain = await readChain(record.index.id, async (id) => (await readFirst(reader, objects.packOf(id), id)) ?? (await objects.get(id)))
  return {chain, objects}
}

async function readFirst(reader: PackReader, pack: string | undefined, id: string): Promise<Buffer | undefined> {
  try {
    return pack === undefined ? undefined : await reader.object(pack, id)
  } catch (error) {
    if (isFailure(error)) return undefined
    throw error
  }
}

/** The text of a stored index, in pieces. */
export async function* indexTextOf(snapshot: OpenSnapshot): AsyncGenerator<Buffer> {
  yield* textOf((await openIndexOf(snapshot)).chain)
}
