/*
 * What a snapshot has at a path, as `ls -l` shows it.
 */
import {entryOf, commentValue, type Group} from '../index/group.ts'
import {parentOf} from '../index/path.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {escapeName} from '../cli/escape.ts'
import {localTime} from './log-rows.ts'
import type {Entry, EntryType} from '../index/entry.ts'
import type {Column, Row} from '../cli/table.ts'

export const LS_COLUMNS: readonly Column[] = [
  {title: 'mode'},
  {title: 'owner'},
  {title: 'group'},
  {title: 'size', align: 'right'},
  {title: 'time'},
  {title: 'name', overflow: true},
]

const LETTERS: Readonly<Record<EntryType, string>> = {file: '-', dir: 'd', link: 'l', fifo: 'p', char: 'c', block: 'b'}
const UNKNOWN = '-'

/**
 * The groups at a path: what is in it where it is a directory, else itself.
 * @param path escaped path of the index that is there
 */
export async function* groupsAt(path: string, groups: AsyncIterable<readonly Group[]>): AsyncGenerator<Group> {
  for await (const batch of groups) {
    for (const group of batch) {
      const isIn = parentOf(group.path) === path
      if (isIn || (group.path === path && entryOf(group)?.type !== 'dir')) yield group
    }
  }
}

/** How names and times are shown. */
export type LsForm =
  /** Escaped as in an index, times in UTC. */
  | {readonly kind: 'exact'}
  | {readonly kind: 'readable'; readonly timeZone: string}

/** A group as a row. */
export function lsRow(group: Group, form: LsForm): Row {
  const entry = entryOf(group)
  const name = nameOf(group.path, form)
  if (entry === undefined) {
    const why = commentValue(group, 'error') ?? commentValue(group, 'left-out') ?? ''
    return ['??????????', UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, `${name} (not stored: ${why})`]
  }
  const target = entry.link === undefined ? '' : ` -> ${shown(entry.link, form)}`
  const isStale = commentValue(group, 'stale') === undefined ? '' : ' (from an earlier snapshot)'
  return [modeString(entry, group), owner(entry.uname, entry.uid), owner(entry.gname, entry.gid), sizeOf(entry), timeOf(entry, form), name + target + isStale]
}

function nameOf(path: string, form: LsForm): string {
  return shown(path.slice(path.lastIndexOf('/') + 1), form)
}

/** A path or target as it is shown. */
export function shown(escaped: string, form: LsForm): string {
  return form.kind === 'exact' ? escaped : escapeName(toBytes(unescapeText(escaped)))
}

function owner(name: string | undefined, number: number | undefined): string {
  return name ?? number?.toString() ?? UNKNOWN
}

function sizeOf({size, device}: Entry): string {
  return device === undefined ? (size?.toString() ?? UNKNOWN) : `${device.major},${device.minor}`
}

/** When an entry was modified. */
export function timeOf({time}: Entry, form: LsForm): string {
  if (time === undefined) return UNKNOWN
  const moment = Number(time.slice(0, time.indexOf('.'))) * 1000
  // What no calendar goes up to.
  if (Math.abs(moment) > 8e15) return time
  return form.kind === 'exact' ? new Date(moment).toISOString().replace('.000Z', 'Z') : localTime(moment, form.timeZone)
}

/** `drwxr-xr-x`, with a plus behind it where there is an ACL. */
export function modeString({type, mode}: Entry, group: Group): string {
  const acl = commentValue(group, 'xattr.system.posix_acl_access') === undefined ? '' : '+'
  if (mode === undefined) return `${LETTERS[type]}?????????${acl}`
  const bits = (shift: number, special: number, letter: string): string => {
    const part = mode >> shift
    const execute = (part & 1) !== 0
    const last = (mode & special) === 0 ? (execute ? 'x' : '-') : execute ? letter : letter.toUpperCase()
    return `${(part & 4) === 0 ? '-' : 'r'}${(part & 2) === 0 ? '-' : 'w'}${last}`
  }
  return LETTERS[type] + bits(6, 0o4000, 's') + bits(3, 0o2000, 's') + bits(0, 0o1000, 't') + acl
}
