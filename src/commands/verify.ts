/*
 * bk verify: does it match, and would it come back.
 */
import {randomBytes} from 'node:crypto'
import {availableParallelism} from 'node:os'
import {onInterrupt} from '../lib/cli/cleanup.ts'
import {BkCommand} from '../lib/cli/command.ts'
import {usageError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {ageFlag, jsonFlag, numberFlag, operand, quietFlag, requiredOperand, switchFlag, valueFlag, verboseFlag} from '../lib/cli/flags.ts'
import {openIndex} from '../lib/cli/index-input.ts'
import {operandBytes} from '../lib/cli/input.ts'
import {writeOut} from '../lib/cli/output.ts'
import {createProgress, type Progress} from '../lib/cli/progress.ts'
import {prose} from '../lib/cli/prose.ts'
import {askedFor, openAndTell, whenFlags} from '../lib/cli/snapshot.ts'
import {formatSize} from '../lib/cli/units.ts'
import {jsonPath} from '../lib/index/report.ts'
import {IndexReader} from '../lib/index/read.ts'
import {indexTextOf, openStore, snapshotOperand} from '../lib/store/open.ts'
import {systemClock} from '../lib/sys/clock.ts'
import {differenceAsJson, differenceRow} from '../lib/verify/difference.ts'
import {drill, type Failed} from '../lib/verify/drill.ts'
import {findingAsJson} from '../lib/verify/finding.ts'
import {findingLines} from '../lib/verify/lines.ts'
import {meansStore} from '../lib/verify/operand.ts'
import {verifyStore} from '../lib/verify/store.ts'
import {parseSubset} from '../lib/verify/subset.ts'
import {isDamaged, summaryAsJson, summaryWords, type Summary} from '../lib/verify/summary.ts'
import {verifyTree, type TreeTally} from '../lib/verify/tree.ts'
import type {Speech} from '../lib/cli/speech.ts'
import type {Row} from '../lib/cli/table.ts'
import type {Finding} from '../lib/verify/finding.ts'

type VerifyFlags = {
  readonly 'content-only': boolean
  readonly 'read-data': boolean
  readonly 'read-data-subset'?: string | undefined
  readonly against?: string | undefined
  readonly at?: string | undefined
  readonly drill?: number | undefined
  readonly extra: boolean
  readonly for?: number | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly repair: boolean
  readonly seed?: string | undefined
  readonly set?: string | undefined
}

const DAY = 86_400_000_000_000n
const IN_STORE = ['read-data', 'read-data-subset', 'for', 'repair']

export default class Verify extends BkCommand {
  static override summary = 'check a store, or whether a tree is as a list says'
  static override description = prose(`goes through a store: bk-store and the files beside it, every record and the chain that they make, every catalog, whether every pack is
there with its size; and for every snapshot, that its index is whole and the one that the record names, that the record counts right, and that every object which the index reaches lies in a
pack that the record needs, and none is needed for nothing. Without --read-data the content of packs is not read, but for indexes and lists of chunks.

What is found is written a line each, three fields with a TAB between them. Of what is damaged the first is its kind (file, record, catalog, pack, object, snapshot), the second its name, the third
what is wrong. Of a file that cannot come back they are "lost", the numbers of the snapshots in which it is so, and its path. Of objects and files the first hundred are written, and how many more there
are is said; --json writes all. An object of which another pack has a good copy is not lost.
What is no damage is said on standard error: a last record that was torn while it was written, packs that no record names.

With INDEX, a list in any form that bk reads ('bk index', mtree, md5sum, sha256sum), or with --against, it says how a tree differs from it: "missing", "content", "metadata", "unreadable" or, with
--extra, "extra"; in what, and the path. Every file is read, and what the list does not know is not compared. DIR is where the tree is: where the list says that it was, if not given.`)
  static override examples = [
    {description: 'every night, in cron: the log, the indexes, and a twentieth of the packs', command: 'bk verify -q --read-data-subset 5% /backup/store'},
    {description: 'all that half an hour is enough for; it goes on elsewhere tomorrow', command: 'bk verify --for 30min /backup/store'},
    {description: 'whether twenty files would come back', command: 'bk verify --drill 20 /backup/store'},
    {description: 'whether anything differs from the last backup', command: 'bk verify /backup/store@latest --against /srv'},
    {description: 'what was changed since the list was written', command: 'bk verify etc.idx /etc'},
  ]
  static override args = {
    what: requiredOperand('store, STORE@WHEN with --against or --drill, or a list; - is a list on standard input'),
    dir: operand('where the tree is that a list is about'),
  }
  static override flags = {
    ...whenFlags,
    against: valueFlag('compare the tree in DIR with a snapshot, the newest if none is said', {helpValue: 'DIR', exclusive: [...IN_STORE, 'drill']}),
    'content-only': switchFlag('compare no modes, owners, times and attributes'),
    drill: numberFlag('restore N files of a snapshot, chosen at random, and compare them', {
      min: 1,
      max: 100_000,
      exclusive: IN_STORE,
      description: 'They are restored into a new directory in TMPDIR, which is removed again. The seed is said; with --seed the same files are chosen.',
    }),
    extra: switchFlag('name also what is in the tree and not in the list'),
    for: ageFlag('read packs for so long, and no longer', {
      description: prose(`Packs are read in the order of their names. Where it begins is another place each day, as far from those of the days before as can be, so that runs which never come to the
end read everything together. How far it came is said. The time is for packs alone: checking indexes comes on top.`),
    }),
    json: jsonFlag,
    quiet: quietFlag,
    'read-data': switchFlag('read every pack, and check each object in it'),
    'read-data-subset': valueFlag('read a part of the packs: 5%, or 1/20', {
      helpValue: 'PART',
      description: prose(`A share turns with the day: with 5% there are twenty parts, by the first eight digits of a pack's name, and each day since 1970 (UTC) has the next. Whoever runs it every day
reads everything in twenty days. 3/20 is the third of twenty parts, whatever the day.`),
    }),
    repair: switchFlag('make records and catalogs anew, and mark what is lost', {
      description: prose(`A record that is damaged or gone is made anew from the copy that the next one has of it, to the byte. A catalog that is lost or damaged is made anew if its packs are there: the record says what its bytes have to be. Objects that are lost are marked as damaged, in a record of
the log, once: whoever pushes next to a set that has them sends them again, and with them older snapshots are whole again. Nothing else is written, and nothing is removed.`),
    }),
    seed: valueFlag('what --drill chooses by, so that it can be repeated', {helpValue: 'TEXT', dependsOn: ['drill']}),
    verbose: verboseFlag,
  }
  static override exitNotes = {1: 'Something is damaged, differs, or did not come back. Each is named.', 2: 'There is no such store, list or directory.'}
  static override environment = [['TMPDIR', 'where --drill restores to, and where long lists are sorted.']] as const
  static override seeAlso = ['bk-log(1)', 'bk-restore(1)', 'bk-index(1)', 'mtree(8)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Verify)
    const speech = this.speech(flags)
    const progress = createProgress({label: this.calledAs, quiet: flags.quiet, records: true})
    try {
      if (!meansStore(args.what)) {
        const misplaced = [...IN_STORE, 'drill', 'against', 'at', 'set'].find((flag) => this.given.has(flag))
        if (misplaced !== undefined) throw usageError(`--${misplaced} goes with a store`, `${args.what} is taken for a list`)
        return await this.#tree((await openIndex(args.what, 'a list'))!, args.dir, flags, progress, speech)
      }
      if (args.dir !== undefined) throw usageError(`what is to be done with ${args.dir}?`, `bk verify ${args.what} --against ${args.dir}`)
      if (flags.against !== undefined) {
        const snapshot = await openAndTell(askedFor(args.what, flags), speech)
        return await this.#tree(new IndexReader(indexTextOf(snapshot), {strict: false}), flags.against, flags, progress, speech)
      }
      const misplaced = ['extra', 'content-only'].find((flag) => this.given.has(flag))
      if (misplaced !== undefined) throw usageError(`--${misplaced} goes with --against, or with a list`)
      if (flags.drill !== undefined) return await this.#drill(args.what, flags.drill, flags, speech)
      if (snapshotOperand(args.what, flags.at).when !== undefined || this.given.has('set')) throw usageError('a whole store is checked', 'one snapshot goes with --against or --drill')
      return await this.#store(args.what, flags, progress, speech)
    } finally {
      progress.end()
    }
  }

  async #store(where: string, flags: VerifyFlags, progress: Progress, speech: Speech): Promise<ExitStatus> {
    const part = flags['read-data-subset']
    const ends = flags.for === undefined ? Infinity : performance.now() + flags.for * 1000
    const isReading = flags['read-data'] || part !== undefined || flags.for !== undefined
    const subset = part === undefined ? undefined : parseSubset(part)
    const findings = verifyStore(openStore(where), {
      read: isReading ? {subset, isCut: flags.for !== undefined, isTimeUp: () => performance.now() >= ends} : undefined,
      repair: flags.repair,
      day: Number(systemClock.now() / DAY),
      threads: Math.min(4, Math.max(2, availableParallelism())),
      note: (text) => speech.note(text),
      warn: (text) => speech.warn(text),
      onProgress: (done) => progress.update(done),
    })
    let summary: Summary | undefined
    const all = (async function* (): AsyncGenerator<Finding> {
      summary = yield* findings
    })()
    await writeOut(flags.json ? mapped(all, findingAsJson) : findingLines(all, (text) => speech.note(text)))
    progress.end()
    if (flags.json) await writeOut([summaryAsJson(summary!)])
    const {read} = summary!
    if (read !== undefined && read.packs < read.ofPacks) speech.note(`the time was enough for ${read.packs} of ${read.ofPacks} packs, ${formatSize(read.bytes)} of ${formatSize(read.ofBytes)}`)
    speech.note(summaryWords(summary!))
    return isDamaged(summary!) ? exitStatus.no : speech.status()
  }

  async #tree(list: IndexReader, dir: string | undefined, flags: VerifyFlags, progress: Progress, speech: Speech): Promise<ExitStatus> {
    const tally: TreeTally = {matching: 0, differences: 0, passed: 0}
    const options = {
      dir: dir === undefined ? undefined : operandBytes(dir),
      extra: flags.extra,
      contentOnly: flags['content-only'],
      workers: 2,
      onProgress: (done: {readonly files: number; readonly bytes: number}) => progress.update(done),
    }
    const differences = verifyTree(list, options, tally)
    await writeOut(mapped(differences, flags.json ? differenceAsJson : (difference) => line(differenceRow(difference))))
    progress.end()
    const {matching, passed} = tally
    if (passed > 0) speech.note(`${passed} ${passed === 1 ? 'path' : 'paths'} could not be read when the list was made, and ${passed === 1 ? 'is' : 'are'} not compared`)
    speech.note(`${matching} ${matching === 1 ? 'entry is' : 'entries are'} as the list says${tally.differences > 0 ? `, ${tally.differences} found that ${tally.differences === 1 ? 'is' : 'are'} not` : ''}`)
    return tally.differences > 0 ? exitStatus.no : speech.status()
  }

  async #drill(where: string, count: number, flags: VerifyFlags, speech: Speech): Promise<ExitStatus> {
    const snapshot = await openAndTell(askedFor(where, flags), speech)
    const seed = flags.seed ?? randomBytes(4).toString('hex')
    const {files, bytes, failed} = await drill({
      snapshot,
      count,
      seed,
      threads: 2,
      asRoot: process.geteuid?.() === 0,
      umask: process.umask(),
      warn: (text) => speech.warn(text),
      onInterrupt,
    })
    await writeOut(failed.map((each) => (flags.json ? failedAsJson(each) : line(['failed', each.why, each.path]))))
    const came = failed.length === 0 ? 'all came back' : `${failed.length} did not come back`
    speech.note(`drilled ${files} ${files === 1 ? 'file' : 'files'}, ${formatSize(bytes)}: ${came} (--seed ${seed})`)
    return failed.length > 0 ? exitStatus.no : speech.status()
  }
}

function failedAsJson({path, why}: Failed): string {
  return `${JSON.stringify({type: 'failed', ...jsonPath('path', path), message: why})}\n`
}

function line(row: Row): string {
  return `${row.join('\t')}\n`
}

async function* mapped<From>(items: AsyncIterable<From>, change: (item: From) => string): AsyncGenerator<string> {
  for await (const item of items) yield change(item)
}
