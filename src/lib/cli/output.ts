/**
 * The one way for records to leave: to stdout, in large pieces, waiting for a slow reader instead of piling up memory.
 * A reader that has gone ends the process with 141 and a full disk with 74: the entry listens for both. Where no entry
 * listens, the promise is rejected.
 */
import {once} from 'node:events'
import {fstatSync} from 'node:fs'
import {createBreather} from './breathe.ts'
import {BkError, reasonOf, usageError} from './errors.ts'
import {exitStatus} from './exit.ts'

/** Records: text, or bytes where paths are raw. */
export type Records = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>

/* What is gathered before it is written: the size of a pipe. */
const pieceSize = 64 * 1024
/* This much is enough after so many milliseconds, so that a reader has something to do. Less is one write, however long it takes. */
const smallPiece = 4096
const gathering = 20

/** Whether another program reads what this one writes. */
export function outputIsPipe(): boolean {
  const stdout = fstatSync(1)
  return stdout.isFIFO() || stdout.isSocket()
}

/**
 * Writes every record to stdout as it is, with no newline added. Resolves when all of it has been handed over; the entry
 * waits for the last byte before it exits. A terminal gets each record at once.
 */
export async function writeOut(records: Records): Promise<void> {
  const limit = process.stdout.isTTY ? 1 : pieceSize
  let text = ''
  let bytes: Uint8Array[] = []
  let size = 0
  const breathe = createBreather()
  let written = performance.now()

  const flushText = (): void => {
    if (text === '') return
    bytes.push(Buffer.from(text))
    text = ''
  }
  const flush = (): Promise<void> | undefined => {
    flushText()
    const piece = bytes.length === 1 ? bytes[0] : Buffer.concat(bytes)
    bytes = []
    size = 0
    written = performance.now()
    if (piece === undefined || piece.length === 0) return undefined
    return process.stdout.write(piece) ? breathe() : drained()
  }
  const add = (record: string | Uint8Array): Promise<void> | undefined => {
    size += record.length
    if (typeof record === 'string') text += record
    else {
      flushText()
      bytes.push(record)
    }
    return size < limit ? undefined : flush()
  }

  // Two loops, because `for await` over what is not asynchronous costs a turn of the event loop's queue per record.
  if (Symbol.iterator in records) {
    for (const record of records) {
      const full = add(record)
      if (full !== undefined) await full
    }
  } else {
    for await (const record of records) {
      const full = add(record) ?? (size >= smallPiece && performance.now() - written > gathering ? flush() : undefined)
      if (full !== undefined) await full
    }
  }
  await flush()
}

/** Writes bytes to stdout as they are. Resolves when the system has taken all of it: who wrote it may use the memory again. */
export async function writeParts(parts: readonly Uint8Array[]): Promise<void> {
  for (const part of parts) {
    await new Promise<void>((done, failed) => {
      process.stdout.write(part, (error) => (error ? failed(stdoutError(error)) : done()))
    })
  }
}

/* A pipe takes a line at once if anybody reads it. */
const lastWait = 5000
let givenUp = false

/** Whether there is a reader who did not read: the entry does not wait for him either. */
export function isOutputGivenUp(): boolean {
  return givenUp
}

/** Writes a line to a reader who may not read at all, and gives him up after some seconds. */
export async function writeLastWord(line: string): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(() => {
      givenUp = true
      done()
    }, lastWait)
    process.stdout.write(line, () => {
      clearTimeout(timer)
      done()
    })
  })
}

async function drained(): Promise<void> {
  try {
    await once(process.stdout, 'drain')
  } catch (error) {
    throw stdoutError(error)
  }
}

/** The error for a stdout that cannot be written. */
export function stdoutError(error: unknown): BkError {
  return new BkError(`cannot write to standard output: ${reasonOf(error)}`, {status: exitStatus.stdoutFailed, cause: error})
}

/**
 * Refuses to write what is not for eyes to a terminal. `what` names it, with its article: `a stream`;
 * `hint` says where it could go instead.
 */
export function requireNotTerminal(what: string, hint: string): void {
  if (process.stdout.isTTY) throw usageError(`will not write ${what} to a terminal`, hint)
}
