/*
 * bk purge: what was never to be in a backup.
 */
import {randomBytes} from 'node:crypto'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {escapeName} from '../lib/cli/escape.ts'
import {jsonFlag, quietFlag, requiredOperand, requiredOperands, switchFlag, verboseFlag} from '../lib/cli/flags.ts'
import {operandBytes} from '../lib/cli/input.ts'
import {mustBeOwner} from '../lib/cli/owner.ts'
import {writeOut} from '../lib/cli/output.ts'
import {removeOnInterrupt} from '../lib/cli/temporary.ts'
import {formatSize} from '../lib/cli/units.ts'
import {jsonPath} from '../lib/index/report.ts'
import {findPurge, purge} from '../lib/purge/purge.ts'
import {openLog} from '../lib/store/open.ts'
import {systemClock} from '../lib/sys/clock.ts'
import {ranges} from '../lib/verify/finding.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Found} from '../lib/purge/find.ts'

export default class Purge extends BkCommand {
  static override summary = 'take a path out of every snapshot'
  static override description = prose(`is for a secret that was backed up by mistake. Without --apply it writes what would go, a line each: a path, a TAB, and the numbers of the snapshots that have it; a
directory is meant with all that is below it. With --apply every snapshot of every set is made anew without them, packs with their content are written anew without it, and what was there before is deleted at
once. All else in the snapshots stays as it is, and so do their numbers and times. The log says which paths were purged, and when.

What sessions that were cut off have left goes too, since nobody can say of which paths it is; whoever is sending at that moment has to send again. A client that lost nothing sends its whole list of files once more, and no content that the store has. If the file is still there, the next backup brings it again:
leave it out with --exclude, or remove it.

What was copied elsewhere before (an archive, a second store, a mirror of this one) still has it, and a secret that a thief may have seen is to be changed. A catalog may name the sha256 of its content as long as other packs of that
catalog are needed.`)
  static override examples = [
    {description: 'what would go', command: 'bk purge /backup/store /home/kim/.ssh/id_ed25519'},
    {description: 'take it out', command: 'bk purge /backup/store /home/kim/.ssh/id_ed25519 --apply'},
  ]
  static override args = {store: requiredOperand('directory of the store'), path: requiredOperands('paths as the snapshots have them, or as they were on the machine')}
  static override flags = {
    apply: switchFlag('do it; it cannot be taken back'),
    json: jsonFlag,
    quiet: quietFlag,
    verbose: verboseFlag,
  }
  static override exitNotes = {
    2: 'No snapshot has that path, or it has another name (a hard link) that would stay.',
    3: 'It is done, and other files have the same content: they stay.',
    65: 'Something in the store is damaged, so that nobody knows what would be left. Nothing was changed.',
  }
  static override seeAlso = ['bk-log(1)', 'bk-rotate(1)', 'bk-verify(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Purge)
    const speech = this.speech(flags)
    const paths = args.path.map((path) => operandBytes(path).toString('latin1'))
    if (!flags.apply) {
      await writeOut(rowsOf(await findPurge(await openLog(args.store), paths), flags.json))
      return speech.status()
    }
    mustBeOwner(args.store, `purge ${args.store} ${args.path.join(' ')} --apply`)
    const log = await openLog(args.store, {onTemp: removeOnInterrupt})
    const {found, shared, freed} = await purge(log, {paths, now: Number(systemClock.now() / 1_000_000_000n), lead: () => randomBytes(16), warn: (text) => speech.warn(text)})
    const snapshots = new Set([...found.paths.values()].flat()).size
    const line = flags.json ? JSON.stringify({type: 'purged', paths: found.paths.size, snapshots, freed: freed.bytes}) : `purged ${found.paths.size} snapshots ${snapshots} freed ${freed.bytes}`
    await writeOut([`${line}\n`])
    speech.detail(`freed ${freed.packs} packs and ${freed.catalogs} catalogs, ${formatSize(freed.bytes)}`)
    if (shared > 0) speech.warn(`${shared} ${shared === 1 ? 'object of the content is' : 'objects of the content are'} in other files too, and ${shared === 1 ? 'stays' : 'stay'}`)
    speech.note(`if it is still there, the next backup brings it again: leave out ${args.path.map((path) => escapeName(operandBytes(path))).join(', ')}`)
    return speech.status()
  }
}

function* rowsOf({paths}: Found, json: boolean): Generator<string> {
  for (const [path, snapshots] of paths) yield json ? `${JSON.stringify({type: 'path', ...jsonPath('path', path), snapshots})}\n` : `${path}\t${ranges(snapshots)}\n`
}
