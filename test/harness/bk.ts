// Runs bin/bk and shell pipes of it the way a user does: as processes, in a pinned environment (nothing of the caller's gets in, so
// neither vitest's NODE_ENV, which would put oclif into its development mode, nor a locale or a home directory), bounded in time.

import {spawn} from 'node:child_process'
import type {ChildProcess} from 'node:child_process'
import {closeSync, openSync, unlinkSync, writeFileSync} from 'node:fs'
import {constants} from 'node:os'
import {dirname, join} from 'node:path'
import {atEnd} from './cleanup.ts'
import {sharedHome} from './temp.ts'

/** The repository that is tested. */
export const root = dirname(dirname(import.meta.dirname))

/** For `stdin`: leave it to the test. */
export const open = Symbol('open')

export type Result = {
  /** exit status as a shell sees it: 128 + signal number for one that died of a signal */
  readonly status: number
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

export type RunOptions = {
  /** what the process reads, from a file; nothing when left out, like </dev/null; `open`: the test writes to `child.stdin` */
  readonly stdin?: string | Uint8Array | typeof open
  readonly cwd?: string
  /** added to the pinned environment */
  readonly env?: Readonly<Record<string, string>>
  /** milliseconds until the whole process group is killed and the call throws; default 60,000 */
  readonly timeout?: number
}

export type Running = {
  readonly pid: number
  readonly child: ChildProcess
  readonly done: Promise<Result>
  /** sends SIGKILL to the process and all it started */
  readonly kill: () => void
}

/** The environment of every process under test; `home` is where HOME and bk's state and cache lie, one per test process by default. */
export function pinnedEnvironment(home: string = sharedHome()): Record<string, string> {
  return {
    PATH: `${join(root, 'bin')}:${join(root, 'test/harness/bin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: join(home, 'home'),
    XDG_STATE_HOME: join(home, 'state'),
    XDG_CACHE_HOME: join(home, 'cache'),
    TMPDIR: join(home, 'tmp'),
    // None, whatever the machine has in /etc/bk/config.
    BK_CONFIG: '',
    TZ: 'UTC',
    LC_ALL: 'C',
  }
}

/** Runs bin/bk and waits. Node passes arguments as UTF-8; for paths of other bytes use `sh` with $'\\377'. Throws only on time-out. */
export function bk(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return start(join(root, 'bin/bk'), args, options).done
}

/** Runs a script by `bash -o pipefail -c` and waits; `bk` is on its PATH. */
export function sh(script: string, options: RunOptions = {}): Promise<Result> {
  return startShell(script, options).done
}

/** Starts such a script. */
export function startShell(script: string, options: RunOptions = {}): Running {
  // Without --norc bash reads ~/.bashrc whenever its input is a socket, taking itself for one that rshd has started.
  return start('bash', ['--norc', '-o', 'pipefail', '-c', script], options)
}

/** Starts a program in a process group of its own, which ends with the test file at the latest. */
export function start(program: string, args: readonly string[], options: RunOptions = {}): Running {
  const {stdin = '', cwd, env = {}, timeout = 60_000} = options
  const input = stdin === open ? 'pipe' : fileWith(stdin)
  const child = spawn(program, args, {cwd, env: {...pinnedEnvironment(), ...env}, detached: true, stdio: [input, 'pipe', 'pipe']})
  if (typeof input === 'number') closeSync(input)
  const kill = (): void => killGroup(child.pid)
  const forget = atEnd(kill)
  const done = new Promise<Result>((resolve, reject) => {
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    const timer = setTimeout(() => {
      kill()
      const said = Buffer.concat(stderr).toString()
      reject(new Error(`killed after ${timeout} ms: ${program} ${args.join(' ')}\n${said}`))
    }, timeout)
    child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes))
    child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes))
    // A program that ends before it has read everything is no error of the test.
    child.stdin?.on('error', () => undefined)
    child.on('error', (error) => {
      clearTimeout(timer)
      forget()
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      // Now, while the number cannot be another's yet: what the program left in its group ends with it.
      kill()
      forget()
      const status = code ?? 128 + constants.signals[signal ?? 'SIGKILL']
      resolve({status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString()})
    })
  })
  // Awaited or not, a rejection is the caller's to see, never an unhandled one of the run.
  done.catch(() => undefined)
  return {pid: child.pid ?? 0, child, done, kill}
}

/**
 * An open file that holds the bytes and has no name any more. Not one of Node's pipes: they are sockets, in which a program cannot
 * open /dev/stdin.
 */
function fileWith(bytes: string | Uint8Array): number | 'ignore' {
  if (bytes.length === 0) return 'ignore'
  const path = join(sharedHome(), `stdin-${process.hrtime.bigint()}`)
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  unlinkSync(path)
  return fd
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // the group is gone already
  }
}
