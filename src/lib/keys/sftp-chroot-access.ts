/**
 * What an account may do with files, asked of the kernel by a process that becomes the account: owners, groups, ACLs, read-only mounts
 * and whatever else decides are then in the answer.
 */
import {spawnSync} from 'node:child_process'
import {BkError, reasonOf} from '../cli/errors.ts'
import type {Account} from './sftp-chroot-account.ts'

export type Access = {
  /** Whether it can list the root. */
  readonly lists: boolean
  /** Names in the root that it can write to: the first few, as latin1, and how many there are. */
  readonly writable: readonly string[]
  readonly count: number
  /** Those of the files that it cannot read. */
  readonly unreadable: readonly string[]
}

/* A program of its own: the account may be unable to read those of bk. It is in the root before it becomes the account, since that may
 * not get through the directories above. What a link in the root leads to is something else inside of it. */
const PROBE = `
const {accessSync, constants, lstatSync, readdirSync} = require('node:fs')
const {user, uid, gid, root, files} = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const can = (path, mode) => { try { accessSync(path, mode); return true } catch { return false } }
let names = []
if (root !== undefined) {
  process.chdir(root)
  names = readdirSync('.', 'latin1').map((name) => Buffer.from('./' + name, 'latin1')).filter((path) => !lstatSync(path).isSymbolicLink())
}
process.initgroups(user, gid)
process.setgid(gid)
process.setuid(uid)
const writable = names.filter((path) => can(path, constants.W_OK)).map((path) => path.toString('latin1').slice(2))
process.stdout.write(JSON.stringify({
  lists: root !== undefined && can('.', constants.R_OK | constants.X_OK),
  writable: writable.slice(0, 5), count: writable.length, unreadable: files.filter((file) => !can(file, constants.R_OK)),
}))
`

/** Asks. Needs root. `root` undefined is not asked about. Throws BkError 2 when no answer comes. */
export function accessOf({name, uid, gid}: Account, root: string | undefined, files: readonly string[]): Access {
  const input = JSON.stringify({user: name, uid, gid, root, files})
  const {status, stdout, stderr, error} = spawnSync(process.execPath, ['--no-warnings', '-e', PROBE], {input, encoding: 'utf8', cwd: '/', env: {}})
  if (error !== undefined || status !== 0) {
    const why = error === undefined ? (/^\w*Error: .*$/m.exec(stderr)?.[0] ?? `status ${status}`) : reasonOf(error)
    throw new BkError(`cannot find out what ${name} may do: ${why}`, {cause: error})
  }
  return JSON.parse(stdout) as Access
}
