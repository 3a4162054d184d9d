/**
 * The line that moves while bk works: how far it is, how fast, for how long yet and at what file, on stderr and only when that is a
 * terminal. It is drawn when the library reports, at most ten times a second and not in the first half second; and twice a second
 * whether it reports or not, so that a run which waits for one large file or a slow line is seen to live. What it says is
 * progress-line.ts.
 *
 * After each drawing the cursor goes back to the beginning. Terminals that wrap lines anew when they are resized keep the cursor where
 * its character goes, so that erasing from there on takes every part of the line, on those that do not as well.
 */
import {fstatSync, readFileSync} from 'node:fs'
import {onInterrupt} from './cleanup.ts'
import {outputIsPipe} from './output.ts'
import {progressLine} from './progress-line.ts'
import {createRate} from './rate.ts'
import {setBeforeLine, writeStderr} from './speech.ts'

/** What has been done so far; the library calls with running totals, as often as it likes. */
export type ProgressUpdate = {
  /** What is being done, in a word, where a run does one thing after the other: `listing`. Figures may begin anew with it. */
  readonly phase?: string | undefined
  readonly files?: number | undefined
  readonly bytes?: number | undefined
  /** All there is to do, when it is known: brings the time left. */
  readonly totalBytes?: number | undefined
  /** What is being worked on, spelled as in an index (`./etc/hosts`, escaped). */
  readonly path?: string | undefined
}

export type Progress = {
  /**
   * Nothing is on the screen before the first call. So there must be none while another program may ask something on the terminal, as
   * ssh does before it is through.
   */
  update(done: ProgressUpdate): void
  /** For what nobody reports, as bytes on a slow line: asks twice a second, once there was an update. Undefined says nothing new. */
  follow(ask: () => ProgressUpdate | undefined): void
  /** Takes the line off the screen. To be called when the work ends, well or not; calling it twice is fine. */
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
const heartbeat = 500
/* Milliseconds that the rate looks back, and that the time left does: it should not jump with every file. */
const rateSpan = 5000
const leftSpan = 30_000
/* A terminal that does not know its size. */
const usualColumns = 80

/* Milliseconds since the process began, whoever sets the clock. */
const monotonic = (): number => process.uptime() * 1000

/*
 * Takes what is on the screen from the cursor on: nothing of others is below the last line. The line itself first: where it is the topmost
 * row, tmux takes the second for "clear the screen", and keeps what was on it in its history.
 */
const eraseLine = '\r\x1b[K\x1b[J'

/** A progress line, or one that does nothing where there is no terminal for it. */
export function createProgress(options: ProgressOptions): Progress {
  return wanted(options) ? createDisplay(options.label) : {update() {}, follow() {}, end() {}}
}

function createDisplay(label: string): Progress {
  const began = monotonic()
  const rate = createRate()
  const widths = createWidths()
  const unicode = isUnicode()
  let latest: ProgressUpdate | undefined
  let drawn = 0
  let shown = false
  let hidden = false
  let stopListening: (() => void) | undefined
  let ask: (() => ProgressUpdate | undefined) | undefined

  const erase = (): void => {
    if (shown && isForeground()) writeStderr(eraseLine)
    shown = false
  }
  const draw = (): void => {
    const now = monotonic()
    if (latest === undefined || now - began < delay) return
    drawn = now
    // Behind the shell's back, as after Ctrl-Z and `bg`, the line at the cursor is the shell's.
    if (!isForeground()) {
      shown = false
      hidden = true
      return
    }
    if (hidden) refreshSize()
    hidden = false
    const {bytes, totalBytes} = latest
    const speed = rate.at(now, leftSpan)
    const left = bytes === undefined || totalBytes === undefined || speed === 0 ? undefined : Math.max(0, totalBytes - bytes) / speed
    const figures = {...latest, rate: rate.at(now, rateSpan), elapsed: (now - began) / 1000, left}
    // Asked every time: terminals are resized.
    const line = progressLine(label, figures, {columns: process.stderr.columns || usualColumns, unicode, widthOf: widths})
    if (line === '') return erase()
    // Under the old line, not after erasing it: that would flicker. And without wrapping: the terminal may be narrower by now than it was
    // when it was asked, and the cursor would go back to the beginning of the wrong row.
    writeStderr(`\r\x1b[?7l${line}\x1b[?7h\x1b[J\r`)
    shown = true
  }
  const end = (): void => {
    erase()
    stopListening?.()
    stopListening = undefined
    latest = undefined
  }

  const update = (done: ProgressUpdate): void => {
    const now = monotonic()
    if (done.phase !== latest?.phase) rate.reset()
    if (done.bytes !== undefined) rate.add(now, done.bytes)
    if (latest === undefined) stopListening = listen(beat, draw, erase, end)
    latest = done
    if (now - drawn >= interval) draw()
  }
  const beat = (): void => {
    const asked = ask?.()
    if (asked !== undefined) update(asked)
    draw()
  }
  return {update, follow: (question) => void (ask = question), end}
}

/* Everything that moves the line but the library. None of it holds the process. */
function listen(beat: () => void, draw: () => void, erase: () => void, end: () => void): () => void {
  const timer = setInterval(beat, heartbeat).unref()
  const goOn = (): void => {
    refreshSize()
    draw()
  }
  process.stderr.on('resize', draw)
  process.on('SIGCONT', goOn)
  // However the process ends, its line must not stand where the shell's prompt goes.
  process.on('exit', end)
  const forget = onInterrupt(erase)
  setBeforeLine(erase)
  return () => {
    clearInterval(timer)
    process.stderr.off('resize', draw)
    process.off('SIGCONT', goOn)
    process.off('exit', end)
    forget()
    setBeforeLine(undefined)
  }
}

/* Node hears of a new size only by this signal, and a process in the background got none. */
function refreshSize(): void {
  process.emit('SIGWINCH', 'SIGWINCH')
}

function wanted({quiet, records, evenInPipe}: ProgressOptions): boolean {
  // The question to the kernel first: process.stderr is a whole stream.
  if (quiet || process.env['TERM'] === 'dumb' || !fstatSync(2).isCharacterDevice() || !process.stderr.isTTY) return false
  if (process.stdout.isTTY) return records !== true
  return evenInPipe === true || !outputIsPipe()
}

/* Whether what is written to the terminal is ours to place: the kernel says which processes have it. */
function isForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    // Without a controlling terminal there is no background either.
    return Number(foreground) <= 0 || group === foreground
  } catch {
    return true
  }
}

function isUnicode(): boolean {
  const {LC_ALL, LC_CTYPE, LANG} = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}

/*
 * How wide a text is, by the package that knows, which is fetched when the first name that is not ASCII is to be drawn. Character by
 * character, and what lies beyond 16 bits counts as two: terminals differ in what they join and know, and too narrow is no harm.
 */
function createWidths(): (text: string) => number | undefined {
  let widthOf: ((text: string) => number) | undefined
  let asked = false
  return (text) => {
    if (/^[ -~…]*$/.test(text)) return text.length
    if (!asked) {
      asked = true
      // No run fails because a name cannot be drawn.
      import('string-width').then(({default: stringWidth}) => (widthOf = stringWidth)).catch(() => undefined)
    }
    if (widthOf === undefined) return undefined
    let width = 0
    for (const character of text.replace(/[\p{Mn}\p{Me}]/gu, '')) width += character.length > 1 ? 2 : widthOf(character)
    return width
  }
}
