/*
 * bk keep: a snapshot that stays whatever the rules say.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {usageError} from '../lib/cli/errors.ts'
import {quietFlag, requiredOperand, valueFlag} from '../lib/cli/flags.ts'
import {mustBeOwner} from '../lib/cli/owner.ts'
import {askedFor, localTimeZone} from '../lib/cli/snapshot.ts'
import {pinSnapshot} from '../lib/retention/rotate.ts'
import {escapeNote} from '../lib/store/note.ts'
import {openSnapshot, snapshotOperand} from '../lib/store/open.ts'
import {recordTime} from '../lib/store/record.ts'
import {momentOf, parseWhen} from '../lib/store/when.ts'
import {systemClock} from '../lib/sys/clock.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'

export default class Keep extends BkCommand {
  static override summary = 'keep a snapshot whatever the rules say'
  static override description = prose(`makes 'bk rotate' keep a snapshot until a date, whatever its rules say; when that day has ended they decide again. It can be changed by another 'bk keep', and is taken back by --until none. It runs where the store is.`)
  static override examples = [
    {description: 'the state before a change, for half a year', command: "bk keep /backup/store@latest --until 2027-06-30 --note 'before the new database'"},
    {description: 'not any more', command: 'bk keep /backup/store@17 --until none'},
  ]
  static override args = {snapshot: requiredOperand('STORE@WHEN')}
  static override flags = {
    note: valueFlag('why, for people', {helpValue: 'TEXT'}),
    quiet: quietFlag,
    set: valueFlag('set that the snapshot is of, in a store with several', {helpValue: 'NAME'}),
    until: valueFlag('date until whose end it stays, or none', {helpValue: 'DATE'}),
  }
  static override seeAlso = ['bk-rotate(1)', 'bk-log(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Keep)
    const speech = this.speech(flags)
    if (flags.until === undefined) throw usageError('until when?', `bk keep ${args.snapshot} --until 2030-12-31`)
    const until = flags.until === 'none' ? undefined : endOf(flags.until)
    mustBeOwner(snapshotOperand(args.snapshot, undefined).store, `keep ${args.snapshot} --until ${flags.until}`)
    const {log, record} = await openSnapshot(askedFor(args.snapshot, flags))
    await pinSnapshot(log, record.seq, until, flags.note === undefined ? undefined : escapeNote(flags.note))
    speech.note(`snapshot ${record.seq} of set ${record.set} ${until === undefined ? 'is kept as long as the rules say' : `is kept until ${until}`}`)
    return speech.status()
  }
}

/* The end of a day, as `@DATE` means it. */
function endOf(text: string): string {
  const moment = /^\d{4}-/.test(text) ? momentOf(parseWhen(text), systemClock.now(), localTimeZone()) : undefined
  if (moment === undefined) throw usageError(`not a date: ${text}`, 'such as 2030-12-31, or none')
  return recordTime(BigInt(moment) * 1_000_000n)
}
