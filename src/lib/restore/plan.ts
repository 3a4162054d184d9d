/*
 * Reads a stored index and makes out of it what has to be done. An index comes from a machine that may have been taken over, so
 * everything that could lead a restore astray is refused here, before the first byte is written: a parent that is no directory, a
 * path that is there twice, a file without content, an index that is not the one which the record names. A hard link to something else
 * than it says is never made.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {parseEntryLine, type Entry} from '../index/entry.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {checkComments, commentValue, isDirectoryLine, isUnread, withComments, type Group} from '../index/group.ts'
import {Ancestry} from '../index/path.ts'
import {chunksOf} from '../store/chunk-list.ts'
import {idOfDigest} from '../store/object-id.ts'
import {EntryTable, KINDS, type Kind} from './entry-table.ts'
import {textOfGroup} from './item.ts'
import {Wanted} from './wanted.ts'
import type {Reporter} from '../cli/speech.ts'
import type {IndexWriter} from '../index/write.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Part, Selection} from './selection.ts'
import type {Lookup} from './wider-objects.ts'

/** What has to be done. */
export interface Plan {
  readonly entries: EntryTable
  /** Objects of content, and where they belong. Chunks come with `readLists`. */
  readonly wanted: Wanted
  /** By entry: the id of the list of its chunks. */
  readonly lists: ReadonlyMap<number, string>
  /** By entry that is a further name: the entry with the first name. */
  readonly links: ReadonlyMap<number, number>
  /** Directories that are only on the way to what is wanted. */
  readonly onTheWay: ReadonlySet<number>
  /** Entries with file flags. */
  readonly flagged: readonly number[]
  /** Entries that are no directories, and the bytes of files among them: of one with several names once. */
  readonly files: number
  readonly bytes: number
  /** Paths that could not be read when the snapshot was made: not there at all, or as they were earlier. */
  readonly unread: number
}

/** A plan, and what it takes to carry it out. */
export interface Planned {
  readonly plan: Plan
  readonly objects: Lookup
  /** The packs that it may need; to be gone through once. */
  readonly packs: Iterable<CataloguedPack> | AsyncIterable<CataloguedPack>
  /** Earlier versions that are in it. */
  readonly versions: number
}

/** A group of what is planned. */
export interface PlannedGroup extends Group {
  /** What it is to the selection; absent where its path says that. */
  readonly part?: Part | undefined
}

export interface PlanSource {
  readonly groups: AsyncIterable<readonly PlannedGroup[]>
  /** Says what the text of the groups comes to; undefined where they were held to the record before. */
  readonly writer?: IndexWriter
  readonly record: SnapshotRecord
  readonly selection: Selection
  readonly objects: Pick<Lookup, 'get' | 'packOf'>
  readonly reporter: Pick<Reporter, 'problem' | 'detail'>
}

/** Some 16 TiB in the largest chunks that bk makes. Lists may name one another, and a few of them could stand for more than memory holds. */
const MAX_CHUNKS = 8_000_000
const LEAST_AVERAGE = 1024
/** sha256 of no bytes. */
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Makes the plan. Throws BkError 65 for an index that must not be followed. */
export async function makePlan(source: PlanSource): Promise<Plan> {
  const maker = new PlanMaker(source)
  for await (const batch of source.groups) {
    for (const group of batch) {
      // Nearly all groups are done without waiting.
      const wait = maker.add(group)
      if (wait !== undefined) await wait
    }
  }
  return maker.finish()
}

/** What is thrown where an index is not what its record says. */
export function unlikeRecord({seq}: SnapshotRecord): BkError {
  return new BkError(`the index of snapshot ${seq} is not the one that its record names`, {status: 65})
}

class PlanMaker {
  readonly #source: PlanSource
  readonly #ancestry = new Ancestry()
  readonly #entries = new EntryTable()
  readonly #wanted: Wanted
  readonly #lists = new Map<number, string>()
  readonly #links = new Map<number, number>()
  readonly #onTheWay = new Set<number>()
  readonly #flagged: number[] = []
  // First names that are left out, each with the name that stands in for it.
  readonly #standIns = new Map<string, number>()
  #files = 0
  #bytes = 0
  #unread = 0

  constructor(source: PlanSource) {
    this.#source = source
    this.#wanted = new Wanted((id) => source.objects.packOf(id) !== undefined)
  }

  add(group: PlannedGroup): Promise<void> | undefined {
    const {path, line} = group
    this.#source.writer?.add(group)
    if (!this.#ancestry.accept(path, line !== '' && isDirectoryLine(line, path))) throw this.#refused('no directory stands above', path)
    const part = group.part ?? this.#source.selection.partOf(path)
    if (part === 'left-out') return undefined
    if (group.comments.length > 0) checkComments(group)
    if (part === 'wanted' && isUnread(group)) this.#takeUnread(group)
    if (line === '') return undefined
    if (group.comments.some((comment) => comment.startsWith(`#bk ${path} xattr.`) && comment.includes('=@'))) {
      return this.#withLongXattrs(group).then((whole) => this.#take(whole, part === 'wanted'))
    }
    this.#take(group, part === 'wanted')
    return undefined
  }

  finish(): Plan {
    const {record, writer} = this.#source
    if (writer !== undefined && writer.end().digest !== record.tree) throw unlikeRecord(record)
    return {
      entries: this.#entries, wanted: this.#wanted, lists: this.#lists, links: this.#links, onTheWay: this.#onTheWay, flagged: this.#flagged,
      files: this.#files, bytes: this.#bytes, unread: this.#unread,
    }
  }

  #takeUnread(group: Group): void {
    this.#unread++
    const why = group.line === '' ? 'could not be read when the snapshot was made' : 'is as it was in an earlier snapshot: it could not be read since'
    this.#source.reporter.detail(`${group.path} ${why} (${commentValue(group, 'error') ?? commentValue(group, 'stale')})`)
  }

  #take(group: Group, isWanted: boolean): void {
    const entry = parseEntryLine(group.line)
    const add = (kind: Kind): number => {
      const number = this.#entries.add(textOfGroup(group), kind)
      // Of an inode once.
      if (isWanted && kind !== KINDS.hardLink && commentValue(group, 'flags') !== undefined) this.#flagged.push(number)
      return number
    }
    if (entry.type === 'dir') {
      if (commentValue(group, 'hardlink') !== undefined) throw this.#refused('a directory is said to be a hard link', entry.path)
      const number = add(KINDS.directory)
      if (!isWanted) this.#onTheWay.add(number)
      return
    }
    this.#files++
    if (entry.type === 'file') this.#checkContent(entry)
    const first = this.#firstName(group, entry)
    if (first !== undefined) {
      this.#links.set(add(KINDS.hardLink), first)
      return
    }
    this.#bytes += entry.size ?? 0
    const number = add(this.#kindOf(group, entry))
    const kind = this.#entries.kind(number)
    if (kind === KINDS.chunked) this.#lists.set(number, commentValue(group, 'chunks')!)
    else if (kind === KINDS.whole) this.#wanted.add(idOfDigest(entry.sha256!), number, 0)
    const standsFor = commentValue(group, 'hardlink')
    if (standsFor !== undefined) this.#standIns.set(standsFor, number)
  }

  #kindOf(group: Group, entry: Entry): Kind {
    if (entry.type !== 'file' || entry.size === 0) return KINDS.plain
    return commentValue(group, 'chunks') === undefined ? KINDS.whole : KINDS.chunked
  }

  #checkContent(entry: Entry): void {
    const problem = contentProblem(entry)
    if (problem !== undefined) throw this.#refused(problem, entry.path)
  }

  /** The entry with the same inode that comes first; undefined for one that has no other name, or is the first itself. */
  #firstName(group: Group, entry: Entry): number | undefined {
    const target = commentValue(group, 'hardlink')
    if (target === undefined) return undefined
    const isWanted = this.#source.selection.partOf(target) === 'wanted'
    const first = isWanted ? this.#entries.find(target) : (this.#standIns.get(target) ?? -1)
    if (first < 0) {
      return isWanted ? this.#onItsOwn(entry.path, `${target}, which it is said to be a hard link to, does not come before`) : undefined
    }
    const other = parseEntryLine(this.#entries.text(first).split('\n', 1)[0]!)
    if (this.#entries.kind(first) === KINDS.hardLink || !isSameThing(entry, other)) {
      return this.#onItsOwn(entry.path, `${target}, which it is said to be a hard link to, is something else`)
    }
    return first
  }

  // A link is only made to what the entry itself describes. One that does not fit comes back as that, and costs nothing else.
  #onItsOwn(path: string, why: string): undefined {
    this.#source.reporter.problem(toBytes(unescapeText(path)), `${why}: restored on its own`)
  }

  // Values that are too long for a line are objects; here they come back into the text, which is no index any more.
  async #withLongXattrs(group: Group): Promise<Group> {
    const inline: Record<string, string | undefined> = {}
    for (const comment of group.comments) {
      const match = /^(xattr\..*)=@([0-9a-f]{64})$/.exec(comment.slice(group.path.length + 5))
      if (match === null) continue
      try {
        inline[match[1]!] = (await this.#source.objects.get(match[2]!)).toString('base64')
      } catch (error) {
        if (!(error instanceof BkError)) throw error
        inline[match[1]!] = undefined
        this.#source.reporter.problem(toBytes(unescapeText(group.path)), `an extended attribute is lost: ${reasonOf(error)}`)
      }
    }
    return withComments(group, inline)
  }

  #refused(what: string, path: string): BkError {
    return new BkError(`the index of snapshot ${this.#source.record.seq} is refused: ${path}: ${what}`, {status: 65})
  }
}

/** Why a file cannot come back as its entry says. */
export function contentProblem({size, sha256}: Entry): string | undefined {
  if (size === undefined || sha256 === undefined) return 'size or sha256 is missing'
  return size === 0 && sha256 !== NOTHING ? 'a file of no bytes has the digest of some' : undefined
}

/* Whether two entries can be the same inode. */
function isSameThing(a: Entry, b: Entry): boolean {
  return (
    a.type === b.type && a.size === b.size && a.sha256 === b.sha256 && a.link === b.link &&
    a.device?.major === b.device?.major && a.device?.minor === b.device?.minor
  )
}

/**
 * Reads the lists of chunks and adds the chunks to what is wanted.
 * @param onLost is told of entries whose list cannot be read, at once: chunks of theirs may be among those wanted
 * @returns by entry how many chunks it has
 */
export async function readLists(plan: Plan, get: (id: string) => Promise<Buffer>, onLost: (number: number, why: string) => void): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  for (const [number, list] of plan.lists) {
    const size = parseEntryLine(plan.entries.text(number).split('\n', 1)[0]!).size!
    try {
      let bytes = 0
      let count = 0
      for await (const chunk of chunksOf(list, get)) {
        plan.wanted.add(chunk.id, number, bytes)
        bytes += chunk.size
        count++
        if (bytes > size || count > MAX_CHUNKS || (count > 1024 && bytes < count * LEAST_AVERAGE)) break
      }
      if (bytes !== size) throw new BkError(`its list of chunks does not make ${size} bytes`, {status: 65})
      counts.set(number, count)
    } catch (error) {
      if (!(error instanceof BkError)) throw error
      onLost(number, reasonOf(error))
    }
  }
  return counts
}
