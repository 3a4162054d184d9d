/**
 * What is set for a command before its command line is looked at: /etc/bk/config, the user's own file, the environment, each
 * over the one before. The files may name programs to run, so that one which others can write is refused. Only commands that
 * people start read any of this (BkCommand.configurable). What becomes of it beside a command line is config-merge.ts.
 */
import {closeSync, constants, fstatSync, openSync, readFileSync, statSync} from 'node:fs'
import {homedir} from 'node:os'
import {configLines, valueOnLine, type ConfigLine} from './config-lines.ts'
import {checkOthers} from './config-others.ts'
import {BkError, errorCode, reasonOf, usageError} from './errors.ts'
import {escapeName} from './escape.ts'
import {exitStatus} from './exit.ts'

/** An option that is set, for the command that runs. */
export type Setting = {
  readonly flag: string
  /** The text of a value; of a switch whether it is on. */
  readonly value: string | boolean
  /** Where it comes from, for speech: `/etc/bk/config:3`, `BK_JOBS`. */
  readonly from: string
  /** The higher wins; those of the same file, and all of the environment, are of one. */
  readonly layer: number
  /** True when its line names the command. */
  readonly scoped: boolean
}

/** What is looked at of a flag here. */
export type SettableFlag = {readonly type: 'boolean' | 'option'}

export type Environment = Readonly<Record<string, string | undefined>>

/** A file that is read; `named` by BK_CONFIG, it has to be there. */
export type ConfigFile = {readonly path: string; readonly named: boolean}

/**
 * Options that only the command line can give. A line written long ago must not say yes to something dangerous, turn a
 * backup into one that only looks like it, or choose what is written or granted; and whoever reads JSON, or does not,
 * counts on what he typed.
 */
export const commandLineOnly: readonly string[] = [
  'apply',
  'browse',
  'dry-run',
  'file',
  'force',
  'help',
  'index-out',
  'install',
  'json',
  'overwrite',
  'receive',
  'source',
  'to',
  'version',
]

/** Variables of bk that are no options: no flag may have a name that becomes one of these. The last three are what `--after` learns. */
export const ownVariables: readonly string[] = ['BK_CONFIG', 'BK_DEBUG', 'BK_STATUS', 'BK_ANSWER', 'BK_ERROR']

const maxSize = 2 ** 20

/** The variable that sets a flag: `BK_EXCLUDE_CACHES`. */
export function variableOf(flag: string): string {
  return `BK_${flag.toUpperCase().replaceAll('-', '_')}`
}

/** The files that are read, the lowest first. */
export function configFiles(env: Environment): ConfigFile[] {
  const named = env['BK_CONFIG']
  if (named !== undefined) return named === '' || named === '/dev/null' ? [] : [{path: named, named: true}]
  const own = configHome(env)
  return [{path: '/etc/bk/config', named: false}, ...(own === undefined ? [] : [{path: `${own}/bk/config`, named: false}])]
}

/**
 * All that is set for `command`, `keys restrict` for instance, whose flags are given: what stands lowest first, and within a
 * file in the order of its lines. Throws for whatever is wrong in a file, also in lines for other commands.
 */
export async function readSettings(
  command: string,
  flags: Readonly<Record<string, SettableFlag>>,
  env: Environment,
  files: readonly ConfigFile[] = configFiles(env),
): Promise<Setting[]> {
  const settings: Setting[] = []
  for (const [layer, file] of files.entries()) settings.push(...(await settingsOfFile(file, command, flags, layer)))
  return [...settings, ...settingsOfEnvironment(flags, env, files.length)]
}

async function settingsOfFile(file: ConfigFile, command: string, flags: Readonly<Record<string, SettableFlag>>, layer: number): Promise<Setting[]> {
  const bytes = readConfig(file)
  if (bytes === undefined) return []
  const settings: Setting[] = []
  const others: ConfigLine[] = []
  for (const line of configLines(bytes, escapeName(file.path))) {
    if (commandLineOnly.includes(line.flag)) throw usageError(`${line.from}: --${line.flag} is taken from the command line alone`)
    const flag = Object.hasOwn(flags, line.flag) ? flags[line.flag] : undefined
    const meant = line.command === undefined || line.command === command
    if (flag === undefined || !meant) others.push(line)
    else settings.push({flag: line.flag, value: valueOnLine(line, flag.type), from: line.from, layer, scoped: line.command !== undefined})
  }
  if (others.length > 0) await checkOthers(others)
  return settings
}

function settingsOfEnvironment(flags: Readonly<Record<string, SettableFlag>>, env: Environment, layer: number): Setting[] {
  const settings: Setting[] = []
  for (const [flag, {type}] of Object.entries(flags)) {
    const from = variableOf(flag)
    const value = env[from]
    // As if it were not there, which is what shells and cron make of it.
    if (value === undefined || value === '') continue
    if (commandLineOnly.includes(flag)) throw usageError(`${from} is set: --${flag} is taken from the command line alone`, `unset ${from}`)
    // What Node has made of bytes that are none.
    if (value.includes('\ufffd')) throw usageError(`${from}: not UTF-8`)
    settings.push({flag, value: valueOnLine({from, flag, value}, type), from, layer, scoped: false})
  }
  return settings
}

function readConfig({path, named}: ConfigFile): Buffer | undefined {
  if (!named && isAbsent(path)) return undefined
  let fd: number | undefined
  try {
    // Not to wait for the other end of a fifo.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    checkFile(fd, path)
    return readFileSync(fd)
  } catch (error) {
    if (error instanceof BkError) throw error
    throw new BkError(`cannot read ${escapeName(path)}: ${reasonOf(error)}`, {hint: named ? 'BK_CONFIG names it' : 'BK_CONFIG= bk ... runs without it', cause: error})
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/* Not there, or, where HOME is still that of another user, nowhere to look. (Asked first, because an error thrown costs more than a call.) */
function isAbsent(path: string): boolean {
  try {
    return statSync(path, {throwIfNoEntry: false}) === undefined
  } catch (error) {
    return errorCode(error) === 'EACCES'
  }
}

function checkFile(fd: number, path: string): void {
  const {mode, uid, size} = fstatSync(fd)
  const name = escapeName(path)
  const refused = (why: string, hint: string): BkError => new BkError(`${name} is not used: ${why}`, {status: exitStatus.refused, hint})
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new BkError(`${name} is not a file`)
  if (uid !== 0 && uid !== process.geteuid?.()) throw refused(`it belongs to user ${uid}, and could name programs to run`, `chown root ${name}`)
  if ((mode & 0o022) !== 0) throw refused('others can write it, and it can name programs to run', `chmod go-w ${name}`)
  if (size > maxSize) throw new BkError(`${name} has more than 1 MiB: this is no configuration`)
}

/* XDG base directories. Nothing at all for a user without an entry in the user database, when HOME is missing too. */
function configHome(env: Environment): string | undefined {
  const given = env['XDG_CONFIG_HOME']
  if (given?.startsWith('/') === true) return given
  const home = env['HOME'] || databaseHome()
  return home?.startsWith('/') === true ? `${home}/.config` : undefined
}

function databaseHome(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
