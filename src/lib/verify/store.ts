/*
 * Checks a whole store: what stands beside the log, records, catalogs, packs, and then every snapshot of every set, with what is known to be
 * damaged; so that in the end not only packs are named, but files. Where reading an index brings more damage to light, the snapshots are
 * gone through once more.
 */
import {objectWords, summaryOf, type Summary} from './summary.ts'
import {checkPack, type PackVerdict} from './check-pack.ts'
import {checkRecords} from './records.ts'
import {checkSet} from './check-set.ts'
import {Damage} from './damage.ts'
import {Holdings, readHoldings, type HeldPack} from './holdings.ts'
import {LostFiles} from './lost-files.ts'
import {checkNames} from './names.ts'
import {Again} from './reached.ts'
import {packsToRead, type Subset} from './subset.ts'
import {readCandidates, remakeCatalog} from './repair.ts'
import {readPacks} from './read-data.ts'
import {Report} from './report.ts'
import {standingOf, type Standing} from './standing.ts'
import {isDamage} from '../store/is-damage.ts'
import {markLost} from './mark.ts'
import {BkError, reasonOf} from '../cli/errors.ts'
import {packName, catalogName, type Store} from '../store/store.ts'
import type {CheckedLog} from './records.ts'
import type {Finding} from './finding.ts'

export interface StoreOptions {
  /** Which packs are read; undefined reads none. */
  readonly read: {readonly subset: Subset | undefined; readonly isCut: boolean; readonly isTimeUp: () => boolean} | undefined
  readonly repair: boolean
  /** Days since 1970. */
  readonly day: number
  readonly threads: number
  /** Says what is no damage, but worth a line. */
  readonly note: (text: string) => void
  /** Says what is to be acted on. */
  readonly warn: (text: string) => void
  readonly onProgress?: ((done: Progress) => void) | undefined
}

/** While somebody cleans up, what was there a moment ago may be gone by right: the log is read again, but not for ever. */
const MAX_LOOKS = 4

/** How far a check is. */
export interface Progress {
  readonly phase: string
  readonly files: number
  readonly bytes?: number | undefined
  readonly totalBytes?: number | undefined
}

/**
 * Checks a store.
 * @returns what was found, as it is found; at last what was looked at
 * @throws BkError 2 where there is no store, and for a sealed one
 */
export async function* verifyStore(store: Store, options: StoreOptions): AsyncGenerator<Finding, Summary> {
  let seen = await look(store, options)
  for (let tries = 1; tries < MAX_LOOKS && (await hasMoved(seen)); tries++) seen = await look(store, options, seen)
  const {report, checked, standing, holdings, damage, read, notes} = seen
  for (const text of notes) options.note(text)
  yield* report.take()
  yield* packFindings(damage)
  const told = new Set(damage.packs.keys())
  const {lost, found} = await checkSnapshots(checked, standing, holdings, damage, options)
  // What only reading indexes has shown.
  for (const [name, verdict] of damage.packs) if (!told.has(name)) report.add('pack', name, verdict.why!)
  const ids = [...damage.objects].flatMap(([id, {copy}]) => (copy === undefined ? [id] : []))
  for (const id of ids) report.add('object', id, objectWords(damage.objects.get(id)!))
  yield* report.take()
  yield* found.take()
  let files = 0
  for (const file of lost.files()) {
    files++
    yield file
  }
  if (options.repair && ids.length > 0) await sayMarked(store, ids, checked.last, options)
  const healed = [...damage.objects.values()].length - ids.length
  if (healed > 0) options.note(`of what is damaged, other packs have ${healed === 1 ? 'an object' : `${healed} objects`} as well`)
  const damages = report.damages - ids.length + found.damages + told.size
  return summaryOf({checked, standing, holdings, damages, objects: ids.length, files, read})
}

/* What is lost is no repair's to bring back: that it is lost is written down, so that whoever has it sends it again. */
async function sayMarked(store: Store, ids: readonly string[], last: number, {note, warn}: StoreOptions): Promise<void> {
  try {
    const marked = await markLost(store, ids, last)
    const objects = `${marked} ${marked === 1 ? 'object' : 'objects'}`
    if (marked > 0) note(`${objects} marked as damaged: the next push that has the content heals ${marked === 1 ? 'it' : 'them'}`)
  } catch (error) {
    if (!isDamage(error)) throw error
    warn(`what is lost cannot be marked as damaged: ${reasonOf(error)}`)
  }
}

/* What is known before the first snapshot is looked at. */
interface Look {
  readonly report: Report
  readonly notes: readonly string[]
  readonly checked: CheckedLog
  readonly standing: Standing
  readonly holdings: Holdings
  readonly damage: Damage
  readonly read: Summary['read']
  /** Of packs that were read. */
  readonly verdicts: ReadonlyMap<string, PackVerdict>
}

/* Looks at everything but snapshots. What was read in an earlier look is not read again. */
async function look(store: Store, options: StoreOptions, earlier?: Look): Promise<Look> {
  const notes: string[] = []
  const report = new Report((text) => notes.push(text))
  const checked = await checkRecords(store, report, options.repair)
  if (checked.log.settings.kind === 'sealed') throw new BkError(`${store.where} is sealed: this version of bk cannot read sealed stores`)
  const standing = standingOf(checked.records)
  const holdings = await checkCatalogs(store, checked, standing, options, report)
  const damage = new Damage()
  const whole = await checkSizes(store, holdings, standing, damage)
  const verdicts = new Map(earlier?.verdicts)
  const read = earlier === undefined ? await readSome(store, [...whole, ...holdings.unnamed], options, verdicts) : earlier.read
  for (const pack of [...whole, ...holdings.unnamed]) {
    const verdict = verdicts.get(pack.name)
    if (verdict !== undefined) damage.addPack(pack, verdict)
  }
  return {report, notes, checked, standing, holdings, damage, read, verdicts}
}

/* Whether something is missing that may have been removed by right since the log was read. */
async function hasMoved({report, checked, damage}: Look): Promise<boolean> {
  if (report.damages === 0 && damage.packs.size === 0) return false
  return (await checked.log.last()) > checked.last
}

function* packFindings({packs}: Damage): Generator<Finding> {
  for (const [name, {why}] of packs) yield {kind: 'pack', name, why: why!}
}

async function checkCatalogs(store: Store, {log}: CheckedLog, standing: Standing, {repair}: StoreOptions, report: Report): Promise<Holdings> {
  const holdings = new Holdings()
  const bad = await readHoldings(store, standing.bringers, holdings)
  const known = {packs: holdings.numbers, catalogs: new Set(standing.bringers.map(({catalog}) => catalog)), files: log.settings.files}
  const unnamed = await checkNames(store, known, report)
  const candidates = repair && bad.length > 0 ? await readCandidates(store, unnamed) : []
  for (const {record, why} of bad) {
    const packs = repair && holdings.labels.get(record.seq) === undefined ? await remakeCatalog(store, record, candidates.filter(({name}) => !holdings.numbers.has(name))) : undefined
    if (packs === undefined) report.add('catalog', record.catalog, `of record ${record.seq} ${why}`)
    else {
      holdings.add(record, packs)
      report.add('repaired', catalogName(record.catalog), `was made anew from ${packs.length} ${packs.length === 1 ? 'pack' : 'packs'}`)
    }
  }
  // Nobody needs what no record names; but whose record or catalog is damaged has a right to be looked at.
  for (const name of report.damages > 0 ? unnamed : []) {
    const size = holdings.numbers.has(name) ? undefined : await store.size(packName(name))
    if (size !== undefined) holdings.unnamed.push({name, size, ids: undefined})
  }
  return holdings
}

/* Answers the packs that are there with their sizes. */
async function checkSizes(store: Store, holdings: Holdings, standing: Standing, damage: Damage): Promise<HeldPack[]> {
  const whole: HeldPack[] = []
  for (const pack of holdings.packs) {
    if (standing.mayBeGone(pack.name)) continue
    const size = await store.size(packName(pack.name))
    if (size === pack.size) whole.push(pack)
    else damage.addPack(pack, size === undefined ? {why: 'is missing', bad: 'all'} : await checkPack(store, pack))
  }
  return whole
}

/* Reads those packs whose turn it is. Answers how many were read, of how many. */
async function readSome(store: Store, packs: readonly HeldPack[], options: StoreOptions, verdicts: Map<string, PackVerdict>): Promise<Summary['read']> {
  if (options.read === undefined) return undefined
  const {subset, isCut, isTimeUp} = options.read
  const chosen = packsToRead(packs, subset, options.day, isCut)
  const totalBytes = chosen.reduce((sum, {size}) => sum + size, 0)
  const done = {packs: 0, bytes: 0}
  await readPacks(store, chosen, {
    threads: options.threads,
    isTimeUp,
    onPack(pack, verdict) {
      verdicts.set(pack.name, verdict)
      done.packs++
      done.bytes += pack.size
      options.onProgress?.({phase: 'reading packs', files: done.packs, bytes: done.bytes, totalBytes})
    },
  })
  return {packs: done.packs, bytes: done.bytes, ofPacks: chosen.length, ofBytes: totalBytes}
}

/* Again and again until nothing new comes to light: what is damaged is known then before the first line is judged. */
async function checkSnapshots({log, records}: CheckedLog, standing: Standing, holdings: Holdings, damage: Damage, options: StoreOptions): Promise<{lost: LostFiles; found: Report}> {
  const sets = Map.groupBy(records.filter((record) => record.kind === 'snapshot'), ({set}) => set)
  const kept = Map.groupBy(standing.snapshots, ({set}) => set)
  for (;;) {
    if (damage.isToSettle) await damage.settle(log.store, standing, holdings.numbers)
    const lost = new LostFiles()
    const found = new Report(options.note)
    let files = 0
    const onSnapshot = (): void => options.onProgress?.({phase: 'reading indexes', files: ++files})
    try {
      for (const snapshots of kept.values()) await checkSet(snapshots, {log, standing, sets, holdings, damage, lost, report: found, onSnapshot})
      return {lost, found}
    } catch (error) {
      if (!(error instanceof Again)) throw error
    }
  }
}
