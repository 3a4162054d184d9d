// Owners by name. An index says uname= and gname=, because numbers differ between machines; a restore looks the names up again.
// /etc/passwd and /etc/group are read as text, which costs next to nothing; only where nsswitch.conf names other sources (LDAP, SSSD,
// systemd) and the files do not know an owner is the C library asked. Every answer is remembered.
//
// Names are bytes in those files; here they are strings of one character per byte (latin1), so that none is altered.

import {readFileSync, statSync} from 'node:fs'

import {cstring, libc} from './libc.ts'

/** Owners' names and numbers of this machine, as they were when it was made; ask again with loadUsers. */
export interface Users {
  /** The name of a user, undefined if there is none. */
  uname(uid: number): string | undefined
  gname(gid: number): string | undefined
  /** The number of a user, undefined if there is none. */
  uid(name: string): number | undefined
  gid(name: string): number | undefined
  /** Another text whenever passwd, group or nsswitch.conf is another file or was changed: what a cache of names must keep. */
  readonly stamp: string
}

/** One of the two tables, passwd or group. */
interface Table {
  readonly names: Map<number, string | undefined>
  readonly numbers: Map<string, number | undefined>
}

type Kind = 'passwd' | 'group'

/** Read the tables in `etc`, whose nsswitch.conf says whether the C library is asked as well. */
export function loadUsers(etc = '/etc'): Users {
  const passwd = readTable(`${etc}/passwd`)
  const group = readTable(`${etc}/group`)
  const switches = textOf(`${etc}/nsswitch.conf`)
  const askUsers = hasOtherSources(switches, 'passwd')
  const askGroups = hasOtherSources(switches, 'group')
  return {
    uname: (uid) => remembered(passwd.names, uid, askUsers, () => nameFromLibc('passwd', uid)),
    gname: (gid) => remembered(group.names, gid, askGroups, () => nameFromLibc('group', gid)),
    uid: (name) => remembered(passwd.numbers, name, askUsers, () => numberFromLibc('passwd', name)),
    gid: (name) => remembered(group.numbers, name, askGroups, () => numberFromLibc('group', name)),
    stamp: [`${etc}/passwd`, `${etc}/group`, `${etc}/nsswitch.conf`].map(stampOf).join(' '),
  }
}

function remembered<Key, Value>(
  table: Map<Key, Value | undefined>, key: Key, ask: boolean, answer: () => Value | undefined,
): Value | undefined {
  const known = table.get(key)
  if (known !== undefined || !ask || table.has(key)) return known
  const asked = answer()
  table.set(key, asked)
  return asked
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // A chroot or a minimal container: nobody has a name there.
    return ''
  }
}

/** `name:x:number:…` a line; the first of two lines with the same key wins, as in the C library. */
function readTable(path: string): Table {
  const names = new Map<number, string | undefined>()
  const numbers = new Map<string, number | undefined>()
  for (const line of textOf(path).split('\n')) {
    const [name, , number] = line.split(':', 3)
    // Lines with + and - stand for other sources; those the C library is asked.
    if (!name || !number || !/^\d{1,10}$/.test(number) || /^[#+-]/.test(name)) continue
    const id = Number(number)
    if (!names.has(id)) names.set(id, name)
    if (!numbers.has(name)) numbers.set(name, id)
  }
  return {names, numbers}
}

function hasOtherSources(switches: string, kind: Kind): boolean {
  const line = switches.split('\n').find((each) => each.trimStart().startsWith(`${kind}:`))
  if (!line) return false
  const sources = line.replace(/#.*|\[[^\]]*\]/g, '').trim().split(/\s+/).slice(1)
  return sources.some((source) => source !== 'files')
}

function stampOf(path: string): string {
  const stat = statSync(path, {bigint: true, throwIfNoEntry: false})
  return stat ? `${stat.dev}.${stat.ino}.${stat.size}.${stat.mtimeNs}.${stat.ctimeNs}` : 'none'
}

const ERANGE = 34
const EINTR = 4
/** struct passwd and struct group both begin: name, password; then uid, or gid, at 16 (64-bit machines). */
const recordSize = 64
const numberAt = 16

type Ask = (record: Buffer, text: Buffer, found: BigUint64Array) => number

/** Call one of the getpw/getgr functions with a text buffer that is large enough; undefined if nothing was found. */
function entryFromLibc(ask: Ask): {name: string; number: number} | undefined {
  // allocUnsafeSlow: memory of its own, which does not move while C's pointers into it are read.
  const record = Buffer.allocUnsafeSlow(recordSize)
  const found = new BigUint64Array(1)
  for (let size = 4_096; size <= 2 ** 24; ) {
    const text = Buffer.allocUnsafeSlow(size)
    const errno = ask(record, text, found)
    if (errno === ERANGE) size *= 4
    // Other errors (no server answers) are as good as "unknown": numbers are stored anyway.
    else if (errno !== EINTR) {
      if (errno !== 0 || found[0] === 0n) return undefined
      const start = Number(record.readBigUInt64LE(0) - libc().address(text))
      return {name: text.toString('latin1', start, text.indexOf(0, start)), number: record.readUInt32LE(numberAt)}
    }
  }
  return undefined
}

function nameFromLibc(kind: Kind, id: number): string | undefined {
  const {getgrgid_r, getpwuid_r} = libc()
  const call = kind === 'passwd' ? getpwuid_r : getgrgid_r
  return entryFromLibc((record, text, found) => call(id, record, text, text.length, found))?.name
}

function numberFromLibc(kind: Kind, name: string): number | undefined {
  if (name.includes('\0')) return undefined
  const {getgrnam_r, getpwnam_r} = libc()
  const call = kind === 'passwd' ? getpwnam_r : getgrnam_r
  const key = cstring(Buffer.from(name, 'latin1'))
  return entryFromLibc((record, text, found) => call(key, record, text, text.length, found))?.number
}
