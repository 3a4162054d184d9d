/**
 * What the commands declare of themselves, as plain records, read from the classes in dist/commands.
 */
import {globSync} from 'node:fs'
import {join} from 'node:path'

export type Operand = {readonly name: string; readonly description: string; readonly required: boolean; readonly multiple: boolean}

export type Option = {
  readonly name: string
  readonly char: string | undefined
  readonly summary: string
  readonly description: string
  /** How the value is called; undefined for a switch. */
  readonly value: string | undefined
  readonly words: readonly string[]
  readonly default: string | undefined
  readonly repeatable: boolean
  readonly required: boolean
  readonly exclusive: readonly string[]
  readonly dependsOn: readonly string[]
}

export type CommandFacts = {
  /** The words that call it, after bk: `keys add`. */
  readonly words: string
  /** The name of its page: `bk-keys-add`. */
  readonly page: string
  readonly summary: string
  readonly description: string
  readonly examples: ReadonlyArray<{readonly command: string; readonly description: string | undefined}>
  readonly operands: readonly Operand[]
  readonly options: readonly Option[]
  readonly exitNotes: Readonly<Record<string, string>>
  readonly environment: ReadonlyArray<readonly [string, string]>
  readonly files: ReadonlyArray<readonly [string, string]>
  readonly seeAlso: readonly string[]
  /** Takes options from files and the environment, too. */
  readonly configurable?: boolean
  /** Has a page, but is in no list of commands: not for people to type. */
  readonly hidden?: boolean
}

/** All commands, by name. */
export async function loadCommands(root: string): Promise<CommandFacts[]> {
  const directory = join(root, 'dist/commands')
  const commands: CommandFacts[] = []
  for (const file of globSync('**/*.js', {cwd: directory})) {
    const module: {default: Declared} = await import(join(directory, file))
    const words = file.replace(/(?:\/index)?\.js$/, '').replaceAll('/', ' ')
    commands.push(factsOf(words, module.default))
  }
  return commands.sort((a, b) => (a.words < b.words ? -1 : 1))
}

/* The static fields of an oclif command, and those of BkCommand. */
type Declared = {
  readonly configurable?: boolean
  readonly hidden?: boolean
  readonly summary?: string
  readonly description?: string
  readonly examples?: ReadonlyArray<string | {readonly command: string; readonly description?: string}>
  readonly args?: Readonly<Record<string, DeclaredArg>>
  readonly flags?: Readonly<Record<string, DeclaredFlag>>
  readonly exitNotes?: Readonly<Record<string, string>>
  readonly environment?: ReadonlyArray<readonly [string, string]>
  readonly files?: ReadonlyArray<readonly [string, string]>
  readonly seeAlso?: readonly string[]
}

type DeclaredArg = {readonly description?: string; readonly required?: boolean; readonly multiple?: boolean; readonly hidden?: boolean}

type DeclaredFlag = {
  readonly type: 'boolean' | 'option'
  readonly char?: string
  readonly summary?: string
  readonly description?: string
  readonly helpValue?: string
  readonly options?: readonly string[]
  readonly default?: unknown
  readonly multiple?: boolean
  readonly required?: boolean
  readonly hidden?: boolean
  readonly exclusive?: readonly string[]
  readonly dependsOn?: readonly string[]
}

function factsOf(words: string, declared: Declared): CommandFacts {
  if (declared.summary === undefined) throw new Error(`the command ${words} has no summary`)
  if ((declared.examples ?? []).length === 0) throw new Error(`the command ${words} has no examples`)
  return {
    words,
    page: `bk-${words.replaceAll(' ', '-')}`,
    summary: declared.summary,
    description: declared.description ?? '',
    examples: (declared.examples ?? []).map((example) =>
      typeof example === 'string' ? {command: example, description: undefined} : {command: example.command, description: example.description},
    ),
    operands: Object.entries(declared.args ?? {}).filter(([, arg]) => !arg.hidden).map(([name, arg]) => operandOf(name, arg)),
    options: Object.entries(declared.flags ?? {}).filter(([, flag]) => !flag.hidden).map(([name, flag]) => optionOf(name, flag)),
    exitNotes: declared.exitNotes ?? {},
    environment: declared.environment ?? [],
    files: declared.files ?? [],
    seeAlso: declared.seeAlso ?? [],
    configurable: declared.configurable ?? false,
    hidden: declared.hidden ?? false,
  }
}

function operandOf(name: string, arg: DeclaredArg): Operand {
  return {
    name: name.toUpperCase(),
    description: arg.description ?? '',
    required: arg.required ?? false,
    multiple: arg.multiple ?? false,
  }
}

function optionOf(name: string, flag: DeclaredFlag): Option {
  return {
    name,
    char: flag.char,
    summary: flag.summary ?? '',
    description: flag.description ?? '',
    value: flag.type === 'boolean' ? undefined : (flag.helpValue ?? name.toUpperCase()),
    words: flag.options ?? [],
    default: typeof flag.default === 'string' || typeof flag.default === 'number' ? String(flag.default) : undefined,
    repeatable: flag.multiple ?? false,
    required: flag.required ?? false,
    exclusive: flag.exclusive ?? [],
    dependsOn: flag.dependsOn ?? [],
  }
}
