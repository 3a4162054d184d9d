/*
 * What a pull over SFTP has to fetch: the tree as its source tells of it (a list that lies there, or a walk), against the newest
 * snapshot of the set and, where copies are kept for ever, against the list of what was ever copied. Neither a list of checksums nor SFTP
 * says all that an index has, so what is unchanged keeps what the snapshot knows of it.
 *
 * A merge of three sorted texts: memory does not grow with the tree. Moves are not looked for: who says that a file was moved may
 * lie, so it is read where it is now, and the store has its content once all the same.
 */
import {formatEntry, parseEntryLine, type Entry} from '../index/entry.ts'
import {commentValue, entryOf, isDirectoryLine, NO_COMMENTS, sameGroup, withComments, type Group} from '../index/group.ts'
import {sameContent} from '../index/content.ts'
import {linesOf, type Change, type ChangesEnd} from '../index/changes.ts'
import {Cursor} from '../index/cursor.ts'
import {detached} from '../index/escape.ts'
import {isAtOrBelow} from '../index/path.ts'
import {BkError} from '../cli/errors.ts'
import type {ChangesSource} from '../transfer/sending.ts'

/** A text that is gone through in order. */
export type Groups = AsyncIterable<readonly Group[]>

export interface CompareOptions {
  /** Absolute, escaped. */
  readonly root: string
  /** What the source says is there now. */
  readonly seen: Groups
  /** The newest snapshot, and its digest; undefined where there is none. */
  readonly old: {readonly groups: Groups; readonly digest: string; readonly root: () => string} | undefined
  /** Copies are kept for ever: `known` is what was ever copied, `now` what is written beside what the source has lost. */
  readonly cumulative?: {readonly known: Groups | undefined; readonly now: string} | undefined
  /** Whether a file of this time, and unchanged by size and time, needs no second look. */
  readonly isSettled: (time: string) => boolean
  /** Path in the tree that is no part of it: the list itself. */
  readonly leaveOut: string | undefined
  /** The attributes of a new file or directory of which a list says none; its entry as it is where they are not to be had. */
  readonly describe: (entry: Entry) => Promise<Entry>
  /** Hears what the source says it could not read. */
  readonly onUnread?: ((path: string, code: string) => void) | undefined
}

/** What was found out on the way. */
export interface Compared extends ChangesSource {
  /** Files that the source has, and how many of them need not be fetched. */
  readonly counts: {files: number; unchanged: number; gone: number; notHere: number}
  /** Paths whose line in the list of what was copied stays as it is, though the snapshot has something else. */
  readonly keepKnown: ReadonlySet<string>
}

/** A file or directory without mode. */
const BARE = /^\S+ type=(?:file|dir)(?! mode=)/
/** Changes that are handed on together. */
const BATCH = 1000
/** Bytes of the text of an index: nobody reads a longer one back. What is found out of a file adds so much to its line. */
const MOST_TEXT = 2 ** 30 - 2 ** 20
const FOUND_OUT = 128

/** The changes from the snapshot to what the source has. */
export function compare(options: CompareOptions): Compared {
  return new Comparison(options)
}

class Comparison implements Compared {
  readonly root: string
  readonly counts = {files: 0, unchanged: 0, gone: 0, notHere: 0}
  readonly keepKnown = new Set<string>()
  end: ChangesEnd | undefined
  readonly #options: CompareOptions
  // What could not be looked at keeps what is below it; what took the place of a directory ends it.
  readonly #unread = new Tops()
  readonly #replaced = new Tops()

  constructor(options: CompareOptions) {
    this.root = options.root
    this.#options = options
  }

  async *batches(): AsyncGenerator<readonly Change[]> {
    const {seen, old, cumulative, root} = this.#options
    const cursors = {seen: new Cursor(seen), old: new Cursor(old?.groups ?? none()), known: new Cursor(cumulative?.known ?? none())}
    await Promise.all(Object.values(cursors).map((cursor) => cursor.advance()))
    let [lines, changes, text] = [0, 0, 0]
    let batch: Change[] = []
    for (let path = least(cursors); path !== undefined; path = least(cursors)) {
      const at = (cursor: Cursor<Group>): Group | undefined => (cursor.current?.path === path ? cursor.current : undefined)
      const old = at(cursors.old)
      const change = this.#change(path, at(cursors.seen), old, at(cursors.known))
      text += change === undefined ? textOf(old) : change.mark === '-' ? 0 : textOf(change.group) + FOUND_OUT
      if (text > MOST_TEXT) throw new BkError('the tree is more than an index can hold: a GiB of names and what is known of them', {status: 65})
      if (change !== undefined) {
        lines += linesOf(change)
        changes++
        batch.push(change)
      }
      for (const cursor of Object.values(cursors)) {
        const wait = cursor.current?.path === path ? cursor.advance() : undefined
        if (wait !== undefined) await wait
      }
      if (batch.length < BATCH) continue
      yield await this.#described(batch)
      batch = []
    }
    if (batch.length > 0) yield await this.#described(batch)
    const isSame = changes === 0 && old !== undefined && old.root() === root
    // What comes of it is known when the files are read.
    this.end = {base: old?.digest, target: isSame ? old.digest : '', lines, partial: 0}
  }

  /* Only what is new is asked for: one request each, all of a batch side by side. */
  async #described(batch: readonly Change[]): Promise<readonly Change[]> {
    return await Promise.all(
      batch.map(async (change) => {
        const {mark, group} = change
        if ((mark !== '+' && mark !== '~') || !BARE.test(group.line)) return change
        const line = formatEntry(await this.#options.describe(parseEntryLine(group.line)))
        return {mark, group: {...group, line}}
      }),
    )
  }

  #change(path: string, seen: Group | undefined, old: Group | undefined, known: Group | undefined): Change | undefined {
    if (path === this.#options.leaveOut || seen === undefined) return old === undefined ? undefined : this.#lost(old)
    const clean = cleaned(seen)
    if (clean.line === '') return this.#withoutLine(clean, old)
    const entry = parseEntryLine(clean.line)
    if (entry.type === 'file') this.counts.files++
    if (this.#options.cumulative !== undefined && entry.type === 'file') {
      if (!this.#isSame(known, entry)) return this.#new(clean, old)
      this.counts.unchanged++
      const copy = old === undefined ? undefined : entryOf(old)
      if (copy !== undefined && sameContent(copy, entry)) return unlessSame(old!, merged(old!, copy, clean, entry))
      this.keepKnown.add(detached(path))
      // Whoever took the copy away, or put another in its place, meant it.
      if (old !== undefined) return unlessSame(old, withComments(old, {gone: undefined}))
      this.counts.notHere++
      return undefined
    }
    if (old === undefined || !this.#isSame(old, entry)) return this.#new(clean, old)
    if (entry.type === 'file') this.counts.unchanged++
    return unlessSame(old, merged(old, entryOf(old)!, clean, entry))
  }

  #new(seen: Group, old: Group | undefined): Change {
    if (old !== undefined && isDirectoryLine(old.line, old.path) && !isDirectoryLine(seen.line, seen.path)) this.#replaced.add(old.path)
    return {mark: old === undefined ? '+' : '~', group: seen}
  }

  /* An error, or something that is not stored. */
  #withoutLine(seen: Group, old: Group | undefined): Change | undefined {
    const code = commentValue(seen, 'error')
    if (code !== undefined) {
      this.#unread.add(seen.path)
      this.#options.onUnread?.(seen.path, code)
      return {mark: '!', group: seen}
    }
    return old !== undefined && sameGroup(old, seen) ? undefined : this.#new(seen, old)
  }

  /* The source has it no more. */
  #lost(old: Group): Change | undefined {
    if (this.#unread.isAbove(old.path)) return undefined
    const {cumulative, leaveOut} = this.#options
    if (cumulative !== undefined && old.line !== '' && old.path !== leaveOut && !this.#replaced.isAbove(old.path)) {
      this.counts.gone++
      return commentValue(old, 'gone') === undefined ? {mark: '=', group: withComments(old, {gone: cumulative.now})} : undefined
    }
    // Where the list lies now there was a directory once.
    if (old.path === leaveOut) this.#replaced.add(old.path)
    return {mark: '-', group: {path: old.path, line: '', comments: NO_COMMENTS}}
  }

  #isSame(before: Group | undefined, entry: Entry): boolean {
    if (before === undefined || commentValue(before, 'stale') !== undefined) return false
    const known = entryOf(before)
    if (known === undefined || !sameContent(known, entry)) return false
    if (entry.type !== 'file' || hasCommonDigest(known, entry)) return true
    return this.#options.isSettled(entry.time!)
  }
}

async function* none(): AsyncGenerator<readonly Group[]> {}

function least(cursors: Readonly<Record<string, Cursor<Group>>>): string | undefined {
  let path: string | undefined
  for (const {current} of Object.values(cursors)) if (current !== undefined && (path === undefined || current.path < path)) path = current.path
  return path
}

/** Paths, of those that were added in order, below which the ones that follow may lie: each begins like the one before it, so they are few. */
class Tops {
  readonly #open: string[] = []

  add(path: string): void {
    this.#forget(path)
    this.#open.push(detached(path))
  }

  isAbove(path: string): boolean {
    this.#forget(path)
    return this.#open.some((top) => isAtOrBelow(path, top))
  }

  // What comes in order and does not begin like a top has left it behind for good.
  #forget(path: string): void {
    while (this.#open.length > 0 && !path.startsWith(this.#open.at(-1)!)) this.#open.pop()
  }
}

function textOf(group: Group | undefined): number {
  if (group === undefined) return 0
  return group.comments.reduce((sum, comment) => sum + comment.length + 1, group.line.length + 1)
}

function hasCommonDigest(a: Entry, b: Entry): boolean {
  return (a.sha256 !== undefined && b.sha256 !== undefined) || (a.md5 !== undefined && b.md5 !== undefined)
}

function unlessSame(old: Group, next: Group): Change | undefined {
  return sameGroup(old, next) ? undefined : {mark: '=', group: next}
}

/* The same content: what the source does not say is as the snapshot has it. */
function merged(old: Group, before: Entry, seen: Group, entry: Entry): Group {
  const line = formatEntry({
    ...entry,
    mode: entry.mode ?? before.mode,
    uid: entry.uid ?? before.uid,
    gid: entry.gid ?? before.gid,
    uname: entry.uname ?? (entry.uid === undefined ? before.uname : undefined),
    gname: entry.gname ?? (entry.gid === undefined ? before.gname : undefined),
    // A list may say another beside the same digest, but content has one.
    size: before.size ?? entry.size,
    time: entry.time ?? before.time,
    md5: before.md5 ?? entry.md5,
    sha256: before.sha256 ?? entry.sha256,
  })
  return withComments({...seen, line}, {chunks: commentValue(old, 'chunks'), cut: commentValue(old, 'cut')})
}

const TAKEN = /^#bk \S+ (?:error|flags|gname|hardlink|left-out|sparse|uname|xattr\.\S+?)=(?!@)/

/*
 * What a list of another machine may say beside an entry. How something is stored, or what became of it, it cannot know; and an
 * attribute that is an object would have to be read from a file of this machine. No directory has two names.
 */
function cleaned(group: Group): Group {
  if (group.comments.length === 0) return group
  const never = isDirectoryLine(group.line, group.path) ? `#bk ${group.path} hardlink=` : undefined
  const comments = group.comments.filter((comment) => TAKEN.test(comment) && (never === undefined || !comment.startsWith(never)))
  return comments.length === group.comments.length ? group : {...group, comments}
}
