/*
 * An index says what a file was; what was read says what it is. The stored index tells the latter.
 */
import {formatEntry, parseEntryLine} from '../index/entry.ts'
import {formatComment, NO_COMMENTS, withComments, type Group} from '../index/group.ts'
import type {Change} from '../index/changes.ts'
import type {FileAnswer, FileStat} from './content.ts'

/** Names of owners, for entries whose owner changed. */
export interface OwnerNames {
  uname(uid: number): string | undefined
  gname(gid: number): string | undefined
}

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
  const line = correctedLine(group.line, answer.sha256, answer.stat, names)
  const note = answer.changed ? 'changed' : undefined
  const plain = group.comments.length === 0 && note === undefined && chunked === undefined
  const next: Group = plain
    ? {path: group.path, line, comments: NO_COMMENTS}
    : withComments({...group, line}, {chunks: chunked?.chunks, cut: chunked?.cut.toString(), note})
  return {mark, group: next}
}

function correctedLine(line: string, sha256: string, stat: FileStat, names: OwnerNames): string {
  const entry = parseEntryLine(line)
  const same =
    entry.size === stat.size && entry.time === stat.time && entry.mode === stat.mode && entry.uid === stat.uid && entry.gid === stat.gid
  if (same) {
    if (entry.sha256 === sha256) return line
    // md5 stays only beside a sha256 that proves it.
    return entry.sha256 === undefined ? `${line} sha256=${sha256}` : formatEntry({...entry, md5: undefined, sha256})
  }
  return formatEntry({
    ...entry,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    uname: entry.uid === stat.uid ? entry.uname : plainName(names.uname(stat.uid)),
    gname: entry.gid === stat.gid ? entry.gname : plainName(names.gname(stat.gid)),
    size: stat.size,
    time: stat.time,
    md5: entry.sha256 === sha256 ? entry.md5 : undefined,
    sha256,
  })
}

function plainName(name: string | undefined): string | undefined {
  return name !== undefined && /^[A-Za-z0-9._-]+$/.test(name) ? name : undefined
}
