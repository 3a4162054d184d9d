/**
 * Everything bk says goes through here: the one module that writes to stderr. A line is `bk diff: what happened`, lower
 * case, without a period, and never more than one line whatever a file is called. With --json each line is one JSON
 * object. Problems and warnings are counted, because they turn the exit status into 3.
 */
import {writeSync} from 'node:fs'
import {isatty} from 'node:tty'
import {escapeName, oneLine} from './escape.ts'
import {errorCode, reasonOf} from './errors.ts'
import {exitStatus, type ExitStatus} from './exit.ts'
import {outputIsPipe} from './output.ts'

/** What the library is handed to report to; it prints nothing itself. */
export type Reporter = {
  /** A file that could not be read, stored or restored. Counted: the run goes on and ends with 3. `what` is a reason or an error. */
  problem(path: string | Uint8Array, what: string | Error): void
  /** Something the user has to act on. Counted: the run ends with 3. */
  warn(text: string): void
  /** Something worth a line that needs no action; not said with -q. Changes no status. */
  note(text: string): void
  /** What only -v wants to know: a socket left out, a file read twice, the configuration used. */
  detail(text: string): void
}

export type Speech = Reporter & {
  /** A second line that says what to type. */
  hint(text: string): void
  /** The message that ends a run, with its hint. */
  failure(message: string, options: {readonly status: ExitStatus; readonly hint?: string | undefined}): void
  /** How many problems and warnings there were. */
  readonly troubles: number
  /** 3 when there were problems or warnings, else 0: what a command that came to its end returns. */
  status(): ExitStatus
}

export type SpeechOptions = {
  readonly quiet?: boolean | undefined
  readonly verbose?: boolean | undefined
  readonly json?: boolean | undefined
  /** Where finished lines go; stderr when absent. */
  readonly write?: (line: string) => void
}

type Said = {readonly type: string; readonly message: string; readonly [key: string]: string | number}

/** The voice of one command. `commandName` is how the user calls it: `bk diff`. */
export function createSpeech(commandName: string, options: SpeechOptions = {}): Speech {
  const write = options.write ?? writeLine
  let troubles = 0
  const say = (said: Said): void => {
    if (options.json) return write(JSON.stringify({command: commandName, ...said}))
    write(oneLine(`${commandName}: ${said.type === 'hint' ? 'hint: ' : ''}${said.message}`))
  }
  return {
    problem(path, what) {
      troubles++
      const reason = typeof what === 'string' ? what : reasonOf(what)
      const code = errorCode(what)
      const details = options.json ? {...pathFields(path), ...(code === undefined ? {} : {code})} : {}
      say({type: 'problem', message: `${escapeName(path)}: ${reason}`, ...details})
    },
    warn(text) {
      troubles++
      say({type: 'warning', message: text})
    },
    note(text) {
      if (!options.quiet) say({type: 'note', message: text})
    },
    detail(text) {
      if (options.verbose) say({type: 'detail', message: text})
    },
    hint(text) {
      say({type: 'hint', message: text})
    },
    failure(message, {status, hint}) {
      if (options.json) return say({type: 'error', message, status, ...(hint === undefined ? {} : {hint})})
      say({type: 'error', message})
      if (hint !== undefined) say({type: 'hint', message: hint})
    },
    get troubles() {
      return troubles
    },
    status() {
      return troubles === 0 ? exitStatus.done : exitStatus.partial
    },
  }
}

/** A path as fields of a JSON object: text where it is UTF-8, base64 where it is not. */
export function pathFields(path: string | Uint8Array): {path: string} | {path_base64: string} {
  if (typeof path === 'string') return {path}
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.byteLength)
  const text = bytes.toString('utf8')
  return Buffer.from(text).equals(bytes) ? {path: text} : {path_base64: bytes.toString('base64')}
}

let beforeLine: (() => void) | undefined

/** Registers what has to happen before a line is written: the progress display takes itself off the screen. */
export function setBeforeLine(hook: (() => void) | undefined): void {
  beforeLine = hook
}

function writeLine(line: string): void {
  beforeLine?.()
  writeStderr(`${line}${hasProgressUnderIt() ? '\x1b[K' : ''}\n`)
}

/* In a pipe of bk's the last shows its progress on the terminal that all of them share: what this line does not cover of that goes. */
function hasProgressUnderIt(): boolean {
  return outputIsPipe() && isatty(2) && process.env['TERM'] !== 'dumb'
}

/** Writes to stderr at once, whole and in order, also while the process is dying. What stderr does not take is lost. */
export function writeStderr(text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(2, rest))
    } catch (error) {
      // A terminal or pipe in non-blocking mode that is full for the moment; everything else means nobody listens.
      if (errorCode(error) !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}
