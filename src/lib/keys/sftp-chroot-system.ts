/**
 * What this machine says of an account and of its sshd: the user database, and sshd's own answer to what it would do.
 */
import {spawnSync} from 'node:child_process'
import {accessSync, constants} from 'node:fs'
import {delimiter, join} from 'node:path'
import {BkError, reasonOf} from '../cli/errors.ts'
import {calls, readFile} from '../sys/calls.ts'
import {parsePasswd, parseShadow, type Account} from './sftp-chroot-account.ts'
import {parseSettings, type Settings} from './sftp-chroot-settings.ts'

const LARGEST = 64 * 1024 * 1024
/* sshd is in a directory that only root has on PATH, and not even root after `su`. */
const PLACES: readonly string[] = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/usr/bin', '/usr/local/bin']

/** The account, and all that the machine knows. `found` is undefined where there is none of that name. */
export function lookUpAccount(user: string): {readonly found: Account | undefined; readonly all: readonly Account[]} {
  const all = parsePasswd(textOf('/etc/passwd'))
  const found = all.find(({name}) => name === user) ?? parsePasswd(ask('getent', ['passwd', user])).find(({name}) => name === user)
  return {found, all}
}

/** Its fields in the shadow file, from the password on; undefined where it has none. */
export function lookUpShadow(user: string): readonly string[] | undefined {
  return parseShadow(textOf('/etc/shadow'), user) ?? parseShadow(ask('getent', ['shadow', user]), user)
}

/** The names of its groups. */
export function groupsOf(user: string): string[] {
  return ask('id', ['-Gn', user]).trim().split(' ').filter((name) => name !== '')
}

/** Where sshd is: on `path`, or where it usually is. Throws BkError 2 when it is nowhere. */
export function findSshd(path: string): string {
  for (const directory of [...path.split(delimiter).filter((each) => each.startsWith('/')), ...PLACES]) {
    const file = join(directory, 'sshd')
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // not here
    }
  }
  throw new BkError('there is no sshd on this machine', {hint: 'run this on the machine that is pulled from, where openssh-server is installed'})
}

/**
 * What sshd would do for a login of this user from this address, by the configuration `file`, or its own when that is undefined.
 * Throws BkError 2 when sshd does not say.
 */
export function askSshd(sshd: string, {user, address, file}: {readonly user: string; readonly address: string; readonly file: string | undefined}): Settings {
  // Without all of these sshd would refuse to answer about Match blocks that look at them.
  const connection = `user=${user},host=${address},addr=${address},laddr=0.0.0.0,lport=22`
  const {status, stdout, stderr, error} = spawnSync(sshd, ['-T', '-C', connection, ...(file === undefined ? [] : ['-f', file])], {encoding: 'utf8', maxBuffer: LARGEST})
  if (error !== undefined) throw new BkError(`cannot run ${sshd}: ${reasonOf(error)}`, {cause: error})
  if (status === 0) return parseSettings(stdout)
  const said = stderr.trim().split(/\r?\n/).filter((line) => line !== '').join('; ')
  throw new BkError(`sshd does not say what it would do: ${said === '' ? `status ${status}` : said}`, {hint: hintFor(said, sshd, file)})
}

function hintFor(said: string, sshd: string, file: string | undefined): string {
  const missing = /privilege separation directory: (\S+)/.exec(said)?.[1]
  if (missing !== undefined) return `sshd has not run since the machine started: mkdir -m 755 ${missing}`
  if (said.includes('no hostkeys available')) return 'make keys for this machine: ssh-keygen -A'
  return `mend the configuration until this says nothing: ${sshd} -t${file === undefined ? '' : ` -f ${file}`}`
}

function textOf(path: string): string {
  return calls.lstatOrNone(path) === undefined ? '' : readFile(path, LARGEST).toString()
}

/* What a program prints; nothing where there is no such program, or it knows no answer. */
function ask(program: string, args: readonly string[]): string {
  const {status, stdout} = spawnSync(program, args, {encoding: 'utf8', maxBuffer: LARGEST})
  return status === 0 ? stdout : ''
}
