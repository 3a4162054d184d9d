/*
 * Text comes in pieces of any size and leaves as runs of whole lines. Lines are numbered for messages, bounded in length
 * (an endless line must not become memory), and a last line without LF is a text that was cut off.
 */
import {BkError} from '../cli/errors.ts'

export const MAX_LINE = 65_000

/** Whole lines as one latin1 text that ends in LF, and the number of the first. */
export interface Run {
  readonly text: string
  readonly number: number
}

/**
 * Cuts pieces of bytes into runs of whole lines.
 * @throws BkError 65 for a line over MAX_LINE bytes, for a NUL byte (a binary file) and for a last line without LF
 */
export async function* runsOfLines(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Run> {
  let rest = ''
  let number = 1
  for await (const piece of pieces) {
    const text = rest + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    rest = text.slice(end)
    if (rest.length > MAX_LINE) throw atLine(number + count(text.slice(0, end)), tooLong())
    if (end === 0) continue
    const run = end === text.length ? text : text.slice(0, end)
    if (run.includes('\0')) throw new BkError('binary data where text belongs', {status: 65})
    yield {text: run, number}
    number += count(run)
  }
  if (rest !== '') throw atLine(number, new BkError('the last line is cut off', {status: 65}))
}

/** The line of a run from `at` to its LF at `stop`; throws BkError 65 when it is too long. */
export function lineAt(text: string, at: number, stop: number): string {
  if (stop - at > MAX_LINE) throw tooLong()
  return text.slice(at, stop)
}

function tooLong(): BkError {
  return new BkError('line is longer than 65,000 bytes', {status: 65})
}

function count(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

/** The error with the line number in front; anything but a BkError passes unchanged. */
export function atLine(number: number, error: unknown): unknown {
  if (!(error instanceof BkError)) return error
  return new BkError(`line ${number}: ${error.message}`, {status: error.status, cause: error, ...(error.hint === undefined ? {} : {hint: error.hint})})
}
