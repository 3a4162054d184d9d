/*
 * bk init: a new store.
 */
import {randomBytes} from 'node:crypto'
import {BkCommand} from '../lib/cli/command.ts'
import {numberFlag, quietFlag, requiredOperand, sizeFlag} from '../lib/cli/flags.ts'
import {initStore, makeStoreDirectory} from '../lib/store/init.ts'
import {recoveryKit} from '../lib/store/recovery-kit.ts'

export default class Init extends BkCommand {
  static override summary = 'make a new store'
  static override description = `STORE is a directory that does not exist yet, or is empty.
The limits hold for everybody who sends to the store; a key may set stricter ones.`
  static override examples = [
    {description: 'a store on this machine', command: 'bk init /backup/store'},
    {description: 'one that cannot fill the disk', command: 'bk init /backup/store --quota 200G --per-day 48'},
  ]
  static override args = {store: requiredOperand('directory')}
  static override flags = {
    'max-entries': numberFlag('refuse snapshots of more entries', {min: 1}),
    'max-file': sizeFlag('refuse files larger than this'),
    'per-day': numberFlag('snapshots that a set may send in 24 hours', {min: 1}),
    quiet: quietFlag,
    quota: sizeFlag('bytes that a set may fill'),
    reserve: sizeFlag('bytes of the disk that stay free'),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Init)
    const store = makeStoreDirectory(args.store)
    const limits = {
      quota: flags.quota,
      perDay: flags['per-day'],
      maxFile: flags['max-file'],
      maxEntries: flags['max-entries'],
      reserve: flags.reserve,
    }
    await initStore(store, {limits, id: randomBytes(16), files: recoveryKit()})
    this.speech(flags).note(`made a store in ${args.store}`)
  }
}
