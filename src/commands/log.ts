/*
 * bk log: what is in a store.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError, usageError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {jsonFlag, numberFlag, quietFlag, requiredOperand, switchFlag, valueFlag} from '../lib/cli/flags.ts'
import {operandBytes} from '../lib/cli/input.ts'
import {writeOut} from '../lib/cli/output.ts'
import {askedFor, localTimeZone, tellSnapshot, whenFlags} from '../lib/cli/snapshot.ts'
import {writeTable} from '../lib/cli/table.ts'
import {stdoutIsTerminal} from '../lib/cli/terminal.ts'
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

export default class LogCommand extends BkCommand {
  static override summary = 'list what is in a store'
  static override description = prose(`writes a line for each snapshot of the store, oldest first: its number, when it was received (on the store's clock), its set,
"complete" or "partial=K" where K paths could not be read, how many entries and bytes it has, how its index is stored, the bytes of the packs that came with it, and its note, if it has one.
In a pipe fields are separated by a TAB, times are UTC and sizes exact.

What 'bk rotate' has dropped is not there any more, and is listed with --all, as are the edits that did it: the log itself is never shortened.

With --check it goes through the whole log and writes what is wrong, a line each: records that are missing, damaged or not chained to the one before, catalogs and packs
that they name and that are missing or of another size, and files beside the log that were changed. If nothing is, it writes how many records there are, and the sum of
the last: it is what 'bk receive' answered when that was committed.

With --list it writes what a snapshot has at PATH, as ls -l does: mode, owner, group, size, time, name.`)
  static override examples = [
    {description: 'the snapshots of a store', command: 'bk log /backup/store'},
    {description: 'a directory as it was three days ago', command: 'bk log /backup/store@3D -l /etc'},
    {description: 'whether the log is whole', command: 'bk log /backup/store --check'},
    {description: 'what keeps a snapshot', command: 'bk log /backup/store --why 17'},
  ]
  static override args = {store: requiredOperand('store; with --list also STORE@WHEN')}
  static override flags = {
    ...whenFlags,
    all: switchFlag('also snapshots that were dropped, and what else was done to the store', {char: 'a', exclusive: ['list', 'check']}),
    check: switchFlag('check that the log is whole, and all that it names there', {exclusive: ['list', 'set', 'at']}),
    json: jsonFlag,
    list: valueFlag('list what a snapshot has at PATH', {char: 'l', helpValue: 'PATH'}),
    quiet: quietFlag,
    why: numberFlag('say why the snapshot of that number is kept, or was dropped', {exclusive: ['all', 'check', 'list', 'set', 'at', 'json']}),
  }
  static override exitNotes = {1: 'With --check: something is damaged.'}
  static override seeAlso = ['bk-restore(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(LogCommand)
    const speech = this.speech(flags)
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

async function* untilFailure<Item>(items: AsyncIterable<Item>, failures: unknown[]): AsyncGenerator<Item> {
  try {
    yield* items
  } catch (error) {
    failures.push(error)
  }
}
