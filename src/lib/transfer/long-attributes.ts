/*
 * Extended attributes that are too long for a line of an index are objects of their own; the line has their id. Whoever
 * stores the index reads them from the file again.
 */
import {unescapeText} from '../index/escape.ts'
import {parseComment, withComments} from '../index/group.ts'
import {objectId} from '../store/object-id.ts'
import {errorCode} from '../cli/errors.ts'
import {calls} from '../sys/calls.ts'
import type {Change} from '../index/changes.ts'

/** An attribute's value as an object. */
export interface LongAttribute {
  readonly id: string
  readonly bytes: Buffer
}

const LONG = /^#bk \S+ xattr\.\S+?=@[0-9a-f]{64}$/

/** Whether a change has attributes that are objects. */
export function hasLongAttributes({group}: Change): boolean {
  return group.comments.length > 0 && group.comments.some((comment) => comment.includes('=@') && LONG.test(comment))
}

/**
 * Reads the long attributes of a change that the store lacks.
 * @param path the file's whole path, bytes as latin1
 * @returns the change as it turned out, and the objects to store. An attribute that is gone is left out.
 */
export function readLongAttributes(change: Change, path: string, has: (id: string) => boolean): {readonly change: Change; readonly objects: readonly LongAttribute[]} {
  const objects: LongAttribute[] = []
  const values: Record<string, string | undefined> = {}
  for (const comment of change.group.comments.filter((line) => LONG.test(line))) {
    const {key, value} = parseComment(comment)
    if (has(value.slice(1))) continue
    const bytes = valueOf(path, unescapeText(key.slice('xattr.'.length)))
    const id = bytes === undefined ? undefined : objectId(bytes)
    values[key] = id === undefined ? undefined : `@${id}`
    if (bytes !== undefined && id !== undefined) objects.push({id, bytes})
  }
  return {change: {mark: change.mark, group: withComments(change.group, values)}, objects}
}

function valueOf(path: string, name: string): Buffer | undefined {
  try {
    return calls.lgetxattr(Buffer.from(path, 'latin1'), Buffer.from(name, 'latin1'))
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return undefined
  }
}
