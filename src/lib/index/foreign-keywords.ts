/*
 * The keywords of mtree lists that an index knows, under all the names that mtree programs give them, and what they say of a path
 * together. What an index has no word for is skipped; what it knows must make sense.
 */
import {BkError} from '../cli/errors.ts'
import {escapeBytes} from './escape.ts'
import {badValue, READERS, type Word} from './foreign-values.ts'

/** Values by slot: as they stand on the line of an index, or undefined. */
export type Values = (string | undefined)[]

const WORDS = Object.keys(READERS) as Word[]
const SLOTS = Object.fromEntries(WORDS.map((word, slot) => [word, slot])) as Readonly<Record<Word, number>>
const NAMES: ReadonlyMap<string, Word> = new Map([
  ...WORDS.map((word) => [word, word] as const),
  ['md5digest', 'md5'],
  ['sha256digest', 'sha256'],
])

/**
 * Reads `KEY=VALUE` or `KEY` words into `values`, over what is there from `/set`.
 * @throws BkError 65 without the line number
 */
export function readKeywords(words: readonly string[], values: Values): void {
  const before = [...values]
  let seen = 0
  for (const word of words) {
    const equals = word.indexOf('=')
    const key = equals < 0 ? word : word.slice(0, equals)
    const name = NAMES.get(key)
    if (name === undefined) {
      if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(key)) throw badValue('not a keyword', word)
      continue
    }
    if (equals < 0) throw badValue('keyword without a value', word)
    const value = READERS[name](word.slice(equals + 1))
    const slot = SLOTS[name]
    if ((seen & (1 << slot)) !== 0 && values[slot] !== value) throw badValue('keyword is there twice', word)
    seen |= 1 << slot
    values[slot] = value
  }
  for (const [given, other] of OWNERS) {
    if ((seen & (1 << given)) !== 0 && (seen & (1 << other)) === 0 && values[given] !== before[given]) values[other] = undefined
  }
}

// A number and a name say the same: who gives one for a file does not mean the other that was set for all.
const OWNERS = [
  [SLOTS.uid, SLOTS.uname],
  [SLOTS.uname, SLOTS.uid],
  [SLOTS.gid, SLOTS.gname],
  [SLOTS.gname, SLOTS.gid],
] as const

/** Forgets the values of the keywords that `/unset` names. Throws BkError 65 without the line number. */
export function unsetKeywords(words: readonly string[], values: Values): void {
  for (const word of words) {
    if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(word)) throw badValue('not a keyword', word)
    const name = NAMES.get(word)
    if (word === 'all') values.fill(undefined)
    else if (name !== undefined) values[SLOTS[name]] = undefined
  }
}

/**
 * What the values say of a path, as foreign-record.ts has it. Where the type is missing, what only one type has tells it.
 * @throws BkError 65 without the line number when a link has no target or a device no number
 */
export function factsOf(path: string, values: Values): string {
  const value = (name: Word): string | undefined => values[SLOTS[name]]
  const type = value('type') ?? guessType(path, values)
  if (type === 'socket') return 'type=socket'
  let facts = `type=${type}`
  const put = (name: Word): void => {
    if (value(name) !== undefined) facts += ` ${name}=${value(name)}`
  }
  put('mode')
  put('uid')
  put('gid')
  if (isPlain(value('uname'))) put('uname')
  if (isPlain(value('gname'))) put('gname')
  if (type === 'file') put('size')
  put('time')
  if (type === 'link') need('link', 'link without its target')
  if (type === 'char' || type === 'block') need('device', 'device without its number')
  if (type === 'file') {
    put('md5')
    put('sha256')
  }
  if (!isPlain(value('uname'))) facts += ` #uname=${value('uname')}`
  if (!isPlain(value('gname'))) facts += ` #gname=${value('gname')}`
  if (value('flags') !== undefined) facts += ` #flags=${value('flags')}`
  return facts

  function need(name: Word, words: string): void {
    if (value(name) === undefined) throw new BkError(`${words}: ${escapeBytes(path.slice(0, 200))}`, {status: 65, hint: `list it with ${name}=`})
    put(name)
  }
}

function guessType(path: string, values: Values): string {
  if (values[SLOTS.link] !== undefined) return 'link'
  if ([SLOTS.size, SLOTS.md5, SLOTS.sha256].some((slot) => values[slot] !== undefined)) return 'file'
  return path === '.' ? 'dir' : '?'
}

// Only such names may stand on the line of an index.
function isPlain(name: string | undefined): boolean {
  return name === undefined || /^[A-Za-z0-9._-]+$/.test(name)
}
