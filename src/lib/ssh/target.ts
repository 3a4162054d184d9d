/*
 * Who is meant by `user@host:path`, `host:` and `ssh://[user@]host[:port]/path`. Pure, and strict: these words become arguments of
 * ssh, which would take one that begins with a dash for an option (`-oProxyCommand=…` runs anything, here), and may reach a shell by
 * ProxyCommand lines of the user's own. So a name that ssh has no use for is refused before anything is started.
 */
import {usageError} from '../cli/errors.ts'
import {oneLine} from '../cli/escape.ts'

/** A place on another machine. */
export interface SshTarget {
  readonly user?: string | undefined
  /** Name, alias of ~/.ssh/config or address; an IPv6 address without its brackets. */
  readonly host: string
  readonly port?: number | undefined
  /** As the other side is to take it: relative to the login directory where it does not begin with a slash. Empty when left out: the key decides. */
  readonly path: string
}

const URL = /^(?:ssh|sftp):\/\/([^/]*)(.*)$/is
const AUTHORITY = /^(?:(.*)@)?(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s
const SHORT = /^(?:([^/:]*)@)?(\[[^\]]*\]|[^:[\]@/]*):(.*)$/s

const USER = /^[\p{L}\p{N}._@+-]+$/u
const HOST = /^[\p{L}\p{N}._-]+$/u
const ADDRESS = /^[\dA-Fa-f:.]+(?:%[\w.-]+)?$/
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/u

/**
 * Takes a place apart. A path behind a host is taken as it stands, but for `~/` at its beginning, which is the login directory; that of
 * a URL is absolute, nothing in it is percent-encoded, and `/` alone is the same as none.
 * @throws BkError 64
 */
export function parseSshTarget(text: string): SshTarget {
  if (UNPRINTABLE.test(text)) throw refused(text, 'it has control characters')
  const url = URL.exec(text)
  const [, user, bracketed, port, path] = url === null ? shortForm(text) : longForm(text, url[1]!, url[2]!)
  const host = bracketed!.replace(/^\[(.*)\]$/, '$1')
  const isAddress = host !== bracketed
  if (host === '') throw refused(text, 'it names no host', isAddress ? undefined : 'an IPv6 address is written in brackets: [::1]:/path')
  for (const [what, word] of Object.entries({user, host, port, path})) {
    if (word?.startsWith('-')) throw refused(text, `its ${what} begins with a dash`, what === 'path' ? 'write ./-x for a path that begins so' : undefined)
  }
  if (user !== undefined && !USER.test(user)) throw refused(text, 'this is no user name for ssh')
  if (!(isAddress ? ADDRESS : HOST).test(host)) throw refused(text, 'this is no host name for ssh')
  return {user, host, port: port === undefined ? undefined : portOf(text, port), path: path!}
}

type Parts = readonly [whole: string, user: string | undefined, host: string | undefined, port: string | undefined, path: string | undefined]

function shortForm(text: string): Parts {
  const match = SHORT.exec(text)
  if (match === null) throw refused(text, 'it is not user@host:path')
  return [text, match[1], match[2], undefined, match[3]!.replace(/^~\/+/, '')]
}

function longForm(text: string, authority: string, path: string): Parts {
  const match = AUTHORITY.exec(authority)
  if (match === null) throw refused(text, 'it is not ssh://user@host:port/path')
  return [text, match[1], match[2], match[3], path === '/' ? '' : path]
}

function portOf(text: string, port: string): number {
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) throw refused(text, 'its port is not a number up to 65535')
  return Number(port)
}

function refused(text: string, why: string, hint?: string): Error {
  return usageError(`cannot use ${oneLine(text)} as a place on another machine: ${why}`, hint)
}

/** How a target's machine is called in messages: `me@vault`. */
export function machineOf({user, host}: SshTarget): string {
  return user === undefined ? host : `${user}@${host}`
}
