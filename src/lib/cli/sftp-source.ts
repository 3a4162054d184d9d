/*
 * `bk pull` of a source over SFTP, with what it says on the way: a source that is hostile may have a million reasons to complain, so only
 * the first are shown, and the rest counted.
 */
import {toBytes, unescapeText} from '../index/escape.ts'
import {KnownCopies} from '../pull/known.ts'
import {pullSftp} from '../pull/sftp.ts'
import {pushedLine} from '../push/push.ts'
import {openLog} from '../store/open.ts'
import {systemClock} from '../sys/clock.ts'
import {reasonOf} from './errors.ts'
import {stateDirectory} from './places.ts'
import {sendOptions} from './send-options.ts'
import {tellHealed, tellSummary} from './summary.ts'
import {removeOnInterrupt} from './temporary.ts'
import type {KeyLimits} from '../keys/grants.ts'
import type {PullSource} from '../pull/sources.ts'
import type {SshTarget} from '../ssh/target.ts'
import type {StoreLog} from '../store/log.ts'
import type {ReadReporter} from '../transfer/sending.ts'
import type {Progress} from './progress.ts'
import type {Speech} from './speech.ts'

/** What a source over SFTP is pulled with. */
export interface SftpPulling {
  readonly store: string
  readonly limits: KeyLimits
  /** Name of the list at the source. */
  readonly index: string | undefined
  readonly cumulative: boolean
  /** Directory of the lists of copies; where this user's state is if not given. */
  readonly state: string | undefined
  readonly compress: string | undefined
  readonly speech: Speech
  readonly progress: Progress
  /** What stands before everything that is said of this source. */
  readonly prefix: string
}

/** Lines that are shown of a kind. */
const MOST_LINES = 100

/** Pulls; resolves to the store's answer. */
export async function pullFromSftp({set}: PullSource, target: SshTarget, pulling: SftpPulling): Promise<string> {
  const {store, limits, index, cumulative, state, compress, speech, progress, prefix} = pulling
  const began = performance.now()
  const log = await openLog(store, {onTemp: removeOnInterrupt})
  const known = cumulative ? new KnownCopies(`${state ?? defaultState(log)}/${set}`) : undefined
  if (known !== undefined) {
    speech.detail(`${prefix}what was copied is remembered in ${known.path}`)
    if (!known.exists()) speech.note(`${prefix}${known.path} is not there: everything is fetched`)
  }
  const settings = sendOptions({compress, jobs: undefined}, speech, progress, () => undefined)
  const words = new Words(speech, prefix, index)
  const {sent, counts, forgotten} = await pullSftp(target, log, {
    set,
    limits,
    clock: systemClock,
    index,
    known,
    settings: {...settings, reporter: words.reporter(settings.reporter)},
    onProgress: ({files}) => progress.update({phase: 'listing', files}),
  })
  progress.end()
  words.end()
  if (counts.notHere > 0) speech.detail(`${prefix}${counts.notHere} files that were copied once are not in the store any more, and were not fetched`)
  if (forgotten !== undefined) {
    speech.warn(`${prefix}committed, but cannot write ${known!.path}: ${reasonOf(forgotten)}`)
    speech.hint('what was fetched now is fetched again the next time')
  }
  tellHealed(sent.totals, speech)
  tellSummary(`${prefix}${pushedLine(sent, undefined, (performance.now() - began) / 1000)}`, speech)
  sent.close()
  return sent.answer
}

/* Stores have ids, and one may be at another place tomorrow. */
function defaultState({settings}: StoreLog): string {
  return `${stateDirectory()}/pull/${settings.id}`
}

/** Says what happens to files, the first of each kind. */
class Words {
  readonly #speech: Speech
  readonly #prefix: string
  readonly #index: string | undefined
  readonly #counts = {problem: 0, note: 0, differs: 0}

  constructor(speech: Speech, prefix: string, index: string | undefined) {
    this.#speech = speech
    this.#prefix = prefix
    this.#index = index
  }

  reporter(rest: ReadReporter): ReadReporter {
    const speech = this.#speech
    return {
      ...rest,
      problem: (path, code) => {
        if (this.#isShown('problem')) speech.problem(toBytes(`${this.#prefix}${unescapeText(path)}`), Object.assign(new Error(code), {code}))
      },
      note: (path, what) => {
        if (this.#isShown('note')) speech.note(`${this.#prefix}${path}: ${what}`)
      },
      differs: (path) => {
        if (this.#isShown('differs')) speech.warn(`${this.#prefix}${path}: is not what ${this.#index} says; it is stored as it is`)
      },
    }
  }

  /** Says how many were not shown. */
  end(): void {
    for (const [kind, what] of [['problem', 'could not be read'], ['differs', 'are not what the list says'], ['note', 'have something to be noted']] as const) {
      const more = this.#counts[kind] - MOST_LINES
      if (more > 0) this.#speech[kind === 'note' ? 'note' : 'warn'](`${this.#prefix}and ${more} more ${what}`)
    }
  }

  #isShown(kind: 'problem' | 'note' | 'differs'): boolean {
    return ++this.#counts[kind] <= MOST_LINES
  }
}
