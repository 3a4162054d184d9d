/*
 * Text comes in pieces of any size and leaves as runs of whole lines. Lines are numbered for messages, bounded in length
 * (an endless line must not become memory), and a last line without LF is a text that was cut off.
 */
import {BkError} from '../cli/errors.ts'

export const MAX_LINE = 65_000

// A whole index may come as one piece: taken as one string it would be in memory a second time.
const SLICE = 256 * 1024

/** Whole lines as one latin1 text that ends in LF, and the number of the first. */
export interface Run {
  readonly text: string
  readonly number: number
}

/**
 * Cuts pieces of bytes into runs of whole lines. How the text is cut into pieces does not show: what stands above a line
 * that is refused has been yielded. Whoever takes a run apart checks each line's length, by `lineAt`.
 * @throws BkError 65 for a line over MAX_LINE bytes, for a NUL byte (a binary file) and for a last line without LF
 */
export async function* runsOfLines(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Run> {
  let rest = ''
  let number = 1
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; from += SLICE) {
      const length = Math.min(SLICE, piece.length - from)
      const text = rest + Buffer.from(piece.buffer, piece.byteOffset + from, length).toString('latin1')
      const end = text.lastIndexOf('\n') + 1
      const zero = text.indexOf('\0')
      const whole = zero < 0 || zero >= end ? end : text.lastIndexOf('\n', zero) + 1
      if (whole > 0) {
        const run = whole === text.length ? text : text.slice(0, whole)
        yield {text: run, number}
        number += countLines(run)
      }
      rest = text.slice(whole)
      if (whole < end || rest.length > MAX_LINE) throw atLine(number, refused(rest))
    }
  }
  if (rest !== '') throw atLine(number, new BkError('the last line is cut off', {status: 65}))
}

// A line that is both is what shows first.
function refused(line: string): BkError {
  const zero = line.indexOf('\0')
  return zero >= 0 && zero <= MAX_LINE ? new BkError('binary data where text belongs', {status: 65}) : tooLong()
}

/** The line of a run from `at` to its LF at `stop`; throws BkError 65 when it is too long. */
export function lineAt(text: string, at: number, stop: number): string {
  if (stop - at > MAX_LINE) throw tooLong()
  return text.slice(at, stop)
}

function tooLong(): BkError {
  return new BkError('line is longer than 65,000 bytes', {status: 65})
}

/** How many lines a text has. */
export function countLines(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

/** The error with the line number in front; anything but a BkError passes unchanged. */
export function atLine(number: number, error: unknown): unknown {
  if (!(error instanceof BkError)) return error
  return new BkError(`line ${number}: ${error.message}`, {status: error.status, cause: error, ...(error.hint === undefined ? {} : {hint: error.hint})})
}

/* What must agree before it pays to look any further. */
const GLANCE = 32

/**
 * The whole lines that two texts have in common from two places on, up to the first that begins with `#` behind another. The last line of
 * a text is never among them. Stretches are compared by halves, because the system compares memory ten times as fast as a loop could.
 */
export function commonLines(a: string, from: number, b: string, at: number): string {
  const most = Math.min(a.length - from, b.length - at) - 1
  const isSame = (start: number, end: number): boolean => a.slice(from + start, from + end) === b.slice(at + start, at + end)
  if (most < GLANCE || !isSame(0, GLANCE)) return ''
  let same = GLANCE
  let differs = most + 1
  if (isSame(same, most)) same = most
  while (differs - same > 1 && same < most) {
    const middle = (same + differs) >> 1
    if (isSame(same, middle)) same = middle
    else differs = middle
  }
  const common = a.slice(from, from + same)
  const comment = common.indexOf('\n#')
  return common.slice(0, (comment < 0 ? common.lastIndexOf('\n') : comment) + 1)
}

/** The same runs, the first of which holds both lines of an index' header, in however many pieces they come. */
export async function* wholeHeader(runs: AsyncIterable<Run>): AsyncGenerator<Run> {
  let held: string | undefined = ''
  for await (const run of runs) {
    if (held === undefined) {
      yield run
      continue
    }
    held += run.text
    if (held.indexOf('\n') === held.length - 1 && held === '#mtree\n') continue
    yield {text: held, number: 1}
    held = undefined
  }
  if (held !== undefined && held !== '') yield {text: held, number: 1}
}
