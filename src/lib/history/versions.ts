/*
 * The versions of a path: what stood there from which snapshot to which, and what is other than in the version before. Pure.
 */
import {sameContent} from '../index/content.ts'
import {parseEntryLine, type Entry} from '../index/entry.ts'
import type {Run} from './timeline.ts'

/**
 * What a version is to the one before it: other content (or type, or target), other metadata alone, or `again` the same behind a gap;
 * `gone` and `unread` are such gaps.
 */
export type Change = 'new' | 'again' | 'content' | 'metadata' | 'gone' | 'unread'

/** Snapshots are named by their place in order. */
export interface Version {
  readonly change: Change
  readonly first: number
  readonly last: number
  /** Undefined for `gone` and `unread`. */
  readonly entry: Entry | undefined
  /** Why it was not stored: an errno name, or what it is; for `unread`. */
  readonly why?: string | undefined
}

const ABSENT = '!'

/**
 * The versions, oldest first. Together they cover all snapshots from the first that knows the path.
 * @param runs in order
 * @param count of all snapshots
 */
export function versionsOf(path: string, runs: readonly Run[], count: number): Version[] {
  const versions: (Version & {last: number})[] = []
  // The last that was stored, with its text.
  let stored: {readonly entry: Entry; readonly text: string} | undefined
  let next = 0
  const gap = (until: number): void => {
    if (versions.length > 0 && next < until) versions.push({change: 'gone', first: next, last: until - 1, entry: undefined})
  }
  for (const {first, last, text} of runs) {
    gap(first)
    next = last + 1
    const before = versions.at(-1)
    if (text.startsWith(ABSENT)) {
      const why = text.slice(1)
      if (before?.change === 'unread' && before.why === why) before.last = last
      else versions.push({change: 'unread', first, last, entry: undefined, why})
      continue
    }
    const entry = stored?.text === text ? stored.entry : parseEntryLine(path + text.slice(text.indexOf(' ')))
    const change = stored === undefined ? 'new' : changeOf(stored, {entry, text})
    if (change === undefined && before?.entry !== undefined) before.last = last
    else versions.push({change: change ?? 'again', first, last, entry})
    stored = {entry, text}
  }
  gap(count)
  return versions
}

interface Said {
  readonly entry: Entry
  /** With what its comments say in front. */
  readonly text: string
}

/** What is other; undefined for nothing. */
function changeOf(before: Said, after: Said): 'content' | 'metadata' | undefined {
  if (before.text === after.text) return undefined
  const [a, b] = [before.entry, after.entry]
  if (!sameContent(a, b)) return 'content'
  const isSame = a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.uname === b.uname && a.gname === b.gname && a.time === b.time
  return isSame && commentsIn(before) === commentsIn(after) ? undefined : 'metadata'
}

function commentsIn({text}: Said): string {
  return text.slice(0, text.indexOf(' '))
}

/** Whether a version is something that could be restored. */
export function isStored({entry}: Version): boolean {
  return entry !== undefined
}
