/*
 * bk receive: the append-only end of a stream.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {onInterrupt} from '../lib/cli/cleanup.ts'
import {quietFlag, requiredOperand, valueFlag} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {setName} from '../lib/cli/set-name.ts'
import {writeOut} from '../lib/cli/output.ts'
import {openLog} from '../lib/store/open.ts'
import {calls} from '../lib/sys/calls.ts'
import {systemClock} from '../lib/sys/clock.ts'
import {receive} from '../lib/transfer/receive.ts'

export default class Receive extends BkCommand {
  static override summary = 'receive a stream of bk send into a store'
  static override description = prose(`reads one snapshot from standard input and answers one line: 'committed NUMBER SUM', or 'refused WORD: why'.
It only ever adds: nothing that was in the store before is changed, whatever comes. It is made to be
the forced command of an ssh key, by a line in authorized_keys that begins with restrict,command="/usr/local/bin/bk receive STORE --set NAME" and goes on with the key.`)
  static override examples = [
    {description: 'on this machine', command: 'bk index -C /etc . | bk send | bk receive /backup/store --set etc'},
  ]
  static override args = {store: requiredOperand('store')}
  static override flags = {
    quiet: quietFlag,
    set: valueFlag('set that the snapshot goes to; the name of this host if not given', {helpValue: 'NAME'}),
  }
  static override exitNotes = {
    65: 'The stream is cut off, or is no stream; nothing was committed.',
    77: 'Refused: unknown-base, missing-object. Nothing was committed.',
  }
  static override seeAlso = ['bk-send(1)', 'bk-log(1)', 'sshd(8)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Receive)
    const log = await openLog(args.store, {onTemp: (tmp) => onInterrupt(() => calls.unlink(tmp))})
    try {
      const {seq, sum} = await receive(openInput('-', 'a stream of bk send'), log, {set: setName(flags.set), clock: systemClock})
      await writeOut([`committed ${seq} ${sum}\n`])
      return exitStatus.done
    } catch (error) {
      // The other end may see only this line.
      if (error instanceof BkError && error.message.startsWith('refused ')) await writeOut([`${error.message}\n`])
      throw error
    }
  }
}
