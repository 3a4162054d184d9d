/*
 * bk-store: what a store is (docs/format.md, 6.1). Written once, at init.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from './object-id.ts'
import {summedLines} from './record.ts'

/** Limits that a store sets for everybody; undefined is none. Sizes in bytes. */
export interface Limits {
  readonly quota?: number | undefined
  readonly perDay?: number | undefined
  readonly maxFile?: number | undefined
  readonly maxEntries?: number | undefined
  readonly reserve?: number | undefined
}

export interface Settings {
  /** 32 hex digits. */
  readonly id: string
  readonly kind: 'plain' | 'sealed'
  readonly limits: Limits
  /** sha256 of what stands beside it, by name. */
  readonly files: ReadonlyMap<string, string>
  /** Lines of later versions, kept. */
  readonly unknown: readonly string[]
}

const WORDS = {quota: 'quota', 'per-day': 'perDay', 'max-file': 'maxFile', 'max-entries': 'maxEntries', reserve: 'reserve'} as const

/** Prints bk-store. */
export function formatSettings(settings: Settings): Buffer {
  const lines = ['#bk store 1', `id ${settings.id}`, `kind ${settings.kind}`]
  for (const [word, key] of Object.entries(WORDS)) {
    const value = settings.limits[key]
    if (value !== undefined) lines.push(`${word} ${value}`)
  }
  for (const [name, digest] of settings.files) lines.push(`file ${name} ${digest}`)
  lines.push(...settings.unknown)
  const body = lines.join('\n') + '\n'
  return Buffer.from(`${body}sum ${objectId(Buffer.from(body, 'latin1'))}\n`, 'latin1')
}

/** Parses bk-store; throws BkError 65. */
export function parseSettings(bytes: Buffer): Settings {
  const text = bytes.toString('latin1')
  const version = /^#bk store (\d+)\n/.exec(text)
  if (version === null) throw new BkError('bk-store is not in the format', {status: 65})
  if (version[1] !== '1') throw new BkError(`the store is from version ${version[1]}, this is version 1`, {status: 65, hint: 'update bk'})
  const {lines} = summedLines(text)
  const limits: Record<string, number> = {}
  const files = new Map<string, string>()
  const unknown: string[] = []
  let id = ''
  let kind = ''
  for (const line of lines.slice(1)) {
    const [word, value = '', more] = line.split(' ') as [string, string?, string?]
    if (word === 'id' && /^[0-9a-f]{32}$/.test(value)) id = value
    else if (word === 'kind') kind = value
    else if (word in WORDS && /^\d{1,15}$/.test(value)) limits[WORDS[word as keyof typeof WORDS]] = Number(value)
    else if (word === 'file' && more !== undefined) files.set(value, more)
    else unknown.push(line)
  }
  if (id === '' || (kind !== 'plain' && kind !== 'sealed')) throw new BkError('bk-store lacks id or kind', {status: 65})
  return {id, kind, limits, files, unknown}
}
