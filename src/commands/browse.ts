/*
 * bk browse: lets a store be read from another machine.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError, reasonOf, usageError} from '../lib/cli/errors.ts'
import {requiredOperand} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {requireNotTerminal, writeParts} from '../lib/cli/output.ts'
import {browse} from '../lib/browse/serve.ts'
import {BrowseTree} from '../lib/browse/tree.ts'
import {parseAddress} from '../lib/store/address.ts'
import {LocalStore} from '../lib/store/local.ts'
import {StoreLog} from '../lib/store/log.ts'

/* Long enough for a person with sftp(1), or a restore that waits for its disk. */
const PATIENCE = 10 * 60_000

export default class Browse extends BkCommand {
  static override configurable = false
  static override summary = 'let a store be read over SFTP'
  static override description = prose(`speaks SFTP on standard input and output, read-only, and shows one directory: 'store', with the files of STORE as they lie there, without sessions/.
It is what 'bk restore', 'bk log', 'bk index' and 'bk diff' start over ssh for a STORE on another machine, and made to be the forced
command of a key: 'bk keys restrict --browse STORE'. With such a key, and a subsystem sftp in sshd's configuration, sftp(1), scp(1) and sshfs(1) can look at it, too: they see the directory 'store'. Not scp -O, which speaks another protocol.
sshd keeps to itself what a subsystem says on stderr: where sftp says no more than 'Connection closed', 'ssh HOST bk browse </dev/null' says why.

A session in which nothing is asked for ten minutes ends.`)
  static override examples = [
    {description: 'what restore does to read a store there', command: 'ssh vault bk browse -- /backup/store'},
    {description: 'a look at a store behind a key that is restricted to it', command: 'sftp vault'},
    {description: 'one file of it', command: 'scp vault:store/README .'},
  ]
  static override args = {store: requiredOperand('store, on this machine')}
  static override exitNotes = {65: 'The other side does not speak SFTP.', 75: 'Nothing was asked for ten minutes.'}
  static override seeAlso = ['bk-restore(1)', 'bk-keys-restrict(1)', 'sftp(1)', 'sshfs(1)']

  async run(): Promise<void> {
    const {args} = await this.parse(Browse)
    if (parseAddress(args.store).kind !== 'local') throw usageError(`${args.store} is not on this machine`, `a path with a colon in it is written ./${args.store}`)
    requireNotTerminal('SFTP', "it is started over ssh: 'sftp HOST' with a key that is restricted to it")
    await StoreLog.open(new LocalStore(args.store))
    await browse({tree: openTree(args.store), input: openInput('-', 'requests of SFTP'), write: (bytes) => writeParts([bytes]), patience: PATIENCE})
  }
}

function openTree(path: string): BrowseTree {
  try {
    return new BrowseTree(path)
  } catch (error) {
    throw new BkError(`cannot read ${path}: ${reasonOf(error)}`, {cause: error})
  }
}
