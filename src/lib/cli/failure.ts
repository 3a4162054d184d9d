/**
 * Turns whatever a command threw into what the user is told: one line, perhaps a hint, and a status. A BkError says it
 * itself; oclif's parser errors are put into bk's words; a failed system call nobody caught is the world's fault; all
 * the rest is a bug of bk and says so.
 */
import {stripVTControlCharacters} from 'node:util'
import {BkError, errorCode, isSystemError, reasonOf} from './errors.ts'
import {escapeName} from './escape.ts'
import {exitStatus, type ExitStatus} from './exit.ts'

export type Failure = {
  readonly message: string
  readonly status: ExitStatus
  readonly hint?: string | undefined
}

/** `calledAs` is the command as the user called it, for the hint that names its help page. */
export function describeFailure(error: unknown, calledAs: string): Failure {
  if (error instanceof BkError || isBkError(error)) {
    return {message: plainMessage(error.message), status: error.status, hint: error.hint}
  }
  if (isParserError(error)) {
    return {message: parserMessage(error), status: exitStatus.usage, hint: `see '${helpCommand(calledAs)}'`}
  }
  if (isSystemError(error)) return {message: systemMessage(error), status: exitStatus.failed}
  const what = error instanceof Error ? `${error.name}: ${error.message.split('\n', 1)[0]}` : String(error)
  return {message: `this is a bug: ${what}`, status: exitStatus.bug, hint: 'run it again with BK_DEBUG=1 and report what it prints'}
}

function helpCommand(calledAs: string): string {
  return calledAs.replace(/^bk/, 'bk help')
}

/* A plugin brings its own copy of the class. */
function isBkError(error: unknown): error is BkError {
  return error instanceof Error && error.name === 'BkError' && 'status' in error
}

type ParserError = Error & {readonly args?: unknown; readonly flags?: unknown}

/* oclif's parser throws CLIErrors and nothing else; bk's own commands throw none. Hence also true for "command not found". */
function isParserError(error: unknown): error is ParserError {
  return error instanceof Error && 'oclif' in error && ('parse' in error || 'suggestions' in error)
}

/* oclif puts what was being parsed before, and a line about --help behind, the message of what a flag's own parser threw. */
function plainMessage(message: string): string {
  const match = /^Parsing (--[\w-]+) \n\t([^]*?)(?:\nSee more help with --help)?$/.exec(message)
  return match === null ? message : `${match[1]}: ${match[2]}`
}

/* The parser's words, as they begin, and bk's. The rest of a message, names and values, stays. */
const rewordings: ReadonlyArray<readonly [RegExp, string]> = [
  [/\nSee more help with --help$/, ''],
  [/^The following errors? occurred:\s*/, ''],
  [/^Missing required flag (\S+)/, 'missing option: --$1'],
  [/^Flag (--\S+) expects a value/, 'option $1 needs a value'],
  [/^Flag (--\S+) expects one of these values: /, 'option $1 needs one of: '],
  [/^Flag (--\S+) can only be specified once/, 'option $1 is given twice'],
  [/^Expected (--[\w-]+)=(.*) to be one of: (.*)$/s, '$1: $2 is not one of: $3'],
  [/^Expected (.*) to be one of: (.*)$/s, '$1 is not one of: $2'],
]

function parserMessage(error: ParserError): string {
  const missing = /^Missing \d+ required arg/.test(error.message) ? namesOf(error.args) : []
  if (missing.length > 0) return `missing operand${missing.length === 1 ? '' : 's'}: ${missing.join(' ').toUpperCase()}`
  if (error.message.startsWith('Unexpected argument')) return `too many operands: ${wordsOf(error.args).map(escapeName).join(' ')}`
  if (error.message.startsWith('Nonexistent flag')) return `no such option: ${wordsOf(error.flags).map(escapeName).join(' ')}`
  // Its lists of reasons are coloured.
  let text = plainMessage(stripVTControlCharacters(error.message))
  for (const [theirs, ours] of rewordings) text = text.replace(theirs, ours)
  return text.trim().replaceAll(/\s*\n\s*/g, '; ').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())
}

function namesOf(args: unknown): string[] {
  if (!Array.isArray(args)) return []
  return args.flatMap((arg: unknown) => (typeof arg === 'object' && arg !== null && 'name' in arg ? [String(arg.name)] : []))
}

function wordsOf(words: unknown): string[] {
  return Array.isArray(words) ? words.map(String) : []
}

function systemMessage(error: unknown): string {
  const code = errorCode(error)
  const path = typeof error === 'object' && error !== null && 'path' in error ? error.path : undefined
  const reason = reasonOf(error)
  if (typeof path === 'string' || path instanceof Uint8Array) return `${escapeName(path)}: ${reason}`
  return code === undefined ? reason : `${reason} (${code})`
}
