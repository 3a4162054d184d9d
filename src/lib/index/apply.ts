/*
 * Carries changes out: a merge of an index and the changes against it. What does not fit its base is refused, since a
 * snapshot made of it would be one that nobody ever saw.
 */
import {BkError} from '../cli/errors.ts'
import {Cursor} from './cursor.ts'
import {staleGroup} from './diff.ts'
import {commentValue, isDirectoryLine, NO_COMMENTS, sameGroup, withComments, type Group} from './group.ts'
import {Ancestry} from './path.ts'
import type {Change} from './changes.ts'

export interface ApplyOptions {
  /** Every `from` among the changes, because a move may come behind its old path. */
  readonly froms?: ReadonlySet<string>
  /** Receives what really changed, as a store keeps it: no moves, nothing that is as it was. */
  readonly stored?: (change: Change) => void
  /** Has the last word on each group of the target. */
  readonly mend?: (group: Group) => Group
}

/**
 * The groups of the target, in order, in batches.
 * @param base the groups of OLD
 * @throws BkError 65 where a change does not fit, or leaves a path without its directory
 */
export async function* applyChanges(
  base: AsyncIterable<readonly Group[]>,
  changes: AsyncIterable<readonly Change[]>,
  {froms = new Set(), stored = () => {}, mend = (group) => group}: ApplyOptions = {},
): AsyncGenerator<readonly Group[]> {
  const ancestry = new Ancestry()
  const old = new Cursor(base)
  const next = new Cursor(changes)
  await Promise.all([old.advance(), next.advance()])
  let batch: Group[] = []
  let left = froms.size
  let moves = 0
  while (old.current !== undefined || next.current !== undefined) {
    const a = old.current
    const b = next.current
    const order = a === undefined ? 1 : b === undefined ? -1 : a.path < b.group.path ? -1 : a.path > b.group.path ? 1 : 0
    if (order < 0) {
      if (froms.has(a!.path)) {
        left--
        stored({mark: '-', group: {path: a!.path, line: '', comments: NO_COMMENTS}})
      } else {
        const result = mend(a!)
        keep(result, ancestry, batch)
        if (result !== a) stored({mark: '=', group: result})
      }
    } else {
      const before = order === 0 ? a : undefined
      if (b!.mark === '>') moves++
      const target = resultOf(before, b!)
      const result = target === undefined ? undefined : mend(target)
      if (result !== undefined) keep(result, ancestry, batch)
      if (result === undefined || before === undefined || !sameGroup(before, result)) stored(storedChange(b!, before, result))
    }
    if (order <= 0) {
      const wait = old.advance()
      if (wait !== undefined) await wait
    }
    if (order >= 0) {
      const wait = next.advance()
      if (wait !== undefined) await wait
    }
    if (batch.length >= 1000) {
      yield batch
      batch = []
    }
  }
  if (left > 0) throw misfit('something', 'was moved from a path that is not there')
  if (moves > froms.size) throw misfit('something', 'was moved twice')
  yield batch
}

function keep(group: Group, ancestry: Ancestry, batch: Group[]): void {
  if (!ancestry.accept(group.path, group.line !== '' && isDirectoryLine(group.line, group.path))) throw misfit(group.path, 'has no directory above it')
  batch.push(group)
}

function storedChange({mark, group}: Change, before: Group | undefined, result: Group | undefined): Change {
  if (result === undefined) return {mark: '-', group}
  if (mark === '!') return {mark: before === undefined ? '!' : '=', group: result}
  return {mark: mark === '>' ? '+' : mark, group: result}
}

function resultOf(old: Group | undefined, {mark, group}: Change): Group | undefined {
  switch (mark) {
    case '+':
    case '>':
      if (old !== undefined) throw misfit(group.path, 'is new, but the base has it')
      return mark === '>' ? withComments(group, {from: undefined}) : group
    case '~':
    case '=':
      if (old === undefined) throw misfit(group.path, 'is changed, but the base does not have it')
      return group
    case '-':
      if (old === undefined) throw misfit(group.path, 'is gone, but the base does not have it')
      return undefined
    case '!':
      return staleGroup(old, group, commentValue(group, 'error') ?? 'EIO')
  }
}

function misfit(path: string, what: string): BkError {
  return new BkError(`the changes do not fit their base: ${path.slice(0, 200)} ${what}`, {status: 65})
}

/**
 * Joins changes that follow one another into one, the later winning at each path. For stored changes only, which have no
 * moves and whose lines stand whole.
 */
export function composeChanges(lists: readonly (readonly Change[])[]): Change[] {
  const byPath = new Map<string, Change>()
  for (const list of lists) {
    for (const change of list) {
      const before = byPath.get(change.group.path)
      const isNew = before !== undefined && (before.mark === '+' || before.mark === '!')
      if (isNew && change.mark === '-') byPath.delete(change.group.path)
      else byPath.set(change.group.path, {mark: joinedMark(before, change, isNew), group: change.group})
    }
  }
  return [...byPath.values()].sort((a, b) => (a.group.path < b.group.path ? -1 : 1))
}

function joinedMark(before: Change | undefined, change: Change, isNew: boolean): Change['mark'] {
  if (before === undefined || change.mark === '-') return change.mark
  if (isNew) return '+'
  return before.mark === '-' || before.mark === '~' ? '~' : change.mark
}
