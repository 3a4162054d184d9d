/*
 * Gives what was restored its owner, attributes, mode and times, in the one order in which none undoes another: a change of owner
 * takes away set-id bits and capabilities, an ACL changes the mode, and everything changes the time.
 *
 * What cannot be set is told and never stops the rest. What only root may set is left out and counted.
 */
import {errorCode, reasonOf} from '../cli/errors.ts'
import {parseTime} from '../index/entry.ts'
import {calls} from '../sys/calls.ts'
import {heldPath} from '../sys/at.ts'
import {FS_APPEND_FL, FS_IMMUTABLE_FL, FS_NODUMP_FL, timeOmit} from '../sys/libc.ts'
import {loadUsers, type Users} from '../sys/users.ts'
import type {Dropped, RestoreContext} from './job.ts'
import type {Item} from './item.ts'
import type {Spot} from './held-tree.ts'
import type {Xattr} from '../sys/xattr.ts'

const SET_ID = 0o6000
const FLAGS: Readonly<Record<string, number>> = {immutable: FS_IMMUTABLE_FL, append: FS_APPEND_FL, nodump: FS_NODUMP_FL}

/** Sets metadata; one for each thread. */
export class Metadata {
  readonly #context: RestoreContext
  #users: Users | undefined
  #dropped: Dropped = noneDropped()

  constructor(context: RestoreContext) {
    this.#context = context
  }

  /** What was left out since the last time this was asked. */
  takeDropped(): Dropped {
    const dropped = this.#dropped
    this.#dropped = noneDropped()
    return dropped
  }

  /**
   * For an open file or directory.
   * @param isNew whether it has been made by this run, and has nothing of its own yet
   * @returns what could not be set
   */
  toOpen(fd: number, item: Item, isNew: boolean): string[] {
    const problems: string[] = []
    const attempt = attemptsInto(problems)
    if (this.#context.asRoot) {
      const [uid, gid] = this.#ownerOf(item)
      if (uid !== -1 || gid !== -1) attempt('owner', () => calls.fchown(fd, uid, gid))
    }
    if (!isNew) attempt('extended attributes', () => removeXattrs(fd, item.xattrs))
    this.#setXattrs(item.xattrs, attempt, (name, value) => calls.fsetxattr(fd, name, value))
    attempt('mode', () => calls.fchmod(fd, this.#modeOf(item)))
    const {time} = item.entry
    if (time !== undefined) attempt('time', () => calls.futimens(fd, timeOmit, parseTime(time)))
    return problems
  }

  /** For a link, fifo or device, which must not be opened. */
  toLeaf({dir, leaf}: Spot, item: Item): string[] {
    const problems: string[] = []
    const attempt = attemptsInto(problems)
    const {time, type} = item.entry
    if (this.#context.asRoot) {
      const [uid, gid] = this.#ownerOf(item)
      if (uid !== -1 || gid !== -1) attempt('owner', () => calls.fchownat(dir, leaf, uid, gid))
    }
    this.#setXattrs(item.xattrs, attempt, (name, value) => calls.lsetxattr(heldPath(dir, leaf), name, value))
    if (type !== 'link') attempt('mode', () => calls.fchmodat(dir, leaf, this.#modeOf(item)))
    if (time !== undefined) attempt('time', () => calls.utimesAt(dir, leaf, timeOmit, parseTime(time)))
    return problems
  }

  /** File flags, which come last of all: an immutable file takes nothing else. */
  flags(fd: number, item: Item): string[] {
    const problems: string[] = []
    const wanted = item.flags.filter((name) => this.#context.asRoot || name === 'nodump')
    const bits = wanted.reduce((sum, name) => sum | (FLAGS[name] ?? 0), 0)
    if (bits === 0) return problems
    attemptsInto(problems)('file flags', () => {
      const before = calls.getFlags(fd)
      if (before !== undefined && (before & bits) !== bits) calls.setFlags(fd, before | bits)
    })
    return problems
  }

  #modeOf({entry: {mode, type}}: Item): number {
    const {asRoot, umask} = this.#context
    if (mode === undefined) return (type === 'dir' ? 0o777 : 0o666) & ~umask
    if (asRoot || (mode & SET_ID) === 0) return mode
    this.#dropped.setId++
    return mode & ~SET_ID
  }

  #ownerOf({entry, uname, gname}: Item): readonly [uid: number, gid: number] {
    if (this.#context.numericOwner) return [entry.uid ?? -1, entry.gid ?? -1]
    const users = (this.#users ??= loadUsers())
    const uid = (uname === undefined ? undefined : users.uid(uname)) ?? entry.uid ?? -1
    const gid = (gname === undefined ? undefined : users.gid(gname)) ?? entry.gid ?? -1
    return [uid, gid]
  }

  #setXattrs(xattrs: readonly Xattr[], attempt: Attempt, set: (name: Buffer, value: Buffer) => void): void {
    let unsupported = false
    for (const {name, value} of xattrs) {
      if (!this.#context.asRoot && isProtected(name)) {
        this.#dropped.protectedXattrs++
        continue
      }
      attempt(`extended attribute ${name.toString()}`, () => {
        try {
          set(name, value)
        } catch (error) {
          if (errorCode(error) !== 'ENOTSUP' && errorCode(error) !== 'EOPNOTSUPP') throw error
          unsupported = true
        }
      })
    }
    if (unsupported) this.#dropped.unsupportedXattrs++
  }
}

export function noneDropped(): Dropped {
  return {setId: 0, protectedXattrs: 0, unsupportedXattrs: 0}
}

type Attempt = (what: string, work: () => void) => void

function attemptsInto(problems: string[]): Attempt {
  return (what, work) => {
    try {
      work()
    } catch (error) {
      if (errorCode(error) === undefined) throw error
      problems.push(`${what} could not be set: ${reasonOf(error)}`)
    }
  }
}

function isProtected(name: Buffer): boolean {
  const text = name.toString('latin1')
  return text.startsWith('security.') || text.startsWith('trusted.')
}

/* Takes off what a restored file or directory did not have: attributes of users, and ACLs that came with the directory above. */
function removeXattrs(fd: number, wanted: readonly Xattr[]): void {
  for (const {name} of calls.readXattrs(fd)) {
    const text = name.toString('latin1')
    const isOurs = text.startsWith('user.') || text.startsWith('system.posix_acl_')
    if (isOurs && !wanted.some((xattr) => xattr.name.equals(name))) calls.fremovexattr(fd, name)
  }
}
