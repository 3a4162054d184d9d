/*
 * bk index: what a tree looks like, as text. (A folder, because oclif drops a command file named index.ts.)
 */
import {BkCommand} from '../../lib/cli/command.ts'
import {usageError} from '../../lib/cli/errors.ts'
import type {ExitStatus} from '../../lib/cli/exit.ts'
import {jsonFlag, operands, wordFlag} from '../../lib/cli/flags.ts'
import {writeOut, type Records} from '../../lib/cli/output.ts'
import {checksumList, jsonList} from '../../lib/source/listing.ts'
import {indexText, type Source} from '../../lib/source/source.ts'
import {treeFlags, treeSource} from '../../lib/source/tree-flags.ts'

export default class Index extends BkCommand {
  static override summary = 'say what is in a tree'
  static override description = `writes an mtree list of each PATH and everything below it: one line for each file, directory, link, fifo and device, with the
sha256 of every file. Absolute paths are listed relative to /, others relative to the working directory, which is also
what is listed when no PATH is given. Files that did not change since the last run are not read again.

Patterns are those of gitignore, relative to the root of the list; upper and lower case differ. A directory that is
excluded is not looked into.`
  static override examples = [
    {description: 'what is in two directories', command: 'bk index /etc /srv >today.idx'},
    {description: 'what is new, into a store', command: 'bk index --no-digest /srv | bk diff remote.idx | bk send --to /backup/store --index-out remote.idx'},
    {description: 'without caches and build results', command: "bk index -C /home --exclude-caches --exclude 'node_modules/' ."},
    {description: 'a snapshot of a volume, listed as what it is a snapshot of', command: 'bk index -C /mnt/snapshot --as /srv .'},
    {description: 'a list that md5sum -c checks', command: 'bk index -C /srv --format md5sum . >/srv.md5'},
  ]
  static override args = {path: operands('file or directory')}
  static override flags = {
    ...treeFlags,
    format: wordFlag('mtree, the lists of md5sum or sha256sum, or json', ['mtree', 'md5sum', 'sha256sum', 'json'], {default: 'mtree', helpValue: 'FORMAT'}),
    json: jsonFlag,
  }
  static override exitNotes = {
    2: 'A PATH does not exist.',
    3: 'Something could not be read. It is named on standard error and in the list.',
  }
  static override files = [['$XDG_CACHE_HOME/bk', 'what the last runs saw. It can be removed at any time, and is itself never listed.']] as const
  static override seeAlso = ['bk-diff(1)', 'bk-send(1)', 'mtree(5)', 'gitignore(5)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Index)
    const speech = this.speech(flags)
    const format = flags.json ? 'json' : flags.format
    if (format.endsWith('sum') && flags['no-digest']) throw usageError(`--format ${format} needs digests`, 'leave out --no-digest')
    // Operands STORE@WHEN, which name what a store has, would become another source here.
    const source = await treeSource(args.path ?? [], flags, {kind: format === 'md5sum' ? 'md5' : 'sha256', speech, env: process.env})
    await writeOut(inFormat(source, format))
    return speech.status()
  }
}

function inFormat(source: Source, format: string): Records {
  if (format === 'json') return jsonList(source)
  if (format === 'mtree') return indexText(source)
  return checksumList(source, format === 'md5sum' ? 'md5' : 'sha256')
}
