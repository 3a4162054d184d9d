/*
 * Purges paths from every snapshot of a store (docs/decisions/0010): indexes are made anew without them, packs with their content are written
 * anew without it, one edit says so and dooms what was there before, and that is deleted at once. The records stay as they are.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {isDamage} from '../store/is-damage.ts'
import {addPacks, labelsOf, sizeOf, type NeededPack} from '../retention/inventory.ts'
import {cleanUp, mustKnowAll, type Freed} from '../retention/clean-up.ts'
import {rewrite, type RewriteOptions} from '../retention/rewrite.ts'
import {unneededLabels} from '../retention/unneeded.ts'
import {formatCatalog, type CataloguedPack} from '../store/catalog.ts'
import {commitEdit} from '../store/commit.ts'
import {formatEdit, type Edit} from '../store/edits.ts'
import {packFiles} from '../store/pack-files.ts'
import {PackReader} from '../store/objects.ts'
import {recordTime} from '../store/record.ts'
import {readState, type LogState} from '../store/state.ts'
import {catalogName, packName} from '../store/store.ts'
import {asMember, Packer} from '../transfer/packer.ts'
import {LiveObjects} from '../history/live.ts'
import {findPaths, type Found} from './find.ts'
import {withoutPaths, type NewIndex} from './indexes.ts'
import type {StoreLog} from '../store/log.ts'

export interface PurgeOptions extends RewriteOptions {
  /** As typed: bytes as latin1 strings. */
  readonly paths: readonly string[]
  /** Seconds since 1970. */
  readonly now: number
}

/** What was purged. */
export interface Purged {
  readonly found: Found
  /** Of their objects, those that other files have as well: they stay. */
  readonly shared: number
  readonly freed: Freed
}

const MAX_TRIES = 5

/** Finds what a purge would take away. Throws as `findPaths` does. */
export async function findPurge(log: StoreLog, paths: readonly string[]): Promise<Found> {
  return (await look(log, paths)).found
}

interface Look {
  readonly state: LogState
  readonly live: LiveObjects
  readonly packs: ReadonlyMap<string, NeededPack>
  readonly found: Found
}

async function look(log: StoreLog, paths: readonly string[]): Promise<Look> {
  const state = await readState(log)
  mustKnowAll(state)
  const live = new LiveObjects(log)
  const packs = new Map<string, NeededPack>()
  const {needed} = await unneededLabels(log, state, undefined)
  await addPacks(log, state, needed, {live, packs})
  return {state, live, packs, found: await findPaths(paths, state.kept.map(({record}) => record), live)}
}

/**
 * Purges paths.
 * @throws BkError 2 and 65 as `findPaths` does, 65 for a pack that cannot be read, 75 where others go on committing; then nothing has changed
 */
export async function purge(log: StoreLog, options: PurgeOptions): Promise<Purged> {
  // What no kept snapshot needs may have it as well.
  await cleanUp(log, {now: options.now, atOnce: true})
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const done = await tryPurge(log, options)
    if (done === undefined) continue
    return {...done, freed: await cleanUp(log, {now: options.now, atOnce: true})}
  }
  throw new BkError('others are writing to the store all the time', {status: 75})
}

/* Undefined where somebody committed meanwhile. */
async function tryPurge(log: StoreLog, options: PurgeOptions): Promise<Pick<Purged, 'found' | 'shared'> | undefined> {
  const seen = await look(log, options.paths)
  const {state, live, packs, found} = seen
  const left = await leftBehind(log, packs)
  const indexes = await newIndexes(log, seen, options)
  const changes = [...indexes.replaced, ...(await newContent(log, seen, options))]
  const catalog = formatCatalog(changes.flatMap(({fresh}) => fresh).filter(unique()))
  await log.store.put(catalogName(catalog.digest), [catalog.bytes], false)
  const committed = await commitEdit(log, async (now) => {
    if (now.head.seq !== state.head.seq) return []
    return linesOf({changes, catalog, indexes: indexes.made, state, found, left, now: options.now})
  })
  if (committed === undefined) {
    await log.store.remove(catalogName(catalog.digest))
    return undefined
  }
  return {found, shared: [...found.ids].filter((id) => live.has(id)).length}
}

function unique(): (pack: CataloguedPack) => boolean {
  const seen = new Set<string>()
  return ({name}) => !seen.has(name) && seen.add(name) !== undefined
}

/** Packs of a set, and those in their place. */
interface Replacing {
  readonly set: string
  readonly old: readonly NeededPack[]
  readonly fresh: readonly CataloguedPack[]
}

async function newIndexes(log: StoreLog, {live, packs, found}: Look, {lead}: PurgeOptions): Promise<{made: Map<string, NewIndex>; replaced: Replacing[]}> {
  const made = new Map<string, NewIndex>()
  const written = new Map<string, CataloguedPack>()
  const put = async (id: string, text: Buffer): Promise<void> => {
    if (written.has(id)) return
    // An index shares its pack with nothing.
    const packer = new Packer({
      level: 1,
      lead,
      async onPack({name, size, parts, ids}) {
        await log.store.put(packName(name), parts, false)
        written.set(id, {name, size, ids})
      },
    })
    await packer.add(asMember(id, text))
    await packer.flush()
  }
  for (const family of found.families) for (const [id, index] of await withoutPaths(family, {tops: found.tops, live, put})) made.set(id, index)
  await live.finish()
  const replaced: Replacing[] = []
  for (const pack of packs.values()) {
    const [id, ...others] = await idsOf(log, pack)
    const index = others.length > 0 ? undefined : made.get(id!)
    if (index !== undefined) replaced.push({set: pack.set, old: [pack], fresh: [written.get(index.id)!]})
  }
  return {made, replaced}
}

/* The packs with content that is to go, set by set; also where another file has it, since a snapshot may need its pack for nothing now. */
async function newContent(log: StoreLog, {live, packs, found: {ids}}: Look, {lead}: PurgeOptions): Promise<Replacing[]> {
  const going: NeededPack[] = []
  for (const pack of packs.values()) if ((await idsOf(log, pack)).some((id) => ids.has(id))) going.push(pack)
  const replaced: Replacing[] = []
  for (const [set, old] of Map.groupBy(going, (pack) => pack.set)) {
    const {packs: fresh} = await rewrite(log, old, live, {
      lead,
      warn(text) {
        throw new BkError(`what is there cannot be purged: ${text}`, {status: 65, hint: `bk verify ${log.store.where} --read-data`})
      },
    })
    replaced.push({set, old, fresh})
  }
  return replaced
}

/* Throws BkError 65 where that cannot be read. */
async function idsOf({store}: StoreLog, {name}: NeededPack): Promise<string[]> {
  try {
    return (await new PackReader(store).toc(name)).flatMap(({members}) => members.map(({id}) => id))
  } catch (error) {
    if (!isDamage(error)) throw error
    throw new BkError(`pack ${name}: ${reasonOf(error)}`, {status: 65, hint: `bk verify ${store.where}`, cause: error})
  }
}

/* Packs that no snapshot needs, such as those of sessions that were cut off: nobody can say of which paths they are. */
async function leftBehind({store}: StoreLog, packs: ReadonlyMap<string, NeededPack>): Promise<string[]> {
  return (await Array.fromAsync(packFiles(store))).filter((name) => !packs.has(name))
}

interface Purging {
  readonly changes: readonly Replacing[]
  readonly catalog: ReturnType<typeof formatCatalog>
  readonly indexes: ReadonlyMap<string, NewIndex>
  readonly state: LogState
  readonly found: Found
  readonly left: readonly string[]
  readonly now: number
}

function linesOf({changes, catalog, indexes, state, found, left, now}: Purging): string[] {
  const seq = state.head.seq + 1
  const number = new Map(catalog.packs.map(({name}, i) => [name, i + 1]))
  const time = recordTime(BigInt(now) * 1_000_000_000n)
  const edits: Edit[] = [
    ...found.tops.map((path): Edit => ({verb: 'purged', path})),
    {verb: 'catalog', digest: catalog.digest, bytes: catalog.bytes.length + sizeOf(catalog.packs)},
    ...changes.map(({set, old, fresh}): Edit => ({
      verb: 'replace', set, time, old: labelsOf(old),
      fresh: fresh.length === 0 ? new Map() : new Map([[seq, new Set(fresh.map(({name}) => number.get(name)!))]]),
    })),
    ...[...freedOf(changes, catalog)].map(([set, bytes]): Edit => ({verb: 'freed', set, bytes})),
    {verb: 'doom', what: 'packs', names: [...changes.flatMap(({old}) => old.map(({name}) => name)), ...left].sort()},
  ]
  const snapshots = [...state.kept.map(({record}) => record), ...state.droppedRecords].sort((a, b) => a.seq - b.seq)
  for (const {seq: at, index} of snapshots) {
    const became = indexes.get(index.id)
    if (became !== undefined) edits.push({verb: 'index', seq: at, index: {index: {id: became.id, level: index.level}, ...became.facts}})
  }
  return edits.flatMap(formatEdit)
}

/* What each set has less, with what takes its place taken off. */
function freedOf(changes: readonly Replacing[], catalog: ReturnType<typeof formatCatalog>): Map<string, number> {
  const freed = new Map<string, number>()
  const seen = new Set<string>()
  for (const {set, old, fresh} of changes) {
    const brought = fresh.filter(({name}) => !seen.has(name))
    for (const {name} of brought) seen.add(name)
    freed.set(set, (freed.get(set) ?? 0) + sizeOf(old) - sizeOf(brought))
  }
  const [first] = freed.keys()
  if (first !== undefined) freed.set(first, freed.get(first)! - catalog.bytes.length)
  return new Map([...freed].filter(([, bytes]) => bytes > 0))
}
