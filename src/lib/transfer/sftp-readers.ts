/*
 * Reads files of another machine over SFTP, for send. Requests of many files are under way at a time, so that a line with a long delay
 * is used all the same. Hashing and cutting happen in this thread: there is one connection, and it is slower.
 *
 * SFTP opens a link like what it leads to, and there is no request that would not. A file is taken for what it was listed as only when
 * size and time of what was opened agree; else it is looked at again whether it is a file by itself.
 */
import {createHash, hash} from 'node:crypto'
import {BkError, errorCode} from '../cli/errors.ts'
import {escapeBytes, unescapeText} from '../index/escape.ts'
import {classFor, WHOLE_FILE} from '../store/chunker.ts'
import {BLOCK, memberSize, writeHeader} from '../store/member.ts'
import {idOfDigest} from '../store/object-id.ts'
import {freeBuffer} from '../sys/memory.ts'
import {PIECE, readRange} from '../ssh/sftp-files.ts'
import {threadPool, type Compressed} from './packer.ts'
import {Cutter, type Piece} from './cutter.ts'
import type {FileAnswer, FileReaders, FileRequest, FilesAnswer, FileStat, Members, PieceAnswer} from './content.ts'
import type {Handle, SftpClient} from '../ssh/sftp-client.ts'
import type {Attributes} from '../ssh/sftp-packets.ts'
import type {Level} from '../store/zstd.ts'

export interface SftpReadersOptions {
  readonly client: SftpClient
  /** Directory there: absolute, bytes as latin1. */
  readonly root: string
  /** The index is a list that lies there: what it says is checked, and this is what it says so far of files that are asked for. */
  readonly listed: {readonly md5: boolean; readonly sizes: boolean} | undefined
  /** Throws for a file that is too large to be taken. */
  readonly checkSize: (path: string, size: number) => void
}

/** Files that are open at a time. Servers keep some hundreds. */
const MOST_OPEN = 48
/**
 * Bytes that a file may have beyond what it was listed with, and still be read together with others: batches are made by what was
 * listed, and many files that have become larger would be in memory at once.
 */
const MOST_GROWN = 16 << 10
/** Requests ahead in a large file. */
const PIECES_AHEAD = 24
const REGULAR = 0o100000
const TYPE = 0o170000
const NOTHING = new Uint8Array(0)

class NotAFile extends Error {}

/** A file that was read whole. */
interface Content {
  readonly answer: FileAnswer
  readonly bytes: Uint8Array
}

export class SftpReaders implements FileReaders {
  readonly count = 2
  // A list may claim the digest of anything, another set's content or one of another size: it vouches for nothing that is new.
  readonly readsAll = true
  /** Files that were read. */
  read = 0
  readonly #options: SftpReadersOptions
  readonly #queue: (() => void)[] = []
  #open = 0

  constructor(options: SftpReadersOptions) {
    this.#options = options
  }

  place(path: string): string {
    const {root} = this.#options
    return path === '.' ? root : `${root === '/' ? '' : root}${unescapeText(path).slice(1)}`
  }

  async mustBeThere(): Promise<void> {
    const {client, root} = this.#options
    if ((await client.lstat(root)) === undefined) throw new BkError(`${escapeBytes(root)} is no longer there`)
  }

  async files(files: readonly FileRequest[]): Promise<FilesAnswer> {
    const contents = await Promise.all(files.map((file) => this.#turn(() => this.#whole(file))))
    const buffer = Buffer.allocUnsafeSlow(contents.reduce((sum, {bytes}) => sum + (bytes.length === 0 ? 0 : memberSize(bytes.length)), 0))
    const members: {id: string; size: number}[] = []
    let used = 0
    for (const {answer, bytes} of contents) {
      if (answer.status !== 'read' || bytes.length === 0) continue
      const id = idOfDigest(answer.sha256)
      const end = used + memberSize(bytes.length)
      writeHeader(buffer, used, id, bytes.length)
      buffer.set(bytes, used + BLOCK)
      buffer.fill(0, used + BLOCK + bytes.length, end)
      members.push({id, size: bytes.length})
      used = end
    }
    return {files: contents.map(({answer}) => answer), buffer, members, release: () => freeBuffer(buffer)}
  }

  /* No more files open than a server keeps. */
  async #turn<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#open >= MOST_OPEN) await new Promise<void>((resolve) => this.#queue.push(resolve))
    this.#open++
    try {
      return await work()
    } finally {
      this.#open--
      this.#queue.shift()?.()
    }
  }

  async #whole(file: FileRequest): Promise<Content> {
    try {
      const handle = await this.#opened(file)
      try {
        return await this.#content(file, handle)
      } finally {
        // Nobody waits for it.
        this.#options.client.close(handle).catch(() => {})
      }
    } catch (error) {
      return {answer: failed(error), bytes: NOTHING}
    }
  }

  async #opened({path, size}: FileRequest): Promise<Handle> {
    const {client, listed} = this.#options
    // What was not looked at just now may be a fifo, which a server would open and never answer again. A list may be of yesterday.
    if ((size === undefined || listed?.sizes === true) && !isFile(await mustExist(client, path))) throw new NotAFile()
    return await client.open(path)
  }

  async #content(file: FileRequest, handle: Handle): Promise<Content> {
    const {client, listed} = this.#options
    for (let tries = 1; ; tries++) {
      const guess = Math.min(file.size ?? 0, WHOLE_FILE)
      const [before, first] = await Promise.all([client.fstat(handle), guess === 0 ? NOTHING : readRange(client, handle, 0, guess)])
      const size = await this.#checked(file, before)
      if (size > WHOLE_FILE || size > guess + MOST_GROWN) return {answer: {status: 'large'}, bytes: NOTHING}
      // It is read to where it ended when it was opened: what grows faster than it can be read would never end.
      const bytes = size === guess ? first : await readRange(client, handle, 0, size)
      // One answer is of one moment.
      const after = size <= PIECE && size === guess ? before : await client.fstat(handle)
      const changed = bytes.length !== size || !isSame(before, after)
      if (changed && tries === 1) continue
      this.read++
      const sha256 = hash('sha256', bytes, 'hex')
      const md5 = listed?.md5 === true ? hash('md5', bytes, 'hex') : undefined
      return {answer: {status: 'read', sha256, md5, checked: listed !== undefined, stat: statOf(after, bytes.length, file), changed}, bytes}
    }
  }

  /* The size of what was opened. Throws when that is no file, or too large. */
  async #checked(file: FileRequest, attributes: Attributes): Promise<number> {
    const {client, checkSize} = this.#options
    const {size = 0} = attributes
    if (!isFile(attributes)) throw new NotAFile()
    const isAsSeen = size === file.size && (file.time === undefined || secondsOf(file.time) === attributes.time)
    if (!isAsSeen && !isFile(await mustExist(client, file.path))) throw new NotAFile()
    if (!Number.isSafeInteger(size)) throw Object.assign(new Error('EFBIG: file too large'), {code: 'EFBIG'})
    checkSize(file.path, size)
    return size
  }

  async *pieces(file: FileRequest, base: number | undefined): AsyncGenerator<PieceAnswer> {
    const {client} = this.#options
    let [handle, cutter]: [Handle | undefined, Cutter | undefined] = [undefined, undefined]
    try {
      handle = await this.#opened(file)
      const before = await client.fstat(handle)
      const size = await this.#checked(file, before)
      cutter = new Cutter(classFor(size, base))
      yield* this.#cut(file, handle, {before, size, cutter})
    } catch (error) {
      yield {buffer: NOTHING, members: [], cut: 0, end: failed(error)}
    } finally {
      cutter?.close()
      if (handle !== undefined) client.close(handle).catch(() => {})
    }
  }

  async *#cut(file: FileRequest, handle: Handle, {before, size, cutter}: {before: Attributes; size: number; cutter: Cutter}): AsyncGenerator<PieceAnswer> {
    const {client, listed} = this.#options
    const md5 = listed?.md5 === true ? createHash('md5') : undefined
    const incoming = ahead(client, handle, size)
    let rest: Uint8Array = NOTHING
    let position = 0
    const refill = async (): Promise<void> => {
      let [isLast, done] = [false, 0]
      const free = cutter.free()
      while (done < free.length && !isLast) {
        if (rest.length === 0) {
          const {value} = await incoming.next()
          rest = value ?? NOTHING
          isLast = rest.length === 0
        }
        const part = rest.subarray(0, free.length - done)
        free.set(part, done)
        done += part.length
        rest = rest.subarray(part.length)
      }
      md5?.update(free.subarray(0, done))
      position += done
      cutter.filled(done, isLast)
    }
    try {
      while (!cutter.isDone) {
        const buffer = Buffer.allocUnsafeSlow(cutter.pieceRoom)
        const piece: Piece = {members: [], used: 0, content: 0}
        if (cutter.needsMore) await refill()
        while (cutter.cutInto(buffer, piece)) await refill()
        const part = {buffer: buffer.subarray(0, piece.used), members: piece.members, cut: cutter.cut, release: () => freeBuffer(buffer)}
        if (!cutter.isDone) {
          yield {...part, end: undefined}
          continue
        }
        const after = await client.fstat(handle)
        const changed = position !== size || !isSame(before, after)
        this.read++
        const stat = statOf(after, position, file)
        yield {...part, end: {status: 'read', sha256: cutter.digest(), md5: md5?.digest('hex'), checked: listed !== undefined, stat, changed}}
      }
    } finally {
      await incoming.return(undefined)
    }
  }

  memory(): Members {
    return threadPool.memory()
  }

  async compress(frame: Members, level: Level): Promise<Compressed> {
    return await threadPool.compress(frame, level)
  }

  async close(): Promise<void> {}
}

/* The content of an open file in order, up to a size, several requests ahead. */
async function* ahead(client: SftpClient, handle: Handle, size: number): AsyncGenerator<Buffer> {
  const asked: Promise<Buffer>[] = []
  for (let at = 0; at < size || asked.length > 0; ) {
    for (; asked.length < PIECES_AHEAD && at < size; at += PIECE) {
      const piece = readRange(client, handle, at, Math.min(PIECE, size - at))
      // Whoever takes it hears of its failure; nobody may ever take it.
      piece.catch(() => {})
      asked.push(piece)
    }
    const bytes = await asked.shift()!
    if (bytes.length > 0) yield bytes
    // It has become shorter.
    if (bytes.length < PIECE) return
  }
}

async function mustExist(client: SftpClient, path: string): Promise<Attributes> {
  const attributes = await client.lstat(path)
  if (attributes === undefined) throw Object.assign(new Error('ENOENT: no such file or directory'), {code: 'ENOENT'})
  return attributes
}

function isFile({mode = 0}: Attributes): boolean {
  return (mode & TYPE) === REGULAR
}

function isSame(a: Attributes, b: Attributes): boolean {
  return a.size === b.size && a.time === b.time
}

function secondsOf(time: string): number {
  return Number(time.slice(0, time.indexOf('.')))
}

/* A list may know the nanoseconds of the same time. */
function statOf({mode, uid, gid, time}: Attributes, size: number, file: FileRequest): FileStat {
  const isKnown = file.time !== undefined && (time === undefined || secondsOf(file.time) === time)
  return {mode: mode === undefined ? undefined : mode & 0o7777, uid, gid, size, time: isKnown ? file.time : time === undefined ? undefined : `${time}.000000000`}
}

/* What a file that could not be read has come to. Other errors are thrown again: they are of the connection, and end everything. */
function failed(error: unknown): Exclude<FileAnswer, {status: 'large'}> {
  if (error instanceof NotAFile) return {status: 'vanished', why: 'not a file'}
  const code = errorCode(error)
  if (code === undefined) throw error
  return code === 'ENOENT' ? {status: 'vanished', why: 'gone'} : {status: 'failed', code}
}
