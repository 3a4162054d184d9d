/**
 * From a command line to an exit status. A command of bk's own is imported by its name and run with nothing but oclif's
 * parser, because oclif's search for plugins and commands costs more time than a small command takes; help, versions,
 * plugins and whatever else goes through oclif as it is. Errors end here: they are said in one line and become a status.
 */
import {usageError} from './errors.ts'
import {exitStatus} from './exit.ts'
import {describeFailure} from './failure.ts'
import {createSpeech, writeStderr} from './speech.ts'

/** A command of bk's own: the words that name it, `keys add`, and its class. */
export type OwnCommand = {readonly words: readonly string[]; readonly command: Startable}

/* What BkCommand makes of every command. */
type Startable = {start(words: readonly string[], argv: readonly string[]): Promise<unknown>}

/**
 * Runs a command line. `root` is the directory of bk's package; `own` the command that its first words name, if it is
 * one of bk's own. Resolves to the exit status and never rejects.
 */
export async function start(argv: readonly string[], root: string, own?: OwnCommand): Promise<number> {
  const command = beforeDashes(argv).some((word) => word === '--help' || word === '-h') ? undefined : own
  try {
    const status = await (command === undefined ? startOclif(argv, root) : startOwn(command, argv))
    return typeof status === 'number' ? status : exitStatus.done
  } catch (error) {
    // How oclif ends a command early, after a version or a help page.
    if (isEarlyExit(error)) return error.oclif.exit
    return sayFailure(error, command === undefined ? calledAsOf(error) : `bk ${command.words.join(' ')}`, argv)
  }
}

/** Says on stderr why the run failed, the way `argv` asks for, and returns the status that goes with it. */
export function sayFailure(error: unknown, calledAs: string, argv: readonly string[]): number {
  const failure = describeFailure(error, calledAs)
  createSpeech(calledAs, {json: beforeDashes(argv).includes('--json')}).failure(failure.message, failure)
  if (process.env['BK_DEBUG'] === '1') writeStderr(`${stackOf(error)}\n`)
  return failure.status
}

async function startOwn({words, command}: OwnCommand, argv: readonly string[]): Promise<unknown> {
  return command.start(words, argv.slice(words.length))
}

async function startOclif(argv: readonly string[], root: string): Promise<unknown> {
  const {run} = await import('@oclif/core/run')
  const {settings} = await import('@oclif/core/settings')
  // Whatever NODE_ENV says, the compiled commands are the ones that run.
  settings.enableAutoTranspile = false
  try {
    return await run(oclifWords(argv), {root})
  } catch (error) {
    const unknown = error instanceof Error ? /^command (\S+) not found/i.exec(error.message)?.[1] : undefined
    if (unknown === undefined) throw error
    const {execExternal} = await import('./external.ts')
    if (argv[0] !== 'help') execExternal(argv)
    const {nearest, ownCommands} = await import('./suggest.ts')
    const own = ownCommands(root)
    // oclif takes operands for further words of the command.
    const [first = '', second = ''] = argv[0] === 'help' ? argv.slice(1) : argv
    const name = own.some((command) => command.startsWith(`${first} `)) ? `${first} ${second}`.trimEnd() : first
    const near = nearest(name, own)
    throw usageError(`no such command: ${name}`, near === undefined ? "'bk help' lists the commands" : `did you mean 'bk ${near}'?`)
  }
}

/* `bk help x` is `bk x --help`: oclif's own help command would take a missing operand from stdin. */
function oclifWords(argv: readonly string[]): string[] {
  if (argv[0] !== 'help') return [...argv]
  return [...argv.slice(1).filter((word) => !word.startsWith('-')), '--help']
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end === -1 ? argv : argv.slice(0, end)
}

function isEarlyExit(error: unknown): error is Error & {readonly oclif: {readonly exit: number}} {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT'
}

/* Set by BkCommand, for commands that oclif started. */
function calledAsOf(error: unknown): string {
  return error instanceof Error && 'calledAs' in error ? String(error.calledAs) : 'bk'
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? String(error.stack) : `${error.stack}\ncaused by: ${stackOf(error.cause)}`
}
