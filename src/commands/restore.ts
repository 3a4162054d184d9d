/*
 * bk restore: get it back.
 */
import {availableParallelism} from 'node:os'
import {onInterrupt} from '../lib/cli/cleanup.ts'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {usageError} from '../lib/cli/errors.ts'
import {jsonFlag, nullFlag, operands, quietFlag, requiredOperand, switchFlag, valueFlag, verboseFlag, wordFlag} from '../lib/cli/flags.ts'
import {operandBytes} from '../lib/cli/input.ts'
import {createProgress} from '../lib/cli/progress.ts'
import {askedFor, openAndTell, whenFlags} from '../lib/cli/snapshot.ts'
import {restoredLine, tellSummary} from '../lib/cli/summary.ts'
import {writeOut} from '../lib/cli/output.ts'
import {listPlan} from '../lib/restore/list.ts'
import {planRestore, restore, tellHealed, type Restored} from '../lib/restore/restore.ts'
import type {OpenSnapshot} from '../lib/store/open.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Speech} from '../lib/cli/speech.ts'

export default class RestoreCommand extends BkCommand {
  static override summary = 'get back what was stored'
  static override description = prose(`STORE@WHEN is the snapshot with that number (@17), as old as that (@3D, @6M), of that day's end (@2026-11-20) or of that time;
without @WHEN it is the newest, complete or not. PATHs are restored with the directories that lead to them; without any everything is.
STORE may be on another machine: user@host:path, ssh://user@host:port/path, or host: alone behind a key that is restricted to a store by 'bk keys restrict --browse STORE'.
Files come back under their whole path in the snapshot: DIR/etc/hosts for /etc/hosts.
DIR must be empty, or not be there yet. Owners by name, devices and set-id bits come back only as root.

With --layout old every earlier version of a file lies beside it, in a directory .old, as the snapshots of the same set up to that one have them:
etc/.old/hosts.20261122T083005Z is what etc/hosts was from the snapshot on that was received then (UTC), until it had other content. A directory that is gone is made again for the files that lay in it.`)
  static override examples = [
    {description: 'everything, as it was three days ago', command: 'bk restore /backup/store@3D --to /srv/restored'},
    {description: 'from another machine, by a key that is restricted to the store', command: 'bk restore vault:@3D --to /srv/restored'},
    {description: 'one file, to look at', command: 'bk restore /backup/store /etc/hosts --to /tmp/look'},
    {description: 'every version of everything that the store has', command: 'bk restore /backup/store --layout old --to /srv/restored'},
    {description: 'over what is there', command: 'bk restore /backup/store --overwrite --to /'},
  ]
  static override args = {store: requiredOperand('store, with or without @WHEN'), path: operands('what to restore; everything when none is given')}
  static override flags = {
    ...whenFlags,
    'dry-run': switchFlag('print the paths that would be restored, and restore nothing', {char: 'n'}),
    json: jsonFlag,
    layout: wordFlag("'old': the tree, and earlier versions of its files in .old beside them", ['old'], {
      description: 'Names that are taken, by a file of the tree too, get a number: .2, .3. DIR must be new, so that no version is written over.',
      exclusive: ['overwrite'],
    }),
    null: nullFlag,
    'numeric-owner': switchFlag('set owners by their numbers, whatever their names are here'),
    overwrite: switchFlag('replace files that are there; nothing is deleted'),
    quiet: quietFlag,
    sparse: switchFlag('make holes of long runs of zeros, in files that had none too'),
    to: valueFlag('directory to restore into; needed but with --dry-run', {helpValue: 'DIR'}),
    verbose: verboseFlag,
  }
  static override exitNotes = {
    2: 'Nothing was restored, or the disk is full.',
    3: 'A file could not be restored, or the store is damaged; each is named. Everything else is there.',
  }
  static override seeAlso = ['bk-log(1)', 'bk-browse(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(RestoreCommand)
    const speech = this.speech(flags)
    const {to} = flags
    if (to === undefined && !flags['dry-run']) throw usageError('missing option: --to', 'name the directory to restore into, or -n to see what would be restored')
    const snapshot = await openAndTell(askedFor(args.store, flags), speech)
    const paths = (args.path ?? []).map((path) => operandBytes(path).toString('latin1'))
    if (to === undefined || flags['dry-run']) {
      const {plan, objects} = await planRestore(snapshot, paths, speech, flags.layout)
      await writeOut(listPlan(plan, flags))
      tellHealed(objects, speech)
      return speech.status()
    }
    const progress = createProgress({label: 'bk restore', quiet: flags.quiet})
    try {
      const restored = await restore({
        snapshot,
        paths,
        layout: flags.layout,
        to: operandBytes(to),
        overwrite: flags.overwrite,
        numericOwner: flags['numeric-owner'],
        sparse: flags.sparse,
        asRoot: process.geteuid?.() === 0,
        umask: process.umask(),
        threads: Math.min(8, Math.max(2, availableParallelism())),
        reporter: speech,
        onProgress: (done) => progress.update(done),
        onInterrupt,
      })
      progress.end()
      tellRestored(snapshot, restored, speech)
    } finally {
      progress.end()
    }
    return speech.status()
  }
}

function tellRestored({record}: OpenSnapshot, {files, bytes, failed, unread, versions}: Restored, speech: Speech): void {
  tellSummary(restoredLine({files, bytes, seconds: process.uptime()}), speech)
  if (versions > 0) speech.detail(`${versions} of them ${versions === 1 ? 'is an earlier version' : 'are earlier versions'}`)
  if (failed > 0) speech.note(`${failed} of ${files + failed} could not be restored`)
  if (unread > 0) speech.note(`${unread} ${unread === 1 ? 'path' : 'paths'} could not be read when snapshot ${record.seq} was made; -v names them`)
}
