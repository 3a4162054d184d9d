/*
 * When the snapshots of a set count as received: retention goes by nothing else, so a clock that was wrong ends it. Pure.
 */
import {BkError} from '../cli/errors.ts'
import {formatAge} from '../status/age.ts'
import {timeText} from './calendar.ts'

/** The receipt of a snapshot. Times are seconds since 1970. */
export interface Receipt {
  readonly seq: number
  /** As its record has it, or as an edit `time` has set it. */
  readonly received: number
  /** Whether an edit has: somebody has looked at it then, and a gap before it is meant. */
  readonly isSet?: boolean | undefined
}

export interface Clock {
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds that may lie between a receipt and the next. */
  readonly maxGap: number
}

/** 400 days: a year's pause, and some. */
export const DEFAULT_MAX_GAP = 400 * 86_400

/** What a clock may be set back by, and two sessions of a set may commit out of turn by, without anything being wrong. */
const TOLERATED_SECONDS = 300

/**
 * The moments at which snapshots count as received, none before the one before it.
 * @param receipts of all snapshots of one set, by number, dropped ones too: what is left of them has gaps that the receipts had not, and
 * when a snapshot counts as received must not depend on what was dropped before it
 * @throws BkError 77 where the clock must have been wrong
 */
export function settleReceipts(receipts: readonly Receipt[], {now, maxGap}: Clock): number[] {
  const settled: number[] = []
  let before: Receipt | undefined
  let latest = Number.NEGATIVE_INFINITY
  for (const receipt of receipts) {
    const {seq, received, isSet} = receipt
    if (before !== undefined && seq <= before.seq) throw new Error(`receipt ${seq} is not behind ${before.seq}`)
    const ahead = before === undefined ? 0 : received - latest
    if (-ahead > TOLERATED_SECONDS) throw wrong(receipt, `${formatAge(-ahead)} earlier than ${before!.seq}, the one before it`)
    if (ahead > maxGap && isSet !== true) throw wrong(receipt, `${formatAge(ahead)} later than ${before!.seq}, the one before it`)
    latest = Math.max(latest, received)
    settled.push(latest)
    before = receipt
  }
  if (before !== undefined && latest - now > TOLERATED_SECONDS) throw wrong(before, `${formatAge(latest - now)} later than now`)
  return settled
}

function wrong({seq, received}: Receipt, how: string): BkError {
  return new BkError(`snapshot ${seq} was received ${how}: a clock was wrong`, {
    status: 77,
    hint: `--retime sets when a snapshot was received (${seq} has ${timeText(received)}); --max-gap allows a longer time between two`,
  })
}
