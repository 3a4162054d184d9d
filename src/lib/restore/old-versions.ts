/*
 * Makes of the history of each path the versions that lie beside it. A version is a run of snapshots in which a file had one content; the
 * one that the tree has is none. They are put into the `.old` of the directory they lay in, which is made again where it is gone;
 * where something else has its name now, it is made in the `.old` above it. So everything is found, and nothing of the tree gives way.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {parseEntryLine} from '../index/entry.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {checkComments, type Group} from '../index/group.ts'
import {contentOf} from './old-history.ts'
import {contentProblem} from './plan.ts'
import {groupAt, type SortedGroups, type Words} from './sorted-groups.ts'
import type {Reporter} from '../cli/speech.ts'
import type {OldNames} from './old-names.ts'
import type {OldOperands} from './old-operands.ts'
import type {Part, Selection} from './selection.ts'

/** What stood at a path from a snapshot on. */
export interface State extends Words {
  /** Position of the snapshot. */
  readonly position: number
}

export interface VersionsSink {
  /** Times of receipt, by position of the snapshot: 2026-11-22T08:30:05Z. */
  readonly received: readonly string[]
  readonly names: OldNames
  readonly selection: Selection
  readonly operands: OldOperands
  /** Takes what is to stand beside the tree; the numbers are those of ADDED. */
  readonly added: SortedGroups
  readonly reporter: Pick<Reporter, 'problem'>
}

/** What an added group is; where two stand at one path, which only directories do, the first counts. One more is one on the way. */
export const ADDED = {again: 0, old: 2, version: 4, onTheWay: 1} as const

/** A directory of which an earlier snapshot does not say what it was. */
const CLOSED: Words = {rest: ' type=dir mode=0700', notes: []}

/** A directory of the tree, or of one before it. */
interface Folder {
  readonly path: string
  readonly above: Folder | undefined
  /** As it is, or was last. */
  readonly words: Words
  readonly now: 'directory' | 'other' | 'nothing'
  /** Where it is now; undefined where it has no room. */
  place?: {readonly path: string; readonly isInOld: boolean} | undefined
  old?: {readonly path: string; readonly isThere: boolean} | undefined
  isPlaced?: true
  hasOld?: true
  isMade?: true
  isOldMade?: true
}

/** Takes the paths in order, each with its history. */
export class OldVersions {
  /** How many versions there are. */
  count = 0
  /** Directories of the tree that versions are put into, wanted or not. */
  readonly used = new Set<string>()
  readonly #sink: VersionsSink
  // Directories that are string prefixes of the last path, as in index/path.ts.
  readonly #open: Folder[] = []

  constructor(sink: VersionsSink) {
    this.#sink = sink
  }

  /**
   * @param states what stood there, in the order of the snapshots
   * @param now what the tree has there; undefined for nothing
   */
  async take(path: string, states: readonly State[], now: Words | undefined): Promise<void> {
    const above = this.#above(path)
    const isNow = now !== undefined && now.rest !== ''
    const folder = isNow && isDirectory(now) ? now : states.findLast(isDirectory)
    if (folder !== undefined && (above !== undefined || path === '.')) {
      this.#open.push({path, above, words: folder, now: !isNow ? 'nothing' : isDirectory(now) ? 'directory' : 'other'})
    }
    if (above === undefined) return
    for (const {first, last} of runsOf(states, isNow ? contentOf(now) : undefined)) await this.#add(path, above, first, last)
  }

  /* The directory that a path lies in. */
  #above(path: string): Folder | undefined {
    const slash = path.lastIndexOf('/')
    const open = this.#open
    while (open.length > 0 && !path.startsWith(open.at(-1)!.path)) open.pop()
    return open.findLast((folder) => folder.path.length === slash)
  }

  async #add(path: string, above: Folder, first: number, words: Words): Promise<void> {
    const {names, selection, received, operands, added, reporter} = this.#sink
    let folder = above
    // The top always has room.
    while (this.#oldOf(folder) === undefined) folder = folder.above!
    const name = unescapeText(path.slice(path.lastIndexOf('/') + 1))
    const to = names.give(this.#oldOf(folder)!.path, name, `.${received[first]!.replaceAll(/[-:]/g, '')}`)!
    if (selection.partOf(path) !== 'wanted' && selection.partOf(to) !== 'wanted') return
    operands.seeVersion(path, to)
    const why = problemOf(groupAt(to, words))
    if (why !== undefined) {
      reporter.problem(toBytes(unescapeText(to)), why)
      return
    }
    await this.#makeOld(folder)
    await added.add(to, ADDED.version, words)
    this.count++
  }

  /* Where a directory is that versions are put into. */
  #placeOf(folder: Folder): Folder['place'] {
    if (folder.isPlaced !== true) {
      folder.place = this.#place(folder)
      folder.isPlaced = true
    }
    return folder.place
  }

  #place({path, above, now}: Folder): Folder['place'] {
    if (above === undefined || now === 'directory') return {path, isInOld: false}
    const place = this.#placeOf(above)
    if (place === undefined) return undefined
    const isWhereItWas = place.path === above.path
    if (isWhereItWas && now === 'nothing') return {path, isInOld: false}
    const into = isWhereItWas ? this.#oldOf(above)?.path : place.path
    const to = into === undefined ? undefined : this.#sink.names.give(into, unescapeText(path.slice(path.lastIndexOf('/') + 1)), '')
    return to === undefined ? undefined : {path: to, isInOld: isWhereItWas}
  }

  #oldOf(folder: Folder): Folder['old'] {
    if (folder.hasOld === true) return folder.old
    folder.hasOld = true
    const place = this.#placeOf(folder)
    if (place === undefined) return undefined
    if (place.path === folder.path) return (folder.old = this.#sink.names.oldOf(place.path))
    const path = this.#sink.names.newOldOf(place.path)
    return (folder.old = path === undefined ? undefined : {path, isThere: false})
  }

  async #make(folder: Folder): Promise<void> {
    if (folder.isMade === true || folder.now === 'directory') return
    folder.isMade = true
    const {path, isInOld} = folder.place!
    if (folder.above !== undefined) await (isInOld ? this.#makeOld(folder.above) : this.#make(folder.above))
    await this.#addFolder(path, ADDED.again + this.#way(folder.path, path), folder.words)
  }

  async #addFolder(path: string, number: number, words: Words): Promise<void> {
    await this.#sink.added.add(path, number, problemOf(groupAt(path, words)) === undefined ? words : CLOSED)
  }

  async #makeOld(folder: Folder): Promise<void> {
    if (folder.isOldMade === true) return
    folder.isOldMade = true
    await this.#make(folder)
    const {path, isThere} = folder.old!
    if (isThere) this.used.add(path)
    else await this.#addFolder(path, ADDED.old + this.#way(folder.path, path), {rest: folder.words.rest, notes: folder.words.notes.filter(isAboutRights)})
  }

  #way(from: string, to: string): number {
    const isWanted = (path: string): boolean => this.#sink.selection.partOf(path) === 'wanted'
    return isWanted(from) || isWanted(to) ? 0 : ADDED.onTheWay
  }
}

/** The part of an added group. */
export function partOfAdded(number: number): Part {
  return (number & ADDED.onTheWay) === 0 ? 'wanted' : 'on-the-way'
}

/* The runs of one content, each with the snapshot that had it first and what was last said of it; without the one that is there now. */
function runsOf(states: readonly State[], now: string | undefined): {readonly first: number; readonly last: Words}[] {
  const runs: {first: number; last: Words}[] = []
  let content: string | undefined
  for (const state of states) {
    const next = contentOf(state)
    if (next === undefined) content = undefined
    else if (next === content) runs.at(-1)!.last = state
    else runs.push({first: state.position, last: state})
    content = next
  }
  if (content !== undefined && content === now) runs.pop()
  return runs
}

function isDirectory({rest}: Words): boolean {
  return rest.startsWith(' type=dir')
}

// Who may look into the directory may look into what lies beside its files.
function isAboutRights(note: string): boolean {
  return /^(?:uname|gname|xattr\.system\.posix_acl_(?:access|default))=/.test(note)
}

/* Why something cannot be restored. An index that says such things must not keep another from coming back. */
function problemOf(group: Group): string | undefined {
  try {
    checkComments(group)
    const entry = parseEntryLine(group.line)
    return entry.type === 'file' ? contentProblem(entry) : undefined
  } catch (error) {
    if (!(error instanceof BkError)) throw error
    return reasonOf(error)
  }
}
