/*
 * What an entry says of itself, as a member of a tar. Attributes stand as star, GNU tar and bsdtar have them (SCHILY.xattr.NAME), ACLs as text
 * of their own, since those programs keep them apart; file flags under the names of BSD, which only bsdtar reads.
 */
import {unescapeText} from '../index/escape.ts'
import {aclText} from './acl.ts'
import type {Member, PaxRecord} from './pax.ts'
import type {Item} from '../restore/item.ts'

const ACLS: ReadonlyMap<string, string> = new Map([
  ['system.posix_acl_access', 'SCHILY.acl.access'],
  ['system.posix_acl_default', 'SCHILY.acl.default'],
])
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['append', 'sappnd'],
  ['immutable', 'schg'],
  ['nodump', 'nodump'],
])

/** The path of a member: as in the index, without `./`, a directory with `/` at its end. Bytes as a latin1 string. */
export function memberPath(escaped: string, isDirectory: boolean): string {
  if (escaped === '.') return './'
  const path = unescapeText(escaped).slice(2)
  return isDirectory ? `${path}/` : path
}

/**
 * An entry as a member without content.
 * @param received stands for a time that is unknown: `SECONDS.NANOSECONDS`
 */
export function memberOf({entry, uname, gname, xattrs, flags}: Item, received: string): Member {
  const {type, mode, uid = 0, gid = 0, time = received, link, device} = entry
  return {
    path: memberPath(entry.path, type === 'dir'),
    type,
    // A link's are all there are on Linux.
    mode: mode ?? (type === 'dir' ? 0o755 : type === 'link' ? 0o777 : 0o644),
    uid,
    gid,
    uname,
    gname,
    size: 0,
    time,
    link: link === undefined ? undefined : unescapeText(link),
    device,
    records: [...attributeRecords(xattrs), ...flagRecords(flags)],
  }
}

function attributeRecords(xattrs: Item['xattrs']): PaxRecord[] {
  return xattrs.map(({name, value}): PaxRecord => {
    const text = name.toString('latin1')
    const key = ACLS.get(text)
    const acl = key === undefined ? undefined : aclText(value)
    if (key !== undefined && acl !== undefined) return [key, acl]
    // A key ends at its first `=`: GNU tar writes those two so.
    return [`SCHILY.xattr.${text.replace(/[%=]/g, (sign) => (sign === '%' ? '%25' : '%3D'))}`, value.toString('latin1')]
  })
}

function flagRecords(flags: readonly string[]): PaxRecord[] {
  const words = flags.flatMap((flag) => FLAGS.get(flag) ?? [])
  return words.length === 0 ? [] : [['SCHILY.fflags', words.join(',')]]
}
