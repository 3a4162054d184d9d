/*
 * Reads files in a worker thread, with synchronous calls: hashes them, cuts large ones into chunks, and lays everything out
 * as tar members.
 */
import {hash} from 'node:crypto'
import fs, {type BigIntStats} from 'node:fs'
import {workerData} from 'node:worker_threads'
import {classFor, WHOLE_FILE} from '../store/chunker.ts'
import {BLOCK, memberSize, writeHeader} from '../store/member.ts'
import {idOfDigest} from '../store/object-id.ts'
import {compressFrameSync, type Level} from '../store/zstd.ts'
import {freeBuffer} from '../sys/memory.ts'
import {handOver, serveJobs} from '../sys/workers.ts'
import {Cutter, type Piece} from './cutter.ts'
import {describe, failure, isSame, letGo, openFile, openNext, statOf} from './open-file.ts'
import {SLAB_SIZE, type ContentRequest, type ContentWorkerData, type FileAnswer, type FileRequest, type FilesAnswer, type FrameAnswer, type PieceAnswer} from './content.ts'

const {slabs} = workerData as ContentWorkerData
const NOTHING = new Uint8Array(0)

/** A buffer of at least `size` bytes: the slab if it will do. */
function bufferOf(size: number, slab: number | undefined): Buffer {
  return slab !== undefined && size <= SLAB_SIZE ? Buffer.from(slabs[slab]!) : Buffer.allocUnsafeSlow(Math.max(size, SLAB_SIZE))
}

/** An answer whose members are the first `used` bytes of a buffer, handed over unless they lie in a slab. */
function answerIn<Rest extends object>(buffer: Buffer, used: number, rest: Rest): Rest & {readonly buffer: Uint8Array; readonly inSlab: number | undefined} {
  const memory = buffer.buffer
  if (!(memory instanceof ArrayBuffer)) return {...rest, buffer: NOTHING, inSlab: used}
  return handOver({...rest, buffer: new Uint8Array(memory, buffer.byteOffset, used), inSlab: undefined}, [memory])
}

/** Reads a batch of small files into one buffer. */
function readFiles(files: readonly FileRequest[], slab: number | undefined): FilesAnswer {
  let buffer = bufferOf(files.reduce((sum, {size = 0}) => sum + memberSize(Math.min(size, WHOLE_FILE)), 0), slab)
  let used = 0
  const members: {id: string; size: number}[] = []
  const answers = files.map(({path}) => {
    try {
      const fd = openNext(path)
      try {
        for (let tries = 1; ; tries++) {
          const before = statOf(fd)
          const size = Number(before.size)
          if (size > WHOLE_FILE) return {status: 'large'} as const
          // One byte more than it should have, to see a file that has grown.
          const room = memberSize(size + 1)
          if (used + room > buffer.length) {
            const larger = Buffer.allocUnsafeSlow((used + room) * 2)
            buffer.copy(larger, 0, 0, used)
            buffer = larger
          }
          const start = used + BLOCK
          const got = readUpTo(fd, buffer, start, size + 1)
          const after = size === 0 && got === 0 ? before : statOf(fd)
          const changed = got !== size || !isSame(before, after)
          if (changed && tries === 1) continue
          if (got > WHOLE_FILE) return {status: 'large'} as const
          const sha256 = hash('sha256', buffer.subarray(start, start + got), 'hex')
          const stat = {...describe(after), size: got}
          if (got > 0) {
            const id = idOfDigest(sha256)
            writeHeader(buffer, used, id, got)
            const end = used + memberSize(got)
            buffer.fill(0, start + got, end)
            members.push({id, size: got})
            used = end
          }
          return {status: 'read', sha256, stat, changed} as const
        }
      } finally {
        fs.closeSync(fd)
      }
    } catch (error) {
      return failure(error)
    }
  })
  letGo()
  return answerIn(buffer, used, {members, files: answers})
}

function readUpTo(fd: number, buffer: Buffer, offset: number, length: number, position = 0): number {
  let done = 0
  while (done < length) {
    const got = fs.readSync(fd, buffer, offset + done, length - done, position + done)
    if (got === 0) break
    done += got
  }
  return done
}

/** A large file on its way. */
interface Session {
  readonly fd: number
  readonly cutter: Cutter
  readonly before: BigIntStats
  position: number
}

const sessions = new Map<number, Session>()

function open(number: number, file: FileRequest, base: number | undefined, slab: number | undefined): PieceAnswer {
  let fd: number | undefined
  try {
    fd = openFile(file.path)
    const before = statOf(fd)
    sessions.set(number, {fd, cutter: new Cutter(classFor(Number(before.size), base)), before, position: 0})
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd)
    return {buffer: NOTHING, members: [], cut: 0, end: failure(error)}
  }
  return more(number, slab)
}

function more(number: number, slab: number | undefined): PieceAnswer {
  const session = sessions.get(number)
  // The file ended in an earlier piece, and this one was asked for ahead.
  if (session === undefined) return {buffer: NOTHING, members: [], cut: 0, end: undefined}
  try {
    return nextPiece(number, session, slab)
  } catch (error) {
    close(number)
    return {buffer: NOTHING, members: [], cut: session.cutter.cut, end: failure(error)}
  }
}

function nextPiece(number: number, session: Session, slab: number | undefined): PieceAnswer {
  const {cutter, before} = session
  const buffer = bufferOf(cutter.pieceRoom, slab)
  const piece: Piece = {members: [], used: 0, content: 0}
  if (cutter.needsMore) refill(session)
  while (cutter.cutInto(buffer, piece)) refill(session)
  let end: FileAnswer | undefined
  if (cutter.isDone) {
    const after = statOf(session.fd)
    const changed = !isSame(before, after) || session.position !== Number(after.size)
    end = {status: 'read', sha256: cutter.digest(), stat: {...describe(after), size: session.position}, changed}
    close(number)
  }
  return answerIn(buffer, piece.used, {members: piece.members, cut: cutter.cut, end})
}

function refill(session: Session): void {
  const {cutter, fd} = session
  const free = cutter.free()
  // No further than it went when it was opened: what is written to faster than it can be read would never end.
  const left = Number(session.before.size) - session.position
  const room = Math.min(free.length, left)
  const got = readUpTo(fd, free, 0, room, session.position)
  cutter.filled(got, got < room || got === left)
  session.position += got
}

function close(number: number): void {
  const session = sessions.get(number)
  if (session === undefined) return
  sessions.delete(number)
  session.cutter.close()
  fs.closeSync(session.fd)
}

// Where it was read to, so that a MiB of content takes no other memory than its slab until it is in a pack.
function compress(slab: number, used: number, level: Level): FrameAnswer {
  const memory = Buffer.from(slabs[slab]!)
  const frame = compressFrameSync(memory.subarray(0, used), level)
  if (frame.length > memory.length) return {inSlab: 0, tooLarge: frame}
  const inSlab = frame.length
  frame.copy(memory)
  freeBuffer(frame)
  return {inSlab, tooLarge: undefined}
}

serveJobs<ContentRequest, FilesAnswer | PieceAnswer | FrameAnswer | undefined>((request) => {
  switch (request.kind) {
    case 'files':
      return readFiles(request.files, request.slab)
    case 'open':
      return open(request.session, request.file, request.cut, request.slab)
    case 'more':
      return more(request.session, request.slab)
    case 'close':
      close(request.session)
      return undefined
    case 'compress':
      return compress(request.slab, request.used, request.level)
  }
})
