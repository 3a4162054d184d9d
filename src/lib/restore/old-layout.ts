/*
 * Plans the layout `old`: the tree of a snapshot, and beside its files, in directories `.old`, every other version of them that the
 * snapshots of its set before it have. What is planned is an index like any other, so that it is restored and checked like any other.
 */
import {Cursor} from '../index/cursor.ts'
import {commentValue, isDirectoryLine, withComments, type Group} from '../index/group.ts'
import {IndexReader} from '../index/read.ts'
import {IndexWriter} from '../index/write.ts'
import {groupsOf, type Chain} from '../store/levels.ts'
import {createSpill} from '../sys/spill.ts'
import {freeBuffer} from '../sys/memory.ts'
import {gatherHistory, lastingWords} from './old-history.ts'
import {OldNames, STANDS} from './old-names.ts'
import {OldOperands} from './old-operands.ts'
import {OldVersions, partOfAdded, type State} from './old-versions.ts'
import {makePlan, unlikeRecord, type Planned, type PlannedGroup} from './plan.ts'
import {groupAt, SortedGroups, wordsOf, type Sorted} from './sorted-groups.ts'
import {widerObjects} from './wider-objects.ts'
import type {Reporter} from '../cli/speech.ts'
import type {Spill} from '../index/spill.ts'
import type {OpenSnapshot} from '../store/open.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Selection} from './selection.ts'

/** Bytes that each keeps in memory: there may be dozens at a time. */
const HELD = 256 * 1024

/**
 * Plans it.
 * @param paths bytes as latin1 strings; with none everything is wanted
 * @throws BkError 2 for paths that are nowhere, 65 where the index of the snapshot itself cannot be read
 */
export async function planOldLayout({log, record}: OpenSnapshot, paths: readonly string[], reporter: Reporter): Promise<Planned> {
  // Whoever chose the snapshot has told of a log that is damaged.
  const records = (await log.snapshots(() => {})).filter(({set, seq}) => set === record.set && seq <= record.seq)
  const {objects, packs} = await widerObjects(log, record, records.slice(0, -1))
  const spills: Spill[] = []
  const spill = (): Spill => {
    const made = createSpill(HELD)
    spills.push(made)
    return made
  }
  const changes = new SortedGroups(spill)
  const added = new SortedGroups(spill)
  try {
    const names = new OldNames()
    const {chain, oldest} = await gatherHistory({records, store: log.store, objects, reporter, spill, changes, names})
    const operands = new OldOperands(paths, chain.root)
    await lookThrough(chain, record, names, operands)
    const selection = operands.selection()
    const received = records.map((each) => each.received)
    const versions = new OldVersions({received, names, selection, operands, added, reporter})
    if (oldest !== undefined) {
      const first = new IndexReader(oldest.text.pieces(), {trusted: true}).batches()
      await putTogether({first, from: oldest.position, changes: changes.batches(), tree: groupsOf(chain)}, versions)
    }
    operands.check()
    const groups = withAdded(onTheWay(groupsOf(chain), versions.used, selection), added.batches())
    const plan = await makePlan({groups, record, selection, objects, reporter})
    freeBuffer(chain.full)
    return {plan, objects, packs, versions: versions.count}
  } finally {
    for (const each of spills) each.close()
  }
}

/* What has to be known of the tree before a name is given: those that it has itself, and which paths are in it. */
async function lookThrough(chain: Chain, record: SnapshotRecord, names: OldNames, operands: OldOperands): Promise<void> {
  const writer = new IndexWriter(chain.root, () => {})
  for await (const batch of groupsOf(chain)) {
    for (const group of batch) {
      writer.add(group)
      operands.see(group)
      if (group.line !== '') names.note(group.path, isDirectoryLine(group.line, group.path) ? STANDS.directory : STANDS.other)
    }
  }
  if (writer.end().digest !== record.tree) throw unlikeRecord(record)
}

interface Histories {
  /** What stood where in the oldest snapshot. */
  readonly first: AsyncIterable<readonly Group[]>
  /** Position of that. */
  readonly from: number
  readonly changes: AsyncIterable<readonly Sorted[]>
  readonly tree: AsyncIterable<readonly Group[]>
}

/* Path by path: what stood there in the oldest snapshot, what has since, what does now. */
async function putTogether(histories: Histories, versions: OldVersions): Promise<void> {
  const first = new Cursor(histories.first)
  const changes = new Cursor(histories.changes)
  const tree = new Cursor(histories.tree)
  await Promise.all([first.advance(), changes.advance(), tree.advance()])
  for (;;) {
    const path = least(first.current?.path, least(changes.current?.path, tree.current?.path))
    if (path === undefined) return
    const [old, now] = [at(first, path), at(tree, path)]
    const states: State[] = old === undefined ? [] : [{position: histories.from, ...lastingWords(old)}]
    while (changes.current?.path === path) {
      states.push({...changes.current, position: changes.current.number >> 1})
      const wait = changes.advance()
      if (wait !== undefined) await wait
    }
    // Nearly everything is as it always was, and only directories have to be known.
    if (states.length > 1 || old === undefined || now === undefined || old.line !== now.line || isDirectoryLine(old.line, path)) {
      await versions.take(path, states, now === undefined ? undefined : wordsOf(now))
    }
    const wait = [old === undefined ? undefined : first.advance(), now === undefined ? undefined : tree.advance()].filter((each) => each !== undefined)
    if (wait.length > 0) await Promise.all(wait)
  }
}

function at(cursor: Cursor<Group>, path: string): Group | undefined {
  return cursor.current?.path === path ? cursor.current : undefined
}

function least(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a
}

/* The tree, in which directories that versions are put into are on the way to these, if no more. */
async function* onTheWay(tree: AsyncIterable<readonly Group[]>, used: ReadonlySet<string>, selection: Selection): AsyncGenerator<readonly PlannedGroup[]> {
  for await (const groups of tree) {
    yield groups.map((group) => (used.has(group.path) && selection.partOf(group.path) === 'left-out' ? {...group, part: 'on-the-way'} : group))
  }
}

/* The tree with what is added to it, in order. */
async function* withAdded(tree: AsyncIterable<readonly PlannedGroup[]>, added: AsyncIterable<readonly Sorted[]>): AsyncGenerator<readonly PlannedGroup[]> {
  const next = new Cursor(added)
  await next.advance()
  let batch: PlannedGroup[] = []
  const take = async (): Promise<PlannedGroup> => {
    const {path, number, ...words} = next.current!
    let part = partOfAdded(number)
    // Directories may be added twice.
    for (await next.advance(); next.current?.path === path; await next.advance()) if (partOfAdded(next.current.number) === 'wanted') part = 'wanted'
    return {...groupAt(path, words), part}
  }
  for await (const groups of tree) {
    for (const group of groups) {
      while (next.current !== undefined && next.current.path < group.path) batch.push(await take())
      if (next.current?.path !== group.path) batch.push(group)
      else batch.push(unreadToo(group, await take()))
    }
    yield batch
    batch = []
  }
  while (next.current !== undefined) {
    batch.push(await take())
    if (batch.length < 1000) continue
    yield batch
    batch = []
  }
  yield batch
}

/* Nothing is put where the tree has something, but where it says only that something could not be read, it goes on saying that. */
function unreadToo(group: Group, added: PlannedGroup): PlannedGroup {
  if (group.line !== '') throw new Error(`two things are planned at ${group.path}`)
  return {...withComments(added, {error: commentValue(group, 'error')}), part: added.part}
}
