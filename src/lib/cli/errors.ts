/**
 * The error that users see. Library code throws a BkError with a message in lower case and without a period, says in
 * `hint` what to type instead, and never prints: only the top of the program does. Whatever else is thrown is a bug.
 */
import {getSystemErrorMap} from 'node:util'
import {exitStatus, type ExitStatus} from './exit.ts'

export type BkErrorOptions = {
  /** Exit status; 2, failed, when absent. */
  readonly status?: ExitStatus
  /** What to do or to type, printed on a line of its own. */
  readonly hint?: string
  readonly cause?: unknown
}

export class BkError extends Error {
  override readonly name = 'BkError'
  readonly status: ExitStatus
  readonly hint: string | undefined
  /** What oclif's own runners look at, so that the status holds there too. Writable, because its parser replaces it. */
  oclif: {exit: number}

  constructor(message: string, options: BkErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause})
    this.status = options.status ?? exitStatus.failed
    this.hint = options.hint
    this.oclif = {exit: this.status}
  }
}

/** A wrong command line: status 64. */
export function usageError(message: string, hint?: string): BkError {
  return new BkError(message, {status: exitStatus.usage, ...(hint === undefined ? {} : {hint})})
}

/** Input that is not in its format, or is cut off: status 65. */
export function inputError(message: string, hint?: string): BkError {
  return new BkError(message, {status: exitStatus.badInput, ...(hint === undefined ? {} : {hint})})
}

/** The errno name of a failed system call, `ENOENT` for instance; undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Says in a few words why something failed: the system's own words for a failed call, else the error's message. */
export function reasonOf(error: unknown): string {
  const code = errorCode(error)
  const words = code === undefined ? undefined : systemWords().get(code)
  if (words !== undefined) return words
  return error instanceof Error ? error.message : String(error)
}

/** True for what went wrong in the world: damage, bad input, a call that failed. All else is a bug and goes on up. */
export function isFailure(error: unknown): boolean {
  return error instanceof BkError || errorCode(error) !== undefined
}

/** True for the errors of system calls, which are the world's fault and not a bug. */
export function isSystemError(error: unknown): boolean {
  const code = errorCode(error)
  return code !== undefined && systemWords().has(code)
}

let words: Map<string, string> | undefined

function systemWords(): Map<string, string> {
  if (words === undefined) words = new Map([...getSystemErrorMap().values()].map(([name, text]) => [name, text]))
  return words
}
