/*
 * bk diff: what changed between two indexes.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {jsonFlag, nullFlag, operand, quietFlag, requiredOperand, switchFlag} from '../lib/cli/flags.ts'
import {writeOut} from '../lib/cli/output.ts'
import {whenFlags} from '../lib/cli/snapshot.ts'
import {openIndex} from '../lib/cli/index-input.ts'
import {Diff, diffText} from '../lib/index/diff.ts'
import {changeAsJson, pathRecord, summaryWords, Tally} from '../lib/index/report.ts'
import {createSpill} from '../lib/sys/spill.ts'

export default class DiffCommand extends BkCommand {
  static override summary = 'print what changed between two indexes'
  static override description = prose(`OLD and NEW are indexes of bk, mtree lists of bsdtar or NetBSD, lists that md5sum or sha256sum wrote, or STORE@WHEN.
NEW is standard input when it is left out. An OLD that does not exist, or is empty, is an empty tree.`)
  static override examples = [
    {description: 'what happened in /etc since the index was written', command: 'bk index /etc | bk diff etc.idx --stat'},
    {description: 'back up what is new', command: 'bk index /etc /srv | bk diff remote.idx | bk send --to /backup/store --index-out remote.idx'},
    {description: 'what changed between two snapshots', command: 'bk diff /backup/store@17 /backup/store@18 --name-only'},
  ]
  static override args = {old: requiredOperand('index, other list, or STORE@WHEN; may be missing'), new: operand('the same, or - for standard input')}
  static override flags = {
    'exit-code': switchFlag('end with 1 when something changed'),
    json: jsonFlag,
    'name-only': switchFlag('print only the paths', {exclusive: ['json', 'stat']}),
    null: nullFlag,
    quiet: quietFlag,
    set: whenFlags.set,
    stat: switchFlag('print a summary in words', {exclusive: ['json']}),
  }
  static override exitNotes = {1: 'Something changed, and --exit-code was given.'}

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(DiffCommand)
    const speech = this.speech(flags)
    const old = await openIndex(args.old, 'OLD', {mayBeMissing: true, set: flags.set, onMissing: (why) => speech.note(`${why}: taken as an empty tree`)})
    const next = await openIndex(args.new, 'NEW', {set: flags.set})
    const diff = new Diff(old, next!, {spill: createSpill})
    const tally = new Tally()
    if (flags.json || flags['name-only'] || flags.stat) {
      await writeOut(this.#records(diff, tally, flags))
      if (flags.stat) await writeOut([`${summaryWords(tally.summary)}\n`])
    } else await writeOut(diffText(diff))
    return flags['exit-code'] && diff.end!.lines > 0 ? exitStatus.no : exitStatus.done
  }

  async *#records(diff: Diff, tally: Tally, flags: {json: boolean; null: boolean; stat: boolean}): AsyncGenerator<string | Uint8Array> {
    for await (const batch of diff.batches()) {
      for (const change of batch) {
        tally.add(change)
        if (flags.stat) continue
        yield flags.json ? changeAsJson(change) : pathRecord(change.group, flags.null)
      }
    }
    if (flags.json) yield `${JSON.stringify({type: 'summary', ...tally.summary})}\n`
  }
}
