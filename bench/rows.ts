// The raw results: a TSV with one row per run, under comment lines that say where and with what it was measured, so that a report needs
// nothing but the file. Pure; what parses prints back to the same text.

import type {Op} from './peers.ts'

export interface Row {
  /** when the run ended, ISO 8601, UTC */
  readonly when: string
  readonly corpus: string
  readonly peer: string
  readonly op: Op
  readonly lap: number
  readonly wall: number
  readonly user: number
  readonly system: number
  /** KiB */
  readonly maxRss: number
  readonly sumRss: number
  /** seconds of `sync` still owed after the run */
  readonly sync: number
  /** the store after the run: bytes of its files, bytes on disk, files */
  readonly storeBytes: number
  readonly storeDisk: number
  readonly storeFiles: number
  /** exit status, or a word that says what went wrong */
  readonly status: string
  /** of a restore: `ok` or `differs`; else `-` */
  readonly proof: string
}

/** A line of the preamble: `# KEY VALUE`. */
export interface Fact {
  readonly key: string
  readonly value: string
}

const columns: readonly (readonly [string, keyof Row])[] = [
  ['when', 'when'],
  ['corpus', 'corpus'],
  ['peer', 'peer'],
  ['op', 'op'],
  ['lap', 'lap'],
  ['wall_s', 'wall'],
  ['user_s', 'user'],
  ['sys_s', 'system'],
  ['max_rss_kib', 'maxRss'],
  ['sum_rss_kib', 'sumRss'],
  ['sync_s', 'sync'],
  ['store_bytes', 'storeBytes'],
  ['store_disk', 'storeDisk'],
  ['store_files', 'storeFiles'],
  ['status', 'status'],
  ['proof', 'proof'],
]
const words: readonly (keyof Row)[] = ['when', 'corpus', 'peer', 'op', 'status', 'proof']
const seconds: readonly (keyof Row)[] = ['wall', 'user', 'system', 'sync']

/** The preamble and the line of column names, with newlines. */
export function printHead(facts: readonly Fact[]): string {
  return `${facts.map(({key, value}) => `# ${key} ${value}\n`).join('')}${columns.map(([name]) => name).join('\t')}\n`
}

/** One row as a line, with its newline. */
export function printRow(row: Row): string {
  const cells = columns.map(([, key]) => (seconds.includes(key) ? (row[key] as number).toFixed(3) : String(row[key])))
  return `${cells.join('\t')}\n`
}

/** Reads what printHead and printRow wrote; throws with the line number at anything else. */
export function parseResults(text: string): {facts: Fact[]; rows: Row[]} {
  const lines = text.split('\n')
  const head = lines.findIndex((line) => !line.startsWith('#'))
  const facts = lines.slice(0, head).map((line) => ({key: line.split(' ')[1] ?? '', value: line.split(' ').slice(2).join(' ')}))
  if (lines[head] !== columns.map(([name]) => name).join('\t')) throw new Error(`line ${head + 1}: not the columns of bench results`)
  if (lines.pop() !== '') throw new Error('results are cut off')
  return {facts, rows: lines.slice(head + 1).map((line, i) => parseRow(line, head + 2 + i))}
}

function parseRow(line: string, number: number): Row {
  const cells = line.split('\t')
  if (cells.length !== columns.length) throw new Error(`line ${number}: ${cells.length} columns, not ${columns.length}`)
  const pairs = columns.map(([name, key], i) => {
    const cell = cells[i]!
    if (words.includes(key)) return [key, cell]
    if (cell === '' || !Number.isFinite(Number(cell))) throw new Error(`line ${number}: ${name} is not a number`)
    return [key, Number(cell)]
  })
  return Object.fromEntries(pairs) as Row
}

/** A run counts only if it ended with 0 and, as a restore, gave back what was there. */
export function succeeded(row: Row): boolean {
  return row.status === '0' && row.proof !== 'differs'
}
