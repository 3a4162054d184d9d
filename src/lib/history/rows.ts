/*
 * Histories of files as rows: for people with local times and short sizes, for programs as the indexes have it, and as lines of JSON.
 * Pure.
 */
import {formatSize} from '../cli/units.ts'
import {jsonPath} from '../index/report.ts'
import {timeText} from '../retention/calendar.ts'
import {keptLongest, type Keep} from '../retention/keeps.ts'
import {localTime} from '../store/log-rows.ts'
import {shown, timeOf, type LsForm} from '../store/ls.ts'
import {newestStored, type FileHistory} from './find.ts'
import {isStored, type Version} from './versions.ts'
import type {Column, Row} from '../cli/table.ts'
import type {Entry} from '../index/entry.ts'
import type {SnapshotRecord} from '../store/record.ts'

/** Of what rows of a set are made. */
export interface RowContext {
  readonly set: string
  /** What keeps each snapshot; undefined where that cannot be said. */
  readonly keeps: ReadonlyMap<number, Keep> | undefined
}

export const VERSION_COLUMNS: readonly Column[] = [
  {title: 'snapshots', align: 'right'},
  {title: 'count', align: 'right'},
  {title: 'came'},
  {title: 'set'},
  {title: 'change'},
  {title: 'type'},
  {title: 'size', align: 'right'},
  {title: 'modified'},
  {title: 'until'},
  {title: 'kept by'},
  {title: 'path', overflow: true},
]

/** For people: what fits beside one another. A set or a path that is the same in all rows is not shown. */
const SHORT_COLUMNS: readonly Column[] = [
  {title: 'no', align: 'right'}, {title: 'came'}, {title: 'set'}, {title: 'change'}, {title: 'size', align: 'right'}, {title: 'modified'}, {title: 'path'}, {title: 'kept by', overflow: true},
]

export const PATH_COLUMNS: readonly Column[] = [
  {title: 'snapshots', align: 'right'},
  {title: 'count', align: 'right'},
  {title: 'came'},
  {title: 'last'},
  {title: 'set'},
  {title: 'now'},
  {title: 'versions', align: 'right'},
  {title: 'type'},
  {title: 'size', align: 'right'},
  {title: 'path', overflow: true},
]

const UNKNOWN = '-'

/** A row for each version of a path. */
export function versionRows(history: FileHistory, context: RowContext, form: LsForm): Row[] {
  return history.versions.map((version) => versionRow(history, version, context, form))
}

/** The same as a table for a terminal. */
export function versionTable(all: readonly {readonly history: FileHistory; readonly context: RowContext}[], timeZone: string): {readonly columns: readonly Column[]; readonly rows: readonly Row[]} {
  const form: LsForm = {kind: 'readable', timeZone}
  const rows = all.flatMap(({history, context}) => history.versions.map((version): Row => {
    const [numbers, , came, set, change, type, bytes, modified, , , path] = versionRow(history, version, context, form)
    const what = type === 'file' || type === UNKNOWN ? change! : `${change} ${type}`
    return [numbers!, toMinutes(came!), set!, what, bytes!, toMinutes(modified!), path!, keptWords(keepOf(history.snapshots, version, context.keeps), timeZone)]
  }))
  const shownAt = SHORT_COLUMNS.flatMap(({title}, at) => ((title === 'set' || title === 'path') && rows.every((row) => row[at] === rows[0]![at]) ? [] : [at]))
  return {columns: shownAt.map((at) => SHORT_COLUMNS[at]!), rows: rows.map((row) => shownAt.map((at) => row[at]!))}
}

function toMinutes(time: string): string {
  return time.replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d):\d\d$/, '$1')
}

function keptWords(keep: Keep | undefined, timeZone: string): string {
  if (keep === undefined) return ''
  const why = keep.why.replace(/ until [^\s,]+/, '')
  return `${keep.seq}: ${why}${keep.until === undefined ? '' : `, until ${localTime(keep.until * 1000, timeZone).slice(0, 10)}`}`
}

function versionRow({path, snapshots}: FileHistory, version: Version, {set, keeps}: RowContext, form: LsForm): Row {
  const {change, entry, why, first, last} = version
  const keep = keepOf(snapshots, version, keeps)
  const target = entry?.link === undefined ? '' : ` -> ${shown(entry.link, form)}`
  return [
    range(snapshots[first]!, snapshots[last]!), String(last - first + 1), received(snapshots[first]!, form), set,
    why === undefined ? change : `${change}: ${why}`, entry?.type ?? UNKNOWN, size(entry, form), entry === undefined ? UNKNOWN : timeOf(entry, form),
    keep?.until === undefined ? UNKNOWN : moment(keep.until, form), keep === undefined ? UNKNOWN : `${keep.seq}: ${keep.why}`, shown(path, form) + target,
  ]
}

/** A row for a path. */
export function pathRow(history: FileHistory, {set}: RowContext, form: LsForm): Row {
  const {path, snapshots, versions} = history
  const stored = versions.filter(isStored)
  // What was never stored is told of, too.
  const there = stored.length === 0 ? versions.filter(({change}) => change === 'unread') : stored
  const [first, last] = [snapshots[there[0]!.first]!, snapshots[there.at(-1)!.last]!]
  const entry = newestStored(history)?.entry
  const count = there.reduce((sum, version) => sum + version.last - version.first + 1, 0)
  const target = entry?.link === undefined ? '' : ` -> ${shown(entry.link, form)}`
  return [
    range(first, last), String(count), received(first, form), received(last, form), set, nowWord(versions),
    String(countVersions(versions)), entry?.type ?? UNKNOWN, size(entry, form), shown(path, form) + target,
  ]
}

/** The versions of a path as lines of JSON. */
export function historyAsJson({path, snapshots, versions}: FileHistory, {set, keeps}: RowContext): string {
  return versions.map((version) => {
    const {change, entry, why, first, last} = version
    const keep = keepOf(snapshots, version, keeps)
    return `${JSON.stringify({
      type: 'version', ...jsonPath('path', path), set, change, first: snapshots[first]!.seq, last: snapshots[last]!.seq, snapshots: last - first + 1,
      came: snapshots[first]!.received, last_received: snapshots[last]!.received, newest: last === snapshots.length - 1,
      ...(entry !== undefined && entryFields(entry)), ...(why !== undefined && {why}),
      ...(keep !== undefined && {kept: {seq: keep.seq, verdict: keep.verdict, ...(keep.until !== undefined && {until: timeText(keep.until)}), why: keep.why.split(', ')}}),
    })}\n`
  }).join('')
}

function entryFields({type, mode, uid, gid, uname, gname, size: bytes, time, link, device, md5, sha256}: Entry): Record<string, unknown> {
  const modeText = mode === undefined ? undefined : `0${mode.toString(8).padStart(3, '0')}`
  return {entry_type: type, mode: modeText, uid, gid, uname, gname, size: bytes, time, ...(link !== undefined && jsonPath('link', link)), device, md5, sha256}
}

/** The same thing behind a gap is no other version. */
function countVersions(versions: readonly Version[]): number {
  return versions.filter((version) => isStored(version) && version.change !== 'again').length
}

function nowWord(versions: readonly Version[]): string {
  const newest = versions.at(-1)!
  return isStored(newest) ? 'there' : newest.change
}

/* Of the snapshots that have a version, what is said of the one that is kept longest. */
function keepOf(snapshots: readonly SnapshotRecord[], version: Version, keeps: RowContext['keeps']): Keep | undefined {
  if (keeps === undefined || !isStored(version)) return undefined
  const having = snapshots.slice(version.first, version.last + 1).flatMap(({seq}) => keeps.get(seq) ?? [])
  return keptLongest(having)
}

function range({seq: first}: SnapshotRecord, {seq: last}: SnapshotRecord): string {
  return first === last ? String(first) : `${first}-${last}`
}

function received({received: time}: SnapshotRecord, form: LsForm): string {
  return form.kind === 'exact' ? time : localTime(Date.parse(time), form.timeZone)
}

function moment(seconds: number, form: LsForm): string {
  return form.kind === 'exact' ? timeText(seconds) : localTime(seconds * 1000, form.timeZone)
}

function size(entry: Entry | undefined, form: LsForm): string {
  if (entry?.size === undefined) return UNKNOWN
  return form.kind === 'exact' ? String(entry.size) : formatSize(entry.size)
}
