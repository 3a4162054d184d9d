/*
 * bk log: what is in a store.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError, usageError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {jsonFlag, numberFlag, operands, quietFlag, requiredOperand, switchFlag, valueFlag} from '../lib/cli/flags.ts'
import {operandBytes} from '../lib/cli/input.ts'
import {writeOut} from '../lib/cli/output.ts'
import {askedFor, localTimeZone, tellSnapshot, whenFlags} from '../lib/cli/snapshot.ts'
import {writeTable} from '../lib/cli/table.ts'
import {stdoutIsTerminal} from '../lib/cli/terminal.ts'
import {answers, type Outcome, type Question} from '../lib/history/answer.ts'
import {absences, hints, type Asked} from '../lib/history/hint.ts'
import {parsePattern} from '../lib/history/pattern.ts'
import {historyAsJson, PATH_COLUMNS, pathRow, VERSION_COLUMNS, versionRows, versionTable} from '../lib/history/rows.ts'
import {timeText} from '../lib/retention/calendar.ts'
import {planStore} from '../lib/retention/rotate.ts'
import {resolvePaths} from '../lib/restore/selection.ts'
import {entryAsJson} from '../lib/source/listing.ts'
import {groupsOf} from '../lib/store/levels.ts'
import {checkLog, newTally} from '../lib/store/log-check.ts'
import {exactRow, LOG_COLUMNS, logEntries, readableRow, recordAsJson} from '../lib/store/log-rows.ts'
import {groupsAt, LS_COLUMNS, lsRow, type LsForm} from '../lib/store/ls.ts'
import {openIndexOf, openLog, openSnapshot, snapshotOperand} from '../lib/store/open.ts'
import {readState, type LogState} from '../lib/store/state.ts'
import {systemClock} from '../lib/sys/clock.ts'
import type {Row} from '../lib/cli/table.ts'
import type {StoreLog} from '../lib/store/log.ts'

type VersionFlags = {
  readonly all: boolean
  readonly at: string | undefined
  readonly check: boolean
  readonly find: string | undefined
  readonly json: boolean
  readonly list: string | undefined
  readonly quiet: boolean
  readonly set: string | undefined
  readonly why: number | undefined
}

/** What PATHs and --find do not go with. */
const OTHERS = ['all', 'at', 'check', 'list', 'why'] as const

export default class LogCommand extends BkCommand {
  static override summary = 'list what is in a store'
  static override description = prose(`writes a line for each snapshot of the store, oldest first: its number, when it was received (on the store's clock), its set,
"complete" or "partial=K" where K paths could not be read, how many entries and bytes it has, how its index is stored, the bytes of the packs that came with it, and its note, if it has one.
In a pipe fields are separated by a TAB, times are UTC and sizes exact.

What 'bk rotate' has dropped is not there any more, and is listed with --all, as are the edits that did it: the log itself is never shortened.

With --check it goes through the whole log and writes what is wrong, a line each: records that are missing, damaged or not chained to the one before, catalogs and packs
that they name and that are missing or of another size, and files beside the log that were changed. If nothing is, it writes how many records there are, and the sum of
the last: it is what 'bk receive' answered when that was committed.

With --list it writes what a snapshot has at PATH, as ls -l does: mode, owner, group, size, time, name.

With PATHs it writes every version of each, over all snapshots that are kept, oldest first: the numbers of the first and the last snapshot in which it is so, how many of its set these are,
when it came (the first was received), the set, what is other than in the version before ("new", "content", "metadata", "again" for the same as before a gap, "gone", or "unread" with the reason where it was not stored),
type, size, time of modification, until when it is promised to stay and by which snapshot and rule, and the path. A directory is itself, and not what lies in it.

With --find it writes a line for each path that matches PATTERN in any snapshot that is kept: the first and the last snapshot that have it, how many do, when these two were received, the set, whether the newest has it
("there" or "gone"), how many versions there are, type and size of the newest, and the path. Patterns are those of --exclude, relative to the root of the snapshots: a name is sought everywhere, one with a slash in front or in the middle from the root.
What matches is the path itself, and not what lies below it: for that the pattern ends in /**. With --json PATHs and --find write every version, a line each.

Both go through the indexes of all snapshots. A snapshot whose index cannot be read is named, and left out.`)
  static override examples = [
    {description: 'the snapshots of a store', command: 'bk log /backup/store'},
    {description: 'a directory as it was three days ago', command: 'bk log /backup/store@3D -l /etc'},
    {description: 'whether the log is whole', command: 'bk log /backup/store --check'},
    {description: 'what keeps a snapshot', command: 'bk log /backup/store --why 17'},
    {description: 'the versions of a file', command: 'bk log /backup/store /etc/hosts'},
    {description: 'which snapshot has a file that was deleted some time ago', command: "bk log /backup/store --find 'letter*.odt'"},
    {description: 'all that ever lay in a directory', command: "bk log /backup/store --find '/etc/ssh/**'"},
  ]
  static override args = {store: requiredOperand('store; with --list also STORE@WHEN'), path: operands('what to write the versions of, as bk restore takes it')}
  static override flags = {
    ...whenFlags,
    all: switchFlag('also snapshots that were dropped, and what else was done to the store', {char: 'a', exclusive: ['list', 'check']}),
    check: switchFlag('check that the log is whole, and all that it names there', {exclusive: ['list', 'set', 'at']}),
    find: valueFlag('write which paths match PATTERN, in any snapshot', {helpValue: 'PATTERN', exclusive: [...OTHERS]}),
    json: jsonFlag,
    list: valueFlag('list what a snapshot has at PATH', {char: 'l', helpValue: 'PATH'}),
    quiet: quietFlag,
    why: numberFlag('say why the snapshot of that number is kept, or was dropped', {exclusive: ['all', 'check', 'list', 'set', 'at', 'json']}),
  }
  static override exitNotes = {
    1: 'With --check: something is damaged. With PATHs: one is in no snapshot. With --find: nothing matches.',
    3: 'A catalog is missing; with PATHs and --find, the index of a snapshot cannot be read.',
  }
  static override seeAlso = ['bk-restore(1)', 'bk-rotate(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(LogCommand)
    const speech = this.speech(flags)
    if (args.path !== undefined || flags.find !== undefined) return await this.#versions(args.store, args.path, flags)
    if (flags.check) return await this.#check(args.store, flags)
    if (flags.list !== undefined) {
      await this.#list(args.store, flags.list, flags)
      return speech.status()
    }
    if (flags.why !== undefined) {
      const log = await openLog(args.store)
      await writeOut([`${why(log, flags.why, await readState(log))}\n`])
      return speech.status()
    }
    const {when} = snapshotOperand(args.store, flags.at)
    if (when !== undefined) throw usageError('@WHEN and --at go with --list', `bk log ${args.store} --list .`)
    // What stands before a record that is damaged is listed all the same.
    const failures: unknown[] = []
    const entries = untilFailure(logEntries(await openLog(args.store), flags, speech), failures)
    if (flags.json) await writeOut(mapped(entries, recordAsJson))
    else {
      const timeZone = localTimeZone()
      await writeTable(LOG_COLUMNS, mapped(entries, stdoutIsTerminal() ? (entry) => readableRow(entry, timeZone) : exactRow))
    }
    if (failures.length > 0) throw failures[0]
    return speech.status()
  }

  async #list(store: string, path: string, flags: {at: string | undefined; set: string | undefined; json: boolean; quiet: boolean}): Promise<void> {
    const snapshot = await openSnapshot(askedFor(store, flags))
    tellSnapshot(snapshot, this.speech(flags))
    const {chain} = await openIndexOf(snapshot)
    const [found] = await resolvePaths([operandBytes(path).toString('latin1')], chain.root, groupsOf(chain))
    const groups = groupsAt(found!, groupsOf(chain))
    const form: LsForm = stdoutIsTerminal() ? {kind: 'readable', timeZone: localTimeZone()} : {kind: 'exact'}
    if (flags.json) await writeOut(mapped(groups, entryAsJson))
    else await writeTable(LS_COLUMNS, mapped(groups, (group): Row => lsRow(group, form)))
  }

  async #versions(operand: string, given: readonly string[] | undefined, flags: VersionFlags): Promise<ExitStatus> {
    const other = OTHERS.find((flag) => flags[flag] !== undefined && flags[flag] !== false)
    if (given !== undefined && flags.find !== undefined) throw usageError('PATHs do not go with --find')
    if (other !== undefined) throw usageError(`PATHs do not go with --${other}`)
    const {store, when} = snapshotOperand(operand)
    if (when !== undefined) throw usageError('@WHEN goes with --list', `bk log ${store} ${given?.[0] ?? `--find ${flags.find}`}`)
    const paths = (given ?? []).map((path) => operandBytes(path).toString('latin1'))
    const question: Question = flags.find === undefined ? {paths} : {pattern: await parsePattern(operandBytes(flags.find).toString('latin1'))}
    const log = await openLog(store)
    const speech = this.speech(flags)
    const outcome: Outcome = {count: 0, missing: []}
    const options = {log, state: await readState(log, ({message}) => speech.warn(message)), set: flags.set, now: Number(systemClock.now() / 1_000_000_000n), reporter: speech}
    const all = answers(question, options, outcome)
    const form: LsForm = stdoutIsTerminal() ? {kind: 'readable', timeZone: localTimeZone()} : {kind: 'exact'}
    if (flags.json) await writeOut(mapped(all, ({history, context}) => historyAsJson(history, context)))
    else if (flags.find === undefined && form.kind === 'readable') {
      const {columns, rows} = versionTable(await Array.fromAsync(all), form.timeZone)
      await writeTable(columns, rows)
    } else if (flags.find === undefined) await writeTable(VERSION_COLUMNS, flattened(mapped(all, ({history, context}) => versionRows(history, context, form))))
    else await writeTable(PATH_COLUMNS, mapped(all, ({history, context}) => pathRow(history, context, form)))
    const asked: Asked = {store: operandBytes(store), pattern: flags.find === undefined ? undefined : operandBytes(flags.find), isWhole: speech.troubles === 0}
    for (const line of absences(outcome, asked)) speech.note(line)
    if (!flags.quiet) for (const line of hints(outcome, asked)) speech.hint(line)
    return speech.troubles > 0 || (outcome.count > 0 && outcome.missing.length === 0) ? speech.status() : exitStatus.no
  }

  async #check(store: string, flags: {json: boolean; quiet: boolean}): Promise<ExitStatus> {
    const tally = newTally()
    let damages = 0
    const say = (what: string): string => {
      damages++
      return flags.json ? `${JSON.stringify({type: 'damage', message: what})}\n` : `${what}\n`
    }
    try {
      await writeOut(mapped(checkLog(await openLog(store), tally), say))
    } catch (error) {
      // What cannot even be opened as a store, though it says it is one.
      if (!(error instanceof BkError) || error.status !== exitStatus.badInput) throw error
      await writeOut([say(error.message)])
    }
    if (damages > 0) return exitStatus.no
    await writeOut([flags.json ? `${JSON.stringify({type: 'summary', ...tally})}\n` : `${tally.records} record${tally.records === 1 ? '' : 's'}, head ${tally.head}\n`])
    return exitStatus.done
  }
}

/* What the rules that hold for its set say of a snapshot. */
function why(log: StoreLog, seq: number, state: LogState): string {
  const {record} = state.receipts.find((receipt) => receipt.record.seq === seq) ?? {}
  if (record === undefined) throw new BkError(`${log.store.where} has no snapshot ${seq}`)
  const reason = state.dropped.get(seq)
  if (reason !== undefined) return `dropped: ${reason}`
  if (!state.rules.has(record.set)) return `kept: set ${record.set} was never rotated`
  const plan = planStore(log, state, {set: record.set, standing: undefined, now: Number(systemClock.now() / 1_000_000_000n), maxGap: Infinity})
  const line = plan.sets[0]!.lines.find((each) => each.seq === seq)!
  const until = line.until === undefined ? '' : ` until ${timeText(line.until)}`
  return line.verdict === 'keep' ? `kept${until}: ${line.why}` : `to be dropped by the next rotation: ${line.why}`
}

async function* mapped<From, To>(items: AsyncIterable<From>, change: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield change(item)
}

async function* flattened<Item>(lists: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  for await (const list of lists) yield* list
}

async function* untilFailure<Item>(items: AsyncIterable<Item>, failures: unknown[]): AsyncGenerator<Item> {
  try {
    yield* items
  } catch (error) {
    failures.push(error)
  }
}
