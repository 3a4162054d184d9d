/**
 * What may be asked for: the name of an account, and paths that sshd_config, fstab and a shell can all say without a doubt. Whatever one
 * of them would read in another way than it is meant is refused. Pure.
 */
import {usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {shellWords} from './quoting.ts'

/** Letters that mean nothing to a shell, to a pattern of sshd or to /etc/passwd. */
const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/
/* The kernel's limit for a path, less what is put behind it. */
const LONGEST_PATH = 3000

/** The name of the account, as it is. Throws a usage error. */
export function chrootUser(name: string): string {
  if (!USER.test(name)) {
    throw usageError(`not the name of an account: ${escapeName(name)}`, 'letters, digits, _ . and -, beginning with a letter or _: backupop')
  }
  if (name === 'root') throw usageError('nothing confines root', 'choose a name for an account of its own: backupop')
  return name
}

/** The directory that is / for the account: /srv/USER when none is given. Throws a usage error. */
export function chrootRoot(dir: string | undefined, user: string): string {
  const root = plainPath('--root', dir ?? `/srv/${user}`)
  if (root === '/') throw usageError('--root: / would confine nothing', `leave --root out, and say what is to be seen: --tree /etc --tree /home`)
  return root
}

/** The trees to be seen below the root, the outer before the inner: one may be mounted in another. Throws a usage error. */
export function chrootTrees(dirs: readonly string[], root: string): string[] {
  const trees = [...new Set(dirs.map((dir) => plainPath('--tree', dir)))].sort()
  for (const tree of trees) {
    if (tree === '/') throw usageError('--tree: / as a whole cannot be shown below itself', 'name what is to be seen: --tree /etc --tree /home')
    if (isBelow(tree, root)) throw usageError(`--tree: ${tree} is to be seen without it: it is in ${root}`, 'leave it out')
  }
  return trees
}

/** The configuration of sshd, as an absolute path. Throws a usage error. */
export function sshdConfigPath(file: string): string {
  return plainPath('--sshd-config', file)
}

/** / and every directory down to the path, itself included. */
export function componentsOf(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '')
  return ['/', ...parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`)]
}

/** A word for a shell, bare where that is the same. */
export function shellWord(text: string): string {
  return /^[\w/.,:@%+-]+$/.test(text) ? text : shellWords([text])
}

/** An absolute path in one spelling: no slash at its end, no two in a row. */
function plainPath(flag: string, path: string): string {
  const refused = (why: string, hint: string): Error => usageError(`${flag}: ${escapeName(path)}: ${why}`, hint)
  if (!path.startsWith('/')) throw refused('not an absolute path', 'begin it with /, as the machine calls it that is pulled from')
  if (path.includes('\ufffd') || path.includes('"') || escapeName(path) !== path) {
    throw refused('sshd_config cannot say this path', 'without quotes ("), backslashes, newlines and other control characters it can: rename it, or mount it elsewhere')
  }
  const parts = path.split('/').filter((part) => part !== '')
  if (parts.some((part) => part === '.' || part === '..')) throw refused('has . or .. in it', 'write the path without them')
  if (Buffer.byteLength(path) > LONGEST_PATH) throw refused('too long', `${LONGEST_PATH} bytes are the limit`)
  return `/${parts.join('/')}`
}

function isBelow(path: string, dir: string): boolean {
  return path === dir || path.startsWith(`${dir}/`)
}
