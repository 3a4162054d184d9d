/*
 * `bk pull` of a source that has no bk: its files are read over SFTP by this machine, which compares, packs and commits. What the other
 * side says is hostile from the first byte to the last, and the limits of the store hold for it as for any client that pushes.
 */
import {posix} from 'node:path'
import {BkError, errorCode, inputError, isFailure, reasonOf} from '../cli/errors.ts'
import {escapeBytes, toBytes, unescapeText} from '../index/escape.ts'
import {IndexReader, isRoot} from '../index/read.ts'
import {startSftp} from '../ssh/sftp-session.ts'
import {machineOf, type SshTarget} from '../ssh/target.ts'
import {refused} from '../store/limits.ts'
import {textOf} from '../store/levels.ts'
import {indexText} from '../source/source.ts'
import {sftpTree, timeOf, typeOf} from '../source/sftp-walk.ts'
import {Deadline} from '../transfer/deadline.ts'
import {LocalDestination} from '../transfer/local-destination.ts'
import {send} from '../transfer/send.ts'
import {SftpReaders} from '../transfer/sftp-readers.ts'
import {compare, type Compared, type Groups} from './compare.ts'
import {openListing} from './listing.ts'
import type {KeyLimits} from '../keys/grants.ts'
import type {Entry} from '../index/entry.ts'
import type {SftpClient} from '../ssh/sftp-client.ts'
import type {StoreLog} from '../store/log.ts'
import type {Clock} from '../sys/clock.ts'
import type {Sent, SendSettings} from '../transfer/sending.ts'
import type {KnownCopies} from './known.ts'

export interface SftpPullOptions {
  readonly set: string
  readonly limits: KeyLimits
  readonly clock: Clock
  /** Name of the list at the source, relative to its path; undefined to walk the tree. */
  readonly index: string | undefined
  /** Copies are kept for ever, and this is what was ever copied. */
  readonly known: KnownCopies | undefined
  readonly settings: SendSettings
  readonly onProgress: (update: {readonly files: number}) => void
  /** Milliseconds that the other side may be silent. */
  readonly patience?: number | undefined
}

export interface SftpPulled {
  readonly sent: Sent
  readonly counts: Compared['counts']
  /** Why the list of copies could not be written, if so. */
  readonly forgotten: unknown
}

const DAY = 24 * 3600
/** Bytes of the path of a tree. It stands on a line of the index, which has 65,000. */
const LONGEST_ROOT = 4096
/** Seconds that the clock of the source may differ from this one's: what was modified so shortly before it was read is read again. */
const CLOCK_MARGIN = 3600

/**
 * Takes one snapshot.
 * @throws BkError why ssh failed, 2 for what is not there, 65 for a list or answers that make no sense, 77 with `refused WORD: …`
 */
export async function pullSftp(target: SshTarget, log: StoreLog, options: SftpPullOptions): Promise<SftpPulled> {
  const {set, clock, limits: {deadline: seconds, ...limits}} = options
  const destination = new LocalDestination(log, set, clock, limits)
  await destination.begin()
  const deadline = new Deadline(seconds ?? DAY)
  const connecting = startSftp(target, {subsystem: 'sftp'}, {silentHint: 'is something there that a server waits for, like a fifo?', patience: options.patience})
  try {
    const session = await deadline.within(connecting)
    const pulled = await deadline.within(pullFrom(session.client, target, {...options, log, destination}))
    await session.close()
    return pulled
  } finally {
    deadline.end()
    connecting.then(({kill}) => kill(), () => {})
    await destination.finish()
  }
}

interface Visit extends SftpPullOptions {
  readonly log: StoreLog
  readonly destination: LocalDestination
}

async function pullFrom(client: SftpClient, target: SshTarget, visit: Visit): Promise<SftpPulled> {
  const {destination, settings, known, clock, log, set, index} = visit
  const began = clock.now()
  const top = await rootOf(client, target)
  const listPath = index === undefined ? undefined : posix.resolve(top, toBytes(index).toString('latin1'))
  const listing = listPath === undefined ? undefined : await openListing(client, listPath, destination.limits.maxEntries)
  const root = listing?.root ?? top
  const checkEntries = entryLimit(destination)
  const newest = await destination.newest()
  const chain = newest === undefined ? undefined : await destination.chain(newest)
  const reader = chain === undefined ? undefined : new IndexReader(textOf(chain), {trusted: true})
  const settled = await settledBefore(log, set)
  const source = compare({
    root: escapeBytes(root),
    seen: counted(listing?.groups ?? walked(client, root, visit, checkEntries), checkEntries),
    old: reader && {groups: reader.batches(), digest: newest!.tree, root: () => reader.root},
    cumulative: known && {known: await known.groups(), now: timeWord(began)},
    isSettled: (time) => settled === undefined || Number(time.slice(0, time.indexOf('.'))) < settled,
    leaveOut: listPath === undefined ? undefined : inTree(listPath, root),
    describe: (entry) => describe(client, root, entry),
    // A walk says so itself.
    onUnread: listing && settings.reporter.problem,
  })
  const {maxFile} = destination.limits
  const readers = new SftpReaders({
    client,
    root,
    listed: listing?.says,
    checkSize(path, size) {
      if (maxFile !== undefined && size > maxFile) throw refused('max-file', `${escapeBytes(path).slice(0, 200)} has ${size} bytes, the limit is ${maxFile}`)
    },
  })
  const sent = await send(source, destination, {
    ...settings,
    // When this began, as nearly as a record can say: the next pull asks how old a file was then.
    clock: {now: () => began},
    // The names that numbers have here are nobody's there.
    names: {uname: () => undefined, gname: () => undefined},
    readers: () => readers,
    beforeCommit: async () => mustHaveFound(source, readers, {listPath, root, target}),
  })
  return {sent, counts: source.counts, forgotten: await remembered(() => known?.update(sent, source.keepKnown))}
}

/* What is committed is committed: what cannot be remembered is fetched again. */
async function remembered(work: () => Promise<void> | undefined): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (!isFailure(error)) throw error
    return error
  }
}

/* Where the account is put, or the path that was asked for. */
async function rootOf(client: SftpClient, {path}: SshTarget): Promise<string> {
  const asked = path === '' ? await client.realpath('.').catch(unreadable) : Buffer.from(path).toString('latin1')
  const root = posix.normalize(asked).replace(/(?<=.)\/+$/, '')
  if (isRoot(escapeBytes(root)) && root !== '.' && root.length <= LONGEST_ROOT) return root
  throw inputError(`${client.who} says that it begins at ${escapeBytes(asked).slice(0, 200)}, which is no directory`)
}

function unreadable(error: unknown): never {
  if (errorCode(error) === undefined) throw error
  throw new BkError(`it is not said where the account is put: ${reasonOf(error)}`, {hint: 'give a path: sftp://user@host/path', cause: error})
}

/* Where in the tree a path is, escaped; undefined for one that is elsewhere. */
function inTree(path: string, root: string): string | undefined {
  const above = root === '/' ? '/' : `${root}/`
  return path.startsWith(above) ? `./${escapeBytes(path.slice(above.length))}` : undefined
}

function walked(client: SftpClient, root: string, {settings: {reporter}, onProgress}: Visit, checkEntries: (count: number) => void): Groups {
  const tree = sftpTree({client, root, onProgress, checkEntries, onProblem: reporter.problem, onNote: reporter.note})
  return new IndexReader(indexText(tree), {trusted: true}).batches()
}

/* Before they are all compared, and long before they are read. */
async function* counted(groups: Groups, check: (count: number) => void): Groups {
  let entries = 0
  for await (const batch of groups) {
    check((entries += batch.length))
    yield batch
  }
}

function entryLimit({limits: {maxEntries}}: LocalDestination): (count: number) => void {
  return (count) => {
    if (maxEntries !== undefined && count > maxEntries) throw refused('max-entries', `there are more than ${maxEntries} entries, which is the limit`)
  }
}

/*
 * Seconds since 1970 before which a file must have been modified for its size and time to say that it is as it was. SFTP has whole
 * seconds, and no clock: a file that was changed just before, or after, it was read may have the same time ever after.
 */
async function settledBefore(log: StoreLog, set: string): Promise<number | undefined> {
  const before = await log.newest(set)
  return before === undefined ? undefined : Date.parse(before.claimed) / 1000 - CLOCK_MARGIN
}

async function describe(client: SftpClient, root: string, entry: Entry): Promise<Entry> {
  const path = `${root === '/' ? '' : root}${unescapeText(entry.path).slice(1)}`
  const found = await client.lstat(path === '' ? '/' : path).catch((error: unknown) => {
    if ((error as {code?: unknown}).code === undefined) throw error
    return undefined
  })
  if (found === undefined || typeOf(found) !== entry.type) return entry
  const {mode, uid, gid, size} = found
  const isSize = entry.type === 'file' && size !== undefined && Number.isSafeInteger(size)
  return {...entry, mode: mode === undefined ? undefined : mode & 0o7777, uid, gid, size: isSize ? size : undefined, time: entry.time ?? timeOf(found)}
}

function mustHaveFound({counts}: Compared, readers: SftpReaders, {listPath, root, target}: {listPath: string | undefined; root: string; target: SshTarget}): void {
  if (listPath === undefined || counts.files === 0 || counts.unchanged + readers.read > 0) return
  throw new BkError(`none of the ${counts.files} files of the list is at ${machineOf(target)} below ${escapeBytes(root)}`, {
    hint: `are its paths those that 'sftp ${machineOf(target)}' sees?`,
  })
}

function timeWord(nanoseconds: bigint): string {
  return `${new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19)}Z`
}
