/*
 * Directories: made before everything else, for nobody else to look into, and given their metadata after everything else, because
 * whatever is made in a directory changes its time, and a mode may forbid to make anything.
 */
import {constants} from 'node:fs'
import {BkError, errorCode} from '../cli/errors.ts'
import {parseEntryLine} from '../index/entry.ts'
import {calls} from '../sys/calls.ts'
import {KINDS} from './entry-table.ts'
import {reasonNotMade} from './new-file.ts'
import type {Crew} from './crew.ts'
import type {Task} from './job.ts'
import type {Run} from './run.ts'
import type {Spot} from './held-tree.ts'

const BATCH = 512

/** What was there before, where a tree is restored over another. */
export interface MadeDirectories {
  readonly old: ReadonlySet<number>
}

/**
 * Makes the directories.
 * @param hasContent whether directories may be there already
 * @throws BkError 2 when there is no space, or when somebody else makes things in a new tree
 */
export function makeDirectories(run: Run, hasContent: boolean): MadeDirectories {
  const old = new Set<number>()
  const {entries} = run.plan
  for (let number = 0; number < entries.count; number++) {
    if (entries.kind(number) !== KINDS.directory) continue
    const path = entries.path(number)
    if (path === '.') {
      if (hasContent) old.add(number)
      continue
    }
    try {
      const spot = run.tree.spot(path)
      try {
        calls.mkdirat(spot.dir, spot.leaf, 0o700)
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error
        if (!hasContent) throw new BkError(`somebody else makes files where this is restored to: ${path} is there already`)
        checkIsDirectory(spot)
        old.add(number)
      }
    } catch (error) {
      if (error instanceof BkError) throw error
      run.fail(number, errorCode(error) === 'ENOTDIR' ? 'something that is no directory is in its place' : reasonNotMade(error))
    }
  }
  return {old}
}

function checkIsDirectory({dir, leaf}: Spot): void {
  calls.close(calls.openat(dir, leaf, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK))
}

/** Gives directories their metadata. Those that were there and are only on the way to what is restored keep theirs. */
export async function finishDirectories(run: Run, crew: Crew, {old}: MadeDirectories): Promise<void> {
  const {entries, onTheWay} = run.plan
  let batch: Task[] = []
  const closed: Task[] = []
  for (let number = entries.count - 1; number >= 0; number--) {
    if (entries.kind(number) !== KINDS.directory || run.hasFailed(number) || (old.has(number) && onTheWay.has(number))) continue
    const task = {number, text: entries.text(number)}
    if (!isOpen(task.text)) {
      closed.push(task)
      continue
    }
    batch.push(task)
    if (batch.length < BATCH) continue
    await crew.give({kind: 'directories', tasks: batch})
    batch = []
  }
  if (batch.length > 0) await crew.give({kind: 'directories', tasks: batch})
  await crew.idle()
  // Those that keep even their owner out, one after the other and the deepest first: nothing below them can be reached afterwards.
  if (closed.length > 0) await crew.give({kind: 'directories', tasks: closed})
  await crew.idle()
}

function isOpen(text: string): boolean {
  const {mode} = parseEntryLine(text.split('\n', 1)[0]!)
  return mode === undefined || (mode & 0o700) === 0o700
}
