/*
 * bk send: moves what is new, into a store or as a stream.
 */
import {existsSync} from 'node:fs'
import {resolve} from 'node:path'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {reasonOf, usageError, isFailure} from '../lib/cli/errors.ts'
import {numberFlag, operand, quietFlag, sizeFlag, valueFlag, verboseFlag} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {sendOptions} from '../lib/cli/send-options.ts'
import {openSink} from '../lib/cli/send-sink.ts'
import {unescapeText} from '../lib/index/escape.ts'
import {createSpill} from '../lib/sys/spill.ts'
import {writeIndexOut} from '../lib/transfer/index-out.ts'
import {Readers} from '../lib/transfer/reading.ts'
import {send} from '../lib/transfer/send.ts'
import {openChanges} from '../lib/transfer/source.ts'
import {createProgress} from '../lib/cli/progress.ts'
import {writeOut} from '../lib/cli/output.ts'
import {tellHealed} from '../lib/cli/summary.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Speech} from '../lib/cli/speech.ts'
import type {Sent} from '../lib/transfer/sending.ts'

export default class Send extends BkCommand {
  static override summary = 'send what is new to a store'
  static override description = prose(`reads changes, or an index, and of the files what they say is new. With --to it goes into a store; without,
it is written to standard output as a stream for 'bk receive', one way: nobody answers, and the index of what was sent is left in FILE.pending.
The base of the changes is found by its digest: in the store, in what send remembers, in the FILE of --index-out or of --base.`)
  static override examples = [
    {description: 'back up what is new', command: 'bk index /etc /srv | bk diff remote.idx | bk send --to /backup/store --index-out remote.idx'},
    {
      description: 'the same over ssh, one way',
      command: 'bk index /etc | bk diff remote.idx | bk send --index-out remote.idx | ssh vault && mv remote.idx.pending remote.idx',
    },
  ]
  static override args = {changes: operand('changes, or an index; - for standard input')}
  static override flags = {
    base: valueFlag('index that the changes are against', {helpValue: 'FILE'}),
    bwlimit: sizeFlag('send at most SIZE a second to another machine', {dependsOn: ['to']}),
    compress: valueFlag('zstd level 1 to 19, or none; 1 if not given', {helpValue: 'LEVEL'}),
    directory: valueFlag('read the files below DIR, not below the root= of the input', {char: 'C', helpValue: 'DIR'}),
    'index-out': valueFlag('write the index that was stored to FILE, once it is committed', {helpValue: 'FILE'}),
    jobs: numberFlag('files read at the same time; as many as there are processors if not given', {char: 'j', min: 1, max: 64}),
    quiet: quietFlag,
    set: valueFlag('set that the snapshot belongs to; the name of this host if not given. A restricted key has its own', {helpValue: 'NAME', dependsOn: ['to']}),
    to: valueFlag('store to send to', {helpValue: 'STORE'}),
    verbose: verboseFlag,
  }
  static override exitNotes = {
    2: 'Failed; nothing was committed. Among others: the base of the changes is not known here.',
    3: 'Committed, but some files could not be read: the snapshot says it is partial. Or the FILE of --index-out could not be written.',
    65: 'The changes are cut off, or not in the format; nothing was committed.',
  }
  static override files = [['$XDG_STATE_HOME/bk/sent', 'what was sent one way. Losing it costs time, never data.']] as const
  static override seeAlso = ['bk-index(1)', 'bk-diff(1)', 'bk-receive(1)', 'bk-restore(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Send)
    const speech = this.speech(flags)
    const pending = flags.to === undefined && flags['index-out'] !== undefined ? `${flags['index-out']}.pending` : undefined
    const unconfirmed = pending !== undefined && existsSync(pending)
    if (unconfirmed) speech.note(`${pending} lies there from a run that was not confirmed: it is written anew`)
    const progress = createProgress({label: this.calledAs, quiet: flags.quiet, evenInPipe: true})
    const sink = await openSink({
      store: flags.to,
      set: flags.set,
      base: flags.base ?? flags['index-out'],
      unconfirmed,
      rate: flags.bwlimit,
      speech,
    })
    const input = openInput(args.changes, 'a list of changes')
    const source = await openChanges(input, input.name, createSpill, sink.newestText)
    const settings = sendOptions(flags, speech, progress, sink.sentBytes)
    const sent = await send(source, sink.destination, {
      ...settings,
      readers: (root) => new Readers(settings.workers, directoryFor(flags.directory, root)),
      beforeCommit: pending === undefined ? undefined : (index) => writeIndexOut(pending, index),
    })
    progress.end()
    tellHealed(sent.totals, speech)
    if (flags['index-out'] !== undefined && pending === undefined) await this.#keepIndex(flags['index-out'], sent, speech)
    sent.close()
    await sink.close()
    if (sent.answer !== '') await writeOut([`${sent.answer}\n`])
    return speech.status()
  }

  // What is committed is committed: that the next diff has to fetch its base is no failure of the backup.
  async #keepIndex(path: string, sent: Sent, speech: Speech): Promise<void> {
    try {
      await writeIndexOut(path, sent)
    } catch (error) {
      if (!isFailure(error)) throw error
      speech.warn(`committed, but cannot write ${path}: ${reasonOf(error)}`)
      speech.hint(`bk index STORE@latest >${path}`)
    }
  }
}

function directoryFor(given: string | undefined, root: string): string {
  if (given !== undefined) return Buffer.from(resolve(given)).toString('latin1')
  if (root === '.') throw usageError('the list does not say what its paths are relative to', "name the directory: 'bk send -C DIR'")
  return unescapeText(root)
}
