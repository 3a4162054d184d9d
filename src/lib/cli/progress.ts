/**
 * The line that moves while bk works: files, bytes, rate and time left, on stderr and only when that is a terminal.
 * It is drawn when the library reports, at most ten times a second and not in the first half second; there is no timer,
 * so nothing holds the process or draws after the end.
 */
import {fstatSync} from 'node:fs'
import {outputIsPipe} from './output.ts'
import {setBeforeLine, writeStderr} from './speech.ts'
import {formatDuration, formatSize} from './units.ts'

/** What has been done so far; the library calls with running totals. */
export type ProgressUpdate = {
  readonly files?: number
  readonly bytes?: number
  /** All there is to do, when it is known: brings the time left. */
  readonly totalBytes?: number | undefined
}

export type Progress = {
  update(done: ProgressUpdate): void
  /** Takes the line off the screen. To be called when the work ends, well or not. */
  end(): void
}

export type ProgressOptions = {
  /** How the user called the command, before the figures: `bk index`. */
  readonly label: string
  readonly quiet?: boolean | undefined
  /** The command writes records to stdout: where that is a terminal, a moving line would tear them. */
  readonly records?: boolean
  /**
   * Also when stdout is a pipe. In `bk index | bk diff | bk send` all three share one terminal and one line of it: only
   * the one that takes the longest may have it.
   */
  readonly evenInPipe?: boolean
}

const delay = 500
const interval = 100

/** A progress line, or one that does nothing where there is no terminal for it. */
export function createProgress(options: ProgressOptions): Progress {
  if (!wanted(options)) return {update() {}, end() {}}
  const began = Date.now()
  let drawn = 0
  let shown = false
  const erase = (): void => {
    if (shown) writeStderr('\r\x1b[K')
    shown = false
  }
  setBeforeLine(erase)
  return {
    update(done) {
      const now = Date.now()
      if (now - began < delay || now - drawn < interval) return
      drawn = now
      shown = true
      // The width is asked every time: terminals are resized. One column stays free, or some wrap the cursor.
      writeStderr(`\r${progressLine(options.label, done, (now - began) / 1000, process.stderr.columns - 1)}\x1b[K`)
    },
    end() {
      erase()
      setBeforeLine(undefined)
    },
  }
}

/** The text of the line, within `width` columns: the figures that do not fit are left out, the last ones first. */
export function progressLine(label: string, done: ProgressUpdate, seconds: number, width: number): string {
  const {files, bytes, totalBytes} = done
  const rate = bytes === undefined || seconds <= 0 ? 0 : bytes / seconds
  const parts: string[] = []
  if (files !== undefined) parts.push(`${files} ${files === 1 ? 'file' : 'files'}`)
  if (bytes !== undefined) parts.push(totalBytes === undefined ? formatSize(bytes) : `${formatSize(bytes)} of ${formatSize(totalBytes)}`)
  if (bytes !== undefined) parts.push(`${formatSize(rate)}/s`)
  if (bytes !== undefined && totalBytes !== undefined && rate > 0) {
    parts.push(`${formatDuration(Math.max(0, totalBytes - bytes) / rate)} left`)
  }
  let line = `${label}:`
  for (const part of parts) {
    if (line.length + 1 + part.length > width) break
    line += ` ${part}`
  }
  return line.length > width ? '' : line
}

function wanted({quiet, records, evenInPipe}: ProgressOptions): boolean {
  // The question to the kernel first: process.stderr is a whole stream.
  if (quiet || process.env['TERM'] === 'dumb' || !fstatSync(2).isCharacterDevice() || !process.stderr.isTTY) return false
  if (process.stdout.isTTY) return records !== true
  return evenInPipe === true || !outputIsPipe()
}
