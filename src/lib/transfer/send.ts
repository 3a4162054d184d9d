/*
 * Sending: reads what the changes say is new, packs it, and makes the index of what was really read. The index is stored as
 * changes where that is less, and nothing is committed before the list of changes has come to its end line.
 */
import {applyChanges} from '../index/apply.ts'
import {BkError} from '../cli/errors.ts'
import {ChangesReader, changesHeader, endOfSpill, formatChange, linesOf, type Change, type Mark} from '../index/changes.ts'
import {batchOf} from '../index/cursor.ts'
import {detached} from '../index/escape.ts'
import {addFirsts, addFirstsOfText, HardLinks} from '../index/hard-links.ts'
import {commentValue, isUnread, type Group} from '../index/group.ts'
import {IndexWriter} from '../index/write.ts'
import {groupsOf, textOf, type Chain} from '../store/levels.ts'
import {BLOCK, writeHeader} from '../store/member.ts'
import {objectId} from '../store/object-id.ts'
import {Reach} from '../store/reach.ts'
import {recordTime} from '../store/record.ts'
import {heal} from './heal.ts'
import {ContentPass} from './pack-content.ts'
import {indexObject, StoredChanges} from './index-object.ts'
import {Packer, type Compressor} from './packer.ts'
import {freeBuffer} from '../sys/memory.ts'
import type {Spill} from '../index/spill.ts'
import type {Pack} from '../store/pack.ts'
import type {Known} from './known.ts'
import type {Members} from './content.ts'
import type {BaseFacts, Destination, SnapshotFacts} from './destination.ts'
import type {ChangesSource, Gathered, SendOptions, Sent, SentTotals, StoredIndex} from './sending.ts'

/** The target of changes whose files were not as they said. */
const NOT_KNOWN = ''

/**
 * Sends changes.
 * @throws BkError 65 for changes that are cut off or do not fit their base, 2 for a base that is not known, and what the
 * destination refuses (77)
 */
export async function send(source: ChangesSource, to: Destination, options: SendOptions): Promise<Sent> {
  const totals: Totals = {files: 0, bytes: 0, changes: {'+': 0, '~': 0, '=': 0, '>': 0, '-': 0, '!': 0}, healed: 0, stored: 0}
  return {...(await sendCounted(source, to, {...options, totals})), totals}
}

/** What is counted as it happens. */
type Totals = {-readonly [Name in keyof SentTotals]: SentTotals[Name]} & {readonly changes: Record<Mark, number>}

interface Options extends SendOptions {
  readonly totals: Totals
}

async function sendCounted(source: ChangesSource, to: Destination, options: Options): Promise<Omit<Sent, 'totals'>> {
  let spill = options.spill()
  let gathered = await readContent(source, to, options, spill)
  const base = source.end!.base
  const facts = base === undefined ? undefined : await to.base(base)
  if (base !== undefined && facts === undefined) {
    const lost = await to.lostBase?.(base)
    if (lost === undefined) throw unknownBase(base)
    // That all of it is new is no news about the tree.
    const counts = {...options.totals.changes}
    const sent = await sendCounted(withoutBase(source, lost, spill, gathered), to, options)
    Object.assign(options.totals.changes, counts)
    return sent
  }
  const lost = facts === undefined ? undefined : await to.lost?.()
  if (facts !== undefined && lost !== undefined) {
    const healing = await heal({root: source.root, chain: await to.chain(facts), lost, spill, gathered}, to, options, (known, readers) => packerFor(known, to, options, readers))
    spill = healing?.spill ?? spill
    gathered = healing?.gathered ?? gathered
  }
  // Without a single change the index may still be of another root. And what is lost may not be reached any more.
  if (facts?.index !== undefined && lost === undefined && gathered.changes === 0 && source.end!.target === base) {
    spill.close()
    return await unchanged({...facts, index: facts.index}, base!, to, options)
  }
  return await changed(source, to, options, {spill, facts, base, ...gathered})
}

/**
 * The same target as changes against nothing, for a store that has lost the base. What was read already is known by now; what else it
 * lacks is read now.
 */
function withoutBase(source: ChangesSource, base: Chain, spill: Spill, {froms, differs}: Gathered): ChangesSource {
  return {
    root: source.root,
    end: {...source.end!, base: undefined, ...(differs && {target: NOT_KNOWN})},
    async *batches() {
      for await (const groups of applyChanges(groupsOf(base), new ChangesReader(spill.pieces()).batches(), {froms})) {
        yield groups.map((group): Change => ({mark: isUnread(group) && group.line === '' ? '!' : '+', group}))
      }
      spill.close()
    },
  }
}

async function readContent(source: ChangesSource, to: Destination, options: Options, spill: Spill): Promise<Gathered> {
  const batches = source.batches()[Symbol.asyncIterator]()
  let first = await batches.next()
  // Nothing to read costs no thread and no catalog.
  while (first.done !== true && first.value.length === 0) first = await batches.next()
  if (first.done === true) {
    spill.write(Buffer.from(changesHeader({root: source.root}) + endOfSpill(0), 'latin1'))
    return {changes: 0, size: 0, froms: new Set(), firsts: new Set(), differs: false}
  }
  const known = await to.known()
  const readers = options.readers(source.root)
  const packer = packerFor(known, to, options, readers)
  try {
    const onList = (id: string, bytes: Buffer): void => to.onList?.(id, bytes)
    const learn = to.learn?.bind(to)
    const pass = new ContentPass({known, packer, readers, learn, onList, names: options.names, reporter: options.reporter})
    const froms = new Set<string>()
    const firsts = new Set<string>()
    let changes = 0
    let lines = 0
    let size = 0
    spill.write(Buffer.from(changesHeader({root: source.root}), 'latin1'))
    for await (const batch of pass.run(resumed(first.value, batches))) {
      let text = ''
      for (const change of batch) {
        text += formatChange(change)
        lines += linesOf(change)
        options.totals.changes[change.mark]++
        const from = change.mark === '>' ? commentValue(change.group, 'from') : undefined
        if (from === undefined) continue
        if (froms.has(from)) throw new BkError(`the changes do not fit their base: ${from} was moved twice`, {status: 65})
        froms.add(detached(from))
      }
      addFirsts(batch, firsts)
      changes += batch.length
      size += text.length
      spill.write(Buffer.from(text, 'latin1'))
    }
    spill.write(Buffer.from(endOfSpill(lines), 'latin1'))
    await packer.flush()
    for (const from of pass.lostMoves) froms.add(from)
    const {files, bytes, missed} = pass.totals
    options.totals.files += files
    options.totals.bytes += bytes
    return {changes: Math.max(changes, 1), size, froms, firsts, differs: files + missed > 0}
  } finally {
    await readers.close()
  }
}

async function* resumed<T>(first: readonly T[], rest: AsyncIterator<readonly T[]>): AsyncGenerator<readonly T[]> {
  yield first
  for (;;) {
    const {value, done} = await rest.next()
    if (done === true) return
    yield value
  }
}

function unknownBase(base: string): BkError {
  return new BkError(`the index that the changes are against is not known here (sha256 ${base})`, {hint: "give it: 'bk send --base remote.idx'"})
}

async function unchanged(facts: BaseFacts & Pick<SnapshotFacts, 'index'>, base: string, to: Destination, options: Options): Promise<Omit<Sent, 'totals'>> {
  const index: StoredIndex = {
    end: {entries: facts.entries, partial: facts.partial, digest: facts.tree},
    async *text() {
      yield* textOf(await to.chain(facts))
    },
  }
  await options.beforeCommit?.(index)
  const answer = await to.commit({...facts, base, claimed: recordTime(options.clock.now()), note: options.note})
  return {...index, answer, close() {}}
}

interface Work extends Gathered {
  readonly spill: Spill
  readonly facts: BaseFacts | undefined
  readonly base: string | undefined
}

async function changed(source: ChangesSource, to: Destination, options: Options, work: Work): Promise<Omit<Sent, 'totals'>> {
  const {spill, facts, base} = work
  const chain = facts === undefined ? undefined : await to.chain(facts)
  const known = await to.known()
  const reach = new Reach({packOf: (id) => to.packOf(id), getList: (id) => to.getList(id)})
  const text = options.spill()
  const writer = new IndexWriter(source.root, (piece) => text.write(piece))
  const stored = new StoredChanges(chain?.full.length ?? 0, work.changes, work.size)
  const changes = new ChangesReader(spill.pieces(), {strict: false}).batches()
  if (chain !== undefined) {
    addFirstsOfText(chain.full, work.firsts)
    addFirsts(chain.changes, work.firsts)
  }
  const hardLinks = new HardLinks(work.firsts)
  const groups = applyChanges(chain === undefined ? batchOf<Group>([]) : groupsOf(chain), changes, {
    froms: work.froms,
    stored: (change) => {
      if (chain !== undefined) stored.add(change)
    },
    mend: (group) => hardLinks.mend(group),
  })
  for await (const batch of groups) {
    for (const group of batch) {
      writer.add(group)
      reach.add(group)
    }
  }
  const end = writer.end()
  spill.close()
  const isSure = !work.differs && hardLinks.mended === 0 && source.end!.target !== NOT_KNOWN
  if (isSure && end.digest !== source.end!.target) throw new BkError('the changes do not give the index they say they give', {status: 65})
  // As large as the whole index, and not needed where that is stored whole.
  if (chain !== undefined && stored.list === undefined) freeBuffer(chain.full)
  await reach.finish()
  // What was new is gone again: the base's own index is what there is, and a second object for it would be one too many.
  if (facts?.index !== undefined && base === end.digest) {
    text.close()
    for (const link of chain!.links) reach.addObject(link.id)
    return await unchanged({...facts, index: facts.index, needed: reach.packs}, base, to, options)
  }
  const against = chain === undefined || base === undefined ? undefined : {chain, digest: base}
  const {member, size, level, under} = await indexObject(source.root, against, stored.list, end, text)
  const bytes = member.subarray(BLOCK, BLOCK + size)
  const id = objectId(bytes)
  writeHeader(member, 0, id, size)
  await to.learn?.(() => [id])
  if (known.take(id)) await packIndex({buffer: member, members: [{id, size}]}, to, options)
  for (const object of [id, ...under.map((link) => link.id)]) reach.addObject(object)
  const result: SnapshotFacts = {
    claimed: recordTime(options.clock.now()),
    note: options.note,
    partial: end.partial,
    entries: reach.entries,
    bytes: reach.bytes,
    index: {id, level},
    tree: end.digest,
    base,
    needed: reach.packs,
  }
  const links = [{id, size: bytes.length, bytes}, ...under.map((link) => ({...link, bytes: undefined}))]
  const index: StoredIndex = {end, text: () => text.pieces()}
  await options.beforeCommit?.(index)
  const answer = await to.commit(result, {links, lists: reach.lists})
  if (chain !== undefined) freeBuffer(chain.full)
  return {...index, answer, close: () => text.close()}
}

function packerFor(known: Known, to: Destination, {level, lead, reporter, totals}: Options, compressor?: Compressor): Packer {
  const onPack = async (pack: Pack): Promise<void> => {
    totals.stored += pack.size
    reporter.packed?.(pack.size)
    known.closePack(pack)
    await to.pack(pack)
  }
  return new Packer({level, packSize: to.packSize, lead, onPack, compressor})
}

/** An index goes into a pack of its own. */
async function packIndex(member: Members, to: Destination, options: Options): Promise<void> {
  const known = await to.known()
  const packer = packerFor(known, to, options)
  await packer.add(member)
  await packer.flush()
}
