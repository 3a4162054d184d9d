/*
 * Which packs a run reads, and in which order. Nothing is remembered: the date decides, so that runs which know nothing of each other,
 * one every night, read everything together. Pure.
 */
import {usageError} from '../cli/errors.ts'

/** A part of the packs: those whose names leave `part` when divided by `parts`; undefined turns with the day. */
export interface Subset {
  readonly part: number | undefined
  readonly parts: number
}

/** Parses `5%`, or `1/20`: the first of twenty parts. Throws a usage error. */
export function parseSubset(text: string): Subset {
  const percent = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)
  if (percent !== null && Number(percent[1]) > 0 && Number(percent[1]) <= 100) {
    // At least as much as was asked for.
    return {part: undefined, parts: Math.floor(100 / Number(percent[1]) + 1e-9)}
  }
  const [, part, parts] = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(text) ?? []
  if (part === undefined || Number(part) > Number(parts)) throw usageError(`not a part: ${text}`, 'a share that turns with the day, 5%, or one of several parts, 1/20')
  return {part: Number(part) - 1, parts: Number(parts)}
}

/** How much further than the day before a run begins, as a part of all names: by the golden section, days fill a circle as evenly as can be. */
const GOLDEN = 0.618_033_988_749_895

/**
 * The packs to read, in order.
 * @param day since 1970
 * @param isCut whether the time may not be enough for all: then each day begins elsewhere
 */
export function packsToRead<Pack extends {readonly name: string}>(packs: readonly Pack[], subset: Subset | undefined, day: number, isCut: boolean): Pack[] {
  const chosen = subset === undefined ? [...packs] : packs.filter(({name}) => numberOf(name) % subset.parts === (subset.part ?? day % subset.parts))
  chosen.sort((a, b) => (a.name < b.name ? -1 : 1))
  if (!isCut) return chosen
  // A part comes round once in so many days: what counts is how often it was its turn.
  const turn = subset === undefined || subset.part !== undefined ? day : Math.floor(day / subset.parts)
  const start = (turn * GOLDEN) % 1
  const first = chosen.findIndex(({name}) => numberOf(name) / 2 ** 32 >= start)
  return first < 0 ? chosen : [...chosen.slice(first), ...chosen.slice(0, first)]
}

/* A name is a sum: each of its digits is as good as random. */
function numberOf(name: string): number {
  return parseInt(name.slice(0, 8), 16)
}
