// What the tests of foreign lists share: normalising a text, holding the result to the grammar of an index, and writing a list in the
// style of each program, so that any tree can be tried and not only those that this machine's file system takes.

import {createHash} from 'node:crypto'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {formatEntry, type Entry} from '../../../src/lib/index/entry.ts'
import {unescapeText} from '../../../src/lib/index/escape.ts'
import {normalise, type NormaliseOptions} from '../../../src/lib/index/foreign.ts'
import {IndexReader} from '../../../src/lib/index/read.ts'
import type {Spill} from '../../../src/lib/index/spill.ts'

export type Bytes = string | Uint8Array

/** Bytes of a list; a string is latin1, a character a byte. */
export function bytes(list: Bytes): Buffer {
  return typeof list === 'string' ? Buffer.from(list, 'latin1') : Buffer.from(list)
}

/** The index that a list becomes, as text. `size` cuts the list into pieces. */
export async function normalised(list: Bytes, options: NormaliseOptions & {readonly size?: number} = {}): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of normalise(cut(bytes(list), options.size ?? Infinity), options)) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

async function* cut(list: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < list.length; at += size) yield list.subarray(at, Math.min(list.length, at + size))
}

/** The lines of entries and comments that a list becomes; throws if the text is no index. */
export async function linesOf(list: Bytes, options: NormaliseOptions & {readonly size?: number} = {}): Promise<string[]> {
  const text = await normalised(list, options)
  await judge(text)
  return text.split('\n').slice(2, -2)
}

/** The message that a list is refused with, `65: …`; throws when it is taken. */
export async function refusal(list: Bytes, options: NormaliseOptions = {}): Promise<string> {
  try {
    const text = await normalised(list, options)
    throw new Error(`taken: ${text}`)
  } catch (error) {
    if (error instanceof BkError) return `${error.status}: ${error.message}`
    throw error
  }
}

/** Throws unless the text is an index, by the strict reader. That one wants to know where the entries are, so `root=.` becomes `/`. */
export async function judge(text: string): Promise<void> {
  const end = text.lastIndexOf('#bk end ')
  const digest = /sha256=([0-9a-f]{64})\n$/.exec(text)?.[1]
  const above = text.slice(0, end)
  if (digest !== sha256(above)) throw new Error('wrong digest')
  const rooted = above.replace(/^(#mtree\n#bk index 1 root=)[./]\n/, '$1/\n')
  const reader = new IndexReader([bytes(rooted + text.slice(end).replace(digest, sha256(rooted)))])
  for await (const batch of reader.batches()) if (batch.length === 0) throw new Error('empty batch')
  if (reader.end === undefined || reader.end.partial !== 0) throw new Error('not complete')
}

export function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex')
}

/** A spill in memory that counts how many are open. */
export function countingSpills(): {readonly spill: () => Spill; readonly made: () => number; readonly open: () => number} {
  let made = 0
  let open = 0
  const spill = (): Spill => {
    const held: Buffer[] = []
    made++
    open++
    return {
      write: (piece) => void held.push(Buffer.from(piece)),
      async *pieces() {
        yield* held
      },
      close: () => void open--,
    }
  }
  return {spill, made: () => made, open: () => open}
}

/** Entries as an index has them: sorted, with each directory above them. */
export function indexLines(entries: readonly Entry[]): string[] {
  const all = new Map<string, Entry>([['.', {path: '.', type: 'dir'}]])
  for (const {path} of entries) for (const above of ancestors(path)) all.set(above, {path: above, type: 'dir'})
  for (const entry of entries) all.set(entry.path, entry)
  return [...all.values()].map(formatEntry).sort()
}

/** The directories above a path, from the top on. */
export function ancestors(path: string): string[] {
  return [...path.matchAll(/\//g)].map(({index}) => path.slice(0, index))
}

/** A list as bsdtar writes it: whole paths, octal escapes, keywords in an order of its own. */
export function bsdtarStyle(entries: readonly Entry[]): string {
  // It leaves what a shell takes for a pattern as it is.
  const octal = (text: string): string => text.replaceAll(/\\(?:052|077|133|135)/g, unescapeText)
  const line = (entry: Entry): string => {
    const {type, uid, gid, mode, device, size, time, link, md5, sha256: sum} = keywords(entry, octal)
    const digests = [md5?.replace('md5', 'md5digest'), sum?.replace('sha256', 'sha256digest')]
    return [octal(entry.path), time, mode, gid, uid, type, size, link, device, ...digests].filter((word) => word !== undefined).join(' ') + '\n'
  }
  return '#mtree\n' + entries.map(line).join('')
}

/** A list as `mtree -c` writes it on NetBSD: nested, vis(3) escapes of VIS_CSTYLE, paths in comments as they are. */
export function netbsdStyle(entries: readonly Entry[]): string {
  const encode = (escaped: string): string => vis(unescapeText(escaped))
  const statement = (entry: Entry): string => {
    const name = encode(entry.path.slice(entry.path.lastIndexOf('/') + 1))
    const words = Object.values(keywords(entry, encode)).filter((word) => word !== undefined && word !== 'type=file')
    return [name.padEnd(15), ...words].join(name.length % 2 === 0 ? ' ' : ' \\\n                ')
  }
  const directory = (entry: Entry): string => {
    const children = entries.filter(({path}) => path.startsWith(entry.path + '/') && !path.includes('/', entry.path.length + 1))
    const files = children.filter((child) => child.type !== 'dir').map((child) => `    ${statement(child)}\n`)
    const below = children.filter((child) => child.type === 'dir').map(directory)
    const comment = `# ${unescapeText(entry.path)}\n`
    const set = children.length % 2 === 0 ? '/set type=file nlink=1 flags=none\n' : ''
    return ['\n', comment, set, statement(entry), '\n', ...files, ...below, ...(entry.path === '.' ? [] : [comment, '..\n\n'])].join('')
  }
  const header = ['user: root', 'machine: vm', 'tree: /srv', 'date: Sun Nov 22 11:28:37 2026'].map((words) => `#\t   ${words}\n`)
  return [...header, '/set type=file\n', ...entries.filter(({path}) => path === '.').map(directory)].join('')
}

type Keywords = Record<'type' | 'uid' | 'gid' | 'mode' | 'device' | 'size' | 'time' | 'md5' | 'sha256' | 'link', string | undefined>

function keywords(entry: Entry, encode: (escaped: string) => string): Keywords {
  const {type, uid, gid, mode, device, size, time, md5, sha256: sum, link} = entry
  return {
    type: `type=${type}`,
    uid: uid === undefined ? undefined : `uid=${uid}`,
    gid: gid === undefined ? undefined : `gid=${gid}`,
    mode: mode === undefined ? undefined : `mode=${mode.toString(8)}`,
    device: device === undefined ? undefined : `device=0x${linuxDevice(BigInt(device.major), BigInt(device.minor)).toString(16)}`,
    size: size === undefined ? undefined : `size=${size}`,
    // Nanoseconds without their leading zeros, as both programs write them.
    time: time === undefined ? undefined : `time=${time.replace(/\.0*(?=[0-9])/, '.')}`,
    md5: md5 === undefined ? undefined : `md5=${md5}`,
    sha256: sum === undefined ? undefined : `sha256=${sum}`,
    link: link === undefined ? undefined : `link=${encode(link)}`,
  }
}

/** makedev of glibc. */
export function linuxDevice(major: bigint, minor: bigint): bigint {
  return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn)
}

const letters: Readonly<Record<string, string>> = {'\n': 'n', '\r': 'r', '\b': 'b', '\x07': 'a', '\v': 'v', '\t': 't', '\f': 'f', ' ': 's'}

/** vis(3) with VIS_CSTYLE, as NetBSD's mtree calls it. */
export function vis(text: string): string {
  return text.replace(/[^!-~]|[\\#]/g, (char) => {
    const letter = letters[char]
    if (letter !== undefined) return '\\' + letter
    if (char === '\\' || char === '#') return '\\' + char
    return meta(char)
  })
}

/** vis(3) without a style: `\^C` and `\M-C`. */
export function visMeta(text: string): string {
  return text.replace(/[^!-~]|[\\#]/g, (char) => (char === '\\' ? '\\\\' : char === '#' || char === ' ' ? visOctal(char) : meta(char)))
}

/** vis(3) with VIS_OCTAL. */
export function visOctal(text: string): string {
  return text.replace(/[^!-~]|[\\#*?[]/g, (char) => '\\' + char.charCodeAt(0).toString(8).padStart(3, '0'))
}

function meta(char: string): string {
  const code = char.charCodeAt(0)
  const low = code & 0x7f
  if (low === 0x20) return visOctal(char)
  const prefix = code >= 0x80 ? '\\M' : '\\'
  if (low === 0x7f) return `${prefix}^?`
  return low < 0x20 ? `${prefix}^${String.fromCharCode(low + 0x40)}` : `${prefix}-${String.fromCharCode(low)}`
}

export type ChecksumStyle = 'text' | 'binary' | 'tag' | 'zero' | 'upper'

/** The lines that md5sum or sha256sum writes of the entries that have such a digest. */
export function checksumStyle(entries: readonly Entry[], key: 'md5' | 'sha256', style: ChecksumStyle): string {
  const line = ({path, [key]: digest = ''}: Entry): string => {
    const raw = unescapeText(path)
    if (style === 'zero') return `${digest}  ${raw}\0`
    const escaped = raw.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
    const slash = escaped === raw ? '' : '\\'
    if (style === 'tag') return `${slash}${key.toUpperCase()} (${escaped}) = ${digest}\n`
    return `${slash}${style === 'upper' ? digest.toUpperCase() : digest} ${style === 'binary' ? '*' : ' '}${escaped}\n`
  }
  return entries.filter((entry) => entry[key] !== undefined).map(line).join('')
}
