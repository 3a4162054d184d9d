/*
 * From what the system says of one thing to its lines in an index (docs/format.md, 2.1 and 2.2). Only new and changed
 * things come here; of what did not change the lines of the last run are taken as they are.
 */
import {hash} from 'node:crypto'
import type {BigIntStats} from 'node:fs'
import {formatTime, type EntryType} from '../index/entry.ts'
import {escapeBytes} from '../index/escape.ts'
import {deviceOf} from '../sys/at.ts'
import type {Users} from '../sys/users.ts'
import type {Xattr} from '../sys/xattr.ts'

/** What is known of a thing beside its stats. Texts that come from outside are raw (latin1). */
export interface Details {
  /** Target of a link. */
  readonly link?: string | undefined
  /** ` sha256=…`, ` md5=…` or nothing, for a file. */
  readonly digest?: string | undefined
  /** Bytes of a file, where they are not what its stats say. */
  readonly size?: bigint | undefined
  readonly xattrs?: readonly Xattr[] | undefined
  /** errno name of what could not be read though there is a line. */
  readonly error?: string | undefined
  readonly note?: 'changed' | undefined
}

/** Makes the lines of things, with the LF behind each. `path` is escaped. */
export type Describe = (path: string, type: EntryType, stats: BigIntStats, details: Details) => string

/** Names of owners that may stand on a line; others become a comment. */
const plainName = /^[A-Za-z0-9._-]+$/

export function createDescribe(users: Pick<Users, 'uname' | 'gname'>): Describe {
  // Most of a tree has one owner and a handful of modes.
  const owners = new Map<string, Owner>()
  const ownerOf = (uid: bigint, gid: bigint): Owner => {
    const key = `${uid} ${gid}`
    let owner = owners.get(key)
    if (owner === undefined) owners.set(key, (owner = describeOwner(users, Number(uid), Number(gid))))
    return owner
  }
  return (path, type, stats, details) => {
    const owner = ownerOf(stats.uid, stats.gid)
    let lines = `${path} type=${type} mode=0${(Number(stats.mode) & 0o7777).toString(8).padStart(3, '0')}${owner.words}`
    if (type === 'file') lines += ` size=${details.size ?? stats.size}`
    lines += ` time=${formatTime(stats.mtimeNs)}`
    if (details.link !== undefined) lines += ` link=${escapeBytes(details.link)}`
    if (type === 'char' || type === 'block') lines += device(stats.rdev)
    lines += `${details.digest ?? ''}\n`
    return hasComments(owner, details) ? lines + comments(path, owner, details) : lines
  }
}

/** A comment's line, with its LF. */
export function commentLine(path: string, key: string, value: string): string {
  return `#bk ${path} ${key}=${value}\n`
}

interface Owner {
  /** ` uid=… gid=… uname=… gname=…` */
  readonly words: string
  readonly uname: string | undefined
  readonly gname: string | undefined
}

function describeOwner(users: Pick<Users, 'uname' | 'gname'>, uid: number, gid: number): Owner {
  const uname = users.uname(uid)
  const gname = users.gname(gid)
  const word = (key: string, name: string | undefined): string => (name !== undefined && plainName.test(name) ? ` ${key}=${name}` : '')
  const odd = (name: string | undefined): string | undefined => (name === undefined || plainName.test(name) ? undefined : name)
  return {words: ` uid=${uid} gid=${gid}${word('uname', uname)}${word('gname', gname)}`, uname: odd(uname), gname: odd(gname)}
}

function device(rdev: bigint): string {
  const {major, minor} = deviceOf(rdev)
  return ` device=native,${major},${minor}`
}

function hasComments(owner: Owner, {xattrs, error, note}: Details): boolean {
  return (xattrs !== undefined && xattrs.length > 0) || error !== undefined || note !== undefined || owner.uname !== undefined || owner.gname !== undefined
}

function comments(path: string, owner: Owner, {xattrs = [], error, note}: Details): string {
  const values = new Map<string, string>()
  if (error !== undefined) values.set('error', error)
  if (note !== undefined) values.set('note', note)
  if (owner.uname !== undefined) values.set('uname', escapeBytes(owner.uname))
  if (owner.gname !== undefined) values.set('gname', escapeBytes(owner.gname))
  for (const {name, value} of xattrs) values.set(`xattr.${escapeBytes(name.toString('latin1'))}`, attributeValue(value))
  const keys = [...values.keys()].sort()
  return keys.map((key) => commentLine(path, key, values.get(key) ?? '')).join('')
}

/* A line has its limit: a long value becomes an object of its own, which whoever stores the index reads from the file again. */
const longestValue = 40_000

function attributeValue(value: Buffer): string {
  const text = value.toString('base64')
  return text.length > longestValue ? `@${hash('sha256', value)}` : text
}
