/**
 * Operands and flags that several commands share, so that a letter means the same everywhere. Two traps of oclif are
 * closed here once: an operand that is missing must not be read from stdin (`ignoreStdin`), and a flag that may be
 * repeated must not swallow the operands behind it (`multipleNonGreedy`). Declare operands and repeatable flags with
 * these functions only.
 */
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type {Arg, BooleanFlag, OptionFlag} from '@oclif/core/interfaces'
import {parseAge, parseSize, parseWhole} from './units.ts'

/** An operand that may be left out. */
export function operand(description: string): Arg<string | undefined> {
  return Args.string({description, ignoreStdin: true})
}

/** An operand that has to be there. */
export function requiredOperand(description: string): Arg<string> {
  return Args.string({description, ignoreStdin: true, required: true})
}

/** Any number of operands, `PATH...`; undefined when there are none. One per command. */
export function operands(description: string): Arg<string[] | undefined> {
  return Args.string({description, ignoreStdin: true, multiple: true})
}

/** One or more operands, `PATH...`. One per command. */
export function requiredOperands(description: string): Arg<string[]> {
  return Args.string({description, ignoreStdin: true, multiple: true, required: true})
}

type Letter = NonNullable<BooleanFlag<boolean>['char']>

/** What a flag may declare beside its summary. */
export type FlagOptions = {
  readonly char?: Letter
  /** Longer text for the manual page. */
  readonly description?: string
  /** How the value is called in help: FILE. */
  readonly helpValue?: string
  readonly exclusive?: string[]
  readonly dependsOn?: string[]
  readonly hidden?: boolean
}

/** A switch. */
export function switchFlag(summary: string, options: FlagOptions = {}): BooleanFlag<boolean> {
  return Flags.boolean({summary, ...options})
}

/** A flag with a value, given at most once. */
export function valueFlag(summary: string, options: FlagOptions = {}): OptionFlag<string | undefined> {
  return Flags.string({summary, ...options})
}

/** A flag with a value that has to be given. */
export function requiredFlag(summary: string, options: FlagOptions = {}): OptionFlag<string> {
  return Flags.string({summary, ...options, required: true})
}

/** A flag with a value that may be given again and again; undefined when it is not given. */
export function repeatableFlag(summary: string, options: FlagOptions = {}): OptionFlag<string[] | undefined> {
  return Flags.string({summary, ...options, multiple: true, multipleNonGreedy: true})
}

/** A flag whose value is one of a few words: `default`, or undefined, when it is not given. */
export function wordFlag<const Word extends string>(
  summary: string,
  words: readonly Word[],
  options: FlagOptions & {readonly default: Word},
): OptionFlag<Word>
export function wordFlag<const Word extends string>(
  summary: string,
  words: readonly Word[],
  options?: FlagOptions,
): OptionFlag<Word | undefined>
export function wordFlag(
  summary: string,
  words: readonly string[],
  options: FlagOptions & {readonly default?: string} = {},
): OptionFlag<string> | OptionFlag<string | undefined> {
  return Flags.string({summary, ...options, options: words})
}

/** A flag whose value is a whole number from `min`, 0 when absent, to `max`. */
export function numberFlag(
  summary: string,
  options: FlagOptions & {readonly min?: number; readonly max?: number} = {},
): OptionFlag<number | undefined> {
  const {min, max, ...rest} = options
  return Flags.custom<number>({parse: async (text) => parseWhole(text, min, max)})({helpValue: 'N', summary, ...rest})
}

/** A flag whose value is a size, `200G`, given to the command in bytes. */
export function sizeFlag(summary: string, options: FlagOptions = {}): OptionFlag<number | undefined> {
  return Flags.custom<number>({parse: async (text) => parseSize(text)})({helpValue: 'SIZE', summary, ...options})
}

/** A flag whose value is an age, `1D12h`, given to the command in seconds. */
export function ageFlag(summary: string, options: FlagOptions = {}): OptionFlag<number | undefined> {
  return Flags.custom<number>({parse: async (text) => parseAge(text)})({helpValue: 'AGE', summary, ...options})
}

/** oclif takes any character behind the dash, its types know only letters. */
export function digitChar(digit: '0'): Letter {
  return digit as unknown as Letter
}

export const nullFlag = switchFlag('records end in NUL instead of newline, with raw paths', {char: digitChar('0')})

export const jsonFlag = switchFlag('write records as JSON, one object per line')

export const quietFlag = switchFlag('say nothing but errors, problems and warnings', {char: 'q'})

export const verboseFlag = switchFlag('say more', {char: 'v'})
