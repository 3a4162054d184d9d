/**
 * What every command of bk is: an oclif command without oclif's own speaking. It throws its errors to the entry, which
 * prints them as one line, and `run` returns the exit status. `this.log`, `this.warn` and `this.error` are not used:
 * records go through output.ts, words through speech.ts.
 */
import {Command} from '@oclif/core/command'
import type {Config, Input, ParserOutput} from '@oclif/core/interfaces'
import {readSettings, type Setting} from './config.ts'
import {mergeSettings, valueOf, type MergedFlag} from './config-merge.ts'
import type {ExitStatus} from './exit.ts'
import {createSpeech, type Speech, type SpeechOptions} from './speech.ts'

type Values = Record<string, unknown>

export abstract class BkCommand extends Command {
  /** What a status means for this command in particular, for its manual page: `{3: 'A file could not be read.'}`. */
  static exitNotes?: Readonly<Partial<Record<ExitStatus, string>>>
  /** Files that the command uses, for its manual page: a path and what it is. */
  static files?: ReadonlyArray<readonly [path: string, meaning: string]>
  /** Variables that the command reads, for its manual page. */
  static environment?: ReadonlyArray<readonly [variable: string, meaning: string]>
  /** Other pages to name under SEE ALSO: `bk-index(1)`, `mtree(5)`. */
  static seeAlso?: readonly string[]

  /** False for what sshd starts for a client, who may set variables: it takes nothing but its command line. */
  static configurable = true

  /** The flags that were typed, and not set in a file or a variable. Empty before `parse`. */
  protected given: ReadonlySet<string> = new Set()

  /** Does the work and returns the exit status, or nothing for 0. */
  abstract override run(): Promise<ExitStatus | void>

  /**
   * Runs the command without oclif's Config, the entry's short way. `words` name the command; `argv` is what follows them.
   */
  static async start(
    this: (new (argv: string[], config: Config) => BkCommand) & {id: string},
    words: readonly string[],
    argv: readonly string[],
  ): Promise<ExitStatus | void> {
    this.id = words.join(':')
    return new this([...argv], hotConfig).run()
  }

  /** How the user called it: `bk keys add`. */
  get calledAs(): string {
    return `bk ${this.#words}`.trimEnd()
  }

  get #words(): string {
    return (this.id ?? '').replaceAll(':', ' ')
  }

  /** The voice of this command. Pass the parsed flags: --quiet, --verbose and --json are looked at. */
  protected speech(flags: Pick<SpeechOptions, 'quiet' | 'verbose' | 'json'> = {}): Speech {
    return createSpeech(this.calledAs, {quiet: flags.quiet, verbose: flags.verbose, json: flags.json})
  }

  /** The command line, over what files and variables set (config.ts); with --verbose each thing that is set is said. */
  protected override async parse<Flags extends Values, Base extends Values, Args extends Values>(
    options?: Input<Flags, Base, Args>,
    argv: string[] = this.argv,
  ): Promise<ParserOutput<Flags, Base, Args>> {
    const declared = (options?.flags ?? {}) as Readonly<Record<string, MergedFlag>>
    const {configurable} = this.constructor as typeof BkCommand
    const settings = configurable ? await readSettings(this.#words, declared, process.env) : []
    const values = new Map<Setting, unknown>()
    for (const setting of settings) values.set(setting, await valueOf(setting, declared[setting.flag]!))
    const bare = Object.entries(declared).map(([name, flag]) => [name, {...flag, dependsOn: undefined, exclusive: undefined, required: false}])
    const parsed = await super.parse({...options, flags: Object.fromEntries(bare)} as Input<Flags, Base, Args>, argv)
    this.given = new Set(parsed.raw.flatMap((token) => (token.type === 'flag' ? [token.flag] : [])))
    const merged = mergeSettings(settings, this.given, declared)
    const flags: Record<string, unknown> = parsed.flags
    for (const setting of merged.toReversed()) {
      const {flag, value} = setting
      if (declared[flag]?.multiple) flags[flag] = [values.get(setting), ...((flags[flag] as unknown[] | undefined) ?? [])]
      else if (value !== false) flags[flag] = values.get(setting)
    }
    const speech = this.speech(flags)
    for (const {flag, from, value} of merged) speech.detail(`${from}: --${flag}${value === true ? '' : `=${value === false ? '0' : value}`}`)
    return parsed
  }

  /* oclif would set process.exitCode and stop spinners; the entry does what is to be done, and needs to know who failed. */
  protected override async catch(error: Error): Promise<never> {
    throw Object.assign(error, {calledAs: this.calledAs})
  }

  /* oclif would look for deprecated aliases, of which bk has none, and load its help for that. */
  protected override async init(): Promise<void> {}
}

/* All that oclif's Command and parser ask of a Config while they parse: bk has no hooks. */
const hotConfig = {
  bin: 'bk',
  runHook: async () => ({failures: [], successes: []}),
} as unknown as Config
