/**
 * The text of the progress line: which figures there are, which of them have room, and how much of a path. Never wider than it may be,
 * since a line that wraps cannot be taken off the screen again. Pure: figures and the terminal's ways are arguments.
 */
import {escapeName} from './escape.ts'
import {formatDuration, formatSize} from './units.ts'

export type ProgressFigures = {
  /** What is being done, where that is not plain from the command: `listing`. */
  readonly phase?: string | undefined
  readonly files?: number | undefined
  readonly bytes?: number | undefined
  /** All there is to do, when it is known. */
  readonly totalBytes?: number | undefined
  /** What is being worked on, spelled as in an index. */
  readonly path?: string | undefined
  /** Bytes a second. */
  readonly rate: number
  /** Seconds since the start. */
  readonly elapsed: number
  /** Seconds to go, when that can be told. */
  readonly left?: number | undefined
}

/** What the line is drawn on. */
export type ProgressTerminal = {
  readonly columns: number
  /** Whether text is UTF-8 there; all else gets ASCII. */
  readonly unicode: boolean
  /** How many columns a text takes; undefined as long as that cannot be told. */
  widthOf(text: string): number | undefined
}

/* Below this there is no line: nothing of use fits. */
const narrowest = 20
/* Less of a path says nothing. */
const shortestPath = 12

type Part = 'label' | 'phase' | 'bytes' | 'files' | 'rate' | 'time'

const shownOrder: readonly Part[] = ['label', 'phase', 'bytes', 'files', 'rate', 'time']

/**
 * The line, of at most one column less than the terminal has, because some wrap the cursor behind the last; empty where there is no room
 * for one. `label` is how the user called the command.
 */
export function progressLine(label: string, figures: ProgressFigures, terminal: ProgressTerminal): string {
  const {columns} = terminal
  if (columns < narrowest) return ''
  const words = wordsOf(label, figures)
  const kept = new Set<Part>()
  for (const part of importance(figures)) {
    if (words[part] === undefined) continue
    kept.add(part)
    if (joined(words, kept).length < columns) continue
    kept.delete(part)
    break
  }
  const line = joined(words, kept)
  const room = columns - 1 - line.length - 2
  if (figures.path === undefined || room < shortestPath) return line
  const path = shortened(pathText(figures.path, terminal.unicode), room, terminal)
  return path === '' ? line : `${line}  ${path}`
}

/* How far it is and for how long yet is what one looks for; without a label it can still be understood. */
function importance({bytes}: ProgressFigures): readonly Part[] {
  return bytes === undefined ? ['files', 'time', 'label', 'phase'] : ['bytes', 'time', 'label', 'phase', 'rate', 'files']
}

function wordsOf(label: string, {phase, files, bytes, totalBytes, rate, elapsed, left}: ProgressFigures): Partial<Record<Part, string | undefined>> {
  return {
    label: `${label}:`,
    phase,
    // A file may have grown since it was counted.
    bytes: bytes === undefined ? undefined : totalBytes === undefined ? formatSize(bytes) : `${formatSize(bytes)} of ${formatSize(Math.max(bytes, totalBytes))}`,
    // Of one large file the bytes say more.
    files: files === undefined || (files === 0 && bytes !== undefined) ? undefined : `${files.toLocaleString('en-US')} ${files === 1 ? 'file' : 'files'}`,
    rate: bytes === undefined ? undefined : `${formatSize(rate)}/s`,
    time: left === undefined ? formatDuration(elapsed) : `${formatDuration(left)} left`,
  }
}

function joined(words: Partial<Record<Part, string | undefined>>, kept: ReadonlySet<Part>): string {
  const [first = '', ...rest] = shownOrder.filter((part) => kept.has(part)).map((part) => words[part]!)
  if (rest.length === 0) return first
  return `${first}${kept.has('label') ? ' ' : '  '}${rest.join('  ')}`
}

/* The octal of an index, `\303\244` for an ä, back to what people read. Where the terminal has only ASCII most of it stays. */
function pathText(path: string, unicode: boolean): string {
  const name = path.startsWith('./') ? path.slice(2) : path
  const decoded = name.replace(/\\([0-7]{3})/g, (octal, digits: string) => {
    const byte = Number.parseInt(digits, 8)
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c
    return unicode || isPlain ? String.fromCharCode(byte) : octal
  })
  return unicode ? escapeName(Buffer.from(decoded, 'latin1')) : decoded
}

/** A text within so many columns: too long a one loses its middle, since the ends of a path say most, its own end above all. */
export function shortened(text: string, room: number, {unicode, widthOf}: Omit<ProgressTerminal, 'columns'>): string {
  const width = widthOf(text)
  if (width === undefined) return ''
  if (width <= room) return text
  const ellipsis = unicode ? '…' : '...'
  const space = room - ellipsis.length
  // An escaped byte, and a character with the marks on it, are cut off whole or not at all.
  const units = text.match(/(?:\\[0-7]{3}|.)\p{M}*/gsu) ?? []
  const tail = taken(units.toReversed(), Math.ceil((space * 2) / 3), widthOf)
  const head = taken(units, space - tail.width, widthOf)
  return `${head.units.join('')}${ellipsis}${tail.units.toReversed().join('')}`
}

function taken(units: readonly string[], room: number, widthOf: ProgressTerminal['widthOf']): {readonly units: string[]; readonly width: number} {
  const fitting: string[] = []
  let width = 0
  for (const unit of units) {
    const more = widthOf(unit) ?? room + 1
    if (width + more > room) break
    fitting.push(unit)
    width += more
  }
  return {units: fitting, width}
}
