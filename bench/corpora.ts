// The parts of the corpora that have to be made rather than copied: mail, projects and a database for `home`, dump and log for `large`, all
// of real text; and `quick`, a small tree of invented text that needs nothing from the machine and shows that the harness works.
// bench/corpus.sh copies the rest.

import {createHash} from 'node:crypto'
import {closeSync, linkSync, mkdirSync, openSync, symlinkSync, utimesSync, writeFileSync, writeSync} from 'node:fs'
import {basename, dirname, join, relative} from 'node:path'
import {gzipSync} from 'node:zlib'
import {appendLog, logStart} from './access-log.ts'
import {type Random, seeded} from './random.ts'
import {type Text, textsBelow} from './texts.ts'

const MiB = 1 << 20

/** Fills what `home` has beside copied trees. `dir` and its top folders exist. */
export async function makeHome(dir: string): Promise<void> {
  makeMail(join(dir, 'Maildir'))
  const packages = '/usr/lib/python3/dist-packages'
  for (const {path, bytes} of textsBelow([packages], ['.py', '.txt', '.html', '.json'], 400_000)) {
    put(join(dir, 'projects/django-site', relative(packages, path)), bytes)
  }
  await makeDatabase(join(dir, '.local/share/db/notes.sqlite'))
  let n = 0
  for (const {bytes} of first(900, textsBelow(['/etc', '/usr/share/perl'], ['.conf', '.pm', '.pl', '.cfg', ''], 8000))) {
    n++
    put(join(dir, '.config', `app${String(n % 25).padStart(2, '0')}`, `${String(n).padStart(4, '0')}.conf`), bytes)
  }
  const headers = [...upTo(60 * MiB, textsBelow(['/usr/include'], ['.h']))].map(({bytes}) => bytes)
  put(join(dir, 'Downloads/sources.txt.gz'), gzipSync(Buffer.concat(headers), {level: 9}))
}

/** Messages with real text for bodies, one file each, as a mail server keeps them. */
function makeMail(dir: string): void {
  const boxes = ['cur', 'cur', '.Sent/cur', '.Archive/cur']
  for (const box of [...boxes, 'new', 'tmp']) mkdirSync(join(dir, box), {recursive: true})
  let n = 0
  for (const {path, bytes} of first(4500, textsBelow(['/usr/lib', '/usr/share'], ['.py', '.txt', '.rst'], 60_000))) {
    n++
    const two = (value: number): string => String(value).padStart(2, '0')
    const head = [
      `Return-Path: <u${n % 90}@example.org>`,
      `From: User ${n % 90} <u${n % 90}@example.org>`,
      'To: me@example.org',
      `Subject: ${basename(path)}`,
      `Message-ID: <${createHash('sha1').update(path).digest('hex')}@example.org>`,
      `Date: Thu, 15 Jan 2026 10:${two(n % 60)}:${two(n % 59)} +0000`,
    ]
    const name = `${logStart + n * 977}.M${(n * 31) % 999983}P${n}.mail,S=${1000 + (n % 500)}:2,S`
    put(join(dir, boxes[n % 4]!, name), Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]))
  }
}

async function makeDatabase(path: string): Promise<void> {
  const {DatabaseSync} = await import('node:sqlite')
  mkdirSync(dirname(path), {recursive: true})
  const database = new DatabaseSync(path)
  database.exec('pragma page_size=4096; create table notes(id integer primary key, path text, body text); begin')
  const insert = database.prepare('insert into notes(path, body) values(?, ?)')
  for (const {path: source, bytes} of upTo(40 * MiB, textsBelow(['/usr/lib', '/usr/share'], ['.py'], 100_000))) {
    insert.run(source, bytes.toString('utf8').replaceAll('\0', ' '))
  }
  database.exec('commit; create index i on notes(path)')
  database.close()
}

/** Writes dump.sql, about 1 GiB where the machine has so much text, and access.log, 550 MiB. */
export function makeLarge(dir: string): void {
  const fd = openSync(join(dir, 'dump.sql'), 'w')
  writeSync(fd, '--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = \'UTF8\';\n\n')
  writeSync(fd, 'COPY public.documents (id, path, sha1, size, body) FROM stdin;\n')
  const escaped: Record<string, string> = {'\\': '\\\\', '\t': '\\t', '\r': '\\r', '\n': '\\n'}
  const kinds = ['.py', '.html', '.rst', '.txt', '.rs', '.yaml', '.json', '.js']
  let n = 0
  for (const {path, bytes} of upTo(1050 * MiB, textsBelow(['/usr/lib', '/usr/share'], kinds))) {
    const body = bytes.toString('latin1').replace(/[\\\t\r\n]/g, (char) => escaped[char]!)
    const row = `${++n}\t${path}\t${createHash('sha1').update(bytes).digest('hex')}\t${bytes.length}\t${body}\n`
    writeSync(fd, Buffer.from(row, 'latin1'))
  }
  writeSync(fd, '\\.\n\n--\n-- PostgreSQL database dump complete\n--\n')
  closeSync(fd)
  appendLog(join(dir, 'access.log'), 1, logStart, 550 * MiB)
}

/** A tree of `count` files and a few odd ones, the same on every machine: texts, binaries, a duplicate, links. 2,000 are 29 MB. */
export function makeQuick(dir: string, count = 2000): void {
  const random = seeded(11)
  const words = Array.from({length: 3000}, () => wordOf(random))
  const when = new Date(logStart * 1000)
  for (let n = 0; n < count; n++) {
    const path = join(dir, `area${n % 6}`, `topic${n % 24}`, `part${n % 240}`, `${words[n]}-${n}.${n % 10 === 0 ? 'bin' : 'txt'}`)
    const size = Math.floor(400 + 60_000 * random.next() ** 4)
    put(path, n % 10 === 0 ? noise(random, size) : prose(random, words, size))
    utimesSync(path, when, when)
  }
  put(join(dir, 'area0/image.bin'), noise(random, 3 * MiB))
  const copied = prose(random, words, 200_000)
  put(join(dir, 'area1/original.txt'), copied)
  put(join(dir, 'area2/duplicate.txt'), copied)
  linkSync(join(dir, 'area1/original.txt'), join(dir, 'area3/hard-link.txt'))
  symlinkSync('../area1/original.txt', join(dir, 'area4/symbolic-link'))
  symlinkSync('/nonexistent/target', join(dir, 'area4/dangling'))
  mkdirSync(join(dir, 'area5/empty'))
}

function wordOf(random: Random): string {
  return Array.from({length: 2 + random.below(9)}, () => String.fromCharCode(97 + random.below(26))).join('')
}

function prose(random: Random, words: readonly string[], size: number): Buffer {
  const lines: string[] = []
  for (let length = 0; length < size; length += lines.at(-1)!.length + 1) {
    lines.push(Array.from({length: 12}, () => words[Math.floor(words.length * random.next() ** 3)]).join(' '))
  }
  return Buffer.from(`${lines.join('\n')}\n`)
}

function noise(random: Random, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(random.below(0xffffffff), at)
  return bytes
}

function put(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), {recursive: true})
  writeFileSync(path, bytes)
}

function* first(count: number, texts: Iterable<Text>): Generator<Text> {
  let n = 0
  for (const text of texts) {
    if (n++ === count) return
    yield text
  }
}

function* upTo(size: number, texts: Iterable<Text>): Generator<Text> {
  let total = 0
  for (const text of texts) {
    yield text
    total += text.bytes.length
    if (total > size) return
  }
}
