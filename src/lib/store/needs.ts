/*
 * What a snapshot needs, as labels: SEQ.N is the N-th pack of record SEQ's catalog (docs/format.md, 6.2). Written as a
 * difference to the set's last snapshot and in ranges, so that a night on which nothing changed costs a few bytes.
 */
import {BkError} from '../cli/errors.ts'

/** A set of labels: pack numbers (from 1) by record. */
export type Labels = ReadonlyMap<number, ReadonlySet<number>>

/** One record's `needs`. */
export interface Needs {
  /** The snapshot of the same set that this is a difference to; undefined for a whole list. */
  readonly base: number | undefined
  readonly drop: Labels
  readonly add: Labels
}

const MAX_LINE = 60_000
/** More labels than this in one record are no store's, 64 TiB in packs, and would be more memory than a few words may cost. */
const MAX_LABELS = 2 ** 22

/** Prints `needs` as the values of one or more lines. */
export function formatNeeds({base, drop, add}: Needs): string[] {
  const words = [...words_('-', drop), ...words_('+', add)]
  const lines = [base === undefined ? 'none' : String(base)]
  for (const word of words) {
    const last = lines[lines.length - 1]!
    if (last.length + word.length < MAX_LINE) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`and ${word}`)
  }
  return lines
}

function words_(sign: '+' | '-' | '', labels: Labels): string[] {
  const words: string[] = []
  for (const seq of [...labels.keys()].sort((a, b) => a - b)) {
    const numbers = [...labels.get(seq)!].sort((a, b) => a - b)
    for (let i = 0; i < numbers.length; ) {
      let j = i
      while (numbers[j + 1] === numbers[j]! + 1) j++
      words.push(`${sign}${seq}.${numbers[i]}${j > i ? `-${numbers[j]}` : ''}`)
      i = j + 1
    }
  }
  return words
}

/** Prints labels as words: `17.3-5 18.1`. */
export function formatLabels(labels: Labels): string {
  return words_('', labels).join(' ')
}

/** Parses what `formatLabels` prints; throws BkError 65. */
export function parseLabels(text: string): Labels {
  const {add} = parseNeeds([`none ${text.split(' ').map((word) => `+${word}`).join(' ')}`])
  return add
}

const WORD = /^([+-])([1-9]\d{0,8})\.([1-9]\d{0,6})(?:-([1-9]\d{0,6}))?$/

/** Parses the values of the `needs` lines of a record; throws BkError 65. */
export function parseNeeds(values: readonly string[]): Needs {
  const [first, ...rest] = values
  if (first === undefined || values.some(({length}) => length > MAX_LINE)) throw bad('')
  const words = first.split(' ')
  const head = words.shift()!
  if (head !== 'none' && !/^[1-9]\d{0,8}$/.test(head)) throw bad(head)
  for (const line of rest) {
    const more = line.split(' ')
    if (more.shift() !== 'and') throw bad(line)
    words.push(...more)
  }
  const drop = new Map<number, Set<number>>()
  const add = new Map<number, Set<number>>()
  let count = 0
  for (const word of words) {
    const match = WORD.exec(word)
    if (match === null) throw bad(word)
    const [, sign, seq, from, to = from] = match
    const labels = sign === '+' ? add : drop
    if (Number(to) < Number(from) || (to === match[4] && to === from)) throw bad(word)
    count += Number(to) - Number(from) + 1
    if (count > MAX_LABELS) throw bad('too many')
    const numbers = labels.get(Number(seq)) ?? new Set<number>()
    labels.set(Number(seq), numbers)
    for (let n = Number(from); n <= Number(to); n++) numbers.add(n)
  }
  const needs: Needs = {base: head === 'none' ? undefined : Number(head), drop, add}
  if (formatNeeds(needs).join('\n') !== values.join('\n') || (head === 'none' && drop.size > 0)) throw bad(first)
  return needs
}

/** The labels after a difference; `base` are those it is a difference to. */
export function applyNeeds(base: Labels, needs: Needs): Map<number, Set<number>> {
  const result = new Map([...base].map(([seq, numbers]) => [seq, new Set(numbers)]))
  changeLabels(result, needs)
  return result
}

/** Makes labels what they are after a difference. */
export function changeLabels(labels: Map<number, Set<number>>, needs: Needs): void {
  for (const [seq, numbers] of needs.drop) {
    const have = labels.get(seq)
    for (const n of numbers) have?.delete(n)
    if (have?.size === 0) labels.delete(seq)
  }
  for (const [seq, numbers] of needs.add) {
    const have = labels.get(seq) ?? new Set<number>()
    for (const n of numbers) have.add(n)
    labels.set(seq, have)
  }
}

/** The difference between two sets of labels. */
export function diffNeeds(base: number, before: Labels, after: Labels): Needs {
  return {base, drop: minus(before, after), add: minus(after, before)}
}

/** Labels with those of the latest record first. */
export function lastFirst(labels: Labels): [number, ReadonlySet<number>][] {
  return [...labels].sort(([a], [b]) => b - a)
}

/** The labels of `a` that `b` does not have. */
export function minus(a: Labels, b: Labels): Labels {
  const result = new Map<number, Set<number>>()
  for (const [seq, numbers] of a) {
    const left = [...numbers].filter((n) => b.get(seq)?.has(n) !== true)
    if (left.length > 0) result.set(seq, new Set(left))
  }
  return result
}

function bad(what: string): BkError {
  return new BkError(`not a list of packs: ${what.slice(0, 80)}`, {status: 65})
}
