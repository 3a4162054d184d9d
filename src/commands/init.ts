/*
 * bk init: a new store.
 */
import {randomBytes} from 'node:crypto'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {quietFlag, requiredOperand} from '../lib/cli/flags.ts'
import {limitFlags, limitsOf} from '../lib/cli/limit-flags.ts'
import {initStore, makeStoreDirectory} from '../lib/store/init.ts'
import {recoveryKit} from '../lib/store/recovery-kit.ts'

export default class Init extends BkCommand {
  static override summary = 'make a new store'
  static override description = prose(`STORE is a directory that does not exist yet, or is empty.

Limits hold for every 'bk receive' into the store, whatever its own options say: the stricter of the two. They are kept in the file bk-store, for good.
Who writes into the store by 'bk send --to' on its own host is not held to them.`)
  static override examples = [
    {description: 'a store on this machine', command: 'bk init /backup/store'},
    {description: 'a store whose writers cannot fill the disk', command: 'bk init /backup/store --quota 200G --per-day 48 --reserve 5G'},
  ]
  static override args = {store: requiredOperand('directory')}
  static override flags = {
    ...limitFlags,
    quiet: quietFlag,
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Init)
    const store = makeStoreDirectory(args.store)
    await initStore(store, {limits: limitsOf(flags), id: randomBytes(16), files: recoveryKit()})
    this.speech(flags).note(`made a store in ${args.store}`)
  }
}
