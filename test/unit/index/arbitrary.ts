// Random trees for the laws of indexes and changes: names that sort around `/` and hold every kind of byte, all types, all comments,
// and a second tree made of the first by what happens to files. Printed by a few naive lines of its own.

import fc from 'fast-check'
import type {Group} from '../../../src/lib/index/group.ts'

/** What an index says of one path; keywords and comments as on the lines. */
export interface Thing {
  /** Keywords of the entry line in their order; undefined where the entry is not there. */
  readonly words: Readonly<Record<string, string>> | undefined
  readonly comments: Readonly<Record<string, string>>
}

/** By raw path (latin1): `.` or `./…`. Unordered. */
export type Tree = ReadonlyMap<string, Thing>

/** Escapes as docs/format.md, 1 says, byte by byte. */
export function escaped(raw: string): string {
  let text = ''
  for (const char of raw) {
    const byte = char.charCodeAt(0)
    const needs = byte <= 0x20 || byte >= 0x7f || '\\#=*?[]'.includes(char)
    text += needs ? `\\${byte.toString(8).padStart(3, '0')}` : char
  }
  return text
}

/** The groups of a tree, in order. */
export function groupsOf(tree: Tree): Group[] {
  const groups = [...tree].map(([raw, {words, comments}]): Group => {
    const path = escaped(raw)
    const line = words === undefined ? '' : [path, ...Object.entries(words).map(([key, value]) => `${key}=${value}`)].join(' ')
    const keys = Object.keys(comments).sort()
    return {path, line, comments: keys.map((key) => `#bk ${path} ${key}=${comments[key]}`)}
  })
  return groups.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}

/** Any text of bytes from `least` to 0xff. */
export function byteString(least: number, sizes: {readonly minLength?: number; readonly maxLength?: number} = {}): fc.Arbitrary<string> {
  return fc.array(fc.integer({min: least, max: 255}), sizes).map((codes) => String.fromCharCode(...codes))
}

// Bytes just below and above `/`, escapes, dots, and the names that a backslash pushes behind all letters.
const pool = ['a', 'b', 'ab', 'a!', 'a-', 'a.', 'a+', 'a,', 'a0', 'a b', 'a\n', 'a\\', 'a#', '-', '.a', '..a', '...', '[id].js', 'd.js', '~', '\xff', '\x7f', '*', '?=']

export const name: fc.Arbitrary<string> = fc.oneof(
  {weight: 6, arbitrary: fc.constantFrom(...pool)},
  {weight: 1, arbitrary: byteString(1, {minLength: 1, maxLength: 4}).map((text) => text.replaceAll('/', '!')).filter((text) => text !== '.' && text !== '..')},
)

const hex = (length: number, digit: string): string => digit.repeat(length)
const contents = ['1', '2', '3', 'a'].map((digit, i) => ({size: String(i * 7), md5: hex(32, digit), sha256: hex(64, digit)}))
const time = fc.constantFrom('0.000000000', '1763800000.000000005', '-1.999999999', '1763800000.100000000')
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, {nil: undefined, freq: 4})
const id = fc.constantFrom('4', '5').map((digit) => hex(64, digit))

const common = fc.record({
  mode: maybe(fc.constantFrom('0644', '0755', '04755', '0000', '0007', '01777', '07777')),
  uid: maybe(fc.constantFrom('0', '1000', '4294967295')),
  gid: maybe(fc.constantFrom('0', '50')),
  uname: maybe(fc.constantFrom('root', 'a.b-c_d')),
  gname: maybe(fc.constantFrom('0', 'staff')),
  time: maybe(time),
})

type Words = Record<string, string | undefined>

function wordsOf(type: string, keys: Words): Record<string, string> {
  const order = ['mode', 'uid', 'gid', 'uname', 'gname', 'size', 'time', 'link', 'device', 'md5', 'sha256']
  const words: Record<string, string> = {type}
  for (const key of order) if (keys[key] !== undefined) words[key] = keys[key]
  return words
}

const fileWords = fc.record({common, content: fc.constantFrom(...contents), have: fc.record({size: fc.boolean(), md5: fc.boolean(), sha256: fc.boolean()})}).map(
  ({common: keys, content, have}) =>
    wordsOf('file', {
      ...keys,
      size: have.size ? content.size : undefined,
      md5: have.md5 ? content.md5 : undefined,
      sha256: have.sha256 ? content.sha256 : undefined,
    }),
)

/** The entry line's keywords of anything. */
export const words: fc.Arbitrary<Record<string, string>> = fc.oneof(
  {weight: 6, arbitrary: fileWords},
  {weight: 2, arbitrary: common.map((keys) => wordsOf('dir', keys))},
  {weight: 1, arbitrary: fc.record({common, link: byteString(1, {minLength: 1, maxLength: 6})}).map((it) => wordsOf('link', {...it.common, link: escaped(it.link)}))},
  {weight: 1, arbitrary: common.map((keys) => wordsOf('fifo', keys))},
  {weight: 1, arbitrary: fc.record({common, type: fc.constantFrom('char', 'block'), device: fc.constantFrom('native,1,3', 'native,0,0')}).map((it) => wordsOf(it.type, {...it.common, device: it.device}))},
)

const fileComments = fc.record({chunks: id, cut: fc.constantFrom('15', '17'), sparse: fc.constantFrom('0+4096', '0+1,4096+8192')}, {requiredKeys: []})
const anyComments = fc.record(
  {
    error: fc.constantFrom('EACCES', 'EIO'),
    flags: fc.constantFrom('nodump', 'immutable,append'),
    gname: byteString(0x80, {minLength: 1, maxLength: 3}).map(escaped),
    hardlink: fc.constant('.'),
    note: fc.constant('changed'),
    stale: fc.constantFrom('EACCES', 'EIO'),
    'xattr.user.mime': fc.constantFrom('', 'AA==', 'YWI=', 'YWJj', `@${hex(64, '6')}`),
    'xattr.user.a\\075b': fc.constant('YQ=='),
    'zz.later-1': fc.constantFrom('', 'what=ever', '=='),
  },
  {requiredKeys: []},
)

/** A thing that is there. */
export const thing: fc.Arbitrary<Thing> = fc.record({words, file: maybe(fileComments), comments: maybe(anyComments)}).map(({words: keys, file, comments}) => {
  const {cut, ...others} = file ?? {}
  const own = keys['type'] !== 'file' ? {} : others.chunks === undefined ? others : {...others, ...(cut === undefined ? {} : {cut})}
  return {words: keys, comments: {...comments, ...own}}
})

const absent: fc.Arbitrary<Thing> = fc.constantFrom('error EACCES', 'error EIO', 'left-out socket').map((text) => {
  const [key, value] = text.split(' ') as [string, string]
  return {words: undefined, comments: {[key]: value}}
})

const path = fc.array(name, {minLength: 1, maxLength: 4}).map((names) => ['.', ...names].join('/'))

/** A tree without contradictions: whatever has something below it is a directory. */
export const tree: fc.Arbitrary<Tree> = fc
  .record({top: fc.boolean(), things: fc.array(fc.tuple(path, fc.oneof({weight: 8, arbitrary: thing}, {weight: 1, arbitrary: absent})), {maxLength: 24})})
  .map(({top, things}) => withParents(new Map(top ? [['.', directory], ...things] : things)))

const directory: Thing = {words: {type: 'dir', mode: '0755'}, comments: {}}

function withParents(things: ReadonlyMap<string, Thing>): Map<string, Thing> {
  const whole = new Map(things)
  for (const [raw] of things) {
    for (let at = raw.indexOf('/'); at > 0; at = raw.indexOf('/', at + 1)) {
      const above = raw.slice(0, at)
      if (whole.get(above)?.words?.['type'] !== 'dir') whole.set(above, directory)
    }
  }
  return whole
}

type Edit =
  | {readonly kind: 'remove' | 'unread' | 'touch' | 'forget' | 'recomment'; readonly at: number}
  | {readonly kind: 'move'; readonly at: number; readonly to: string}
  | {readonly kind: 'replace'; readonly at: number; readonly thing: Thing}
  | {readonly kind: 'add'; readonly to: string; readonly thing: Thing}

const at = fc.nat({max: 1000})
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({kind: fc.constantFrom('remove' as const, 'unread' as const, 'touch' as const, 'forget' as const, 'recomment' as const), at}),
  fc.record({kind: fc.constant('move' as const), at, to: path}),
  fc.record({kind: fc.constant('replace' as const), at, thing}),
  fc.record({kind: fc.constant('add' as const), to: path, thing}),
)

export const edits = fc.array(edit, {maxLength: 10})

/** A tree after edits, which is a tree again. */
export function edited(before: Tree, all: readonly Edit[]): Tree {
  let after = new Map(before)
  for (const one of all) {
    const paths = [...after.keys()]
    if (one.kind === 'add') after.set(one.to, one.thing)
    else if (paths.length > 0) editAt(after, paths[one.at % paths.length]!, one)
    // What is put somewhere makes its directories; what loses its directory is gone.
    after = one.kind === 'add' || one.kind === 'move' ? withParents(after) : withoutOrphans(after)
  }
  return after
}

function editAt(after: Map<string, Thing>, raw: string, one: Exclude<Edit, {kind: 'add'}>): void {
  const {words: keys, comments} = after.get(raw)!
  if (one.kind === 'remove' || one.kind === 'unread' || one.kind === 'move') {
    for (const below of after.keys()) if (below === raw || below.startsWith(`${raw}/`)) after.delete(below)
    if (one.kind === 'unread') after.set(raw, {words: undefined, comments: {error: 'EACCES'}})
    if (one.kind === 'move') after.set(one.to, {words: keys, comments})
    return
  }
  // Nothing comes before the top that it could be a link to.
  if (one.kind === 'replace' && raw !== '.') after.set(raw, one.thing)
  if (keys === undefined) return
  if (one.kind === 'touch') after.set(raw, {words: wordsOf(keys['type']!, {...keys, time: '1.000000001'}), comments})
  if (one.kind === 'recomment') after.set(raw, {words: keys, comments: {note: 'changed'}})
  if (one.kind === 'forget') {
    const {chunks: _, cut: __, ...kept} = comments
    after.set(raw, {words: wordsOf(keys['type']!, {...keys, md5: undefined, sha256: undefined}), comments: kept})
  }
}

function withoutOrphans(things: ReadonlyMap<string, Thing>): Map<string, Thing> {
  const kept = new Map<string, Thing>()
  const isDirectory = (raw: string): boolean => things.get(raw)?.words?.['type'] === 'dir'
  for (const [raw, it] of things) {
    let fits = true
    for (let slash = raw.indexOf('/'); slash > 0; slash = raw.indexOf('/', slash + 1)) fits &&= isDirectory(raw.slice(0, slash))
    if (fits) kept.set(raw, it)
  }
  return kept
}
