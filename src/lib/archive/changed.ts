/*
 * What is new or changed from one snapshot to another, and what is gone. Pure: two indexes come in as groups. How an entry is stored, and
 * whether it could be read, is no change.
 */
import {Cursor} from '../index/cursor.ts'
import {detached} from '../index/escape.ts'
import {commentValue, sameGroup, withComments, type Group} from '../index/group.ts'
import {parentOf} from '../index/path.ts'
import type {Selection} from '../restore/selection.ts'

/** What lies between two indexes. */
export interface Changed {
  /** What is new or changed, with all names of its inodes: unpacked over the old tree they are one file again. */
  readonly selection: Selection
  /** Escaped paths of the old index that the new one has not, in order. */
  readonly gone: readonly string[]
}

type Groups = AsyncIterable<readonly Group[]>

const NOT_ITS_OWN = {chunks: undefined, cut: undefined, error: undefined, note: undefined, stale: undefined}

/**
 * Compares two indexes.
 * @param after is gone through a second time where files with several names have changed
 * @param selection what of both is looked at
 */
export async function changedBetween(before: Groups, after: () => Groups, selection: Selection): Promise<Changed> {
  const wanted = new Set<string>()
  const inodes = new Set<string>()
  const gone: string[] = []
  for await (const [old, now] of pairs(before, after())) {
    const {path} = (old ?? now)!
    if (selection.partOf(path) !== 'wanted') continue
    if (now === undefined || now.line === '') {
      if (old !== undefined && old.line !== '' && !isUnreadable(now)) gone.push(detached(path))
      continue
    }
    if (old !== undefined && isSame(old, now)) continue
    wanted.add(detached(path))
    const first = commentValue(now, 'hardlink')
    if (first !== undefined) inodes.add(detached(first))
  }
  if (inodes.size > 0) await addNames(wanted, inodes, after(), selection)
  return {selection: exactly(wanted), gone}
}

async function addNames(wanted: Set<string>, inodes: ReadonlySet<string>, groups: Groups, selection: Selection): Promise<void> {
  for await (const batch of groups) {
    for (const group of batch) {
      if (inodes.has(commentValue(group, 'hardlink') ?? group.path) && selection.partOf(group.path) === 'wanted') wanted.add(detached(group.path))
    }
  }
}

function isUnreadable(group: Group | undefined): boolean {
  return group !== undefined && commentValue(group, 'error') !== undefined
}

function isSame(a: Group, b: Group): boolean {
  return sameGroup(a, b) || (a.line === b.line && sameGroup(withComments(a, NOT_ITS_OWN), withComments(b, NOT_ITS_OWN)))
}

/* These paths, and the directories above them; the topmost in any case. */
function exactly(wanted: ReadonlySet<string>): Selection {
  const above = new Set<string>(['.'])
  for (const path of wanted) for (let up = parentOf(path); up !== undefined && !above.has(up); up = parentOf(up)) above.add(up)
  return {partOf: (path) => (wanted.has(path) ? 'wanted' : above.has(path) ? 'on-the-way' : 'left-out')}
}

/* What both indexes have at each path, in order. */
async function* pairs(before: Groups, after: Groups): AsyncGenerator<readonly [old: Group | undefined, now: Group | undefined]> {
  const old = new Cursor(before)
  const now = new Cursor(after)
  await Promise.all([old.advance(), now.advance()])
  for (;;) {
    const a = old.current
    const b = now.current
    if (a === undefined && b === undefined) return
    const takesOld = a !== undefined && (b === undefined || a.path <= b.path)
    const takesNow = b !== undefined && (a === undefined || b.path <= a.path)
    // Nearly all of two snapshots is the same, and a yield costs more than the look.
    if (!(takesOld && takesNow && sameGroup(a, b))) yield [takesOld ? a : undefined, takesNow ? b : undefined]
    const waits = [takesOld ? old.advance() : undefined, takesNow ? now.advance() : undefined]
    for (const wait of waits) if (wait !== undefined) await wait
  }
}
