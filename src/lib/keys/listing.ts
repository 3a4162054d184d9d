/**
 * Restricted keys as rows: for people with short sizes, for programs with exact ones. What is not said on a line is `-`.
 */
import {escapeName} from '../cli/escape.ts'
import {formatDuration, formatSize} from '../cli/units.ts'
import {shownText} from './authorized-keys.ts'
import {expiryAsIso} from './expiry.ts'
import {definedLimits, LIMIT_OPTIONS, parseGrants, type Grants, type KeyLimits} from './grants.ts'
import {fingerprint} from './public-key.ts'
import type {Column, Row} from '../cli/table.ts'
import type {RestrictedLine} from './restricted-line.ts'

export const KEY_COLUMNS: readonly Column[] = [
  {title: 'key'},
  {title: 'comment'},
  {title: 'grants'},
  {title: 'set'},
  {title: 'limits'},
  {title: 'from'},
  {title: 'expires'},
]

const NONE = '-'

/** A row for a key. */
export function keyRow({key, words, from, expires}: RestrictedLine, form: 'exact' | 'readable'): Row {
  const grants = parseGrants(words)
  return [
    fingerprint(key),
    orNone(key.comment),
    grants === undefined ? words.map(oneWord).join(' ') : grantsText(grants),
    grants?.receive?.set ?? NONE,
    limitsText(grants?.receive?.limits ?? {}, form),
    orNone(from ?? ''),
    orNone(expires === undefined ? '' : (expiryAsIso(expires) ?? expires)),
  ]
}

function grantsText({receive, browse, source}: Grants): string {
  return [
    ...(receive === undefined ? [] : [`receive=${oneWord(receive.store)}`]),
    ...(browse === undefined ? [] : [`browse=${oneWord(browse)}`]),
    ...(source === undefined ? [] : [`source=${oneWord(source)}`]),
  ].join(' ')
}

function limitsText(limits: KeyLimits, form: 'exact' | 'readable'): string {
  const parts = definedLimits(limits).map(([key, value]) => `${LIMIT_OPTIONS[key]}=${form === 'exact' ? value : readable(key, value)}`)
  return parts.length === 0 ? NONE : parts.join(' ')
}

function readable(limit: keyof KeyLimits, value: number): string {
  if (limit === 'perDay' || limit === 'maxEntries') return String(value)
  return limit === 'deadline' ? formatDuration(value) : formatSize(value)
}

/** A key as one line of JSON; `line` is its line in the file. What is not said has no field. */
export function keyAsJson({key, words, from, expires, program}: RestrictedLine, line: number): string {
  const {receive, browse, source} = parseGrants(words) ?? {}
  const limits = definedLimits(receive?.limits ?? {}).map(([limit, value]) => [LIMIT_OPTIONS[limit].replace('-', '_'), value])
  return `${JSON.stringify({
    type: 'key', line, fingerprint: fingerprint(key), key_type: key.type, comment: shownText(key.comment),
    program: shownText(program), command: words.map(shownText),
    receive: shown(receive?.store), set: receive?.set, ...Object.fromEntries(limits), browse: shown(browse), source: shown(source),
    from: shown(from), expires: expires === undefined ? undefined : (expiryAsIso(expires) ?? shownText(expires)),
  })}\n`
}

function shown(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shownText(text)
}

/* Fields of several words have blanks between, so that a word has none. */
function oneWord(text: string): string {
  return escapeName(Buffer.from(text, 'latin1')).replaceAll(' ', '\\040')
}

function orNone(text: string): string {
  return text === '' ? NONE : escapeName(Buffer.from(text, 'latin1'))
}
