/**
 * What a run has come to, in words: the last line that it says. People get it on a terminal, where they waited for it; a log only with
 * -v, since cron sends a mail for every word. Pure but for the question what stderr is.
 */
import {isatty} from 'node:tty'
import {formatDuration, formatSize} from './units.ts'
import type {Reporter} from './speech.ts'

/** What a backup has come to. Entries are files, directories, links and all else. */
export type Totals = {
  readonly added: number
  /** With other content. */
  readonly changed: number
  readonly moved: number
  /** No longer there. */
  readonly gone: number
  /** With the same content, but another mode, owner, time or attribute. */
  readonly meta: number
  /** That could not be read. */
  readonly unread: number
  /** All that the snapshot holds. */
  readonly entries: number
  /** Content read from the source. */
  readonly bytesRead: number
  /** What went over the line; absent for a store at hand. */
  readonly bytesSent?: number | undefined
  /** By how much the store grew. */
  readonly bytesStored: number
  readonly seconds: number
}

/** `18 new, 3 changed, 1 moved, 2 gone of 28,401 entries; read 12M, sent 4.1M, stored 3.9M in 0:07`. */
export function summaryLine(totals: Totals): string {
  const {added, changed, moved, gone, meta, unread, entries, bytesRead, bytesSent, bytesStored, seconds} = totals
  const kinds: readonly (readonly [number, string])[] = [[added, 'new'], [changed, 'changed'], [meta, 'with other metadata'], [moved, 'moved'], [gone, 'gone']]
  const counts = kinds.filter(([count]) => count > 0).map(([count, kind]) => `${grouped(count)} ${kind}`)
  const nothing = counts.length === 0
  if (nothing) counts.push('nothing changed')
  if (unread > 0) counts.push(`${grouped(unread)} unread`)
  const of = nothing && unread === 0 ? ',' : ' of'
  const what = `${counts.join(', ')}${of} ${grouped(entries)} ${entries === 1 ? 'entry' : 'entries'}`
  const time = formatDuration(seconds)
  if (nothing && bytesRead === 0) return `${what} in ${time}`
  const sizes = [`read ${sizeWords(bytesRead)}`]
  if (bytesSent !== undefined) sizes.push(`sent ${sizeWords(bytesSent)}`)
  sizes.push(`stored ${sizeWords(bytesStored)}`)
  return `${what}; ${sizes.join(', ')} in ${time}`
}

/** What a restore has come to: `restored 12,345 files, 1.2G in 0:12`. */
export function restoredLine({files, bytes, seconds}: {readonly files: number; readonly bytes: number; readonly seconds: number}): string {
  return `restored ${grouped(files)} ${files === 1 ? 'file' : 'files'}, ${sizeWords(bytes)} in ${formatDuration(seconds)}`
}

/** What an archive has come to: `archived 12,345 files, 1.2G into full.tar.zst in 0:12`. */
export function archivedLine({files, bytes, seconds, into}: {readonly files: number; readonly bytes: number; readonly seconds: number; readonly into?: string | undefined}): string {
  return `archived ${grouped(files)} ${files === 1 ? 'file' : 'files'}, ${sizeWords(bytes)}${into === undefined ? '' : ` into ${into}`} in ${formatDuration(seconds)}`
}

/** What has come from another machine: `received 4.1M in 0:12`. */
export function receivedLine(bytes: number, seconds: number): string {
  return `received ${sizeWords(bytes)} in ${formatDuration(seconds)}`
}

/** Says the last line: to whoever sits at the terminal, else only with -v; never with -q. */
export function tellSummary(line: string, speech: Pick<Reporter, 'note' | 'detail'>): void {
  if (isatty(2)) speech.note(line)
  else speech.detail(line)
}

function sizeWords(bytes: number): string {
  if (bytes === 0) return 'nothing'
  return bytes < 999.5 ? `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}` : formatSize(bytes)
}

function grouped(count: number): string {
  // Not toLocaleString, which loads the customs of all countries first: 9 ms.
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

/** Says that content was sent again, if some was: once, after a damage was found. */
export function tellHealed({healed}: {readonly healed: number}, speech: Pick<Reporter, 'note'>): void {
  if (healed > 0) speech.note(`the store had lost content of ${healed} ${healed === 1 ? 'entry' : 'entries'}: it was sent again`)
}
