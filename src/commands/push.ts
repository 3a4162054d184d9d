/*
 * bk push: index, diff and send in one process.
 */
import {availableParallelism} from 'node:os'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {onInterrupt} from '../lib/cli/cleanup.ts'
import {usageError} from '../lib/cli/errors.ts'
import {requiredOperands, sizeFlag, switchFlag, valueFlag} from '../lib/cli/flags.ts'
import {writeOut} from '../lib/cli/output.ts'
import {stateDirectory} from '../lib/cli/places.ts'
import {createProgress} from '../lib/cli/progress.ts'
import {sendOptions} from '../lib/cli/send-options.ts'
import {beginSink, type Opening, type Sink} from '../lib/cli/send-sink.ts'
import {tellHealed, tellSummary} from '../lib/cli/summary.ts'
import {diffText} from '../lib/index/diff.ts'
import {alone} from '../lib/push/alone.ts'
import {withAround} from '../lib/push/around.ts'
import {pingUrl} from '../lib/push/ping.ts'
import {push, pushedLine, withChanges} from '../lib/push/push.ts'
import {leftOutOf, type LeftOut} from '../lib/source/left-out.ts'
import {treeFlags, treeSource} from '../lib/source/tree-flags.ts'
import {fixedAddress, storeDirectory} from '../lib/store/place.ts'
import {escapeNote} from '../lib/store/note.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Wanted} from '../lib/source/operands.ts'

const {'no-digest': _, ...indexFlags} = treeFlags

export default class Push extends BkCommand {
  static override summary = 'back up directories into a store'
  static override description = prose(`lists each SRC and everything below it, as 'bk index' does, sends what is new to STORE, as 'bk send' does, and writes the store's answer: "committed", the number of
the snapshot and its sum. All of it in one process, and each new file is read once. STORE is a directory, user@host:path, ssh://user@host:port/path, or host: alone behind a key that
is restricted to a store by 'bk keys restrict'.

Of / the directories /proc, /sys, /dev and /run are kept without what is in them, unless something in there is named. A STORE below a SRC is left out.

The command of --after gets the exit status in BK_STATUS, the answer in BK_ANSWER, and the error, if there was one, in BK_ERROR. It runs whatever happens, also when a signal ends bk.
The watcher of --ping hears at URL/start, and at the end at URL when all is well (status 0), else at URL/fail.

On a terminal the last line sums up what was new; elsewhere it does with -v.`)
  static override examples = [
    {description: 'to a disk', command: 'bk push /etc /home /mnt/disk/store'},
    {description: 'from cron, to a vault behind a restricted key', command: 'bk push --files-from /etc/backups --exclude-caches vault:'},
    {description: 'what would be sent', command: "bk push -n /etc vault: | grep '^[+~]'"},
    {description: 'with a dump of the databases', command: "bk push --before 'pg_dumpall -f /srv/all.sql' --after 'rm -f /srv/all.sql' /etc /srv vault:"},
    {description: 'with a watcher that raises an alarm when it hears nothing', command: 'bk push --ping https://hc-ping.com/UUID /etc vault:'},
  ]
  static override args = {src: requiredOperands('directories and files to back up, and last the STORE')}
  static override flags = {
    ...indexFlags,
    after: valueFlag('run this shell command at the end, whatever happened', {helpValue: 'CMD'}),
    before: valueFlag('run this shell command first; when it fails, nothing is pushed', {helpValue: 'CMD'}),
    bwlimit: sizeFlag('send at most SIZE a second to another machine'),
    compress: valueFlag('zstd level 1 to 19, or none; 1 if not given', {helpValue: 'LEVEL'}),
    'dry-run': switchFlag("write what would be sent, as 'bk diff' does, and send nothing; no command is run and no watcher told", {char: 'n'}),
    note: valueFlag("words for 'bk log'", {helpValue: 'TEXT'}),
    ping: valueFlag('tell a watcher at URL of the start and the end', {helpValue: 'URL'}),
    set: valueFlag('set that the snapshot belongs to; the name of this host if not given. A restricted key has its own', {helpValue: 'NAME'}),
    wait: switchFlag('wait while another push of the same to the same store is at work, instead of ending with 75'),
  }
  static override exitNotes = {
    2: 'Failed; nothing was committed. Among others: a SRC does not exist, or --before failed.',
    3: 'Committed, but some files could not be read: the snapshot says it is partial. Or the store was rolled back, or --after failed.',
    75: 'The store cannot be reached, or another push of the same is at work: try again later.',
    77: 'Refused by the store: a limit of the key or of the store. Nothing was committed.',
  }
  static override files = [
    ['$XDG_CACHE_HOME/bk', 'what the last runs saw. It can be removed at any time, and is itself never listed.'],
    ['$XDG_STATE_HOME/bk', 'what was sent, and locks. Losing it costs time, never data. It is never listed either.'],
  ] as const
  static override seeAlso = ['bk-index(1)', 'bk-send(1)', 'bk-status(1)', 'bk-restore(1)', 'bk-keys-restrict(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Push)
    const speech = this.speech(flags)
    const sources = args.src.slice(0, -1)
    if (sources.length === 0 && flags['files-from'] === undefined) throw usageError('nothing to push', "name what to back up, and behind it the store: 'bk push /etc STORE'")
    const store = fixedAddress(args.src.at(-1)!)
    const url = flags.ping === undefined ? undefined : pingUrl(flags.ping)
    const progress = createProgress({label: this.calledAs, quiet: flags.quiet, records: flags['dry-run']})
    let sink: Sink | undefined
    const options = {...sendOptions(flags, speech, progress, () => sink?.sentBytes()), note: flags.note === undefined ? undefined : escapeNote(flags.note)}
    // Before anything else: it takes longest. But not minutes before it is needed.
    let begun: Promise<Opening> | undefined
    const open = (): Promise<Opening> => (begun ??= beginSink({store, set: flags.set, base: undefined, unconfirmed: false, rate: flags.bwlimit, speech}))
    if (flags.before === undefined || flags['dry-run']) await open()
    const listed = async () => {
      // ssh may ask something: until it is through the terminal is its own.
      const opening = await open()
      void opening.sink.then((opened) => (sink = opened), () => {})
      const onProgress = ({files}: {readonly files: number}): void => void (sink !== undefined && progress.update({phase: 'listing', files}))
      const workers = Math.min(availableParallelism(), 2)
      const leftOut = (wanted: Wanted): LeftOut[] => leftOutOf(wanted, storeDirectory(store))
      const tree = await treeSource(sources, {...flags, 'no-digest': true}, {kind: 'sha256', speech, workers, env: process.env, onProgress, leftOut})
      return {tree, opening}
    }
    try {
      if (flags['dry-run']) {
        const {tree, opening} = await listed()
        await withChanges(tree, opening, options, async (changes, {close}) => {
          await writeOut(diffText(changes))
          await close()
        })
        return speech.status()
      }
      await alone(`${stateDirectory()}/locks`, [store, flags.set ?? '', process.cwd(), flags.directory ?? '', flags['files-from'] ?? '', ...sources], flags.wait, speech)
      const around = {before: flags.before, after: flags.after, ping: url, env: process.env, calledAs: this.calledAs, speech, onInterrupt}
      const answer = await withAround(around, async () => {
        const {tree, opening} = await listed()
        const sent = await push(tree, opening, options)
        progress.end()
        const summary = pushedLine(sent, sink!.sentBytes(), process.uptime())
        tellHealed(sent.totals, speech)
        tellSummary(summary, speech)
        await sink!.close()
        return {answer: sent.answer, summary}
      })
      await writeOut([`${answer}\n`])
      return speech.status()
    } finally {
      progress.end()
    }
  }
}
