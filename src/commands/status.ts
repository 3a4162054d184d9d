/*
 * bk status: whether the backups run.
 */
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {isFailure} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {describeFailure} from '../lib/cli/failure.ts'
import {ageFlag, jsonFlag, quietFlag, repeatableFlag, requiredOperands, switchFlag} from '../lib/cli/flags.ts'
import {writeFolded} from '../lib/cli/fold.ts'
import {ownAuthorizedKeys} from '../lib/cli/login.ts'
import {writeOut} from '../lib/cli/output.ts'
import {setName} from '../lib/cli/set-name.ts'
import {localTimeZone} from '../lib/cli/snapshot.ts'
import {writeTable} from '../lib/cli/table.ts'
import {stdoutIsTerminal} from '../lib/cli/terminal.ts'
import {grantedIn, type Granted} from '../lib/status/granted.ts'
import {prometheusLines, type Asked} from '../lib/status/prometheus.ts'
import {reportOn, type ReportOptions, type SetReport} from '../lib/status/report.ts'
import {exactRow, problemLines, readableRow, reportAsJson, statusColumns} from '../lib/status/rows.ts'
import {worst} from '../lib/status/worst.ts'
import {systemClock} from '../lib/sys/clock.ts'
import type {Speech} from '../lib/cli/speech.ts'

const MAX_AGE = 26 * 3600

export default class Status extends BkCommand {
  static override summary = 'say whether the backups run, and what is wrong'
  static override description = prose(`writes a line for each set of a store: its newest complete snapshot, how old and how large that is, what the newest snapshot brought,
how many came in the last 24 hours, what the set has used of its quota, and "ok", or what is wrong. It needs no key and remembers nothing: it reads the log of the store.
Anything that is wrong turns the exit status to 1, and is said in words: below the table on a terminal, else on standard error.

never: no snapshot has come, though a key may push to the set, or --set names it, or the store has no set at all.

stale: the newest complete snapshot is older than --max-age.

partial: the newest snapshot could not read everything.

cut: after the newest snapshot a session was cut off or refused, and its packs lie there. One at work in the last 15 minutes is no trouble. Not to be seen over ssh.

full: of the quota less is left than the larger of the newest two snapshots brought (but for the set's first).

day-full: as many snapshots came in 24 hours as are allowed, and the next would be refused if they go on to come as they did. A host that pushes exactly as often as it may is well.

shrunk: the newest snapshot has less than half the entries of the one before, or of another of the last 24 hours.

clock: the newest snapshot was received earlier than the one before it, or more than 5 minutes later than now.

Limits are the stricter of the store's own and those in the lines of authorized_keys by 'bk keys restrict' for this store, on this machine; those lines also say which sets there should be.

In a pipe fields are separated by a TAB, and exact: set, number and time (UTC) of the newest complete snapshot, its age in seconds, its entries and bytes, bytes that the newest snapshot brought, by how many bytes
the tree has changed since the one before, snapshots in 24 hours, those allowed, bytes used, quota, and the words, with commas between, or ok. What is not known is "-". With several stores the store stands before the set.

With --json each set is an object: type, store, set, healthy, complete, received, age, entries, bytes, newest, unread, new_bytes, bytes_change, today, per_day, used, quota, left_packs, left_bytes,
and problems, each with kind and message. What is not known is left out.`)
  static override examples = [
    {description: 'whether all of a store is well', command: 'bk status /backup/store'},
    {description: 'in cron: silent, but for sets with which something is wrong', command: 'bk status -q /backup/store --authorized-keys ~backup/.ssh/authorized_keys'},
    {description: 'one set, which should come every hour', command: 'bk status /backup/store --set web1 --max-age 2h'},
    {
      description: "for node_exporter's textfile collector",
      command: 'bk status --prometheus /backup/store >bk.prom.new 2>/dev/null; mv bk.prom.new /var/lib/node_exporter/bk.prom',
    },
  ]
  static override args = {store: requiredOperands('stores')}
  static override flags = {
    'authorized-keys': repeatableFlag('keys that may push; ~/.ssh/authorized_keys, if it can be read, when not given', {helpValue: 'FILE'}),
    json: jsonFlag,
    'max-age': ageFlag('age from which a newest complete snapshot is stale; 26h if not given'),
    prometheus: switchFlag("write metrics in Prometheus' text format", {exclusive: ['json']}),
    quiet: {...quietFlag, description: 'Sets with which nothing is wrong are left out, but of metrics.'},
    set: repeatableFlag('look only at this set, which should be there', {helpValue: 'NAME'}),
  }
  static override exitNotes = {
    1: 'Something is wrong with a set.',
    2: 'A store is not there, or cannot be read. Of several stores the others are written all the same, and the gravest status is taken: 65, 2, 77, 75, 1.',
    65: 'The log of a store is damaged.',
    75: 'A store could not be reached.',
  }
  static override files = [['~/.ssh/authorized_keys', 'keys that may push, when --authorized-keys is not given: in the home that the user database says.']] as const
  static override seeAlso = ['bk-log(1)', 'bk-keys-restrict(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Status)
    const speech = this.speech(flags)
    const now = Math.floor(Number(systemClock.now() / 1_000_000n) / 1000)
    const options = {sets: flags.set?.map(setName), granted: grantedBy(flags['authorized-keys'], now), maxAge: flags['max-age'] ?? MAX_AGE, now}
    const asked: Asked[] = []
    const statuses: ExitStatus[] = []
    // Twice the same would be two samples of one metric.
    for (const store of new Set(args.store)) {
      const [reports, status] = await this.#tryStore(store, options, speech)
      asked.push({store, reports})
      statuses.push(status)
    }
    const reports = asked.flatMap((each) => each.reports ?? []).filter(({problems}) => !flags.quiet || problems.length > 0)
    if (flags.prometheus) await writeOut(prometheusLines(asked))
    else if (flags.json) await writeOut(reports.map((report) => reportAsJson(report, now)))
    else await writeRows(reports, {stores: asked.length, now, speech})
    return worst(statuses)
  }

  /* One store that cannot be read does not hide the others. */
  async #tryStore(store: string, options: ReportOptions, speech: Speech): Promise<[SetReport[] | undefined, ExitStatus]> {
    try {
      const reports = await reportOn(store, options)
      return [reports, reports.some(({problems}) => problems.length > 0) ? exitStatus.no : exitStatus.done]
    } catch (error) {
      const failure = describeFailure(error, this.calledAs)
      if (failure.status === exitStatus.usage || failure.status === exitStatus.bug) throw error
      speech.failure(failure.message.includes(store) ? failure.message : `${store}: ${failure.message}`, failure)
      return [undefined, failure.status]
    }
  }
}

/* A file that was named has to be there; the usual one may be missing, or none of this user's business. */
function grantedBy(files: readonly string[] | undefined, now: number): Granted[] {
  if (files !== undefined) return files.flatMap((file) => grantedIn(file, now))
  try {
    return grantedIn(ownAuthorizedKeys(), now)
  } catch (error) {
    // A user whom the database does not know has none.
    if (isFailure(error)) return []
    throw error
  }
}

/* The words of what is wrong belong to the table that somebody looks at; where a program reads it, they are for cron to mail. */
async function writeRows(reports: readonly SetReport[], {stores, now, speech}: {stores: number; now: number; speech: Speech}): Promise<void> {
  const lines = reports.flatMap((report) => problemLines(report, stores))
  if (stdoutIsTerminal()) {
    const timeZone = localTimeZone()
    await writeTable(statusColumns(stores), reports.map((report) => readableRow(report, {stores, now, timeZone})))
    await writeFolded(lines)
    return
  }
  await writeTable(statusColumns(stores), reports.map((report) => exactRow(report, {stores, now})))
  for (const line of lines) speech.warn(line)
}
