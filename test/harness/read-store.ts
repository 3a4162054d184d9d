// Reads a store by what docs/format.md says and by nothing else: no line of bk's own code is in here, so what this takes for right is
// what the page promises. It goes through everything (sums, chain, catalogs, packs, needs, indexes, lists of chunks) and throws at the
// first thing that is not as it should be. For the small stores of tests: all of it is in memory.

import {createHash} from 'node:crypto'
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {addRange, addReplaced, inPlaceOf} from './read-edits.ts'
import {readPack} from './read-pack.ts'
import {checkTree, textOfIndex} from './read-index.ts'

export type Snapshot = {
  readonly seq: number
  readonly set: string
  /** `complete` or `partial K` */
  readonly state: string
  readonly entries: number
  readonly bytes: number
  readonly level: string
  /** digest of the whole index */
  readonly tree: string
  readonly received: string
  readonly claimed: string
  /** names of the packs it needs */
  readonly packs: ReadonlySet<string>
  /** text of the whole index */
  readonly index: string
}

export type StoreReading = {
  readonly snapshots: readonly Snapshot[]
  /** sizes of all packs that a record names, by name */
  readonly packs: ReadonlyMap<string, number>
  /** content of a file; `path` escaped, as in the index */
  readonly content: (snapshot: Snapshot, path: string) => Buffer
}

type Pack = {readonly name: string; readonly size: number; readonly ids: readonly string[]}
type Record = {readonly seq: number; readonly sum: string; readonly fields: ReadonlyMap<string, string>; readonly needs: readonly string[]}

/** Reads and checks a whole store. */
export function readStore(dir: string): StoreReading {
  checkSettings(dir)
  const {records, edits, dropped, doomed, replaced, indexes} = readLog(dir)
  const catalogs = new Map([...records, ...edits].map((record) => [record.seq, readCatalog(dir, record, doomed)]))
  const packs = new Map<string, number>()
  const objects = new Map<string, ReadonlyMap<string, Buffer>>()
  for (const {name, size, ids} of [...catalogs.values()].flat()) {
    const file = join(dir, 'packs', name.slice(0, 2), `${name}.tar.zst`)
    if (doomed.has(name) && !existsSync(file)) continue
    packs.set(name, size)
    const bytes = readFileSync(file)
    must(bytes.length === size, `pack ${name} has ${bytes.length} bytes, its catalog says ${size}`)
    must(sha256(bytes) === name, `pack ${name} is named by another sum than its own`)
    const members = readPack(bytes)
    must([...members.keys()].sort().join() === ids.join(), `pack ${name} holds other ids than its catalog says`)
    objects.set(name, members)
  }
  const needs = new Map<number, ReadonlySet<string>>()
  const snapshots: Snapshot[] = []
  for (const record of records) {
    const labels = applyNeeds(record, needs)
    needs.set(record.seq, labels)
    if (dropped.has(record.seq)) continue
    const names = new Set([...labels].flatMap((label) => inPlaceOf(label, replaced)).map((label) => packAt(catalogs, label)))
    const said = new Set([...labels].filter((label) => !replaced.has(label)).map((label) => packAt(catalogs, label)))
    must([...names].every((name) => !doomed.has(name)), `record ${record.seq} is kept and needs a pack that is doomed`)
    snapshots.push(readSnapshot({...record, fields: new Map([...record.fields, ...(indexes.get(record.seq) ?? [])])}, names, said, objects))
  }
  const content = (snapshot: Snapshot, path: string): Buffer => contentOf(snapshot, path, finder(snapshot.packs, objects).find)
  return {snapshots, packs, content}
}

function checkSettings(dir: string): void {
  const fields = summed(readFileSync(join(dir, 'bk-store'), 'latin1'), 'bk-store').lines
  must(fields[0] === '#bk store 1', 'bk-store begins otherwise')
  for (const line of fields.filter((field) => field.startsWith('file '))) {
    const [, name = '', digest] = line.split(' ')
    must(sha256(readFileSync(join(dir, name))) === digest, `${name} is not what bk-store says`)
  }
}

type Log = {
  /** of snapshots, dropped ones too */
  readonly records: Record[]
  /** that bring packs */
  readonly edits: Record[]
  /** by snapshot: lines that are others since something was purged */
  readonly indexes: ReadonlyMap<number, readonly (readonly [string, string])[]>
  /** by label: what is in its place */
  readonly replaced: ReadonlyMap<string, readonly string[]>
  readonly dropped: ReadonlySet<number>
  /** packs and catalogs */
  readonly doomed: ReadonlySet<string>
}

function readLog(dir: string): Log {
  const names = existsSync(join(dir, 'log')) ? readdirSync(join(dir, 'log')).filter((name) => /^\d{6,}$/.test(name)).sort() : []
  let prev = '0'.repeat(64)
  // What the record before says: in the next as lines `copy`.
  let own: readonly string[] = []
  const dropped = new Set<number>()
  const doomed = new Set<string>()
  const edits: Record[] = []
  const indexes = new Map<number, readonly (readonly [string, string])[]>()
  const replaced = new Map<string, readonly string[]>()
  const records = names.flatMap((name, index): Record[] => {
    const seq = index + 1
    must(name === String(seq).padStart(6, '0'), `record ${seq} is missing, ${name} is there`)
    const {lines: all, sum} = summed(readFileSync(join(dir, 'log', name), 'latin1'), `record ${seq}`)
    const lines = all.filter((line) => !line.startsWith('copy '))
    const copied = all.slice(lines.length - 1, -1).map((line) => line.slice(5))
    must(copied.length === 0 || copied.join('\n') === own.join('\n'), `record ${seq} copies something else than the one before`)
    own = lines
    must(/^#bk record 1 (?:snapshot|edit)$/.test(lines[0]!), `record ${seq} begins with ${lines[0]}`)
    const pairs = lines.slice(1).map((line): [string, string] => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)])
    const fields = new Map(pairs)
    must(fields.get('seq') === String(seq), `record ${seq} says it is ${fields.get('seq')}`)
    must(fields.get('prev') === prev, `record ${seq} is not chained to the one before`)
    if (lines[0] === '#bk record 1 edit') {
      for (const [verb, words] of pairs) {
        if (verb === 'drop') for (const range of words.split(' ')[0]!.split(',')) addRange(dropped, range)
        if (verb === 'index') {
          const [at, id, level, tree, entries, bytes, partial] = words.split(' ')
          indexes.set(Number(at), [['index', `${id} ${level}`], ['tree', tree!], ['entries', `${entries} bytes ${bytes}`], ['state', partial === '0' ? 'complete' : `partial ${partial}`]])
        }
        if (verb === 'replace') addReplaced(words, seq, replaced)
        if (verb === 'doom' || verb === 'doom-catalogs') for (const each of words.split(' ')) doomed.add(each)
      }
      prev = sum
      if (fields.has('catalog')) edits.push({seq, sum, fields, needs: []})
      return []
    }
    const order = 'seq set received claimed state entries index tree catalog stored needs epoch saw prev'.split(' ')
    must(pairs.every(([key], at) => at === 0 || order.indexOf(key) >= order.indexOf(pairs[at - 1]![0])), `the lines of record ${seq} are not in order`)
    prev = sum
    return [{seq, sum, fields, needs: pairs.filter(([key]) => key === 'needs').map(([, value]) => value)}]
  })
  return {records, edits, dropped, doomed, replaced, indexes}
}

function readCatalog(dir: string, {seq, fields}: Record, doomed: ReadonlySet<string>): Pack[] {
  // In an edit, its bytes and those of its packs stand behind it.
  const digest = fields.get('catalog')?.split(' ')[0]
  if (digest === undefined || (doomed.has(digest) && !existsSync(join(dir, 'catalogs', digest)))) return []
  const bytes = readFileSync(join(dir, 'catalogs', digest))
  must(sha256(bytes) === digest, `the catalog of record ${seq} is named by another sum than its own`)
  const [head, ...blocks] = bytes.toString('latin1').split(/^pack /m)
  must(head === '#bk catalog 1\n', `the catalog of record ${seq} begins otherwise`)
  const packs = blocks.map((block): Pack => {
    const [first = '', ...ids] = block.trimEnd().split('\n')
    const [name = '', size] = first.split(' ')
    must(ids.length > 0 && isSorted(ids), `the ids of pack ${name} are not sorted`)
    return {name, size: Number(size), ids}
  })
  must(isSorted(packs.map(({name}) => name)), `the packs of record ${seq} are not sorted`)
  return packs
}

/** Labels `SEQ.N`, one for each pack. */
function applyNeeds({seq, needs}: Record, before: ReadonlyMap<number, ReadonlySet<string>>): ReadonlySet<string> {
  const [first = '', ...more] = needs
  const [base = '', ...words] = [first, ...more.map((line) => line.replace(/^and /, ''))].join(' ').split(' ')
  const labels = new Set(base === 'none' ? [] : before.get(Number(base)))
  must(base === 'none' || before.has(Number(base)), `record ${seq} needs the packs of ${base}`)
  const ordered = [...words].sort((a, b) => (a[0] === b[0] ? 0 : a.startsWith('-') ? -1 : 1))
  for (const word of ordered) {
    const match = /^([+-])(\d+)\.(\d+)(?:-(\d+))?$/.exec(word)
    must(match !== null, `record ${seq} needs ${word}`)
    const [, sign, at, from, to = from] = match!
    for (let n = Number(from); n <= Number(to); n++) {
      if (sign === '+') labels.add(`${at}.${n}`)
      else must(labels.delete(`${at}.${n}`), `record ${seq} drops ${at}.${n}, which was not needed`)
    }
  }
  return labels
}

function packAt(catalogs: ReadonlyMap<number, readonly Pack[]>, label: string): string {
  const [seq, n] = label.split('.').map(Number)
  const pack = catalogs.get(seq!)?.[n! - 1]
  must(pack !== undefined, `there is no pack ${label}`)
  return pack!.name
}

type Find = (id: string) => Buffer

/** Looks objects up in the packs that a snapshot needs, and remembers which packs it was asked for. */
function finder(packs: ReadonlySet<string>, objects: ReadonlyMap<string, ReadonlyMap<string, Buffer>>): {find: Find; used: Set<string>} {
  const used = new Set<string>()
  const find = (id: string): Buffer => {
    const name = [...packs].find((pack) => objects.get(pack)?.has(id))
    must(name !== undefined, `object ${id} is in no pack that its snapshot needs`)
    // It may lie in several: then any of them may be the one that is needed.
    for (const pack of packs) if (objects.get(pack)?.has(id)) used.add(pack)
    return objects.get(name!)!.get(id)!
  }
  return {find, used}
}

function readSnapshot({seq, fields}: Record, packs: ReadonlySet<string>, said: ReadonlySet<string>, objects: ReadonlyMap<string, ReadonlyMap<string, Buffer>>): Snapshot {
  const field = (name: string): string => fields.get(name) ?? ''
  const [, entries, bytes] = /^(\d+) bytes (\d+)$/.exec(field('entries')) ?? []
  const [id = '', level = ''] = field('index').split(' ')
  const {find, used} = finder(packs, objects)
  const {text, levels} = textOfIndex(id, find)
  must(levels[0] === 'full' && (level === 'full' ? levels.length === 1 : level === 'near' || levels.length === 2), `the index of record ${seq} is not ${level}`)
  checkTree(text)
  must(text.endsWith(` sha256=${field('tree')}\n`), `the index of record ${seq} is another than its tree`)
  const snapshot: Snapshot = {
    seq, set: field('set'), state: field('state'), entries: Number(entries), bytes: Number(bytes), level, tree: field('tree'), received: field('received'),
    claimed: field('claimed'), packs, index: text,
  }
  let [lines, total] = [0, 0]
  for (const [path, {line, comments}] of entriesOf(text)) {
    if (line === '') continue
    lines++
    if (!line.startsWith(`${path} type=file `)) continue
    const size = Number(/ size=(\d+)/.exec(line)?.[1])
    total += size
    checkContent(snapshot, path, line, comments, find)
  }
  must(lines === snapshot.entries && total === snapshot.bytes, `record ${seq} counts ${entries} entries and ${bytes} bytes, there are ${lines} and ${total}`)
  const unread = new Set([...text.matchAll(/^#bk (\S+) (?:error|stale)=/gm)].map(([, path]) => path)).size
  must(snapshot.state === (unread === 0 ? 'complete' : `partial ${unread}`), `record ${seq} is ${snapshot.state}, with ${unread} unread paths`)
  must([...said].every((name) => used.has(name)), `record ${seq} needs a pack of which it reaches nothing`)
  return snapshot
}

/** The lines of an index, by path. */
export function entriesOf(text: string): Map<string, {line: string; comments: string[]}> {
  const entries = new Map<string, {line: string; comments: string[]}>()
  for (const line of text.split('\n').slice(2, -2)) {
    const path = line.startsWith('#bk ') ? line.split(' ')[1]! : line.split(' ')[0]!
    const entry = entries.get(path) ?? {line: '', comments: []}
    entries.set(path, entry)
    if (line.startsWith('#')) entry.comments.push(line)
    else entry.line = line
  }
  return entries
}

function contentOf(snapshot: Snapshot, path: string, find: Find): Buffer {
  const entry = entriesOf(snapshot.index).get(path)
  must(entry !== undefined, `snapshot ${snapshot.seq} has no ${path}`)
  return checkContent(snapshot, path, entry!.line, entry!.comments, find)
}

function checkContent({seq}: Snapshot, path: string, line: string, comments: readonly string[], find: Find): Buffer {
  const digest = / sha256=([0-9a-f]{64})$/.exec(line)?.[1] ?? ''
  const list = comments.map((comment) => /^#bk \S+ chunks=([0-9a-f]{64})$/.exec(comment)?.[1]).find((id) => id !== undefined)
  const bytes = / size=0 /.test(line) ? Buffer.alloc(0) : list === undefined ? find(digest) : joined(list, find)
  must(sha256(bytes) === digest, `the content of ${path} in snapshot ${seq} has another sha256 than the index says`)
  must(line.includes(` size=${bytes.length} `), `the content of ${path} in snapshot ${seq} has ${bytes.length} bytes: ${line}`)
  return bytes
}

function joined(list: string, find: Find): Buffer {
  return Buffer.concat(find(list).toString('latin1').trimEnd().split('\n').map((line) => {
    const [kind, id = '', size] = line.split(' ')
    const bytes = kind === 'list' ? joined(id, find) : find(id)
    must(kind === 'list' || kind === 'chunk', `not a line of a list of chunks: ${line}`)
    must(bytes.length === Number(size), `chunk ${id} has ${bytes.length} bytes, its list says ${size}`)
    return bytes
  }))
}

/** Text whose last line is the sum of all above. */
function summed(text: string, what: string): {lines: string[]; sum: string} {
  const at = text.lastIndexOf('\nsum ') + 1
  const sum = sha256(Buffer.from(text.slice(0, at), 'latin1'))
  must(at > 0 && text.slice(at) === `sum ${sum}\n`, `${what} ends in another sum than its own`)
  return {lines: text.slice(0, at).split('\n').slice(0, -1), sum}
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function isSorted(words: readonly string[]): boolean {
  return words.every((word, at) => at === 0 || words[at - 1]! < word)
}

/** Throws what is not as it should be. */
export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
