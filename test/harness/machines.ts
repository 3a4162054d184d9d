// Machines for pages that say on which one, and as whom, something is typed: each is a directory with its own /etc, /home, /root, /srv and
// /usr/local, all share one clock that the test sets, and `vault` is a real sshd on the loopback. What is typed there is typed into a terminal;
// what cron runs has cron's environment.

import {cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {userInfo} from 'node:os'
import {dirname, join} from 'node:path'
import {expect} from 'vitest'
import {root, start} from './bk.ts'
import type {Result} from './bk.ts'
import {clientProgram, startSshd} from './sshd.ts'
import {tempDir} from './temp.ts'

export type Machine = {
  readonly dir: string
  /** Types lines of a shell as this user of the page, and answers what is on the terminal then, one text. Throws when one of them fails. */
  readonly type: (user: string, script: string) => Promise<string>
  /** Runs the line of its /etc/cron.d/bk that has this word, as cron does. */
  readonly cron: (word: string) => Promise<Result>
  /** Runs a script with the same programs, clock and home, without a terminal. */
  readonly run: (script: string) => Promise<Result>
}

export type Machines = {
  readonly make: (name: string) => Machine
  /** Seconds from the real time to that of all machines. */
  readonly setClock: (seconds: number) => void
  /** the whole of authorized_keys on the vault */
  readonly authorizedKeys: string
}

/** Makes the vault, on which the account `keeper` has its home in /srv/keeper; the directory `dir` is for the machines. */
export async function startMachines(): Promise<Machines> {
  const dir = tempDir('machines')
  const offset = join(dir, 'clock')
  const clock = [
    // $LIB is the dynamic linker's. Times of files stay as they are, and waiting takes as long as it does.
    'LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1', `FAKETIME_TIMESTAMP_FILE=${offset}`, 'NO_FAKE_STAT=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1',
    // No configuration, whatever the real machine has.
    'BK_CONFIG=',
  ]
  const vault = join(dir, 'vault')
  const authorizedKeys = join(vault, 'srv/keeper/.ssh/authorized_keys')
  const sshd = await startSshd({
    // In a block, since of what stands outside the first line counts.
    serverConfig: ['Match all', `AuthorizedKeysFile ${authorizedKeys}`, `SetEnv HOME=${vault}/srv/keeper ${clock.join(' ')}`],
  })
  const setClock = (seconds: number): void => writeFileSync(offset, `+${seconds}\n`)
  setClock(0)
  return {
    authorizedKeys,
    setClock,
    make(name) {
      const machine = join(dir, name)
      for (const each of ['etc/cron.d', 'etc/default', 'etc/ssh', 'home', 'root', 'srv', 'usr/local/bin', 'usr/local/sbin']) mkdirSync(join(machine, each), {recursive: true})
      for (const each of ['passwd', 'group', 'shadow', 'gshadow', 'login.defs']) cpSync(join('/etc', each), join(machine, 'etc', each))
      cpSync(join(dirname(sshd.config), 'host-key.pub'), join(machine, 'etc/ssh/ssh_host_ed25519_key.pub'))
      const bin = join(machine, 'usr/local/bin')
      symlinkSync(join(root, 'bin/bk'), join(bin, 'bk'))
      const options = [`Port=${sshd.port}`, `User=${userInfo().username}`, `UserKnownHostsFile=${machine}/root/.ssh/known_hosts`, 'GlobalKnownHostsFile=none', 'IdentityAgent=none']
      for (const each of ['ssh', 'scp', 'sftp'] as const) clientProgram(bin, each, `-F ${machine}/root/.ssh/config ${options.map((option) => `-o ${option}`).join(' ')}`)
      writeFileSync(join(bin, 'ssh-keyscan'), `#!/bin/sh\nexec /usr/bin/ssh-keyscan -p ${sshd.port} "$@"\n`, {mode: 0o755})
      return machineIn(machine, clock)
    },
  }
}

function machineIn(dir: string, clock: readonly string[]): Machine {
  const places = (user: string): string => join(dir, user === 'root' ? 'root' : `srv/${user}`)
  const environment = (user: string): string[] => [`HOME=${places(user)}`, `LOGNAME=${user}`, 'SHELL=/bin/sh', `PATH=${dir}/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`, ...clock]
  return {
    dir,
    type: (user, script) => typeInto(dir, environment(user), places(user), script),
    async cron(word) {
      const {variables, user, command} = cronLine(readFileSync(join(dir, 'etc/cron.d/bk'), 'utf8'), word)
      return run([`HOME=${places(user)}`, `LOGNAME=${user}`, ...clock, ...variables, variables.find((each) => each.startsWith('SHELL='))?.slice(6) ?? '/bin/sh', '-c', command], places(user))
    },
    run: (script) => run([...environment('root'), 'sh', '-c', script], places('root')),
  }
}

const run = (words: readonly string[], cwd: string): Promise<Result> => start('sh', ['-c', 'umask 022; exec env -i "$@"', 'sh', ...words], {cwd}).done

/** Types lines of a shell into a terminal and answers what is on it then, one text. Throws when one of them fails. */
export async function typeInto(dir: string, environment: readonly string[], cwd: string, script: string): Promise<string> {
  const typed = join(dir, 'typed')
  writeFileSync(typed, `stty cols 80 rows 24\n${script}`)
  const {status, stdout} = await run([...environment, 'TERM=xterm', 'NO_COLOR=1', 'script', '-qec', `sh -e ${typed}`, '/dev/null'], cwd)
  const seen = onTerminal(String(stdout))
  expect({script, status, seen: status === 0 ? '' : seen}).toEqual({script, status: 0, seen: ''})
  return seen
}

/** What remains to be seen of what was written to a terminal: of a line that was written over, the last. */
function onTerminal(bytes: string): string {
  // oxlint-disable-next-line no-control-regex
  const plain = bytes.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
  return plain.split('\n').map((line) => line.replace(/\r+$/, '').replace(/^[^]*\r/, '')).join('\n')
}

/** The one line of a file of cron.d with this word, and the variables of the file, as crontab(5) has them. */
export function cronLine(text: string, word: string): {variables: string[]; user: string; command: string} {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const variables = lines.filter((line) => /^[A-Z]+=/.test(line))
  const jobs = lines.map((line) => /^(?:[\d*/,-]+ ){5}(\S+) (.*)$/.exec(line)).filter((job) => job?.[2]?.includes(word))
  expect(jobs, `lines of cron with ${word}`).toHaveLength(1)
  const [, user = '', command = ''] = jobs[0]!
  return {variables, user, command: command.replaceAll('\\%', '%')}
}
