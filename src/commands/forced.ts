/*
 * bk forced: what sshd runs for a restricted key.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError, usageError} from '../lib/cli/errors.ts'
import {escapeName} from '../lib/cli/escape.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {valueFlag} from '../lib/cli/flags.ts'
import {keyLimitFlags, keyLimitsOf} from '../lib/cli/limit-flags.ts'
import {originalCommand} from '../lib/cli/login.ts'
import {sayFailure} from '../lib/cli/start.ts'
import {chooseCommand, limitWords, type GrantedCommand} from '../lib/keys/grants.ts'

/* Of a command that is refused, as much as helps to see what it was. */
const SHOWN = 200

export default class Forced extends BkCommand {
  static override configurable = false
  static override summary = 'run what a restricted key is granted'
  static override description = prose(`is the command in the lines of 'bk keys restrict', started by sshd and not by people. The client asks for 'bk receive', 'bk browse' or 'bk offer', in these very words,
and gets it if it is granted; without a command it gets the first of the three that is. Who asks for the subsystem sftp, as sftp(1), scp(1) and sshfs(1) do, gets 'bk browse':
sshd hands over what its configuration says of it, internal-sftp or the path of a program called sftp-server. Whatever else a client asks for is refused. The words are compared and never run.`)
  static override examples = [
    {description: 'what sshd runs', command: 'bk forced --receive /backup/store --set web1 --quota 214748364800'},
    {description: 'on a machine that is pulled from', command: 'bk forced --source /srv'},
  ]
  static override flags = {
    ...keyLimitFlags,
    browse: valueFlag("grant 'bk browse STORE'", {helpValue: 'STORE'}),
    receive: valueFlag("grant 'bk receive STORE'", {helpValue: 'STORE', dependsOn: ['set']}),
    set: valueFlag('set for bk receive', {helpValue: 'NAME', dependsOn: ['receive']}),
    source: valueFlag("grant 'bk offer DIR'", {helpValue: 'DIR'}),
  }
  static override environment = [['SSH_ORIGINAL_COMMAND', 'What the client asked for.']] as const
  static override exitNotes = {77: 'The client asked for something that is not granted. Other statuses are those of the command that was run.'}
  static override hidden = true
  static override seeAlso = ['bk-keys-restrict(1)', 'bk-receive(1)', 'bk-offer(1)', 'sshd(8)']

  async run(): Promise<ExitStatus | void> {
    const {flags} = await this.parse(Forced)
    const words: Readonly<Record<GrantedCommand, readonly string[] | undefined>> = {
      receive: flags.receive === undefined ? undefined : ['--set', flags.set ?? '', ...limitWords(keyLimitsOf(flags)), '--', flags.receive],
      browse: flags.browse === undefined ? undefined : ['--', flags.browse],
      offer: flags.source === undefined ? undefined : ['--', flags.source],
    }
    const granted = (['receive', 'browse', 'offer'] as const).filter((command) => words[command] !== undefined)
    if (granted.length === 0) throw usageError('nothing is granted', 'give --receive STORE, --browse STORE, --source DIR, or several of them')
    const asked = originalCommand()
    const command = chooseCommand(asked, granted)
    if (command === undefined) throw new BkError(`refused command: ${shortened(asked ?? '')}`, {status: exitStatus.refused})
    return await runGranted(command, words[command] ?? [])
  }
}

/* What BkCommand makes of every command. */
type Startable = {start(words: readonly string[], argv: readonly string[]): Promise<ExitStatus | void>}

const GRANTED: Readonly<Record<GrantedCommand, () => Promise<{readonly default: Startable}>>> = {
  receive: () => import('./receive.ts'),
  browse: () => import('./browse.ts'),
  offer: () => import('./offer.ts'),
}

/* In this very process: starting another one would take as long as all that came before. It says of itself what it is called. */
async function runGranted(command: GrantedCommand, argv: readonly string[]): Promise<ExitStatus | void> {
  try {
    const {default: granted} = await GRANTED[command]()
    return await granted.start([command], argv)
  } catch (error) {
    return sayFailure(error, `bk ${command}`, argv) as ExitStatus
  }
}

function shortened(text: string): string {
  const characters = [...text]
  return escapeName(characters.slice(0, SHOWN).join('')) + (characters.length > SHOWN ? '…' : '')
}
