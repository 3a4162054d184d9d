/**
 * Lines of a configuration that are not for the command that runs: somebody else's, or a slip of the finger. A line that
 * means nothing to any command is an error, because one that was meant to leave something out would otherwise be found when
 * a disk is full. What the commands have is in oclif's manifest, which takes time to read: only for such lines is it.
 */
import {readFileSync} from 'node:fs'
import {valueOnLine, type ConfigLine} from './config-lines.ts'
import {usageError} from './errors.ts'

type Manifest = {readonly commands: Readonly<Record<string, ManifestCommand>>}
type ManifestCommand = {readonly configurable?: boolean; readonly flags?: Readonly<Record<string, {readonly type: 'boolean' | 'option'}>>}

/** Throws a usage error for the first line that no command understands. */
export async function checkOthers(lines: readonly ConfigLine[]): Promise<void> {
  const commands = readCommands()
  for (const line of lines) await checkLine(line, commands)
}

async function checkLine(line: ConfigLine, commands: ReadonlyMap<string, ManifestCommand>): Promise<void> {
  const {from, command, flag} = line
  if (command !== undefined) {
    const {configurable} = commands.get(command) ?? (await fail(`${from}: no such command: ${command}`, command, commands.keys()))
    if (configurable === false) throw usageError(`${from}: bk ${command} reads no configuration`)
  }
  const meant = command === undefined ? [...commands.values()].filter(({configurable}) => configurable !== false) : [commands.get(command)]
  const flags = new Map(meant.flatMap((one) => Object.entries(one?.flags ?? {})))
  const message = command === undefined ? `no such option: --${flag}` : `bk ${command} has no option --${flag}`
  const {type} = flags.get(flag) ?? (await fail(`${from}: ${message}`, flag, flags.keys(), '--'))
  valueOnLine(line, type)
}

async function fail(message: string, name: string, known: Iterable<string>, prefix = ''): Promise<never> {
  const {nearest} = await import('./suggest.ts')
  const near = nearest(name, [...known])
  throw usageError(message, near && `did you mean '${prefix}${near}'?`)
}

/* By the words that call them: `keys restrict`. */
function readCommands(): Map<string, ManifestCommand> {
  const {commands} = JSON.parse(readFileSync(new URL('../../../oclif.manifest.json', import.meta.url), 'utf8')) as Manifest
  return new Map(Object.entries(commands).map(([id, command]) => [id.replaceAll(':', ' '), command]))
}
