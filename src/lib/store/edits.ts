/*
 * What stands in edit records (docs/format.md, 6.2): a verb and its words a line. Pure. A verb that is not known here was written by a
 * later version, and is kept.
 */
import {BkError} from '../cli/errors.ts'
import {formatLabels, parseLabels, type Labels} from './needs.ts'
import type {Described, IndexLevel} from './record.ts'

/** A line of an edit. */
export type Edit =
  /** These snapshots are dropped. */
  | {readonly verb: 'drop'; readonly numbers: readonly number[]; readonly why: string}
  /** By which rules a set was rotated last: a time zone, and words of the rules. */
  | {readonly verb: 'rules'; readonly set: string; readonly zone: string; readonly words: string}
  /** A snapshot is kept until then; undefined takes it back. */
  | {readonly verb: 'pin'; readonly seq: number; readonly until: string | undefined; readonly note: string | undefined}
  /** A snapshot counts as received then. */
  | {readonly verb: 'time'; readonly seq: number; readonly time: string}
  /** These packs, or catalogs, are about to be deleted. */
  | {readonly verb: 'doom'; readonly what: 'packs' | 'catalogs'; readonly names: readonly string[]}
  /** So many bytes that a set has brought are gone. */
  | {readonly verb: 'freed'; readonly set: string; readonly bytes: number}
  /** The catalog of the packs that come with the edit, and their bytes with its own. */
  | {readonly verb: 'catalog'; readonly digest: string; readonly bytes: number}
  /** Since then, packs of a set that are needed are others: `fresh` have all of `old` that is needed. */
  | {readonly verb: 'replace'; readonly set: string; readonly time: string; readonly old: Labels; readonly fresh: Labels}
  /** The index of a snapshot is another: what it was made of, without what was purged. */
  | {readonly verb: 'index'; readonly seq: number; readonly index: Amended}
  /** A path, escaped, that is in no snapshot any more. */
  | {readonly verb: 'purged'; readonly path: string}
  /** These objects are lost. */
  | {readonly verb: 'damaged'; readonly ids: readonly string[]}
  | {readonly verb: 'unknown'; readonly line: string}

/** What a record says of its index, and an edit otherwise. */
export type Amended = Pick<Described, 'index' | 'tree' | 'entries' | 'bytes' | 'partial'>

const NUMBER = '[1-9][0-9]{0,8}'
const DROP = new RegExp(`^drop (${NUMBER}(?:-${NUMBER})?(?:,${NUMBER}(?:-${NUMBER})?)*) (\\S.*)$`)
const RULES = /^rules ([A-Za-z0-9][A-Za-z0-9._-]{0,63}) (\S+)((?: \S+)*)$/
const PIN = new RegExp(`^pin (${NUMBER}) (none|\\S{20})(?: (\\S.*))?$`)
const TIME = new RegExp(`^time (${NUMBER}) (\\S{20})$`)
const DOOM = /^doom(-catalogs)?((?: [0-9a-f]{64})+)$/
const FREED = /^freed ([A-Za-z0-9][A-Za-z0-9._-]{0,63}) ((?:0|[1-9][0-9]{0,14}))$/
const CATALOG = /^catalog ([0-9a-f]{64}) ((?:0|[1-9][0-9]{0,14}))$/
const REPLACE = /^replace ([A-Za-z0-9][A-Za-z0-9._-]{0,63}) (\S{20}) ([0-9. -]+) : (none|[0-9. -]+)$/
const COUNT = '(0|[1-9][0-9]{0,14})'
const INDEX = new RegExp(`^index (${NUMBER}) ([0-9a-f]{64}) (full|far|near) ([0-9a-f]{64}) ${COUNT} ${COUNT} ${COUNT}$`)
const PURGED = /^purged (\.(?:\/\S+)?)$/
const DAMAGED = /^damaged((?: [0-9a-f]{64})+)$/

/** Snapshots that one line may drop: more are no store's. */
const MOST_DROPPED = 1_000_000
const NOTHING: Labels = new Map()
/** Bytes of a line that names things. */
const LONGEST = 60_000

/**
 * Takes a line apart.
 * @throws BkError 65 for a verb that is known with words that are not
 */
export function parseEdit(line: string): Edit {
  const verb = line.slice(0, line.indexOf(' ') < 0 ? undefined : line.indexOf(' '))
  const parse = PARSERS.get(verb)
  if (parse === undefined) return {verb: 'unknown', line}
  const edit = parse(line)
  if (edit === undefined || !formatEdit(edit).includes(line)) throw new BkError(`not in the format: ${line.slice(0, 80)}`, {status: 65})
  return edit
}

const PARSERS: ReadonlyMap<string, (line: string) => Edit | undefined> = new Map([
  ['drop', parseDrop],
  ['rules', (line: string): Edit | undefined => match(RULES, line, ([set, zone, words]) => ({verb: 'rules', set: set!, zone: zone!, words: words!.slice(1)}))],
  ['pin', (line: string): Edit | undefined => match(PIN, line, ([seq, until, note]) => ({verb: 'pin', seq: Number(seq), until: until === 'none' ? undefined : timeOf(until!), note}))],
  ['time', (line: string): Edit | undefined => match(TIME, line, ([seq, time]) => ({verb: 'time', seq: Number(seq), time: timeOf(time!)}))],
  ['doom', parseDoom],
  ['doom-catalogs', parseDoom],
  ['freed', (line: string): Edit | undefined => match(FREED, line, ([set, bytes]) => ({verb: 'freed', set: set!, bytes: Number(bytes)}))],
  ['catalog', (line: string): Edit | undefined => match(CATALOG, line, ([digest, bytes]) => ({verb: 'catalog', digest: digest!, bytes: Number(bytes)}))],
  ['replace', (line: string): Edit | undefined =>
    match(REPLACE, line, ([set, time, old, fresh]) => laterFresh({verb: 'replace', set: set!, time: timeOf(time!), old: parseLabels(old!), fresh: fresh === 'none' ? NOTHING : parseLabels(fresh!)}))],
  ['index', (line: string): Edit | undefined => match(INDEX, line, ([seq, id, level, tree, entries, bytes, partial]) => ({
    verb: 'index', seq: Number(seq), index: {index: {id: id!, level: level as IndexLevel}, tree: tree!, entries: Number(entries), bytes: Number(bytes), partial: Number(partial)},
  }))],
  ['purged', (line: string): Edit | undefined => match(PURGED, line, ([path]) => ({verb: 'purged', path: path!}))],
  ['damaged', (line: string): Edit | undefined => match(DAMAGED, line, ([ids]) => ({verb: 'damaged', ids: ids!.slice(1).split(' ')}))],
])

function match(pattern: RegExp, line: string, make: (words: readonly (string | undefined)[]) => Edit | undefined): Edit | undefined {
  const found = pattern.exec(line)
  return found === null ? undefined : make(found.slice(1))
}

function parseDoom(line: string): Edit | undefined {
  return match(DOOM, line, ([catalogs, names]) => ({verb: 'doom', what: catalogs === undefined ? 'packs' : 'catalogs', names: names!.slice(1).split(' ')}))
}

/* What is in the place of a pack came after it, so that whoever follows labels comes to an end. */
function laterFresh(edit: Replacement): Replacement | undefined {
  return Math.max(...edit.old.keys()) < Math.min(...edit.fresh.keys()) ? edit : undefined
}

function parseDrop(line: string): Edit | undefined {
  const [, ranges, why] = DROP.exec(line) ?? []
  if (ranges === undefined || why === undefined) return undefined
  const numbers: number[] = []
  for (const range of ranges.split(',')) {
    const [from = 0, to = from] = range.split('-').map(Number)
    if (to < from || to - from + numbers.length > MOST_DROPPED) return undefined
    for (let seq = from; seq <= to; seq++) numbers.push(seq)
  }
  return {verb: 'drop', numbers, why}
}

function timeOf(text: string): string {
  const time = Date.parse(text)
  if (Number.isNaN(time) || `${new Date(time).toISOString().slice(0, 19)}Z` !== text) throw new BkError(`not a time: ${text}`, {status: 65})
  return text
}

/** Prints an edit: more lines than one where it names much. */
export function formatEdit(edit: Edit): string[] {
  switch (edit.verb) {
    case 'drop':
      return formatDrop(edit.numbers, edit.why)
    case 'rules':
      return [`rules ${edit.set} ${edit.zone}${edit.words === '' ? '' : ` ${edit.words}`}`]
    case 'pin':
      return [`pin ${edit.seq} ${edit.until ?? 'none'}${edit.note === undefined ? '' : ` ${edit.note}`}`]
    case 'time':
      return [`time ${edit.seq} ${edit.time}`]
    case 'doom':
      return inLines(edit.names, ' ').map((names) => `${edit.what === 'packs' ? 'doom' : 'doom-catalogs'} ${names}`)
    case 'freed':
      return [`freed ${edit.set} ${edit.bytes}`]
    case 'catalog':
      return [`catalog ${edit.digest} ${edit.bytes}`]
    case 'replace':
      return [`replace ${edit.set} ${edit.time} ${formatLabels(edit.old)} : ${edit.fresh.size === 0 ? 'none' : formatLabels(edit.fresh)}`]
    case 'index':
      return [formatIndex(edit)]
    case 'purged':
      return [`purged ${edit.path}`]
    case 'damaged':
      return inLines(edit.ids, ' ').map((ids) => `damaged ${ids}`)
    case 'unknown':
      return [edit.line]
  }
}

function formatIndex({seq, index: {index, tree, entries, bytes, partial}}: Extract<Edit, {readonly verb: 'index'}>): string {
  return `index ${seq} ${index.id} ${index.level} ${tree} ${entries} ${bytes} ${partial}`
}

function formatDrop(numbers: readonly number[], why: string): string[] {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b)
  const ranges: string[] = []
  for (let i = 0; i < sorted.length; ) {
    let j = i
    while (sorted[j + 1] === sorted[j]! + 1) j++
    ranges.push(j === i ? String(sorted[i]) : `${sorted[i]}-${sorted[j]}`)
    i = j + 1
  }
  return inLines(ranges, ',').map((text) => `drop ${text} ${why}`)
}

function inLines(words: readonly string[], between: string): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= LONGEST) lines.push(word)
    else lines[lines.length - 1] = `${last}${between}${word}`
  }
  return lines
}

/** A line of an edit that says which packs stand for others. */
export type Replacement = Extract<Edit, {readonly verb: 'replace'}>

/* The lines of a verb, taken apart: no others are. */
function linesOf<Verb extends Edit['verb']>(lines: readonly string[], verb: Verb, word: string = verb): Extract<Edit, {readonly verb: Verb}>[] {
  const isOfVerb = (edit: Edit): edit is Extract<Edit, {readonly verb: Verb}> => edit.verb === verb
  return lines.filter((line) => line.startsWith(`${word} `)).map(parseEdit).filter(isOfVerb)
}

/** The snapshots that the lines of an edit drop. */
export function droppedBy(lines: readonly string[]): number[] {
  return linesOf(lines, 'drop').flatMap(({numbers}) => numbers)
}

/** The packs that the lines of an edit doom. */
export function doomedBy(lines: readonly string[]): string[] {
  return linesOf(lines, 'doom').flatMap(({names}) => names)
}

/** The catalogs that they doom. */
export function doomedCatalogs(lines: readonly string[]): string[] {
  return linesOf(lines, 'doom', 'doom-catalogs').flatMap(({names}) => names)
}

/** The objects that the lines of an edit say are lost. */
export function damagedBy(lines: readonly string[]): string[] {
  return linesOf(lines, 'damaged').flatMap(({ids}) => ids)
}

/** Bytes that the lines of an edit say are gone, of what a set has brought. */
export function freedBy(lines: readonly string[], set: string): number {
  return linesOf(lines, 'freed').reduce((sum, edit) => sum + (edit.set === set ? edit.bytes : 0), 0)
}

/** When the lines of an edit say that snapshots count as received. */
export function timesBy(lines: readonly string[]): Map<number, string> {
  return new Map(linesOf(lines, 'time').map(({seq, time}) => [seq, time]))
}

/** The snapshots whose indexes the lines of an edit say are others. */
export function indexesBy(lines: readonly string[]): Map<number, Amended> {
  return new Map(linesOf(lines, 'index').map(({seq, index}) => [seq, index]))
}

/** What the lines of an edit replace. */
export function replacedBy(lines: readonly string[]): Replacement[] {
  return linesOf(lines, 'replace')
}

/** The catalog that comes with an edit. Throws BkError 65 for more than one. */
export function catalogBy(lines: readonly string[]): Extract<Edit, {readonly verb: 'catalog'}> | undefined {
  const [first, ...others] = linesOf(lines, 'catalog')
  if (others.length > 0) throw new BkError('an edit has one catalog', {status: 65})
  return first
}
