/*
 * Why a session over ssh came to its end, in one line and a hint. ssh tells by a status of 255 that it failed itself, and by words on
 * stderr how; every other status is that of the command on the other side, whose last line counts.
 */
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {exitStatus, type ExitStatus} from '../cli/exit.ts'
import {machineOf, type SshTarget} from './target.ts'

/** How ssh ended: that of the command on the other side, 255 where ssh itself failed, or what kept it from starting. */
export interface SshEnd {
  readonly status?: number | null
  readonly signal?: NodeJS.Signals | null
  readonly error?: Error
}

/* What means the same here as there. A usage error there, for one, is nobody's usage error here. */
const TAKEN_OVER: readonly ExitStatus[] = [exitStatus.badInput, exitStatus.tryLater, exitStatus.refused]

interface Reason {
  /** What ssh says. */
  readonly words: RegExp
  readonly status: ExitStatus
  readonly message: (machine: string) => string
  readonly hint?: (target: SshTarget, stderr: string) => string
}

const {failed, tryLater, refused} = exitStatus

/* The first that fits counts: what ssh says last, that nothing came of it, is often the same. */
const REASONS: readonly Reason[] = [
  {
    words: /REMOTE HOST IDENTIFICATION HAS CHANGED|^Host key for .* has changed/m,
    status: refused,
    message: (machine) => `the host key of ${machine} has changed: it is another machine, or somebody is in between`,
    hint: (target, stderr) => `if it was set up anew, and its administrator confirms the new key: ssh-keygen -R '${knownAs(target, stderr)}'`,
  },
  {
    words: /REVOKED HOST KEY/,
    status: refused,
    message: (machine) => `the host key of ${machine} is revoked`,
  },
  {
    words: /^Host key verification failed|host key is known for .* strict checking/m,
    status: refused,
    message: (machine) => `the host key of ${machine} is not known here`,
    hint: (target) => `'ssh ${wordsFor(target)} </dev/null' once on a terminal, and compare the fingerprint that it shows`,
  },
  {
    words: /^(?:Received disconnect from .*: ?)?Too many authentication failures/m,
    status: refused,
    message: (machine) => `${machine} takes none of the first keys that ssh offers`,
    hint: () => "set IdentityFile and 'IdentitiesOnly yes' for it in ~/.ssh/config",
  },
  {
    words: /Permission denied \(|^Permission denied, please try again|No supported authentication methods/m,
    status: refused,
    message: (machine) => `${machine} takes none of the keys that ssh offers`,
    hint: (target) => `is the public key in authorized_keys there? 'ssh -v ${wordsFor(target)}' shows what is tried`,
  },
  {words: /Could not resolve hostname/, status: tryLater, message: (machine) => `no such host: ${machine}`},
  {words: /Connection refused/, status: tryLater, message: (machine) => `${machine} refuses the connection: no sshd listens there`},
  {words: /^Timeout, server .* not responding/m, status: tryLater, message: (machine) => `the connection to ${machine} is lost: it does not answer any more`},
  {words: /timed out/i, status: tryLater, message: (machine) => `${machine} does not answer`},
  {words: /No route to host|Network is unreachable|Host is down/, status: tryLater, message: (machine) => `there is no way to ${machine}`},
  {
    words: /kex_exchange_identification|banner exchange|Connection (?:closed|reset) by .* port \d+/,
    status: tryLater,
    message: (machine) => `${machine} closed the connection before the login was through`,
  },
  {
    words: /client_loop: send disconnect|Connection to .* closed by remote host|Broken pipe|packet_write_wait|Connection reset/,
    status: tryLater,
    message: (machine) => `the connection to ${machine} is lost`,
  },
  {
    words: /Bad configuration option|Bad owner or permissions on|^Bad .* specification/m,
    status: failed,
    message: () => 'ssh does not take its configuration',
    hint: (target) => `'ssh -G ${wordsFor(target)}' says what is wrong with it`,
  },
  {words: /subsystem request failed/, status: failed, message: (machine) => `${machine} has no SFTP for this key`},
]

/** Says why a session ended before it should have. `stderr` is the last of what was said, in whole lines. */
export function explainEnd({status, signal, error}: SshEnd, stderr: string, target: SshTarget): BkError {
  const machine = machineOf(target)
  if (error !== undefined) {
    const isMissing = errorCode(error) === 'ENOENT'
    return new BkError(isMissing ? 'ssh is not on PATH' : `cannot start ssh: ${reasonOf(error)}`, {cause: error, ...(isMissing ? {hint: "install OpenSSH's client"} : {})})
  }
  if (typeof status !== 'number') return new BkError(`ssh to ${machine} was ended by ${signal}`, {status: tryLater})
  if (status === 255) return explainSsh(stderr, target)
  if (status === 127) return new BkError(`there is no bk on PATH at ${machine}`, {hint: "install it there, or restrict the key by 'bk keys restrict', which writes its whole path"})
  if (status === 126) return new BkError(`bk cannot be run at ${machine}${lastOf(stderr)}`)
  return explainCommand(status, stderr, machine)
}

function explainSsh(stderr: string, target: SshTarget): BkError {
  const machine = machineOf(target)
  const reason = REASONS.find(({words}) => words.test(stderr))
  if (reason === undefined) return new BkError(`cannot reach ${machine}${lastOf(stderr)}`, {status: tryLater})
  const hint = reason.hint?.(target, stderr)
  return new BkError(reason.message(machine), {status: reason.status, ...(hint === undefined ? {} : {hint})})
}

/* The other side's own last words: its status is ours where both have the same table. */
function explainCommand(status: number, stderr: string, machine: string): BkError {
  const lines = stderr.split('\n').filter((line) => line !== '')
  const hint = /^bk [a-z ]+: hint: (.*)$/.exec(lines.at(-1) ?? '')?.[1]
  const message = (hint === undefined ? lines : lines.slice(0, -1)).at(-1)
  if (message === undefined) return new BkError(`${machine} ended ${status === 0 ? 'before it was through' : `with ${status}, and no word why`}`, {status: tryLater})
  return new BkError(`${machine}: ${message}`, {status: TAKEN_OVER.find((known) => known === status) ?? failed, ...(hint === undefined ? {} : {hint})})
}

function lastOf(stderr: string): string {
  const last = stderr.trimEnd().split('\n').at(-1)!
  return last === '' ? '' : `: ${last}`
}

/* How known_hosts calls the host, which may have another name in ~/.ssh/config: ssh says it. */
function knownAs({host, port}: SshTarget, stderr: string): string {
  const said = /ssh-keygen -f ["'].*["'] -R ["']([\w.:[\]-]+)["']/.exec(stderr)?.[1]
  return said ?? (port === undefined ? host : `[${host}]:${port}`)
}

/* What to type behind `ssh`. */
function wordsFor(target: SshTarget): string {
  return `${target.port === undefined ? '' : `-p ${target.port} `}${machineOf(target)}`
}

/**
 * The error of everything that is asked of a machine which cannot be reached any more. It is shown like the BkError that it is made
 * of, but is none: who takes a BkError for a damaged file, and goes on to the next, must not do so here.
 */
export class ConnectionLost extends Error {
  override readonly name = 'BkError'
  readonly status: ExitStatus
  readonly hint: string | undefined

  constructor({message, status, hint}: BkError) {
    super(message)
    this.status = status
    this.hint = hint
  }
}
