/**
 * What sshd and the user database say: the command that a client asked for, and where this user's keys are. The home is that of the user
 * database, because sshd never asks $HOME.
 */
import {hostname, userInfo} from 'node:os'

/** What the client of a forced command asked sshd to run; undefined when it asked for nothing. Untrusted: compare it, never run it. */
export function originalCommand(): string | undefined {
  return process.env['SSH_ORIGINAL_COMMAND']
}

/** authorized_keys of the user who runs bk. */
export function ownAuthorizedKeys(): string {
  return `${userInfo().homedir}/.ssh/authorized_keys`
}

/** `user@host`, as ssh-keygen comments a key. */
export function userAtHost(): string {
  return `${userInfo().username}@${hostname()}`
}
