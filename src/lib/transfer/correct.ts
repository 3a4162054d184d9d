/*
 * An index says what a file was; what was read says what it is. The stored index tells the latter.
 */
import {formatEntry, parseEntryLine} from '../index/entry.ts'
import {formatComment, NO_COMMENTS, withComments, type Group} from '../index/group.ts'
import type {Change} from '../index/changes.ts'
import type {FileAnswer} from './content.ts'

/** Names of owners, for entries whose owner changed. */
export interface OwnerNames {
  uname(uid: number): string | undefined
  gname(gid: number): string | undefined
}

type Read = Extract<FileAnswer, {status: 'read'}>

/** How a large file was stored. */
export interface Chunked {
  readonly chunks: string
  readonly cut: number
}

/**
 * A change with what was really read of its file.
 * @returns undefined when nothing is left of the change
 */
export function corrected(change: Change, answer: Exclude<FileAnswer, {status: 'large'}>, names: OwnerNames, chunked?: Chunked): Change | undefined {
  const {mark, group} = change
  if (answer.status === 'vanished') {
    return mark === '+' || mark === '>' ? undefined : {mark: '-', group: {path: group.path, line: '', comments: NO_COMMENTS}}
  }
  if (answer.status === 'failed') {
    return {mark: '!', group: {path: group.path, line: '', comments: [formatComment(group.path, 'error', answer.code)]}}
  }
  const line = correctedLine(group.line, answer, names)
  const note = answer.changed ? 'changed' : isAsListed(group, answer) ? undefined : 'not-as-listed'
  const plain = group.comments.length === 0 && note === undefined && chunked === undefined
  const next: Group = plain
    ? {path: group.path, line, comments: NO_COMMENTS}
    : withComments({...group, line}, {chunks: chunked?.chunks, cut: chunked?.cut.toString(), note})
  return {mark, group: next}
}

/**
 * Whether a file has the digest that a list of another machine says it has. What bk has listed itself has changed since, which is said
 * otherwise; only who reads for such a list makes the digest that it has.
 */
export function isAsListed({line}: Group, {md5, sha256, checked = false}: Read): boolean {
  if (!checked) return true
  const entry = parseEntryLine(line)
  return (entry.sha256 === undefined || entry.sha256 === sha256) && (entry.md5 === undefined || md5 === undefined || entry.md5 === md5)
}

function correctedLine(line: string, {sha256, md5, stat}: Read, names: OwnerNames): string {
  const entry = parseEntryLine(line)
  const same =
    entry.size === stat.size && entry.time === stat.time && entry.mode === stat.mode && entry.uid === stat.uid && entry.gid === stat.gid
  if (same) {
    if (md5 !== undefined && entry.md5 !== md5) return formatEntry({...entry, md5, sha256})
    if (entry.sha256 === sha256) return line
    // md5 stays only beside a sha256 that proves it.
    return entry.sha256 === undefined ? `${line} sha256=${sha256}` : formatEntry({...entry, md5: undefined, sha256})
  }
  return formatEntry({
    ...entry,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    uname: entry.uid === stat.uid ? entry.uname : nameOf(stat.uid, (uid) => names.uname(uid)),
    gname: entry.gid === stat.gid ? entry.gname : nameOf(stat.gid, (gid) => names.gname(gid)),
    size: stat.size,
    time: stat.time,
    md5: md5 ?? (entry.sha256 === sha256 ? entry.md5 : undefined),
    sha256,
  })
}

function nameOf(id: number | undefined, names: (id: number) => string | undefined): string | undefined {
  return id === undefined ? undefined : plainName(names(id))
}

function plainName(name: string | undefined): string | undefined {
  return name !== undefined && /^[A-Za-z0-9._-]+$/.test(name) ? name : undefined
}
