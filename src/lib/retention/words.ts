/*
 * Numbers and times of snapshots as they are typed. Pure.
 */
import {usageError} from '../cli/errors.ts'
import {recordTime} from '../store/record.ts'

/** Snapshots that may be named at once. */
const MOST = 1_000_000

/** `18-40,43` as numbers. Throws BkError 64. */
export function parseNumbers(text: string): number[] {
  const numbers = new Set<number>()
  for (const range of text.split(',')) {
    const match = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(range)
    const [from, to] = match === null ? [1, 0] : [Number(match[1]), Number(match[2] ?? match[1])]
    if (to < from || to - from + numbers.size > MOST) throw usageError(`not numbers of snapshots: ${text}`, 'such as 18-40,43')
    for (let seq = from; seq <= to; seq++) numbers.add(seq)
  }
  return [...numbers]
}

/** `17=2026-11-22T08:30:05Z`, each. Throws BkError 64. */
export function parseTimes(words: readonly string[]): {readonly seq: number; readonly time: string}[] {
  return words.map((word) => {
    const [, seq, text = ''] = /^([1-9]\d{0,8})=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(word) ?? []
    const moment = Date.parse(text)
    if (seq === undefined || Number.isNaN(moment) || recordTime(BigInt(moment) * 1_000_000n) !== text) {
      throw usageError(`not a number and a time: ${word}`, 'such as 17=2026-11-22T08:30:05Z, in UTC')
    }
    return {seq: Number(seq), time: text}
  })
}
