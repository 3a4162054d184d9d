/*
 * The receiving end, which trusts nothing: names, sizes and digests are checked, every object is hashed again, the catalog
 * is made here, and the whole index is gone through before a record promises it. Nothing that was in the store before is
 * touched, whatever comes, and memory and time have bounds.
 */
import {BkError} from '../cli/errors.ts'
import {addFirsts, addFirstsOfText, HardLinks} from '../index/hard-links.ts'
import {IndexWriter} from '../index/write.ts'
import {compactPack, type CataloguedPack} from '../store/catalog.ts'
import {commitSnapshot, type Committed} from '../store/commit.ts'
import {doomedBy, doomedCatalogs} from '../store/edits.ts'
import {groupsOf, MAX_CHANGES, oldPaths, readChain, type Chain} from '../store/levels.ts'
import {LostObjects} from '../store/lost.ts'
import {PackReader} from '../store/objects.ts'
import {Reach} from '../store/reach.ts'
import {recordTime, type SnapshotRecord} from '../store/record.ts'
import {Guard, stricter} from '../store/limits.ts'
import {leftPacks, listedPacks, Session} from '../store/session.ts'
import {packName} from '../store/store.ts'
import {Answerer} from './answerer.ts'
import {checkPack} from './check-pack.ts'
import {Deadline} from './deadline.ts'
import {HELLO} from './dialogue.ts'
import {FileLimit} from './file-limit.ts'
import {Held} from './held.ts'
import {parseSnapshotLines, type SnapshotLines} from './snapshot-lines.ts'
import {StreamReader} from './stream.ts'
import type {StoreLog} from '../store/log.ts'
import type {Limits} from '../store/settings.ts'
import type {Clock} from '../sys/clock.ts'

export interface ReceiveOptions {
  /** Set that the snapshot goes to: the server's choice, never the stream's. */
  readonly set: string
  readonly clock: Clock
  /** Sends a text to a writer who asks (docs/format.md, 7.1). */
  readonly answer: (text: string) => Promise<void>
  /** What this writer may do at most; the store's own limits hold as well. */
  readonly limits?: Limits | undefined
  /** Seconds that the whole session may take; a day if not given. */
  readonly deadline?: number | undefined
  /** The writer keeps his end open until he has the answer: nothing is waited for behind the archive. */
  readonly staysOpen?: boolean | undefined
}

const DAY = 24 * 3600

/** Larger packs are not taken: one is held in memory while it is checked. */
const MAX_PACK = 256 << 20
const MAX_SNAPSHOT = 64 << 20

/** Ids of more objects would not fit into one catalog. */
const MAX_OBJECTS = 6_000_000

/** What the steps of one session share. */
interface Visit {
  readonly log: StoreLog
  readonly options: ReceiveOptions
  readonly session: Session
  readonly guard: Guard
  readonly deadline: Deadline
  /** What the snapshot may use. */
  readonly held: Held
  /** Seconds since 1970. */
  readonly now: () => number
}

/**
 * Receives one snapshot. What came of one that is refused or cut off stays on the list of the set's session.
 * @throws BkError 65 for what is no stream or is cut off, 77 with `refused WORD: …` for what must not be taken
 */
export async function receive(pieces: AsyncIterable<Uint8Array>, log: StoreLog, options: ReceiveOptions): Promise<Committed> {
  const {set, clock, answer, staysOpen} = options
  const now = (): number => Number(clock.now() / 1_000_000_000n)
  const session = new Session(log.store, set)
  const guard = new Guard({log, set, limits: stricter(log.settings.limits, options.limits ?? {}), session, now})
  const deadline = new Deadline(options.deadline ?? DAY)
  try {
    const withAnswer = {...options, answer: (text: string) => deadline.within(answer(text))}
    return await receiveStream(new StreamReader(deadline.pieces(pieces), {staysOpen}), {log, options: withAnswer, session, guard, deadline, held: new Held(), now})
  } finally {
    deadline.end()
    await unlessUnable(() => session.flush(now()))
  }
}

/* The list of a session saves work and counts. That it cannot be written changes nothing about what is in the store. */
async function unlessUnable(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof BkError)) throw error
  }
}

async function receiveStream(stream: StreamReader, visit: Visit): Promise<Committed> {
  const packs: CataloguedPack[] = []
  const names = new Set<string>()
  let objects = 0
  // Not only when a whole header is there: who speaks another protocol says a few bytes and waits for an answer.
  const first = (await stream.peek(5)).toString('latin1')
  if (first.length === 5 && first !== 'pack/' && first !== 'snaps' && first !== HELLO) throw new BkError('not a stream of bk send', {status: 65})
  await visit.guard.begin()
  const answerer = first === HELLO ? await beginDialogue(stream, visit) : undefined
  for (;;) {
    await answerer?.untilMember(stream)
    const header = await stream.next()
    if (header === undefined) throw new BkError('the stream has no snapshot', {status: 65})
    const name = /^pack\/([0-9a-f]{64})$/.exec(header.name)?.[1]
    if (name !== undefined) {
      // Twice in a catalog nobody could read it any more.
      if (names.has(name)) throw new BkError(`pack ${name} is in the stream twice`, {status: 65})
      names.add(name)
      if (header.size > MAX_PACK) throw new BkError(`a pack is larger than ${MAX_PACK} bytes`, {status: 65})
      await visit.guard.beforePack(header.size)
      const pack = await receivePack(name, await stream.content(header), stream, visit)
      packs.push(pack)
      objects += pack.ids.length
      if (objects > MAX_OBJECTS) throw new BkError(`a snapshot brings more than ${MAX_OBJECTS} objects`, {status: 65})
      continue
    }
    if (header.name !== 'snapshot') throw new BkError(`the stream has a member that does not belong there: ${header.name}`, {status: 65})
    if (header.size > MAX_SNAPSHOT) throw new BkError('the lines of the snapshot are too many', {status: 65})
    const lines = parseSnapshotLines(await stream.content(header))
    if ((await stream.next()) !== undefined) throw new BkError('something stands behind the snapshot: a stream has one', {status: 65})
    return await accept(lines, packs, visit)
  }
}

// Nothing that the writer is told of may go away before the end.
async function beginDialogue(stream: StreamReader, {log, options: {set, answer}, session, now}: Visit): Promise<Answerer> {
  await stream.line(HELLO.length)
  await session.adopt(await listedPacks(log.store, set), now())
  return await Answerer.greet({log, set, now: now(), answer})
}

async function receivePack(name: string, bytes: Buffer, stream: StreamReader, {log, session, guard, held, now}: Visit): Promise<CataloguedPack> {
  const members = await checkPack(name, bytes)
  const header = await stream.next()
  const text = Buffer.from(`${members.map(({id}) => id).sort().join('\n')}\n`, 'latin1')
  if (header?.name !== `ids/${name}` || header.size !== text.length || !(await stream.content(header)).equals(text)) {
    throw new BkError(`the list of ids behind pack ${name} is missing, or is not that of the pack`, {status: 65})
  }
  await log.store.put(packName(name), [bytes], false)
  const pack = compactPack(name, bytes.length, text)
  await session.add(pack, now())
  held.addMeasured(name, members)
  await guard.afterPack()
  return pack
}

async function accept(lines: SnapshotLines, packs: readonly CataloguedPack[], visit: Visit): Promise<Committed> {
  const {log, options, session, guard, now} = visit
  guard.checkEntries(lines.entries)
  const base = lines.base === undefined ? undefined : await log.newest(options.set, ({tree}) => tree === lines.base)
  if (lines.base !== undefined && base === undefined) {
    throw new BkError('refused unknown-base: the changes are against an index that is no snapshot of this set', {
      status: 77,
      hint: "without the index that was the OLD of 'bk diff' all is sent anew; 'bk index STORE@latest' on the store's host prints the newest",
    })
  }
  const lost = await LostObjects.of(log, base ?? (await log.newest(options.set)))
  const unchanged = lost.size === 0 && isUnchanged(lines, packs, base)
  const left = unchanged ? [] : (await leftPacks(log.store, options.set, now())).filter(({name}) => !packs.some((pack) => pack.name === name))
  const needed = unchanged ? await packsOf(log, base!) : await checkIndex(lines, packs, left, base, lost, visit)
  await session.adopt(left.filter(({name}) => needed.has(name)), now())
  const brought = [...packs, ...left].filter(({name}) => needed.has(name))
  const committed = await commitSnapshot(log, {
    set: options.set,
    received: recordTime(options.clock.now()),
    claimed: lines.claimed,
    partial: lines.partial,
    entries: lines.entries,
    bytes: lines.bytes,
    index: lines.index,
    tree: lines.tree,
    saw: lines.saw,
    note: lines.note,
    packs: brought,
    needed,
    lost: lost.still,
    admit: (bytes) => guard.beforeRecord(bytes),
  })
  await unlessUnable(() => session.end(new Set(brought.map(({name}) => name)), now()))
  return committed
}

// The same index as the base, which was gone through when it came.
function isUnchanged(lines: SnapshotLines, packs: readonly CataloguedPack[], base: SnapshotRecord | undefined): boolean {
  return (
    base !== undefined && packs.length === 0 && lines.tree === base.tree && lines.index.id === base.index.id && lines.index.level === base.index.level &&
    lines.entries === base.entries && lines.bytes === base.bytes && lines.partial === base.partial
  )
}

async function packsOf(log: StoreLog, record: SnapshotRecord): Promise<Set<string>> {
  return new Set((await log.listed(record)).map(({name}) => name))
}

/** Goes through the whole index that a snapshot promises; returns the names of the packs it reaches. */
async function checkIndex(
  lines: SnapshotLines,
  packs: readonly CataloguedPack[],
  left: readonly CataloguedPack[],
  base: SnapshotRecord | undefined,
  lost: LostObjects,
  {log, options, guard, deadline, held}: Visit,
): Promise<Set<string>> {
  if (base !== undefined) for await (const pack of log.eachPack(base)) held.addPack(pack.name, lost.good(pack.ids))
  await addClaimed(held, lines, log, lost)
  for (const pack of left) held.addPack(pack.name, pack.ids)
  const reader = new PackReader(log.store)
  const get = async (id: string): Promise<Buffer> => {
    const pack = held.packOf(id)
    if (pack === undefined) throw new BkError(`refused missing-object: ${id} is in no pack that the snapshot may use`, {status: 77})
    return await reader.object(pack, id)
  }
  const own = [...packs, ...left].find(({name}) => name === held.packOf(lines.index.id))
  if (own !== undefined && own.ids.length > 1) throw new BkError('the index shares a pack with other objects', {status: 65})
  const chain = await readChain(lines.index.id, get, MAX_CHANGES)
  if ((lines.index.level === 'full') !== (chain.links.length === 1) || (lines.index.level === 'far' && chain.links.length !== 2)) {
    throw new BkError(`the index is not of the level ${lines.index.level}`, {status: 65})
  }
  await checkUnder(lines, chain, log, get)
  const getList = async (id: string): Promise<Buffer | undefined> => (lost.has(id) && held.packOf(id) === undefined ? undefined : await get(id))
  // What the base has lost the snapshot may have lost as well.
  const reach = new Reach({packOf: (id, size) => held.packOf(id, size) ?? (base && lost.reach(id)), getList})
  // What the index below has as well was compared when that came.
  const isOld = oldPaths(chain)
  const writer = new IndexWriter(chain.root, () => {})
  const miscounted = (): BkError => new BkError('the counts of the snapshot are not those of its index', {status: 65})
  // The limit for entries is one for memory, which entries and links beyond what was said must not take first.
  if (chain.links.length === 1 && countLinks(chain.full, lines.entries) > lines.entries) throw miscounted()
  const firsts = new Set<string>()
  addFirstsOfText(chain.full, firsts)
  addFirsts(chain.changes, firsts)
  const hardLinks = new HardLinks(firsts)
  const {maxFile} = guard.limits
  const files = maxFile === undefined ? undefined : new FileLimit(log, await log.newest(options.set), maxFile)
  // What lies below changes was held to the grammar when it came.
  for await (const batch of groupsOf(chain, chain.links.length === 1)) {
    deadline.check()
    for (const group of batch) {
      const wait = files?.check(group)
      if (wait !== undefined) await wait
      hardLinks.mend(group)
      if (hardLinks.mended > 0) throw new BkError(`${group.path} is said to be a hard link to what is not there, or is another file`, {status: 65})
      writer.add(group)
      if (isOld(group.path)) reach.addOld(group)
      else reach.add(group)
    }
    if (reach.entries > lines.entries) throw miscounted()
  }
  await reach.finish()
  for (const {id} of chain.links) reach.addObject(id)
  const end = writer.end()
  if (end.digest !== lines.tree) throw new BkError('the index does not give the tree that the snapshot says', {status: 65})
  if (end.partial !== lines.partial || reach.entries !== lines.entries || reach.bytes !== lines.bytes) throw miscounted()
  await held.compare((pack) => reader.toc(pack).finally(() => reader.forget(pack)))
  return reach.packs
}

/* How many hard links a text has, up to one more than `most`. */
function countLinks(text: Buffer, most: number): number {
  let count = 0
  for (let at = text.indexOf(' hardlink='); at >= 0 && count <= most; at = text.indexOf(' hardlink=', at + 1)) count++
  return count
}

const CHANGES_END = /\n#bk end base=(?:sha256:([0-9a-f]{64})|none) target=sha256:([0-9a-f]{64}) lines=\d+ (?:complete|partial=(\d+))\n$/
const MAX_END = 400

/** An index that is stored as changes must be one against the index of a snapshot, which was gone through when that came. */
async function checkUnder(lines: SnapshotLines, {links}: Chain, log: StoreLog, get: (id: string) => Promise<Buffer>): Promise<void> {
  const under = links[1]
  if (under === undefined) return
  for await (const {record} of log.amendedBackwards()) {
    if (record.index.id !== under.id) continue
    const end = CHANGES_END.exec((await get(lines.index.id)).subarray(-MAX_END).toString('latin1'))
    if (end?.[1] === record.tree && end[2] === lines.tree && Number(end[3] ?? 0) === lines.partial) return
    throw new BkError('the index is not a change from and to what it says', {status: 65})
  }
  throw new BkError('the index is a change against an object that is the index of no snapshot', {status: 65})
}

// Packs of other snapshots that the writer knows to be there.
async function addClaimed(held: Held, lines: SnapshotLines, log: StoreLog, lost: LostObjects): Promise<void> {
  const claimed = new Set(lines.add)
  const gone = new Set<string>()
  for await (const record of log.backwards()) {
    if (claimed.size === 0) return
    if (record.kind === 'edit') {
      for (const name of doomedBy(record.lines)) claimed.delete(name)
      for (const name of doomedCatalogs(record.lines)) gone.add(name)
    }
    if (record.catalog !== undefined && !gone.has(record.catalog)) {
      for (const pack of await log.catalog(record.seq)) if (claimed.delete(pack.name)) held.addPack(pack.name, lost.good(pack.ids))
    }
  }
}
