/*
 * bk pull: push, started by the machine that has the store.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {usageError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {describeFailure} from '../lib/cli/failure.ts'
import {quietFlag, requiredOperands, switchFlag, valueFlag, verboseFlag} from '../lib/cli/flags.ts'
import {keyLimitFlags, keyLimitsOf} from '../lib/cli/limit-flags.ts'
import {writeOut} from '../lib/cli/output.ts'
import {createProgress} from '../lib/cli/progress.ts'
import {sendOptions} from '../lib/cli/send-options.ts'
import {beginSink} from '../lib/cli/send-sink.ts'
import {pullFromSftp, type SftpPulling} from '../lib/cli/sftp-source.ts'
import {receivedLine, tellHealed, tellSummary} from '../lib/cli/summary.ts'
import {removeOnInterrupt} from '../lib/cli/temporary.ts'
import {pull} from '../lib/pull/pull.ts'
import {pullSources, type PullSource} from '../lib/pull/sources.ts'
import {push, pushedLine} from '../lib/push/push.ts'
import {plainTree} from '../lib/source/plain-tree.ts'
import {worst} from '../lib/status/worst.ts'
import {parseAddress} from '../lib/store/address.ts'
import {openLog} from '../lib/store/open.ts'
import {fixedAddress} from '../lib/store/place.ts'
import {systemClock} from '../lib/sys/clock.ts'
import type {KeyLimits} from '../lib/keys/grants.ts'
import type {Progress} from '../lib/cli/progress.ts'
import type {Speech} from '../lib/cli/speech.ts'
import type {Said} from '../lib/ssh/words.ts'
import type {SshTarget} from '../lib/ssh/target.ts'

/** What one source is pulled with. */
interface Pulling {
  readonly store: string
  readonly limits: KeyLimits
  readonly speech: Speech
  readonly progress: Progress
  /** What stands before everything that is said of this source. */
  readonly prefix: string
}

export default class Pull extends BkCommand {
  static override summary = 'fetch backups from other machines into a store'
  static override description = prose(`starts 'bk offer' on the machine of each SOURCE over ssh, takes what it sends into STORE, and writes the store's answer: "committed", the number of the snapshot and its sum; of several
sources each answer behind the SOURCE and a tab. It is run where the STORE is. A SOURCE is ssh://user@host:port or host:, where the key that ssh uses is restricted to a directory by 'bk keys restrict --source'; user@host:path or ssh://host/path, an
account that may run any command; sftp://user@host:port/path, a machine without bk, which is read over SFTP; or a path of this machine, which is pushed.

The other machine is trusted no more than a client that pushes: it can add a snapshot to its own set, within the limits of the store and those given here, and do nothing else.
Keys are those that ssh uses: also one that is only in an agent, forwarded or not. What a source says of files that it cannot read is said here behind its name.

Over SFTP a tree is walked, which shows whole seconds and neither hard links nor extended attributes: a file is read again when its size or time is another, or when it was modified less than an hour before it was read the last time. With --index NAME
the source says itself what it has: NAME is a list made there by 'bk index', md5sum or sha256sum, and only what it says has changed is fetched, and checked against it. What differs is stored as it is, and said, and ends with 3.

With --cumulative nothing is ever given up: what a source has lost stays in the snapshots, marked with the time, and what was copied once is not fetched again, whatever became of the copy. What was copied is a text, known.idx: a file whose line is taken out there is fetched again.

Sources are pulled one after the other. One that fails does not stop the others, and the status at the end is the gravest.`)
  static override examples = [
    {description: 'three machines, whose keys are restricted by --source', command: 'bk pull ssh://web1 ssh://web2 ssh://db1 /backup/store'},
    {description: 'a directory of an account that may run any command', command: 'bk pull --set web1-etc root@web1:/etc /backup/store'},
    {description: 'a machine without bk, over a chrooted SFTP, by the list of md5 sums that it makes', command: 'bk pull --cumulative --index index.md5 sftp://backupop@web1/ /backup/store'},
    {description: 'from cron, and no more than so much', command: 'bk pull -q --quota 200G --deadline 6h ssh://web1 /backup/store'},
  ]
  static override args = {source: requiredOperands('where to pull from, and last the STORE')}
  static override flags = {
    ...keyLimitFlags,
    compress: valueFlag('level of zstd, 1 to 19, or none; over SFTP, where this machine compresses; 1 if not given', {helpValue: 'LEVEL'}),
    cumulative: switchFlag('over SFTP: keep what a source has lost, and fetch nothing twice'),
    index: valueFlag('over SFTP: fetch by the list NAME at the source, relative to its path', {helpValue: 'NAME'}),
    quiet: quietFlag,
    set: valueFlag('set that the snapshots go to; the name of the host if not given', {helpValue: 'NAME'}),
    state: valueFlag('directory that remembers what --cumulative has copied, in SET/known.idx', {helpValue: 'DIR', dependsOn: ['cumulative']}),
    verbose: verboseFlag,
  }
  static override exitNotes = {
    2: 'Failed; nothing was committed. Of several sources: one failed so. The same holds for all statuses from 64 on.',
    3: 'Committed, but some files could not be read: the snapshot says it is partial. Or a source had something else to say, or its list is wrong.',
    65: 'A source does not speak as bk offer or SFTP does, or what it sends, or its list, is damaged.',
    75: 'A source cannot be reached: try again later.',
    77: 'Refused: by a limit of the store, or by the source.',
  }
  static override files = [
    ['$XDG_STATE_HOME/bk/pull/STORE/SET/known.idx', 'what --cumulative has ever copied, by the id of the store, in the words of mtree(5). Without it everything is fetched again.'],
  ] as const
  static override seeAlso = ['bk-offer(1)', 'bk-push(1)', 'bk-keys-restrict(1)', 'bk-status(1)', 'ssh(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Pull)
    const speech = this.speech(flags)
    const words = args.source.slice(0, -1)
    if (words.length === 0) throw usageError('nothing to pull', "name where from, and behind it the store: 'bk pull ssh://web1 STORE'")
    const store = fixedAddress(args.source.at(-1)!)
    if (parseAddress(store).kind !== 'local') throw usageError(`${store} is not on this machine`, "pull works where the store is; from here 'bk push' brings something there")
    const sources = pullSources(words, flags.set)
    const limit = Object.keys(keyLimitFlags).find((name) => this.given.has(name))
    const here = sources.find(({target}) => target === undefined)
    if (limit !== undefined && here !== undefined) throw usageError(`--${limit} goes with sources on other machines: ${here.name} is on this one`)
    const overSftp = ['compress', 'cumulative', 'index'].find((name) => this.given.has(name))
    const other = sources.find(({isSftp}) => !isSftp)
    if (overSftp !== undefined && other !== undefined) throw usageError(`--${overSftp} goes with sources over SFTP: ${other.name} is none`, 'give sftp://user@host/path')
    // A store that cannot be used is said once, and before anybody is asked for a passphrase.
    await openLog(store)
    const statuses: ExitStatus[] = []
    for (const source of sources) {
      const progress = createProgress({label: this.calledAs, quiet: flags.quiet})
      const several = sources.length > 1
      let answer: string
      try {
        answer = await pullOne(source, {...flags, store, limits: keyLimitsOf(flags), speech, progress, prefix: several ? `${source.name}: ` : ''})
      } catch (error) {
        const failure = describeFailure(error, this.calledAs)
        if (!several || failure.status === exitStatus.bug) throw error
        progress.end()
        speech.failure(`${source.name}: ${failure.message}`, failure)
        statuses.push(failure.status)
        continue
      } finally {
        progress.end()
      }
      await writeOut([several ? `${source.name}\t${answer}\n` : `${answer}\n`])
    }
    return worst([...statuses, speech.status()])
  }
}

async function pullOne(source: PullSource, pulling: SftpPulling): Promise<string> {
  const {target, isSftp} = source
  if (target === undefined) return await pullHere(source, pulling)
  return isSftp ? await pullFromSftp(source, target, pulling) : await pullThere(source, target, pulling)
}

async function pullThere({name, set}: PullSource, target: SshTarget, {store, limits, speech, progress, prefix}: Pulling): Promise<string> {
  const began = performance.now()
  let bytes = 0
  const log = await openLog(store, {onTemp: removeOnInterrupt})
  const {seq, sum, partial, late} = await pull(target, log, {
    set,
    limits,
    clock: systemClock,
    onBytes: (total) => progress.update({bytes: (bytes = total), phase: name}),
    onSaid: (said, status) => {
      progress.end()
      tell(said, name, status === 0 ? (line) => speech.note(line) : (line) => speech.warn(line))
    },
  })
  if (partial > 0) speech.warn(`${name}: ${partial} ${partial === 1 ? 'entry' : 'entries'} could not be read there: the snapshot is partial`)
  if (late !== undefined) speech.warn(`${name}: committed, but it ended badly there: ${late.message}`)
  tellSummary(`${prefix}${receivedLine(bytes, (performance.now() - began) / 1000)}`, speech)
  return `committed ${seq} ${sum}`
}

function tell({lines, more}: Said, name: string, say: (line: string) => void): void {
  for (const line of lines) say(`${name}: ${line}`)
  if (more > 0) say(`${name}: and ${more} lines more`)
}

async function pullHere({text, set}: PullSource, {store, speech, progress, prefix}: Pulling): Promise<string> {
  const began = performance.now()
  const opening = await beginSink({store, set, base: undefined, unconfirmed: false, rate: undefined, speech})
  const onProgress = ({files}: {readonly files: number}): void => progress.update({phase: 'listing', files})
  const tree = await plainTree(text, store, {speech, env: process.env, onProgress})
  const sent = await push(tree, opening, sendOptions({compress: undefined, jobs: undefined}, speech, progress, () => undefined))
  progress.end()
  tellHealed(sent.totals, speech)
  tellSummary(`${prefix}${pushedLine(sent, undefined, (performance.now() - began) / 1000)}`, speech)
  return sent.answer
}
