/*
 * bk receive: the append-only end of a stream.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {removeOnInterrupt} from '../lib/cli/temporary.ts'
import {quietFlag, requiredOperand, valueFlag} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {keyLimitFlags, keyLimitsOf} from '../lib/cli/limit-flags.ts'
import {setName} from '../lib/cli/set-name.ts'
import {writeLastWord, writeOut} from '../lib/cli/output.ts'
import {openLog} from '../lib/store/open.ts'
import {systemClock} from '../lib/sys/clock.ts'
import {receive} from '../lib/transfer/receive.ts'

export default class Receive extends BkCommand {
  static override configurable = false
  static override summary = 'receive a stream of bk send into a store'
  static override description = prose(`reads one snapshot from standard input and answers one line: 'committed NUMBER SUM', or 'refused WORD: why'.
It only ever adds: nothing that was in the store before is changed, whatever comes. It is made to be
the forced command of an ssh key, by a line in authorized_keys that begins with restrict,command="/usr/local/bin/bk receive STORE --set NAME" and goes on with the key.

Limits hold while the stream comes, before a byte beyond them is kept; of one given here and one in the store the stricter holds, and 0 is a limit too.
The quota counts packs, catalogs and records of the set, and packs that its cut-off sessions have left: those stay a day, for the next session to go on from,
and are the first to go when --reserve would be touched.`)
  static override examples = [
    {description: 'on this machine', command: 'bk index -C /etc . | bk send | bk receive /backup/store --set etc'},
  ]
  static override args = {store: requiredOperand('store')}
  static override flags = {
    ...keyLimitFlags,
    quiet: quietFlag,
    set: valueFlag('set that the snapshot goes to; the name of this host if not given', {helpValue: 'NAME'}),
  }
  static override exitNotes = {
    65: 'The stream is cut off, or is no stream; nothing was committed.',
    77: 'Refused: unknown-base, missing-object, quota, small-packs, per-day, max-file, max-entries, reserve, deadline, questions. Nothing was committed.',
  }
  static override seeAlso = ['bk-send(1)', 'bk-log(1)', 'sshd(8)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Receive)
    const log = await openLog(args.store, {onTemp: removeOnInterrupt})
    try {
      const {deadline, ...limits} = keyLimitsOf(flags)
      const {seq, sum} = await receive(openInput('-', 'a stream of bk send'), log, {
        set: setName(flags.set),
        clock: systemClock,
        answer: (text) => writeOut([text]),
        limits,
        deadline,
      })
      await writeOut([`committed ${seq} ${sum}\n`])
      return exitStatus.done
    } catch (error) {
      // The other end may see only this line.
      if (error instanceof BkError && error.message.startsWith('refused ')) await writeLastWord(`${error.message}\n`)
      throw error
    }
  }
}
