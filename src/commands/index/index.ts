/*
 * bk index: what a tree looks like, as text. (A folder, because oclif drops a command file named index.ts.)
 */
import {availableParallelism} from 'node:os'
import {BkCommand} from '../../lib/cli/command.ts'
import {prose} from '../../lib/cli/prose.ts'
import {usageError} from '../../lib/cli/errors.ts'
import type {ExitStatus} from '../../lib/cli/exit.ts'
import {jsonFlag, operands, wordFlag} from '../../lib/cli/flags.ts'
import {outputIsPipe, writeOut, type Records} from '../../lib/cli/output.ts'
import {createProgress} from '../../lib/cli/progress.ts'
import {askedFor, tellSnapshot, whenFlags} from '../../lib/cli/snapshot.ts'
import {checksumList, jsonList} from '../../lib/source/listing.ts'
import {indexTextOf, namesSnapshot, openSnapshot, snapshotOperand} from '../../lib/store/open.ts'
import {indexText} from '../../lib/source/source.ts'
import {treeFlags, treeSource} from '../../lib/source/tree-flags.ts'

export default class Index extends BkCommand {
  static override summary = 'say what is in a tree'
  static override description = prose(`writes an mtree list of each PATH and everything below it: one line for each file, directory, link, fifo and device, with the
sha256 of every file. Absolute paths are listed relative to /, others relative to the working directory, which is also
what is listed when no PATH is given. The directories that lead to a PATH are listed with it. Files that did not change since the last run are not read again.

Patterns are those of gitignore, relative to the root of the list; upper and lower case differ. A directory that is
excluded is not looked into.

STORE@WHEN prints what a snapshot holds: @17 by its number, @3D as it was three days ago, @2026-11-20 when that day ended, @latest the newest.`)
  static override examples = [
    {description: 'what is in two directories', command: 'bk index /etc /srv >today.idx'},
    {description: 'what is new, into a store', command: 'bk index --no-digest /srv | bk diff remote.idx | bk send --to /backup/store --index-out remote.idx'},
    {description: 'without caches and build results', command: "bk index -C /home --exclude-caches --exclude 'node_modules/' ."},
    {description: 'the directories that a file names, one a line', command: 'bk index --files-from /etc/backups --exclude-nodump'},
    {description: 'a snapshot of a volume, listed as what it is a snapshot of', command: 'bk index -C /mnt/snapshot --as /srv .'},
    {description: 'what the newest snapshot holds', command: 'bk index /backup/store@latest >remote.idx'},
    {description: 'a list that md5sum -c checks', command: 'bk index -C /srv --format md5sum . >/srv.md5'},
  ]
  static override args = {path: operands('file or directory, or STORE@WHEN')}
  static override flags = {
    ...treeFlags,
    format: wordFlag('mtree, the lists of md5sum or sha256sum, or json', ['mtree', 'md5sum', 'sha256sum', 'json'], {default: 'mtree', helpValue: 'FORMAT'}),
    json: jsonFlag,
    set: whenFlags.set,
  }
  static override exitNotes = {
    2: 'A PATH, or a path in the list of --files-from, does not exist; with --keep-going, none of them does.',
    3: 'Something could not be read. It is named on standard error and in the list.',
  }
  static override files = [['$XDG_CACHE_HOME/bk', 'what the last runs saw. It can be removed at any time, and is itself never listed.']] as const
  static override seeAlso = ['bk-diff(1)', 'bk-send(1)', 'mtree(5)', 'gitignore(5)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Index)
    const speech = this.speech(flags)
    const format = flags.json ? 'json' : flags.format
    if (format.endsWith('sum') && flags['no-digest']) throw usageError(`--format ${format} needs digests`, 'leave out --no-digest')
    const kind = format === 'md5sum' ? 'md5' : 'sha256'
    const operands = args.path ?? []
    const stored = operands.length === 1 && namesSnapshot(operands[0]!) ? operands[0]! : undefined
    if (stored !== undefined) {
      if (kind === 'md5') throw usageError('a stored index has no md5 sums', '--format sha256sum')
      const snapshot = await openSnapshot(askedFor(stored, flags))
      if (snapshotOperand(stored).when?.kind === 'latest') tellSnapshot(snapshot, speech)
      await writeOut(inFormat(indexTextOf(snapshot), format))
    } else {
      if (this.given.has('set')) throw usageError('--set goes with STORE@WHEN', 'name the set when the index is sent')
      const progress = createProgress({label: this.calledAs, quiet: flags.quiet, records: true})
      // Who reads the pipe needs a core as well, and is most often the slower of the two.
      const workers = outputIsPipe() && availableParallelism() < 4 ? 1 : 2
      const tree = await treeSource(operands, flags, {kind, speech, onProgress: (done) => progress.update(done), workers, env: process.env})
      await writeOut(inFormat(indexText(tree), format))
      progress.end()
    }
    return speech.status()
  }
}

function inFormat(text: AsyncIterable<Buffer>, format: string): Records {
  if (format === 'json') return jsonList(text)
  if (format === 'mtree') return text
  return checksumList(text, format === 'md5sum' ? 'md5' : 'sha256')
}
