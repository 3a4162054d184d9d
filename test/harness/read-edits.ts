// What edits of a store say in words, by docs/format.md alone: part of read-store.ts.

import {must} from './read-store.ts'

/** `18-20` */
export function addRange(numbers: Set<number>, range: string): void {
  const [from = 0, to = from] = range.split('-').map(Number)
  for (let seq = from; seq <= to; seq++) numbers.add(seq)
}

/** `SET TIME 17.3-5 18.1 : 40.1` */
export function addReplaced(words: string, seq: number, replaced: Map<string, readonly string[]>): void {
  const [, , ...rest] = words.split(' ')
  const middle = rest.indexOf(':')
  const labelsOf = (some: readonly string[]): string[] => some.flatMap((word) => {
    const [, at, from, to = from] = /^(\d+)\.(\d+)(?:-(\d+))?$/.exec(word) ?? []
    must(from !== undefined, `edit ${seq} replaces ${word}`)
    return Array.from({length: Number(to) - Number(from) + 1}, (_, more) => `${at}.${Number(from) + more}`)
  })
  const fresh = rest[middle + 1] === 'none' ? [] : labelsOf(rest.slice(middle + 1))
  must(middle > 0 && fresh.every((label) => Number(label.split('.')[0]) === seq), `edit ${seq} puts what it does not bring in the place of packs`)
  for (const label of labelsOf(rest.slice(0, middle))) {
    must(!replaced.has(label) && Number(label.split('.')[0]) < seq, `edit ${seq} replaces ${label}, which is replaced or not there`)
    replaced.set(label, fresh)
  }
}

/** The labels that one means now. */
export function inPlaceOf(label: string, replaced: ReadonlyMap<string, readonly string[]>): string[] {
  return replaced.get(label)?.flatMap((each) => inPlaceOf(each, replaced)) ?? [label]
}
