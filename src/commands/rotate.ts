/*
 * bk rotate: which snapshots stay, and letting the others go.
 */
import {randomBytes} from 'node:crypto'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError, usageError} from '../lib/cli/errors.ts'
import {ageFlag, jsonFlag, numberFlag, operand, quietFlag, repeatableFlag, requiredOperand, switchFlag, valueFlag, verboseFlag} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {mustBeOwner} from '../lib/cli/owner.ts'
import {writeOut} from '../lib/cli/output.ts'
import {localTimeZone} from '../lib/cli/snapshot.ts'
import {writeTable} from '../lib/cli/table.ts'
import {stdoutIsTerminal} from '../lib/cli/terminal.ts'
import {removeOnInterrupt} from '../lib/cli/temporary.ts'
import {formatSize} from '../lib/cli/units.ts'
import {cleanUp} from '../lib/retention/clean-up.ts'
import {compact, type Compacted} from '../lib/retention/compact.ts'
import {applyPlan, dropSnapshots, planStore, retime, rotate, type Rotated} from '../lib/retention/rotate.ts'
import {parseNumbers, parseTimes} from '../lib/retention/words.ts'
import {PLAN_COLUMNS, planAsJson, planRows} from '../lib/retention/plan-rows.ts'
import {formatPlan, parsePlan, type StorePlan} from '../lib/retention/plan-text.ts'
import {DEFAULT_MAX_GAP} from '../lib/retention/receipts.ts'
import {rulesOf, type Standing} from '../lib/retention/rules.ts'
import {PERIODS} from '../lib/retention/calendar.ts'
import {openLog} from '../lib/store/open.ts'
import {readState} from '../lib/store/state.ts'
import {systemClock} from '../lib/sys/clock.ts'
import type {ExitStatus} from '../lib/cli/exit.ts'
import type {Speech} from '../lib/cli/speech.ts'
import type {StoreLog} from '../lib/store/log.ts'

const keepFlags = {
  'keep-hourly': numberFlag('of each of the last N hours in which something was received'),
  'keep-daily': numberFlag('of each of the last N days'),
  'keep-weekly': numberFlag('of each of the last N weeks, from Monday on'),
  'keep-monthly': numberFlag('of each of the last N months'),
  'keep-quarterly': numberFlag('of each of the last N quarters'),
  'keep-yearly': numberFlag('of each of the last N years'),
  'keep-within': ageFlag('everything that is younger than this, counted from the newest'),
  'keep-last': numberFlag('the last N, beside what other rules keep'),
}

export default class Rotate extends BkCommand {
  static override summary = 'let go of old snapshots by rules'
  static override description = prose(`writes a plan: each snapshot, whether it stays or goes, until when it is promised to stay, and why. Nothing is changed. With --apply it does what the plan says and frees what no
snapshot needs any more; it writes how many were dropped and kept and how many bytes were freed. A plan in a file may be looked at first: 'bk rotate STORE --keep-daily 7 >plan', then 'bk rotate STORE --apply plan'.

Each set is looked at by itself, and only the store's clock counts. Of an hour, day, week and so on the first snapshot stays, and the first complete one; one that came later only when it has more than twice the entries. So whoever pushes
junk with a stolen key takes no other snapshot's place: what the plan promises to keep until a date stays until then by these rules, whatever comes. The newest snapshot of a set, and its newest complete one, always stay. --keep-last alone is therefore refused.

The rules are remembered in the store by --apply, and hold when none are given; narrower ones need --force. Whoever is sending at the moment is not disturbed: what was the newest of its set within the last 25 hours is freed by a later run, unless --now is given.
No key of the store is needed. It runs where the store is.`)
  static override examples = [
    {description: 'what would stay', command: 'bk rotate /backup/store --keep-daily 7 --keep-weekly 5 --keep-monthly 12'},
    {description: 'every night, by the rules that were applied last', command: 'bk rotate -q /backup/store --apply >/dev/null'},
    {description: 'once a week, with what packs hold in vain', command: 'bk rotate -q /backup/store --apply --compact >/dev/null'},
    {description: 'three snapshots by their numbers', command: 'bk rotate /backup/store --drop 18-19,25 --apply'},
    {description: 'one that was received while the clock was wrong', command: 'bk rotate /backup/store --retime 17=2026-11-22T08:30:05Z --apply'},
  ]
  static override args = {store: requiredOperand('directory of the store'), plan: operand('with --apply: a plan that was written before; - for standard input')}
  static override flags = {
    ...keepFlags,
    apply: switchFlag('do it'),
    compact: switchFlag('with --apply: also write packs anew that are mostly waste', {
      description: prose(`A pack holds many objects. While one of them is needed the whole pack stays; with --compact those of which more than half is not needed any more are replaced by packs without
the rest. For that every index is read, so once a week or a month is enough. The replaced ones are freed by a run a day later, or at once with --now; until then both take room.`),
    }),
    drop: valueFlag('let these snapshots go, by number: 18-40,43', {helpValue: 'NUMBERS'}),
    force: switchFlag('with --apply: take rules that keep less than those before'),
    json: jsonFlag,
    'max-gap': ageFlag('longest time between two receipts that no clock has to answer for; 400D if not given'),
    now: switchFlag('with --apply: free everything at once; who is sending may have to send again'),
    quiet: quietFlag,
    retime: repeatableFlag('say when a snapshot was received', {helpValue: 'NUMBER=TIME'}),
    set: valueFlag('look at one set only', {helpValue: 'NAME'}),
    timezone: valueFlag('whose days and weeks are meant, such as Europe/Berlin; UTC if not given', {helpValue: 'ZONE'}),
    verbose: verboseFlag,
    waste: numberFlag('with --compact: percent of a pack that may be waste; 50 if not given', {helpValue: 'PERCENT', min: 0, max: 99, dependsOn: ['compact']}),
  }
  static override exitNotes = {
    65: 'The plan was changed or is cut off, or the log of the store is damaged: nothing was changed.',
    77: 'Refused: the rules are narrower than before, a clock was wrong, or the plan is of another store.',
  }
  static override seeAlso = ['bk-keep(1)', 'bk-log(1)', 'bk-status(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(Rotate)
    const speech = this.speech(flags)
    const by = [flags.drop, flags.retime, args.plan].filter((each) => each !== undefined).length
    const isByRules = Object.keys(keepFlags).some((name) => this.given.has(name)) || flags.timezone !== undefined || flags.set !== undefined
    if (by > 1 || (by === 1 && isByRules)) throw usageError('rules, a plan, --drop and --retime are each for themselves')
    const misplaced = flags.apply ? undefined : (['force', 'now', 'compact'] as const).find((name) => flags[name])
    if (misplaced !== undefined) throw usageError(`--${misplaced} goes with --apply`)
    if (args.plan !== undefined && !flags.apply) throw usageError('a plan is for --apply', `bk rotate ${args.store} --apply ${args.plan}`)
    if (flags.apply) mustBeOwner(args.store, `rotate ${args.store} --apply`)
    const log = await openLog(args.store, {onTemp: removeOnInterrupt})
    const now = secondsNow()
    const options = {set: flags.set, standing: standingOf(flags), now, maxGap: flags['max-gap'] ?? DEFAULT_MAX_GAP}
    if (!flags.apply) {
      if (by > 0) throw usageError(`--${flags.drop === undefined ? 'retime' : 'drop'} changes the store: say --apply with it`)
      await writePlan(planStore(log, await readState(log), options), flags.json)
      return speech.status()
    }
    if (flags.retime !== undefined) {
      await retime(log, parseTimes(flags.retime))
      return speech.status()
    }
    const {dropped, kept} = await this.#apply(log, args.plan, flags, options)
    if (flags.compact) await this.#compact(log, flags, speech)
    const freed = await cleanUp(log, {now: secondsNow(), atOnce: flags.now})
    speech.detail(`freed ${freed.packs} packs and ${freed.catalogs} catalogs, ${formatSize(freed.bytes)}`)
    const line = flags.json ? JSON.stringify({type: 'rotated', dropped, kept, freed: freed.bytes}) : `dropped ${dropped} kept ${kept} freed ${freed.bytes}`
    await writeOut([`${line}\n`])
    return speech.status()
  }

  async #compact(log: StoreLog, {now, waste}: {readonly now: boolean; readonly waste: number | undefined}, speech: Speech): Promise<void> {
    const warn = (text: string): void => speech.warn(text)
    let compacted: Compacted
    try {
      compacted = await compact(log, {now: secondsNow, atOnce: now, waste: (waste ?? 50) / 100, lead: () => randomBytes(16), warn})
    } catch (error) {
      // What was dropped is dropped, and what nobody needs can be freed.
      if (!(error instanceof BkError) || error.status !== 65) throw error
      warn(`nothing is compacted: ${error.message}; 'bk verify ${log.store.where}' says more`)
      return
    }
    const {packs, bytes, fresh} = compacted
    speech.note(packs === 0 ? 'no pack is mostly waste' : `${packs} ${packs === 1 ? 'pack' : 'packs'} of ${formatSize(bytes)} ${packs === 1 ? 'is' : 'are'} replaced by ${formatSize(fresh)}`)
  }

  async #apply(log: StoreLog, plan: string | undefined, flags: {readonly drop: string | undefined; readonly force: boolean}, options: Parameters<typeof planStore>[2]): Promise<Rotated> {
    if (flags.drop !== undefined) return await dropSnapshots(log, parseNumbers(flags.drop))
    if (plan === undefined) return await rotate(log, {...options, force: flags.force})
    const pieces: Buffer[] = []
    for await (const piece of openInput(plan, 'a plan')) pieces.push(piece)
    return await applyPlan(log, parsePlan(Buffer.concat(pieces).toString('latin1')), {...options, force: flags.force})
  }
}

function secondsNow(): number {
  return Number(systemClock.now() / 1_000_000_000n)
}

type KeepFlags = {readonly [Name in keyof typeof keepFlags]: number | undefined}

/* Undefined when nothing was asked for: then what was applied last holds. */
function standingOf(flags: KeepFlags & {readonly timezone: string | undefined}): Standing | undefined {
  const asked = Object.fromEntries([...PERIODS, 'within', 'last'].map((name) => [name, flags[`keep-${name}` as keyof KeepFlags] ?? 0]))
  if (Object.values(asked).every((value) => value === 0) && flags.timezone === undefined) return undefined
  return {zone: flags.timezone ?? 'UTC', rules: rulesOf(asked)}
}

async function writePlan(plan: StorePlan, json: boolean): Promise<void> {
  if (json) await writeOut(planAsJson(plan))
  else if (stdoutIsTerminal()) await writeTable(PLAN_COLUMNS, planRows(plan, localTimeZone()))
  else await writeOut(formatPlan(plan))
}
