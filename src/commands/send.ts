/*
 * bk send: moves what is new, into a store or as a stream.
 */
import {randomBytes} from 'node:crypto'
import {hostname} from 'node:os'
import {resolve} from 'node:path'
import {BkCommand} from '../lib/cli/command.ts'
import {usageError} from '../lib/cli/errors.ts'
import {numberFlag, operand, quietFlag, valueFlag, verboseFlag} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {onInterrupt} from '../lib/cli/cleanup.ts'
import {toBytes, unescapeText} from '../lib/index/escape.ts'
import {LocalStore} from '../lib/store/local.ts'
import {StoreLog} from '../lib/store/log.ts'
import {isSetName} from '../lib/store/record.ts'
import {textOf} from '../lib/store/levels.ts'
import {calls} from '../lib/sys/calls.ts'
import {systemClock} from '../lib/sys/clock.ts'
import {createSpill} from '../lib/sys/spill.ts'
import {loadUsers} from '../lib/sys/users.ts'
import {writeIndexOut} from '../lib/transfer/index-out.ts'
import {LocalDestination} from '../lib/transfer/local-destination.ts'
import {send} from '../lib/transfer/send.ts'
import {openChanges} from '../lib/transfer/source.ts'
import {writeOut} from '../lib/cli/output.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Level} from '../lib/store/zstd.ts'

export default class Send extends BkCommand {
  static override summary = 'send what is new to a store'
  static override description = `reads changes, or an index, and the files that they say are new.`
  static override examples = [
    {description: 'back up what is new', command: 'bk index /etc /srv | bk diff remote.idx | bk send --to /backup/store --index-out remote.idx'},
  ]
  static override args = {changes: operand('changes, or an index; - for standard input')}
  static override flags = {
    compress: valueFlag('zstd level 1 to 19, or none', {helpValue: 'LEVEL'}),
    directory: valueFlag('read the files below DIR, not below the root= of the input', {char: 'C', helpValue: 'DIR'}),
    'index-out': valueFlag('write the index that was stored to FILE, once it is committed', {helpValue: 'FILE'}),
    jobs: numberFlag('files read at the same time', {char: 'j', min: 1, max: 64}),
    quiet: quietFlag,
    set: valueFlag('set that the snapshot belongs to; the name of this host if not given', {helpValue: 'NAME'}),
    to: valueFlag('store to send to', {helpValue: 'STORE'}),
    verbose: verboseFlag,
  }

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Send)
    const speech = this.speech(flags)
    const log = await StoreLog.open(new LocalStore(flags.to!, {onTemp: (tmp) => onInterrupt(() => calls.unlink(tmp))}))
    const to = new LocalDestination(log, setName(flags.set), systemClock)
    const input = openInput(args.changes, 'a list of changes')
    const source = await openChanges(input, input.name, createSpill, async () => {
      const newest = await to.newest()
      return newest === undefined ? undefined : textOf(await to.chain(newest))
    })
    const sent = await send(source, to, {
      directory: (root) => (flags.directory === undefined ? unescapeText(root) : Buffer.from(resolve(flags.directory)).toString('latin1')),
      level: parseLevel(flags.compress ?? '1'),
      workers: flags.jobs ?? 2,
      clock: systemClock,
      names: loadUsers(),
      reporter: {
        problem: (path, code) => speech.problem(toBytes(unescapeText(path)), code),
        note: (path, what) => speech.note(`${path}: ${what}`),
      },
      spill: createSpill,
      lead: () => randomBytes(16),
    })
    if (flags['index-out'] !== undefined) await writeIndexOut(flags['index-out'], sent)
    sent.close()
    await writeOut([`${sent.answer}\n`])
    return speech.status()
  }
}

function setName(given: string | undefined): string {
  const name = given ?? (hostname().replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 64) || 'host')
  if (!isSetName(name)) throw usageError(`not the name of a set: ${name}`, 'letters, digits, dot, underscore and dash, at most 64')
  return name
}

function parseLevel(text: string): Level {
  if (text === 'none') return 'none'
  const level = Number(text)
  if (!/^\d{1,2}$/.test(text) || level < 1 || level > 19) throw usageError(`not a level of compression: ${text}`, '1 to 19, or none')
  return level
}
