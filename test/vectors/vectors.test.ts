// Bytes that every version reads and writes: each example of docs/format.md in full, and more of each kind. Whoever builds a reader of
// his own can hold it to these files. They never change; what a later version adds gets files of its own.

import {readFileSync, readdirSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {changesEndLine, changesHeader, formatChange} from '../../src/lib/index/changes.ts'
import {escapeBytes, unescapeText} from '../../src/lib/index/escape.ts'
import {formatEntry, parseEntryLine} from '../../src/lib/index/entry.ts'
import {formatComment, parseComment} from '../../src/lib/index/group.ts'
import {IndexWriter} from '../../src/lib/index/write.ts'
import {formatCatalog, parseCatalog} from '../../src/lib/store/catalog.ts'
import {parseList} from '../../src/lib/store/chunk-list.ts'
import {formatEdit, parseEdit} from '../../src/lib/store/edits.ts'
import {contentOffsets, openFrame, PackBuilder, readToc} from '../../src/lib/store/pack.ts'
import {formatEditRecord, formatSnapshot, ownLines, parseCopied, parseRecord} from '../../src/lib/store/record.ts'
import {leftPacks, Session} from '../../src/lib/store/session.ts'
import {formatSettings, parseSettings} from '../../src/lib/store/settings.ts'
import {catalogName, packName, recordName, SETTINGS} from '../../src/lib/store/store.ts'
import {formatSnapshotLines, parseSnapshotLines} from '../../src/lib/transfer/snapshot-lines.ts'
import {applyChanges} from '../../src/lib/index/apply.ts'
import {batchOf} from '../../src/lib/index/cursor.ts'
import type {Group} from '../../src/lib/index/group.ts'
import {diffOf, printed, readChanges, readIndex} from '../unit/index/texts.ts'
import {compressedOf, emptyStore, frameOf, packBytes, sha256, tocOf} from '../unit/store/memory-store.ts'

const here = import.meta.dirname
const bytesOf = (name: string): Buffer => readFileSync(join(here, name))
const textOf = (name: string): string => bytesOf(name).toString('latin1')

describe('the examples of docs/format.md', () => {
  const page = readFileSync(join(here, '../../docs/format.md'), 'utf8')
  // Blocks of indented lines, without what a list indents them by.
  const blocks = page.split(/\n(?! {4})/).flatMap((part) => {
    const lines = part.split('\n').filter((line) => line.startsWith('    '))
    const indent = Math.min(...lines.map((line) => line.search(/\S/)))
    return lines.length === 0 ? [] : [lines.map((line) => line.slice(indent))]
  })
  // In their order on the page.
  const files = ['escapes', 'index', 'changes', 'toc', 'names', 'bk-store', 'record', 'edits', 'catalog', 'session', 'snapshot'] as const

  /** Whether a text is the example, in which `…` stands for whatever was left out: in a line, or lines. */
  function fits(text: string, lines: readonly string[]): boolean {
    const quoted = lines.map((line) => (line === '…' ? '(?:[^\n]*\n)*?' : `${line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\n]*')}\n`))
    return new RegExp(`^${quoted.join('')}$`).test(text)
  }

  test('are these', () => {
    expect(blocks.map((lines) => lines[0])).toEqual([
      'a b        a\\040b', '#mtree', '#bk changes 1 root=/srv', '#bk toc 1', 'bk-store  README  recover.sh', '#bk store 1', '#bk record 1 snapshot', '#bk record 1 edit', '#bk catalog 1', '#bk session 1', '#bk snapshot 1', 'bk 1', '#bk plan 1', '#bk archive 1',
    ])
  })

  test.each(files.filter((name) => name !== 'escapes' && name !== 'names' && name !== 'toc').map((name) => [name, files.indexOf(name)] as const))('%s is a vector', (name, at) => {
    expect(blocks[at]!.join('\n')).toSatisfy((text: string) => fits(textOf(name), text.split('\n')))
  })

  test('the table of contents is that of the pack', () => {
    const bytes = bytesOf('pack.tar.zst')
    expect(fits(tocOf(bytes).text + bytes.toString('latin1', bytes.length - 16), blocks[files.indexOf('toc')]!)).toBe(true)
  })

  test('escapes are as they are written', () => {
    for (const line of blocks[0]!) {
      const [raw, text] = line.split(/ {3,}/) as [string, string]
      expect(escapeBytes(raw.replace('⏎', '\n'))).toBe(text)
    }
  })

  test('names in a store are as they are written', () => {
    const names = blocks[files.indexOf('names')]!.join(' ')
    expect(names).toContain(recordName(18))
    expect([SETTINGS, catalogName('D')].every((name) => names.includes(name))).toBe(true)
    expect(packName(`ab12${'0'.repeat(60)}`)).toBe(`packs/ab/ab12${'0'.repeat(60)}.tar.zst`)
    expect(names).toContain('packs/ab/ab12….tar.zst')
  })
})

test('edits: read and printed', () => {
  const record = parseRecord(bytesOf('edits'))
  if (record.kind !== 'edit') throw new Error('not an edit')
  expect(formatEditRecord(record).text).toBe(textOf('edits'))
  const edits = record.lines.map(parseEdit)
  expect(edits.map(({verb}) => verb)).toEqual(['catalog', 'replace', 'drop', 'rules', 'pin', 'time', 'doom', 'doom', 'freed', 'purged', 'index'])
  expect(edits[1]).toEqual({verb: 'replace', set: 'web1', time: '2026-11-22T09:00:00Z', old: new Map([[11, new Set([2, 3])], [17, new Set([1])]]), fresh: new Map([[19, new Set([1])]])})
  expect(edits[2]).toEqual({verb: 'drop', numbers: [11, 12, 13, 14, 16], why: 'no rule keeps it'})
  expect(edits.flatMap(formatEdit)).toEqual(record.lines)
  const before = parseRecord(bytesOf('record'))
  expect(record).toMatchObject({copied: ownLines(textOf('record')), prev: before.sum})
  expect(parseCopied(record.copied, record.prev)).toEqual(before)
})

test('escapes: each byte', () => {
  const lines = textOf('escapes').trimEnd().split('\n').map((line) => line.split(' ') as [string, string])
  expect(lines).toHaveLength(256)
  for (const [hex, text] of lines) {
    expect(escapeBytes(String.fromCharCode(parseInt(hex, 16)))).toBe(text)
    expect(unescapeText(text)).toBe(String.fromCharCode(parseInt(hex, 16)))
  }
})

test.each(['index', 'index-whole', 'changes-old', 'changes-target'])('%s: read and printed', async (name) => {
  const {groups, root, end} = await readIndex(textOf(name))
  const pieces: Buffer[] = []
  const writer = new IndexWriter(root, (piece) => pieces.push(piece))
  for (const {path, line, comments} of groups) {
    const again = comments.map((comment) => parseComment(comment)).map(({key, value}) => formatComment(path, key, value))
    writer.add({path, line: line === '' ? '' : formatEntry(parseEntryLine(line)), comments: again})
  }
  expect(writer.end()).toEqual(end)
  expect(Buffer.concat(pieces).toString('latin1')).toBe(textOf(name))
})

test('index-whole: every keyword, type and comment', async () => {
  const text = textOf('index-whole')
  for (const word of ['type', 'mode', 'uid', 'gid', 'uname', 'gname', 'size', 'time', 'link', 'device', 'md5', 'sha256']) expect(text).toContain(` ${word}=`)
  for (const type of ['file', 'dir', 'link', 'fifo', 'char', 'block']) expect(text).toContain(` type=${type}`)
  for (const key of ['chunks', 'cut', 'error', 'flags', 'gname', 'hardlink', 'left-out', 'note', 'sparse', 'stale', 'uname', 'xattr.']) expect(text).toMatch(new RegExp(`^#bk \\S+ ${key}`, 'm'))
  expect((await readIndex(text)).end).toMatchObject({entries: 13, partial: 3})
})

describe('changes', () => {
  async function applied(name: string): Promise<Group[]> {
    const {changes} = await readChanges(textOf(name))
    const froms = new Set(changes.flatMap(({mark, group: {path, comments}}) => (mark === '>' ? comments.map((it) => it.slice(`#bk ${path} from=`.length)) : [])))
    const result: Group[] = []
    for await (const batch of applyChanges(batchOf((await readIndex(textOf('changes-old'))).groups), batchOf(changes), {froms})) result.push(...batch)
    return result
  }

  test.each(['changes', 'stored-changes'])('%s: read, printed, and carried out', async (name) => {
    const {changes, header, end} = await readChanges(textOf(name))
    expect(changesHeader(header) + changes.map(formatChange).join('') + changesEndLine(end)).toBe(textOf(name))
    expect(printed(await applied(name))).toBe(textOf('changes-target'))
    expect(end.base).toBe((await readIndex(textOf('changes-old'))).end.digest)
    expect(end.target).toBe((await readIndex(textOf('changes-target'))).end.digest)
  })

  test('what diff finds again', async () => {
    // NEW is the target, as nothing of it was carried over.
    expect((await diffOf(textOf('changes-old'), textOf('changes-target'))).text).toBe(textOf('changes'))
  })

  test('stored ones name the object they are against', async () => {
    expect((await readChanges(textOf('stored-changes'))).header.object).toBe(sha256(textOf('changes-old')))
  })
})

test('pack.tar.zst: read, and packed again around the same frames', async () => {
  const bytes = bytesOf('pack.tar.zst')
  expect(sha256(bytes)).toBe('12b254f6bc24a73cd05cacde376da0af13360dc1346d02ea4e53a22d93a9f6df')
  const frames = await readToc(packBytes(bytes))
  const builder = new PackBuilder(bytes.subarray(8, 24))
  for (const frame of frames) {
    const compressed = compressedOf(bytes, frame)
    const tar = openFrame(frame, compressed)
    const contents = frame.members.map(({size}, i) => tar.subarray(contentOffsets(frame)[i]!, contentOffsets(frame)[i]! + size))
    expect(contents.map(sha256)).toEqual(frame.members.map(({id}) => id))
    expect(frameOf(contents).tar).toEqual(tar)
    builder.add(compressed, frame.size, frame.members)
  }
  expect(Buffer.concat(builder.finish().parts)).toEqual(bytes)
})

test('record: read and printed', () => {
  const record = parseRecord(bytesOf('record'))
  if (record.kind !== 'snapshot') throw new Error('no snapshot')
  expect(formatSnapshot(record).text).toBe(textOf('record'))
  expect(record).toMatchObject({seq: 18, set: 'web1', partial: 3, entries: 118_532, bytes: 957_680_012})
})

test('edit: read', () => {
  const record = parseRecord(bytesOf('edit'))
  if (record.kind !== 'edit') throw new Error('no edit')
  expect([record.seq, record.lines.map((line) => line.split(' ')[0]), `sum ${record.sum}\n`]).toEqual([19, ['drop', 'doom'], textOf('edit').slice(-69)])
})

test('bk-store: read and printed', () => {
  expect(formatSettings(parseSettings(bytesOf('bk-store')))).toEqual(bytesOf('bk-store'))
})

test('catalog: read and printed', () => {
  expect(formatCatalog(parseCatalog(bytesOf('catalog'))).bytes).toEqual(bytesOf('catalog'))
})

test.each(['chunks', 'lists'])('%s: read and printed', (name) => {
  expect(parseList(bytesOf(name)).map(({kind, id, size}) => `${kind} ${id} ${size}\n`).join('')).toBe(textOf(name))
})

test('snapshot: read and printed', () => {
  expect(formatSnapshotLines(parseSnapshotLines(bytesOf('snapshot')))).toEqual(bytesOf('snapshot'))
})

test('session: written, and read as far as its packs are there', async () => {
  const store = emptyStore()
  const name = /^pack (\S+) /m.exec(textOf('session'))![1]!
  await new Session(store, 'web1').add({name, size: 16_790_021}, 1_763_800_205)
  expect(store.files.get('sessions/web1')).toEqual(bytesOf('session'))
  expect(await leftPacks(store, 'web1', 1_763_800_206)).toEqual([])
})

test('no vector is without a test', () => {
  const source = readFileSync(import.meta.filename, 'utf8')
  for (const name of readdirSync(here)) expect([name, name === 'vectors.test.ts' || source.includes(`'${name}'`)]).toEqual([name, true])
})
