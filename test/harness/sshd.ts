// A real sshd of the test's own on a free port of the loopback, with a host key and client keys that are thrown away, so that forced
// commands are tested as sshd runs them. `ssh vault` reaches it for every process that gets `sshd.env`, bk included: OpenSSH reads
// its configuration from the home in the user database, never from $HOME, so PATH gets an `ssh`, `scp` and `sftp` that name the file.

import {spawn, spawnSync} from 'node:child_process'
import type {ChildProcess} from 'node:child_process'
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {connect} from 'node:net'
import {userInfo} from 'node:os'
import {join} from 'node:path'
import {pinnedEnvironment} from './bk.ts'
import {atEnd} from './cleanup.ts'
import {freePort, until} from './limits.ts'
import {newHome, tempDir} from './temp.ts'

export type Sshd = {
  readonly port: number
  /** the client's configuration: `ssh -F config vault` */
  readonly config: string
  /** for the `env` of bk.ts: puts an `ssh` that reads `config` first on PATH */
  readonly env: Readonly<Record<string, string>>
  /** public key of each host alias, as it stands in authorized_keys */
  readonly publicKeys: Readonly<Record<string, string>>
  /** HOME, state and cache of the commands that sshd runs, as pinnedEnvironment lays them out */
  readonly home: string
  /** replaces authorized_keys; holds from the next login on */
  readonly authorize: (lines: readonly string[]) => void
  /** what sshd has logged */
  readonly log: () => string
  readonly stop: () => void
}

export type SshdOptions = {
  /** aliases in the client's configuration, each with a key of its own; default `vault` */
  readonly hosts?: readonly string[]
  /** more lines for sshd_config */
  readonly serverConfig?: readonly string[]
  /** what answers to `sftp`; default is sshd's own */
  readonly sftp?: string
}

/** Starts sshd. Nobody may log in before `authorize`. It ends with the test file, or with the test process when that is killed. */
export async function startSshd({hosts = ['vault'], serverConfig: more = [], sftp = 'internal-sftp'}: SshdOptions = {}): Promise<Sshd> {
  const dir = tempDir('sshd')
  const home = newHome(join(dir, 'remote'))
  const publicKeys = Object.fromEntries(hosts.map((host) => [host, makeKey(dir, host)]))
  const hostKey = makeKey(dir, 'host-key')
  const authorizedKeys = join(dir, 'authorized_keys')
  writeFileSync(authorizedKeys, '', {mode: 0o600})
  writeFileSync(join(dir, 'sshd_config'), serverConfig(dir, home, sftp) + lines(more))
  // Its empty directory for privilege separation is made by the service manager, which tests may not have.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', {recursive: true, mode: 0o755})

  const {daemon, port} = await listen(dir)
  const config = join(dir, 'ssh_config')
  writeFileSync(config, clientConfig(dir, port, hosts))
  writeFileSync(join(dir, 'known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`)
  return {
    port,
    config,
    env: {PATH: `${clientPrograms(dir, config)}:${pinnedEnvironment()['PATH']}`},
    publicKeys,
    home,
    authorize: (lines) => writeFileSync(authorizedKeys, lines.map((line) => `${line}\n`).join('')),
    log: () => readLog(dir),
    stop: () => void daemon.kill(),
  }
}

function makeKey(dir: string, name: string): string {
  const {status, stderr} = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)], {encoding: 'utf8'})
  if (status !== 0) throw new Error(`ssh-keygen failed: ${stderr}`)
  return readFileSync(join(dir, `${name}.pub`), 'utf8').trim()
}

function serverConfig(dir: string, home: string, sftp: string): string {
  const environment = Object.entries(pinnedEnvironment(home)).filter(([name]) => name !== 'PATH').map(([name, value]) => `${name}=${value}`)
  return lines([
    'ListenAddress 127.0.0.1',
    `HostKey ${join(dir, 'host-key')}`,
    `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    // sshd wants that nobody else can write to any directory above the keys, and everybody can write to /tmp.
    'StrictModes no',
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    // Without PAM sshd refuses accounts whose password is locked, which root's is on many machines.
    `UsePAM ${isLocked() ? 'yes' : 'no'}`,
    'PidFile none',
    'PrintMotd no',
    'UseDNS no',
    'LogLevel VERBOSE',
    'MaxStartups 100',
    `Subsystem sftp ${sftp}`,
    // Forced commands get sshd's own short PATH, as they would in earnest, but neither the user's home nor his time zone.
    `SetEnv ${environment.join(' ')}`,
  ])
}

function clientConfig(dir: string, port: number, hosts: readonly string[]): string {
  return lines(hosts.flatMap((host) => [
    `Host ${host}`,
    '  HostName 127.0.0.1',
    `  Port ${port}`,
    `  User ${userInfo().username}`,
    `  IdentityFile ${join(dir, host)}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    '  BatchMode yes',
    '  StrictHostKeyChecking yes',
    `  UserKnownHostsFile ${join(dir, 'known_hosts')}`,
    '  GlobalKnownHostsFile none',
    '  LogLevel ERROR',
  ]))
}

function clientPrograms(dir: string, config: string): string {
  const bin = join(dir, 'bin')
  for (const name of ['ssh', 'scp', 'sftp'] as const) clientProgram(bin, name, `-F '${config}'`)
  return bin
}

/** Makes a program in a directory that calls a client of OpenSSH with these words of a shell in front of its own arguments. */
export function clientProgram(bin: string, name: 'ssh' | 'scp' | 'sftp', words: string): void {
  mkdirSync(bin, {recursive: true})
  writeFileSync(join(bin, name), `#!/bin/sh\nexec /usr/bin/${name} ${words} "$@"\n`, {mode: 0o755})
}

/** A daemon that answers on a port. Somebody may take the port between finding and binding it: then another one is tried. */
async function listen(dir: string): Promise<{daemon: ChildProcess; port: number}> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    // setpriv: the kernel ends sshd when the test process dies, even of SIGKILL.
    const args = ['--pdeathsig', 'TERM', '/usr/sbin/sshd', '-D', '-f', join(dir, 'sshd_config'), '-p', String(port), '-E', join(dir, 'log')]
    const daemon = spawn('setpriv', args, {stdio: ['ignore', 'ignore', 'pipe']})
    let stderr = ''
    daemon.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
    const forget = atEnd(() => void daemon.kill())
    daemon.on('exit', forget)
    const answers = await until('sshd answers', async () => (daemon.exitCode === null ? (await canConnect(port)) || null : 'no'))
    if (answers === true) return {daemon, port}
    if (attempt === 3) throw new Error(`sshd does not start: ${stderr}${readLog(dir)}`)
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false)).on('connect', () => socket.destroy())
  })
}

function isLocked(): boolean {
  if (process.getuid?.() !== 0) return false
  return readFileSync('/etc/shadow', 'latin1').split('\n').some((line) => line.startsWith(`${userInfo().username}:!`))
}

function readLog(dir: string): string {
  try {
    return readFileSync(join(dir, 'log'), 'utf8')
  } catch {
    return ''
  }
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}
