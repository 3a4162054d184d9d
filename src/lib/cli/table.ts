/**
 * Rows for people and for programs: on a terminal aligned columns under a heading, in a pipe one line per row with a TAB
 * between fields, no heading and no colour. A terminal too narrow for the columns gets each row as a small block.
 */
import {oneLine} from './escape.ts'
import {writeOut} from './output.ts'
import {paintFor} from './style.ts'
import {terminalColumns} from './terminal.ts'

export type Column = {
  readonly title: string
  /** Numbers read best against the right edge. */
  readonly align?: 'left' | 'right'
  /** For a last column of names: where it is too long it goes on in the next line of the terminal, as with ls -l. */
  readonly overflow?: boolean
}

/** Fields as text. Names have to come escaped: a TAB in one would be a field. */
export type Row = readonly string[]

/** Writes rows to stdout, in the form that suits it. In a pipe they leave as they come; a terminal waits for the last. */
export async function writeTable(columns: readonly Column[], rows: Iterable<Row> | AsyncIterable<Row>): Promise<void> {
  if (!process.stdout.isTTY) return writeOut(tabbed(rows))
  const all: Row[] = []
  for await (const row of rows) all.push(row.map(oneLine))
  if (all.length === 0) return
  const {bold} = await paintFor(process.stdout)
  await writeOut(await tableLines(columns, all, terminalColumns(), bold))
}

async function* tabbed(rows: Iterable<Row> | AsyncIterable<Row>): AsyncGenerator<string> {
  for await (const row of rows) yield `${row.map(oneLine).join('\t')}\n`
}

/** The lines of a table for a terminal of `width` columns; `bold` marks headings. Fields have to be printable. */
export async function tableLines(
  columns: readonly Column[],
  rows: readonly Row[],
  width: number,
  bold: (text: string) => string,
): Promise<string[]> {
  const whole = await aligned(columns, rows)
  const fixed = columns.at(-1)?.overflow ? await aligned(columns.slice(0, -1), rows) : whole
  // A name needs some room beside the fixed columns, or it is easier to read on a line of its own.
  const needed = fixed === whole ? whole.width : Math.min(whole.width, fixed.width + 20)
  if (needed > width) return blocks(columns, rows, bold)
  return whole.lines.map((line, at) => `${at === 0 ? bold(line) : line}\n`)
}

/* cli-table3 knows how wide a character is; its borders and colours are not wanted. */
async function aligned(columns: readonly Column[], rows: readonly Row[]): Promise<{lines: string[]; width: number}> {
  const {default: Table} = await import('cli-table3')
  const table = new Table({
    chars: {...noBorders, middle: '  '},
    colAligns: columns.map(({align}) => align ?? 'left'),
    style: {border: [], head: [], 'padding-left': 0, 'padding-right': 0},
  })
  const heading = columns.map(({title}) => title.toUpperCase())
  table.push(...[heading, ...rows].map((row) => row.slice(0, columns.length)))
  const lines = table.toString().split('\n')
  return {lines: lines.map((line) => line.trimEnd()), width: table.width}
}

const borders =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'
const noBorders = Object.fromEntries(borders.split(' ').map((name) => [name, '']))

function blocks(columns: readonly Column[], rows: readonly Row[], bold: (text: string) => string): string[] {
  const widest = Math.max(...columns.map(({title}) => title.length))
  return rows.flatMap((row, number) => [
    ...(number === 0 ? [] : ['\n']),
    ...columns.map(({title}, at) => `${bold(title.padEnd(widest))}  ${row[at] ?? ''}`.trimEnd() + '\n'),
  ])
}
