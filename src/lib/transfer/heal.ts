/*
 * Sends again what the store has lost: changes do not name a file that is as it was, so the base's own entries are gone through, and those
 * whose content is lost are read as if they were changed. Most turn out to be what they were, and then nothing is new but the packs. What
 * cannot be read, or is other content by now, is said so in the index like any other change. Costs a pass over the base's index, and the
 * files themselves, and only where something is lost.
 */
import {ChangesReader, changesHeader, endOfSpill, formatChange, linesOf, type Change} from '../index/changes.ts'
import {Cursor} from '../index/cursor.ts'
import {detached} from '../index/escape.ts'
import {formatEntry} from '../index/entry.ts'
import {addFirsts} from '../index/hard-links.ts'
import {commentValue, entryOf, sameGroup, type Group} from '../index/group.ts'
import {isAtOrBelow} from '../index/path.ts'
import {parseList} from '../store/chunk-list.ts'
import {groupsOf, type Chain} from '../store/levels.ts'
import {idOfDigest} from '../store/object-id.ts'
import {ContentPass} from './pack-content.ts'
import type {Spill} from '../index/spill.ts'
import type {FileReaders} from './content.ts'
import type {Destination, LostIds} from './destination.ts'
import type {Known} from './known.ts'
import type {Packer} from './packer.ts'
import type {Gathered, SendOptions, SentTotals} from './sending.ts'

/** What is about to be sent. */
export interface Healing {
  readonly root: string
  /** The base's index. */
  readonly chain: Chain
  readonly lost: LostIds
  /** Changes against it, and what is known of them. */
  readonly spill: Spill
  readonly gathered: Gathered
}

type Totals = {-readonly [Name in keyof SentTotals]: SentTotals[Name]} & {readonly changes: Record<Change['mark'], number>}

/**
 * Reads and packs what is lost and still there.
 * @param newPacker makes a packer; closes nothing
 * @returns all changes, in a spill of their own, while that of `healing` is closed; undefined where nothing that is lost is reached
 */
export async function heal(
  {root, chain, lost, spill, gathered}: Healing,
  to: Destination,
  options: SendOptions & {readonly totals: Totals},
  newPacker: (known: Known, readers: FileReaders) => Packer,
): Promise<{readonly spill: Spill; readonly gathered: Gathered} | undefined> {
  const known = await to.known()
  const content = new LostContent((id) => lost.has(id) && !known.has(id), (id) => to.getList(id))
  const before = new Map<string, Group>()
  const found = lostChanges(chain, waiting(spill), gathered.froms, content, before)
  let first = await found.next()
  if (first.done === true) return undefined
  const readers = options.readers(root)
  const merged = options.spill()
  const {totals} = options
  const counts = {changes: 0, size: 0, lines: 0}
  const write = (change: Change): void => {
    const text = formatChange(change)
    counts.changes++
    counts.size += text.length
    counts.lines += linesOf(change)
    merged.write(Buffer.from(text, 'latin1'))
  }
  try {
    const packer = newPacker(known, readers)
    const pass = new ContentPass({
      known, packer, readers, learn: to.learn?.bind(to), names: options.names, reporter: options.reporter, onList: (id, bytes) => to.onList?.(id, bytes),
    })
    const all = async function* (): AsyncGenerator<readonly Change[]> {
      for (; first.done !== true; first = await found.next()) yield first.value
    }
    const changes = new Cursor(waiting(spill))
    await changes.advance()
    let differs = false
    merged.write(Buffer.from(changesHeader({root}), 'latin1'))
    for await (const batch of pass.run(all())) {
      for (const change of batch) {
        const old = before.get(change.group.path)!
        before.delete(change.group.path)
        if (change.mark !== '!' && change.mark !== '-') totals.healed++
        const outcome = outcomeOf(change, old)
        if (outcome === undefined) continue
        while (changes.current !== undefined && changes.current.group.path < outcome.group.path) {
          write(changes.current)
          await changes.advance()
        }
        write(outcome)
        totals.changes[outcome.mark]++
        addFirsts([outcome], gathered.firsts)
        differs = true
      }
    }
    while (changes.current !== undefined) {
      write(changes.current)
      await changes.advance()
    }
    merged.write(Buffer.from(endOfSpill(counts.lines), 'latin1'))
    await packer.flush()
    spill.close()
    totals.files += pass.totals.files
    totals.bytes += pass.totals.bytes
    return {spill: merged, gathered: {...gathered, changes: Math.max(counts.changes, 1), size: counts.size, differs: gathered.differs || differs}}
  } finally {
    await readers.close()
  }
}

function waiting(spill: Spill): AsyncGenerator<readonly Change[]> {
  return new ChangesReader(spill.pieces(), {strict: false}).batches()
}

/* Entries of the base whose content is lost and that no change names, as changes of which all is still to be read. */
async function* lostChanges(
  chain: Chain,
  batches: AsyncIterable<readonly Change[]>,
  froms: ReadonlySet<string>,
  content: LostContent,
  before: Map<string, Group>,
): AsyncGenerator<readonly Change[]> {
  const changes = new Cursor(batches)
  await changes.advance()
  // What lies below them stays as it was.
  const unread: string[] = []
  for await (const groups of groupsOf(chain)) {
    const found: Change[] = []
    for (const group of groups) {
      const {path} = group
      while (changes.current !== undefined && changes.current.group.path < path) {
        note(changes.current, unread)
        const wait = changes.advance()
        if (wait !== undefined) await wait
      }
      let isLost = content.isLost(group)
      if (typeof isLost !== 'boolean') isLost = await isLost
      if (!isLost || changes.current?.group.path === path || froms.has(path) || unread.some((top) => isAtOrBelow(path, top)) || isNotThere(group)) continue
      before.set(detached(path), group)
      found.push({mark: '=', group: withoutDigest(group)})
    }
    if (found.length > 0) yield found
  }
}

function note({mark, group}: Change, unread: string[]): void {
  if (mark === '!') unread.push(detached(group.path))
}

/* The source has it no longer, or could not read it. */
function isNotThere(group: Group): boolean {
  return commentValue(group, 'gone') !== undefined || commentValue(group, 'stale') !== undefined
}

/* Of what has no digest nobody knows whether it is there: it is read, whatever else is known of it. */
function withoutDigest(group: Group): Group {
  const {path, line} = group
  const at = line.startsWith(' type=file', path.length) ? line.lastIndexOf(' sha256=') : -1
  return at < 0 ? group : {...group, line: line.slice(0, at)}
}

/* What changes by it; undefined for nothing, and for what vanished meanwhile: that is seen when the tree is listed again. */
function outcomeOf({mark, group}: Change, old: Group): Change | undefined {
  if (mark === '-' || sameGroup(group, old)) return undefined
  const entry = entryOf(group)
  const was = entryOf(old)
  if (mark === '!' || entry?.sha256 === was?.sha256) return {mark, group}
  const md5 = entry!.md5 === was?.md5 ? undefined : entry!.md5
  return {mark: '~', group: {...group, line: formatEntry({...entry!, md5})}}
}

/** Which entries have content that is lost. */
class LostContent {
  readonly #is: (id: string) => boolean
  readonly #getList: Destination['getList']
  // By lists of chunks: whether they, or anything below them, are lost.
  readonly #lists = new Map<string, Promise<boolean>>()

  constructor(is: (id: string) => boolean, getList: Destination['getList']) {
    this.#is = is
    this.#getList = getList
  }

  isLost(group: Group): boolean | Promise<boolean> {
    const {line, path, comments} = group
    if (line === '') return false
    for (const comment of comments) {
      const long = /=@([0-9a-f]{64})$/.exec(comment)
      if (long !== null && comment.startsWith(`#bk ${path} xattr.`) && this.#is(long[1]!)) return true
    }
    if (!line.startsWith(' type=file', path.length) || line.includes(' size=0 ', path.length)) return false
    const list = comments.length === 0 ? undefined : commentValue(group, 'chunks')
    return list === undefined ? this.#is(idOfDigest(line.slice(-64))) : this.#listIsLost(list)
  }

  #listIsLost(id: string): Promise<boolean> {
    let answer = this.#lists.get(id)
    if (answer === undefined) this.#lists.set(id, (answer = this.#follow(id)))
    return answer
  }

  async #follow(id: string): Promise<boolean> {
    if (this.#is(id)) return true
    const bytes = await this.#getList(id)
    // Where the list is not at hand only the file itself tells.
    if (bytes === undefined) return true
    for (const line of parseList(bytes)) if (line.kind === 'chunk' ? this.#is(line.id) : await this.#listIsLost(line.id)) return true
    return false
  }
}
