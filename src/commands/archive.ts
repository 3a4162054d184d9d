/*
 * bk archive: a full copy of a snapshot, for a shelf or another tool.
 */
import {availableParallelism} from 'node:os'
import {archive, type Archived} from '../lib/archive/archive.ts'
import {ageHeader} from '../lib/archive/age.ts'
import {beginArchive, type Destination} from '../lib/archive/destination.ts'
import {archiveForm} from '../lib/archive/form.ts'
import {earlierSnapshot} from '../lib/archive/plan.ts'
import {strftime} from '../lib/archive/strftime.ts'
import {BkCommand} from '../lib/cli/command.ts'
import {escapeName} from '../lib/cli/escape.ts'
import {operands, quietFlag, repeatableFlag, requiredOperand, switchFlag, valueFlag, verboseFlag} from '../lib/cli/flags.ts'
import {operandBytes} from '../lib/cli/input.ts'
import {requireNotTerminal, writeParts} from '../lib/cli/output.ts'
import {createProgress} from '../lib/cli/progress.ts'
import {prose} from '../lib/cli/prose.ts'
import {askedFor, openAndTell, whenFlags} from '../lib/cli/snapshot.ts'
import {archivedLine, tellSummary} from '../lib/cli/summary.ts'
import {removeOnInterrupt} from '../lib/cli/temporary.ts'
import {toBytes} from '../lib/index/escape.ts'
import type {OpenSnapshot} from '../lib/store/open.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Speech} from '../lib/cli/speech.ts'

export default class ArchiveCommand extends BkCommand {
  static override summary = 'write a snapshot as a tar'
  static override description = prose(`writes what STORE@WHEN is, or PATHs of it with the directories that lead to them, as a tar in the pax format to standard output, or to the file of -o.
Every object is checked against its id as it is read. Names are relative, as in 'tar -C ROOT -c .': etc/hosts for /etc/hosts.

All that 'bk restore' brings back is in it: owners by name and number, times to the nanosecond, hard links, attributes, ACLs, holes, devices, and file flags (which only bsdtar restores).
As root 'tar --acls --xattrs --xattrs-include=* -xpf FILE' and 'bsdtar -xpf FILE' give all of it back; without those options GNU tar leaves ACLs and attributes out.
The same snapshot gives the same bytes, unless they are encrypted.

What the store has lost is named, and the archive ends with status 3 and can be unpacked all the same: a file is left out; of a large one the lost parts are zeros.
The archive's last words name these files as well. An archive that was cut off has no end, and tar says so.

The name of -o may have letters of date(1) behind %: they are those of the time when the snapshot was received, on this machine's clock, so that a name says what is in the file and not when it was written.
In a crontab write \\% for %, in a systemd unit %%. The file is written under another name beside it and gets its own, and mode 0600, when it is whole.

With --changed-since only what is new or changed since that earlier snapshot of the same set is in it, in content or metadata. What is gone since then is named at its beginning: 'head -c 1M FILE | grep -a ^gone' shows it, uncompressed.`)
  static override examples = [
    {description: 'a full copy, compressed', command: 'bk archive /backup/store -o /shelf/full.tar.zst'},
    {description: 'named by the time of the snapshot', command: 'bk archive /backup/store --set web1 -o /shelf/web1-%F-%H%M.tar.gz'},
    {description: 'a directory as it was three days ago, unpacked on another machine', command: 'bk archive /backup/store@3D /etc | ssh host tar -xpf - -C /srv/old'},
    {description: 'encrypted, for a shelf in another house', command: 'bk archive /backup/store -o /shelf/full.tar.zst.age --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kdz2zmtrs0mtylp'},
    {description: 'what has changed in a month', command: 'bk archive /backup/store --changed-since 1M -o /shelf/%Y-%m.tar.zst'},
  ]
  static override args = {store: requiredOperand('store, with or without @WHEN'), path: operands('what to archive; everything when none is given')}
  static override flags = {
    ...whenFlags,
    'changed-since': valueFlag('only what is new or changed since that snapshot', {helpValue: 'WHEN'}),
    compress: valueFlag("'gzip', 'zstd' or 'none', and a level: gzip:9, zstd:19", {
      helpValue: 'HOW',
      description: 'Without it the name of -o says so, by .tar, .tar.gz, .tgz, .tar.zst or .tzst; standard output is not compressed. gzip has levels from 1 to 9, usually 6; zstd from 1 to 22, usually 3.',
    }),
    output: valueFlag('write into this file', {char: 'o', helpValue: 'FILE', description: "'-' is standard output. A file that is there is replaced only with --overwrite."}),
    overwrite: switchFlag('replace the file of -o if it is there', {dependsOn: ['output']}),
    quiet: quietFlag,
    recipient: repeatableFlag('encrypt to this public key of age; may be repeated', {
      helpValue: 'KEY',
      description: "age1…, as age-keygen shows it; ssh keys are none. Each of several can decrypt it: 'age -d -i IDENTITY FILE | zstd -dc | tar -x'. The name of -o has to end in .age.",
    }),
    sparse: switchFlag('make holes of long runs of zeros, in files that had none too'),
    verbose: verboseFlag,
  }
  static override exitNotes = {
    2: 'Nothing was written to -o; standard output may have the beginning of an archive, which tar refuses as cut off.',
    3: 'The store is damaged. Files that are missing in the archive, or have zeros in place of what is lost, are named.',
  }
  static override environment = [['TZ', 'the time zone of dates in WHEN and of letters in the name of -o']] as const
  static override seeAlso = ['bk-restore(1)', 'bk-log(1)', 'tar(1)', 'bsdtar(1)', 'age(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(ArchiveCommand)
    const speech = this.speech(flags)
    const output = flags.output === undefined || flags.output === '-' ? undefined : operandBytes(flags.output).toString('latin1')
    const compression = archiveForm(output, flags.compress, flags.recipient !== undefined)
    if (output === undefined) requireNotTerminal('an archive', 'write it into a file with -o, or into a pipe')
    const age = flags.recipient === undefined ? undefined : await ageHeader(flags.recipient)
    const request = askedFor(args.store, flags)
    const snapshot = await openAndTell(request, speech)
    const since = flags['changed-since'] === undefined ? undefined : await earlierSnapshot(snapshot, flags['changed-since'], request)
    const file = output === undefined ? undefined : toBytes(strftime(output, Date.parse(snapshot.record.received), request.timeZone))
    const destination = file === undefined ? standardOutput : beginArchive(file, flags.overwrite, removeOnInterrupt)
    const progress = createProgress({label: 'bk archive', quiet: flags.quiet})
    try {
      const paths = (args.path ?? []).map((path) => operandBytes(path).toString('latin1'))
      const options = {snapshot, paths, since, sparse: flags.sparse, compression, age, threads: availableParallelism(), reporter: speech}
      const archived = await archive({...options, onProgress: (done) => progress.update(done)}, (bytes) => destination.take(bytes))
      await destination.finish()
      progress.end()
      tellArchived(snapshot, archived, file === undefined ? undefined : escapeName(file), speech)
    } finally {
      progress.end()
      destination.discard()
    }
    return speech.status()
  }
}

const standardOutput: Destination = {take: (bytes) => writeParts([bytes]), finish: async () => {}, discard() {}}

function tellArchived({record}: OpenSnapshot, {files, bytes, lost, unread, gone}: Archived, into: string | undefined, speech: Speech): void {
  tellSummary(archivedLine({files, bytes, seconds: process.uptime(), into}), speech)
  if (gone > 0) speech.detail(`${gone} ${gone === 1 ? 'path is' : 'paths are'} gone since`)
  if (lost > 0) speech.note(`${lost} ${lost === 1 ? 'file is' : 'files are'} not in the archive as stored`)
  if (unread > 0) speech.note(`${unread} ${unread === 1 ? 'path' : 'paths'} could not be read when snapshot ${record.seq} was made; -v names them`)
}
