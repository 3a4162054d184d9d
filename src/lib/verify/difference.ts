/*
 * How a file differs from what a list says of it. Only what the list knows is compared: one of md5sum knows no modes. Pure.
 */
import {jsonPath} from '../index/report.ts'
import {commentValue, entryOf, type Group} from '../index/group.ts'
import type {Entry} from '../index/entry.ts'
import type {Row} from '../cli/table.ts'

/** Something that a list says and a tree does not, or the other way round. */
export interface Difference {
  readonly kind: 'missing' | 'extra' | 'content' | 'metadata' | 'unreadable'
  /** In what, in words; empty where the kind says all. */
  readonly what: string
  /** Escaped. */
  readonly path: string
}

/** A difference as fields; the path comes last. */
export function differenceRow({kind, what, path}: Difference): Row {
  return [kind, what === '' ? '-' : what, path]
}

/** A difference as one line of JSON. */
export function differenceAsJson({kind, what, path}: Difference): string {
  return `${JSON.stringify({type: 'difference', difference: kind, ...jsonPath('path', path), ...(what !== '' && {what})})}\n`
}

/**
 * In what a file differs from its line; undefined for nothing.
 * @param digestOf the digest of a kind that the found line does not have
 */
export function differenceOf(listed: Group, found: Group, digestOf: (kind: 'sha256' | 'md5') => string | undefined, contentOnly: boolean): Difference | undefined {
  const {path} = listed
  const said = entryOf(listed)
  if (said === undefined) return undefined
  const is = entryOf(found)
  if (is === undefined) {
    const error = commentValue(found, 'error')
    if (error === 'ENOENT') return {kind: 'missing', what: '', path}
    return {kind: error === undefined ? 'content' : 'unreadable', what: error ?? `is a ${commentValue(found, 'left-out')}, not a ${said.type}`, path}
  }
  const content = contentOf(said, is, digestOf)
  if (content !== undefined) return {kind: 'content', what: content, path}
  const error = commentValue(found, 'error')
  if (error !== undefined) return {kind: 'unreadable', what: error, path}
  if (contentOnly) return undefined
  const metadata = [...metadataOf(said, is), ...commentsOf(listed, found)]
  return metadata.length === 0 ? undefined : {kind: 'metadata', what: metadata.join(', '), path}
}

function contentOf(said: Entry, is: Entry, digestOf: (kind: 'sha256' | 'md5') => string | undefined): string | undefined {
  if (said.type !== is.type) return `is a ${is.type}, not a ${said.type}`
  if (said.size !== undefined && is.size !== undefined && said.size !== is.size) return `size ${is.size}, not ${said.size}`
  if (said.link !== is.link) return `leads to ${is.link}, not to ${said.link}`
  if (said.device?.major !== is.device?.major || said.device?.minor !== is.device?.minor) return 'device numbers'
  for (const kind of ['sha256', 'md5'] as const) {
    if (said[kind] === undefined) continue
    const digest = is[kind] ?? digestOf(kind)
    // What was read has told by its size already that it cannot be the same.
    if (digest !== said[kind]) return kind
    return undefined
  }
  return undefined
}

function* metadataOf(said: Entry, is: Entry): Generator<string> {
  if (said.mode !== undefined && said.mode !== is.mode) yield `mode ${octal(is.mode)}, not ${octal(said.mode)}`
  for (const key of ['uid', 'gid', 'uname', 'gname'] as const) if (said[key] !== undefined && said[key] !== is[key]) yield `${key} ${is[key] ?? 'unknown'}, not ${said[key]}`
  if (said.time !== undefined && said.time !== is.time) yield `time ${is.time ?? 'unknown'}, not ${said.time}`
}

function octal(mode: number | undefined): string {
  return mode === undefined ? 'unknown' : `0${mode.toString(8).padStart(3, '0')}`
}

/* Attributes, flags, names and hard links; the rest is about how a file is stored. */
function* commentsOf(listed: Group, found: Group): Generator<string> {
  const said = keysOf(listed)
  const is = keysOf(found)
  for (const [key, value] of said) if (is.get(key) !== value) yield is.has(key) ? key : `no ${key}`
  // A list of bk's that names some attributes names all.
  if (said.size > 0) for (const key of is.keys()) if (!said.has(key) && key.startsWith('xattr.')) yield `also ${key}`
}

function keysOf({path, comments}: Group): Map<string, string> {
  const keys = new Map<string, string>()
  for (const comment of comments) {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(comment.slice(path.length + 5)) ?? []
    // The value of a long attribute is in a store.
    if (key === undefined || !/^(?:xattr\.|flags$|uname$|gname$|hardlink$)/.test(key) || value!.startsWith('@')) continue
    keys.set(key, value!)
  }
  return keys
}
