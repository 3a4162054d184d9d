/**
 * What every command of bk is: an oclif command without oclif's own speaking. It throws its errors to the entry, which
 * prints them as one line, and `run` returns the exit status. `this.log`, `this.warn` and `this.error` are not used:
 * records go through output.ts, words through speech.ts.
 */
import {Command} from '@oclif/core/command'
import type {Config} from '@oclif/core/interfaces'
import type {ExitStatus} from './exit.ts'
import {createSpeech, type Speech, type SpeechOptions} from './speech.ts'

export abstract class BkCommand extends Command {
  /** What a status means for this command in particular, for its manual page: `{3: 'A file could not be read.'}`. */
  static exitNotes?: Readonly<Partial<Record<ExitStatus, string>>>
  /** Files that the command uses, for its manual page: a path and what it is. */
  static files?: ReadonlyArray<readonly [path: string, meaning: string]>
  /** Variables that the command reads, for its manual page. */
  static environment?: ReadonlyArray<readonly [variable: string, meaning: string]>
  /** Other pages to name under SEE ALSO: `bk-index(1)`, `mtree(5)`. */
  static seeAlso?: readonly string[]

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
    return `bk ${(this.id ?? '').replaceAll(':', ' ')}`.trimEnd()
  }

  /** The voice of this command. Pass the parsed flags: --quiet, --verbose and --json are looked at. */
  protected speech(flags: Pick<SpeechOptions, 'quiet' | 'verbose' | 'json'> = {}): Speech {
    return createSpeech(this.calledAs, {quiet: flags.quiet, verbose: flags.verbose, json: flags.json})
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
