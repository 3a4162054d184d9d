/*
 * A command on another machine, by the system's ssh: so that the user's ~/.ssh/config, agents, jump hosts and known_hosts hold, and
 * nothing about keys has to be right here. What the other side answers is hostile; what ssh says is gathered and becomes one line.
 *
 * ssh asks on /dev/tty for a passphrase or about a new host. Where there is none to ask on it is told not to ask (BatchMode), so that
 * a job of cron fails at once with a reason. What it says on stderr while somebody looks on, and it goes on, he is told at once.
 */
import {spawn, type ChildProcess} from 'node:child_process'
import {closeSync, constants, openSync} from 'node:fs'
import {Writable, type Readable} from 'node:stream'
import {onInterrupt} from '../cli/cleanup.ts'
import {onlooker} from '../cli/onlooker.ts'
import {shellWords} from '../keys/quoting.ts'
import {explainEnd, type SshEnd} from './failure.ts'
import {openPty} from './pty.ts'
import {Words, type Said} from './words.ts'
import type {Socket} from 'node:net'
import type {BkError} from '../cli/errors.ts'
import type {SshTarget} from './target.ts'

/** What is to run there. */
export type RemoteCommand =
  /**
   * `bk receive`, `bk browse` or `bk offer`. With a path in the target, its account has no forced command, or so the user says, and its shell gets
   * `bk receive FLAGS -- 'PATH'`; without one exactly `bk receive`, and FLAGS are the business of who restricted the key.
   */
  | {readonly verb: 'receive' | 'browse' | 'offer'; readonly flags?: readonly string[] | undefined}
  /** One of sshd's subsystems: `sftp`. */
  | {readonly subsystem: string}

/** A command that runs there, or tries to. */
export interface SshSession {
  /**
   * What the command reads. Every `write` and `end` is called back, with an error when the command is gone. As an event errors are heard
   * here, so that none goes astray; what they mean says `failure`.
   */
  readonly input: Writable
  /** What the command writes. */
  readonly output: Readable
  /** Resolves when ssh has ended; never rejects. */
  readonly finished: Promise<SshEnd>
  /** Closes the command's input and waits until ssh has ended; one that does not end in five seconds is killed. What comes is not read any more. */
  close(): Promise<void>
  /** Closes, and says in one line why the end came: for who still expected an answer when `output` ended. */
  failure(): Promise<BkError>
  /** What bk said over there on its stderr, so far. */
  said(): Said
  /** Ends ssh now. */
  kill(): void
}

/** Milliseconds for the last words to arrive when ssh has ended, and for ssh to end when it has nothing more to do. */
const LAST_WORDS = 200
const GRACE = 5000
/**
 * Milliseconds in which, where somebody sits at a terminal, nothing is made of an ssh that has failed: Ctrl-C is for both, and on a busy machine ssh may be gone before this
 * process has heard of it, which would complain then instead of ending.
 */
const INTERRUPT = 100

/**
 * What is fixed, whatever the user's configuration says of this host.
 * - ServerAlive: a connection that is dead without a word ends after 45 seconds instead of never.
 * - ControlMaster: a connection that is shared is used, but bk's own is none for others to share, since it may be killed at any time,
 *   and leaves no process behind.
 * - RemoteCommand: together with a command of ours it is an error.
 * - The rest: nobody needs it here, it would fail a second connection, and whoever took the other machine over would get at the agent.
 */
const FIXED = [
  'ServerAliveInterval=15', 'ServerAliveCountMax=3', 'ControlMaster=no', 'RemoteCommand=none',
  'ForwardAgent=no', 'ForwardX11=no', 'ClearAllForwardings=yes', 'PermitLocalCommand=no', 'Tunnel=no',
]

/** The arguments of ssh. `mayAsk`: there is a terminal for it to ask on. */
export function sshArguments(target: SshTarget, command: RemoteCommand, mayAsk: boolean): string[] {
  const {user, host, port} = target
  const options = mayAsk ? FIXED : [...FIXED, 'BatchMode=yes']
  return [
    '-T', ...options.map((option) => `-o${option}`),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...('subsystem' in command ? ['-s'] : []),
    '--', user === undefined ? host : `${user}@${host}`,
    'subsystem' in command ? command.subsystem : shellCommand(command.verb, command.flags ?? [], target.path),
  ]
}

function shellCommand(verb: string, flags: readonly string[], path: string): string {
  if (path === '') return `bk ${verb}`
  return ['bk', verb, ...flags.map((word) => (/^--[a-z-]+$/.test(word) ? word : shellWords([word]))), '--', shellWords([path])].join(' ')
}

/**
 * Starts a command on another machine. Nothing has been reached when this returns: `output` ends, or `input` fails, when it cannot be,
 * and `failure` tells why. ssh ends with this process at the latest.
 * @param tell hears what ssh says to whoever sits there, safe to print: each line on stderr, or the beginning of one, that ssh outlives,
 *   until the other side has answered; a hundred at most. Undefined when nobody is there
 */
export function startSsh(target: SshTarget, command: RemoteCommand, tell: ((line: string) => void) | undefined = onlooker('ssh')): SshSession {
  const kill = (): void => void child.kill()
  // Before there is anything to kill: a signal is heard in a later turn, but only if somebody listens by now.
  const taken = onInterrupt(kill)
  process.once('exit', kill)
  // Only on a terminal does ssh say all that it has to say; who is not looking needs none.
  const pty = tell === undefined ? undefined : openPty()
  const child = spawn('ssh', sshArguments(target, command, hasTerminal()), {stdio: ['pipe', 'pipe', pty?.fd ?? 'pipe']}) as SshProcess
  if (pty !== undefined) closeSync(pty.fd)
  child.stdin.on('error', () => {})
  child.stdout.on('error', () => {})
  const input = inputOf(child.stdin)

  const words = new Words((line) => tell?.(line.replace(/^ssh: /, '')), () => tell === undefined || child.stdout.bytesRead > 0)
  const stderr = pty?.words ?? child.stderr!
  // A terminal that nobody has any more ends with an error.
  stderr.on('data', (bytes: Buffer) => words.add(bytes)).on('error', () => {})
  const silent = new Promise<void>((resolve) => stderr.once('close', resolve))
  const finished = new Promise<SshEnd>((resolve) => {
    child.once('error', (error) => resolve({error}))
    // Not `close`, which waits for somebody to read all of stdout; and whoever has inherited stderr may hold it open.
    child.once('exit', (status, signal) => {
      const isLost = pty !== undefined && (status === null || status === 255)
      void Promise.all([Promise.race([silent, later(LAST_WORDS)]), isLost ? new Promise((done) => setTimeout(done, INTERRUPT)) : undefined]).then(() => resolve({status, signal}))
    })
  })
  void finished.then(() => {
    taken()
    process.off('exit', kill)
    words.end()
    stderr.destroy()
    input.destroy(new Error('ssh has ended'))
  })
  const close = async (): Promise<void> => {
    input.end()
    // What nobody reads would keep ssh from ending.
    child.stdout.resume()
    const patience = setTimeout(kill, GRACE)
    await finished
    clearTimeout(patience)
  }
  const failure = async (): Promise<BkError> => {
    await close()
    return explainEnd(await finished, words.kept, target)
  }
  return {input, output: child.stdout, finished, failure, close, said: () => words.said, kill}
}

/* `stdio` says so. */
type SshProcess = ChildProcess & {readonly stdin: Writable; readonly stdout: Socket}

/* Node destroys the input of a process that ends, and then nobody is called back who still ends it: he would wait for ever. */
function inputOf(stdin: Writable): Writable {
  const input = new Writable({
    write(piece: Buffer, _encoding, done) {
      stdin.write(piece, done)
    },
    final(done) {
      stdin.end()
      done()
    },
  })
  return input.on('error', () => {})
}

/* Whether ssh has somebody to ask: what it opens for that. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY))
    return true
  } catch {
    return false
  }
}

function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}
