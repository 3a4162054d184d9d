/*
 * The answer to "which versions of this are there": set by set, with what keeps them, and on the way what is to be said besides.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {keepsOf} from '../retention/keeps.ts'
import {findHistories, historiesOf, keptSets, newestStored, type FileHistory, type SetOptions} from './find.ts'
import {isStored} from './versions.ts'
import type {Reporter} from '../cli/speech.ts'
import type {SnapshotRecord} from '../store/record.ts'
import type {Pattern} from './pattern.ts'
import type {RowContext} from './rows.ts'

/** What is asked: paths as typed (bytes as latin1 strings), or what matches a pattern. */
export type Question = {readonly paths: readonly string[]} | {readonly pattern: Pattern}

export interface AnswerOptions extends Pick<SetOptions, 'log' | 'state'> {
  /** The one set that is meant; undefined for all. */
  readonly set: string | undefined
  /** Seconds since 1970. */
  readonly now: number
  readonly reporter: Pick<Reporter, 'note' | 'warn'>
}

/** A path with its history, in one set. */
export interface Answer {
  readonly history: FileHistory
  readonly context: RowContext
}

/** What is known when all was answered. */
export interface Outcome {
  /** How many paths there were. */
  count: number
  /** Paths that no snapshot has, as they were given. */
  missing: readonly string[]
  /** The first path that is gone, else that had another version, else that there is: of which it is shown how it comes back. */
  example?: FileHistory | undefined
  /** A path that was asked for by its name, and is a directory. */
  directory?: string | undefined
}

/**
 * Answers, set by set in the order of their names.
 * @param outcome is filled on the way
 * @throws BkError 2 for a store without snapshots, or without that set
 */
export async function* answers(question: Question, options: AnswerOptions, outcome: Outcome): AsyncGenerator<Answer> {
  const found = new Set<string>()
  for (const set of setsOf(options)) {
    const {log, state, reporter} = options
    const context: RowContext = {set, keeps: keepsOrNothing(set, options)}
    const setOptions: SetOptions = {log, state, set, onLost: (records, why) => reporter.warn(lostWords(records, why))}
    for await (const history of historiesIn(question, setOptions, found)) {
      see(outcome, history, 'paths' in question)
      yield {history, context}
    }
  }
  if ('paths' in question) outcome.missing = question.paths.filter((path) => !found.has(path))
}

async function* historiesIn(question: Question, options: SetOptions, found: Set<string>): AsyncGenerator<FileHistory> {
  if ('pattern' in question) {
    yield* findHistories(question.pattern, options)
    return
  }
  for (const [i, histories] of (await historiesOf(question.paths, options)).entries()) {
    if (histories.length > 0) found.add(question.paths[i]!)
    yield* histories
  }
}

function see(outcome: Outcome, history: FileHistory, isNamed: boolean): void {
  outcome.count++
  const newest = newestStored(history)
  if (newest === undefined) return
  if (isNamed && newest.entry?.type === 'dir') outcome.directory ??= history.path
  if (outcome.example === undefined || worth(history) > worth(outcome.example)) outcome.example = history
}

function worth({versions}: FileHistory): number {
  if (!isStored(versions.at(-1)!)) return 2
  return versions.filter(isStored).length > 1 ? 1 : 0
}

function setsOf({log, state, set}: AnswerOptions): string[] {
  const sets = keptSets(state)
  if (sets.length === 0) throw new BkError(`${log.store.where} holds no snapshot yet`)
  if (set === undefined) return sets
  if (!sets.includes(set)) throw new BkError(`${log.store.where} has no set ${set}`, {hint: `the sets are: ${sets.join(', ')}`})
  return [set]
}

/* Where a clock was wrong nobody can say what the rules keep; which versions there are, all the same. */
function keepsOrNothing(set: string, {log, state, now, reporter}: AnswerOptions): RowContext['keeps'] {
  try {
    return keepsOf(log, state, set, now)
  } catch (error) {
    if (!(error instanceof BkError)) throw error
    reporter.note(`what keeps the snapshots of set ${set} cannot be said: ${reasonOf(error)}`)
    return undefined
  }
}

function lostWords(records: readonly SnapshotRecord[], why: string): string {
  const ranges: string[] = []
  const numbers = records.map(({seq}) => seq).sort((a, b) => a - b)
  for (let i = 0; i < numbers.length; i++) {
    const first = numbers[i]!
    while (numbers[i + 1] === numbers[i]! + 1) i++
    ranges.push(first === numbers[i] ? String(first) : `${first}-${numbers[i]}`)
  }
  return `the index of ${numbers.length === 1 ? 'snapshot' : 'snapshots'} ${ranges.join(',')} cannot be read, and what only ${numbers.length === 1 ? 'that has' : 'those have'} is missing here: ${why}`
}
