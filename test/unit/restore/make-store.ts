// Makes stores for tests out of trees, or out of groups that no tree could give: a plain walk, whole packs written by PackBuilder and
// records by formatSnapshot, without any of the code that sends.

import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import {formatEntry, formatTime, type EntryType} from '../../../src/lib/index/entry.ts'
import {escapeBytes} from '../../../src/lib/index/escape.ts'
import {formatComment, withComments, type Group} from '../../../src/lib/index/group.ts'
import {IndexWriter} from '../../../src/lib/index/write.ts'
import {formatCatalog, type CataloguedPack} from '../../../src/lib/store/catalog.ts'
import {Chunker, gearTable, WHOLE_FILE} from '../../../src/lib/store/chunker.ts'
import {makeLists} from '../../../src/lib/store/chunk-list.ts'
import {initStore} from '../../../src/lib/store/init.ts'
import {LocalStore} from '../../../src/lib/store/local.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {memberSize, writeHeader, BLOCK} from '../../../src/lib/store/member.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {PackBuilder, type Member, type Pack} from '../../../src/lib/store/pack.ts'
import {formatSnapshot, type SnapshotDraft} from '../../../src/lib/store/record.ts'
import {catalogName, packName, recordName} from '../../../src/lib/store/store.ts'
import {compressFrameSync} from '../../../src/lib/store/zstd.ts'
import {calls} from '../../../src/lib/sys/calls.ts'
import {deviceOf} from '../../../src/lib/sys/at.ts'
import {loadUsers} from '../../../src/lib/sys/users.ts'

/** What a snapshot is made of. */
export type Contents = {
  readonly root: string
  readonly groups: readonly Group[]
  /** By id, in the order in which they are packed. */
  readonly objects: ReadonlyMap<string, Buffer>
}

export type StoreOptions = {
  /** bytes of content after which a frame, or a pack, is closed; small ones make many of a small tree */
  readonly frame?: number
  readonly pack?: number
}

export type SnapshotOptions = StoreOptions & {
  readonly set?: string
  readonly received?: string
  readonly partial?: number
  /** changes the record before it is written */
  readonly draft?: (draft: SnapshotDraft) => SnapshotDraft
  /** the index to store, if not the whole text of the groups */
  readonly index?: {readonly bytes: Buffer; readonly level: 'full' | 'far' | 'near'; readonly objects?: ReadonlyMap<string, Buffer>}
}

/** A new store in `dir`. */
export async function makeStore(dir: string): Promise<string> {
  fs.mkdirSync(dir, {recursive: true})
  const files = new Map(['README', 'recover.sh'].map((name) => [name, fs.readFileSync(new URL(`../../../src/lib/store/recovery/${name}`, import.meta.url))]))
  await initStore(new LocalStore(dir), {limits: {}, id: randomBytes(16), files})
  return dir
}

/** The text of an index, and its digest. */
export function indexText({root, groups}: Pick<Contents, 'root' | 'groups'>): {readonly bytes: Buffer; readonly digest: string; readonly entries: number} {
  const pieces: Buffer[] = []
  const writer = new IndexWriter(root, (piece) => pieces.push(piece))
  for (const group of groups) writer.add(group)
  const {digest, entries} = writer.end()
  return {bytes: Buffer.concat(pieces), digest, entries}
}

/** Adds a snapshot to a store and answers its number. Objects that the store has are packed again. */
export async function addSnapshot(dir: string, contents: Contents, options: SnapshotOptions = {}): Promise<number> {
  const store = new LocalStore(dir)
  const log = await StoreLog.open(store)
  const text = indexText(contents)
  const index = options.index ?? {bytes: text.bytes, level: 'full' as const}
  const packs: CataloguedPack[] = []
  const put = async (pack: Pack): Promise<void> => {
    await store.put(packName(pack.name), pack.parts, false)
    packs.push({name: pack.name, size: pack.size, ids: pack.ids})
  }
  for (const pack of packObjects(contents.objects, options)) await put(pack)
  const id = objectId(index.bytes)
  for (const pack of packObjects(new Map([...(index.objects ?? []), [id, index.bytes]]), options)) await put(pack)
  const catalog = formatCatalog(packs)
  await store.put(catalogName(catalog.digest), [catalog.bytes], false)
  const head = await log.head()
  const seq = head.seq + 1
  const set = options.set ?? 'test'
  const before = await log.newest(set)
  const labels = new Map(before === undefined ? [] : [...(await log.labels(before))].map(([at, numbers]) => [at, new Set(numbers)]))
  labels.set(seq, new Set(packs.map((_, i) => i + 1)))
  const received = options.received ?? '2026-11-22T08:30:05Z'
  const draft: SnapshotDraft = {
    seq, set, received, claimed: received, partial: options.partial ?? 0, entries: text.entries,
    bytes: contents.groups.reduce((sum, {line}) => sum + Number(/ size=(\d+)/.exec(line)?.[1] ?? 0), 0),
    index: {id, level: index.level}, tree: text.digest, catalog: catalog.digest,
    needs: {base: undefined, drop: new Map(), add: labels}, epoch: 1, saw: undefined, copied: head.own, prev: head.sum,
  }
  await store.put(recordName(seq), [Buffer.from(formatSnapshot(options.draft?.(draft) ?? draft).text, 'latin1')], true)
  return seq
}

function* packObjects(objects: ReadonlyMap<string, Buffer>, {frame = 1 << 20, pack = 16 << 20}: StoreOptions): Generator<Pack> {
  let builder: PackBuilder | undefined
  let parts: Buffer[] = []
  let members: Member[] = []
  let size = 0
  const closeFrame = (): void => {
    if (members.length === 0) return
    builder ??= new PackBuilder(randomBytes(16))
    builder.add(compressFrameSync(Buffer.concat(parts), 1), size, members)
    parts = []
    members = []
    size = 0
  }
  for (const [id, bytes] of objects) {
    const member = Buffer.alloc(memberSize(bytes.length))
    writeHeader(member, 0, id, bytes.length)
    member.set(bytes, BLOCK)
    parts.push(member)
    members.push({id, size: bytes.length})
    size += member.length
    if (size >= frame) closeFrame()
    if (builder !== undefined && builder.size >= pack) {
      yield builder.finish()
      builder = undefined
    }
  }
  closeFrame()
  if (builder !== undefined) yield builder.finish()
}

/** Walks a tree and reads everything in it; a tree for tests fits in memory. */
export function readTree(dir: string): Contents {
  const objects = new Map<string, Buffer>()
  const groups: Group[] = []
  const inodes = new Map<string, string>()
  const users = loadUsers()
  const visit = (path: string): void => {
    const stat = fs.lstatSync(bytesOf(dir, path), {bigint: true})
    const kind = typeOf(stat)
    if (kind !== undefined) groups.push(describe(path, stat, kind))
    if (kind !== 'dir') return
    for (const name of fs.readdirSync(bytesOf(dir, path), 'latin1')) visit(`${path}/${name}`)
  }
  const describe = (path: string, stat: fs.BigIntStats, type: EntryType): Group => {
    const escaped = escapeBytes(path)
    const mode = Number(stat.mode & 0o7777n)
    const [uid, gid] = [Number(stat.uid), Number(stat.gid)]
    const common = {path: escaped, type, mode, uid, gid, uname: users.uname(uid), gname: users.gname(gid), time: formatTime(stat.mtimeNs)}
    const comments: Record<string, string | undefined> = {}
    for (const {name, value} of calls.readXattrs(bytesOf(dir, path))) {
      comments[`xattr.${escapeBytes(name.toString('latin1'))}`] = value.toString('base64')
    }
    let line: string
    if (type === 'file') {
      const content = fs.readFileSync(bytesOf(dir, path))
      if (Number(stat.blocks) * 512 < content.length) comments['sparse'] = extentsOf(bytesOf(dir, path), content.length)
      const {list, cut} = store(content)
      if (list !== undefined) Object.assign(comments, {chunks: list, cut})
      line = formatEntry({...common, size: content.length, sha256: objectId(content)})
    } else if (type === 'link') line = formatEntry({...common, link: escapeBytes(fs.readlinkSync(bytesOf(dir, path), 'latin1'))})
    else if (type === 'char' || type === 'block') line = formatEntry({...common, device: deviceOf(stat.rdev)})
    else line = formatEntry(common)
    if (type !== 'dir' && stat.nlink > 1n) {
      const key = `${stat.dev}:${stat.ino}`
      inodes.set(key, [inodes.get(key), escaped].filter((each) => each !== undefined).sort()[0]!)
      comments['hardlink'] = key
    }
    return withComments({path: escaped, line, comments: []}, comments)
  }
  const store = (content: Buffer): {readonly list?: string; readonly cut?: string} => {
    if (content.length === 0) return {}
    if (content.length <= WHOLE_FILE) {
      objects.set(objectId(content), content)
      return {}
    }
    const chunker = new Chunker(gearTable(), 15)
    const chunks: {id: string; size: number}[] = []
    for (let at = 0; at < content.length; ) {
      const size = chunker.next(content, at, content.length)
      const chunk = content.subarray(at, at + size)
      chunks.push({id: objectId(chunk), size})
      objects.set(objectId(chunk), chunk)
      at += size
    }
    const lists = makeLists(chunks)
    for (const {id, bytes} of lists.objects) objects.set(id, bytes)
    return {list: lists.id, cut: '15'}
  }
  visit('.')
  groups.sort((a, b) => (a.path < b.path ? -1 : 1))
  return {root: escapeBytes(fs.realpathSync(dir)), groups: groups.map((group) => withFirstName(group, inodes)), objects}
}

/* The first of several names says nothing, the others name it. */
function withFirstName(group: Group, inodes: ReadonlyMap<string, string>): Group {
  const comment = group.comments.find((line) => line.startsWith(`#bk ${group.path} hardlink=`))
  if (comment === undefined) return group
  const first = inodes.get(comment.split('=')[1]!)!
  return withComments(group, {hardlink: first === group.path ? undefined : first})
}

function bytesOf(dir: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(path, 'latin1')])
}

function typeOf(stat: fs.BigIntStats): EntryType | undefined {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'link'
  if (stat.isFIFO()) return 'fifo'
  if (stat.isCharacterDevice()) return 'char'
  return stat.isBlockDevice() ? 'block' : undefined
}

function extentsOf(path: Buffer, size: number): string {
  const fd = fs.openSync(path, 'r')
  try {
    return calls.dataExtents(fd, size).map(([start, end]) => `${start}+${end - start}`).join(',')
  } finally {
    fs.closeSync(fd)
  }
}

/** A group of a line and comments `key=value`. */
export function group(line: string, ...comments: readonly string[]): Group {
  const path = line.split(' ')[0]!
  return {path, line, comments: comments.map((comment) => formatComment(path, comment.slice(0, comment.indexOf('=')), comment.slice(comment.indexOf('=') + 1)))}
}
