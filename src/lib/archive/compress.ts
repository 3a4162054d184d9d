/*
 * Compresses an archive piece by piece, several at a time in the threads of libuv, in order and always into the same bytes: gzip as one
 * member, where each piece knows the 32 KiB before it; zstd as a frame for each piece. Any gzip and zstd reads that.
 */
import {promisify} from 'node:util'
import zlib from 'node:zlib'
import {compressFrame} from '../store/zstd.ts'
import {freeBuffer} from '../sys/memory.ts'

export type Compression = {readonly kind: 'none'} | {readonly kind: 'gzip' | 'zstd'; readonly level: number}

/** Levels of each, and the one that is taken if none is said. */
export const LEVELS = {gzip: {least: 1, most: 9, usual: 6}, zstd: {least: 1, most: 22, usual: 3}} as const

const deflate = promisify(zlib.deflateRaw) as (bytes: Uint8Array, options: zlib.ZlibOptions) => Promise<Buffer>

/** Deflate, no name, no time, on Unix. */
const GZIP_HEADER = Buffer.from('1f8b0800000000000003', 'hex')
/** A last block with nothing in it. */
const LAST_BLOCK = Buffer.from('0300', 'hex')
const WINDOW = 32 * 1024

/** How large the pieces should be that are compressed. */
export function pieceSize({kind}: Compression): number {
  return kind === 'zstd' ? 2 << 20 : 1 << 20
}

/**
 * The compressed bytes.
 * @param pieces belong to this from then on
 * @param threads how many pieces are worked on at a time
 */
export async function* compressed(pieces: AsyncIterable<Buffer>, compression: Compression, threads: number): AsyncGenerator<Uint8Array> {
  if (compression.kind === 'none') yield* pieces
  else if (compression.kind === 'gzip') yield* gzip(pieces, compression.level, threads)
  else {
    yield* inOrder(pieces, threads, (piece) => compressFrame(piece, compression.level))
  }
}

async function* gzip(pieces: AsyncIterable<Buffer>, level: number, threads: number): AsyncGenerator<Uint8Array> {
  let sum = 0
  let size = 0
  let before = Buffer.alloc(0)
  yield GZIP_HEADER
  yield* inOrder(pieces, threads, (piece) => {
    sum = zlib.crc32(piece, sum)
    size += piece.length
    const dictionary = before
    before = Buffer.from(piece.subarray(Math.max(0, piece.length - WINDOW)))
    // Nothing is a dictionary of its own kind.
    return deflate(piece, {level, finishFlush: zlib.constants.Z_SYNC_FLUSH, chunkSize: 256 * 1024, ...(dictionary.length === 0 ? {} : {dictionary})})
  })
  const end = Buffer.alloc(LAST_BLOCK.length + 8)
  LAST_BLOCK.copy(end)
  end.writeUInt32LE(sum, LAST_BLOCK.length)
  end.writeUInt32LE(size % 2 ** 32, LAST_BLOCK.length + 4)
  yield end
}

/* Begins work on a few pieces at a time and gives what comes of it in their order. */
async function* inOrder(pieces: AsyncIterable<Buffer>, threads: number, work: (piece: Buffer) => Promise<Buffer>): AsyncGenerator<Buffer> {
  const running: Promise<Buffer>[] = []
  const done = async (piece: Buffer): Promise<Buffer> => {
    const result = await work(piece)
    freeBuffer(piece)
    return result
  }
  try {
    for await (const piece of pieces) {
      running.push(done(piece))
      if (running.length > threads) yield await running.shift()!
    }
    while (running.length > 0) yield await running.shift()!
  } finally {
    // Whoever stopped listening is told of nothing.
    for (const each of running) each.catch(() => {})
  }
}
