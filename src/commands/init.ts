/*
 * bk init: a new store.
 */
import {randomBytes} from 'node:crypto'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {quietFlag, requiredOperand} from '../lib/cli/flags.ts'
import {initStore, makeStoreDirectory} from '../lib/store/init.ts'
import {recoveryKit} from '../lib/store/recovery-kit.ts'

export default class Init extends BkCommand {
  static override summary = 'make a new store'
  static override description = prose(`STORE is a directory that does not exist yet, or is empty.`)
  static override examples = [{description: 'a store on this machine', command: 'bk init /backup/store'}]
  static override args = {store: requiredOperand('directory')}
  static override flags = {
    quiet: quietFlag,
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Init)
    const store = makeStoreDirectory(args.store)
    await initStore(store, {limits: {}, id: randomBytes(16), files: recoveryKit()})
    this.speech(flags).note(`made a store in ${args.store}`)
  }
}
