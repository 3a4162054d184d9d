/*
 * zstd frames as packs need them: content size and checksum declared, one call per frame with an output buffer that is
 * large enough at once (each further piece costs a copy). The asynchronous form runs in libuv's threads, so that several
 * frames are compressed beside each other and beside what this thread does.
 */
import {promisify} from 'node:util'
import zlib from 'node:zlib'
import {BkError} from '../cli/errors.ts'
import {freeBuffer} from '../sys/memory.ts'

const {constants} = zlib
const compressInPool = promisify(zlib.zstdCompress)

/** zstd's level, or 'none': as fast as copying, what does not compress stays raw in any case. */
export type Level = number | 'none'

// zstd's smallest level: it looks for next to no matches and stores raw blocks at the speed of a copy.
const NONE = -131_072

/** Windows above 8 MiB are refused, so that nobody needs more memory than that for a frame. */
const MAX_WINDOW_LOG = 23

function options(level: Level, size: number): zlib.ZstdOptions & {pledgedSrcSize: number} {
  return {
    chunkSize: Math.max(262_144, size + (size >> 8) + 64),
    pledgedSrcSize: size,
    params: {
      [constants.ZSTD_c_compressionLevel]: level === 'none' ? NONE : level,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      // Level 19 and above would take a larger window for large frames.
      ...(level !== 'none' && level > 15 ? {[constants.ZSTD_c_windowLog]: MAX_WINDOW_LOG} : {}),
    },
  }
}

/** Levels up to this one are about time: what hardly compresses is not worth it. */
const FAST = 3
/** Only frames of this size are sampled. */
const SAMPLED = 256 * 1024
const SAMPLES = 8
const SAMPLE = 4096
/** The samples shrink to this part or less, or the frame stays raw. */
const WORTH = 0.97

const samples = Buffer.allocUnsafeSlow(SAMPLES * SAMPLE)

/*
 * The level for a frame. Of photos, music and archives, half of what people keep, level 1 makes nothing smaller and takes four times as
 * long as leaving it raw. Eight samples, evenly spread, tell: on 300 MB of such files it took two thirds of the time, and 0.2 % more room.
 */
function worthwhile(bytes: Uint8Array, level: Level): Level {
  if (level === 'none' || level > FAST || bytes.length < SAMPLED) return level
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const step = Math.floor((bytes.length - SAMPLE) / (SAMPLES - 1))
  for (let i = 0; i < SAMPLES; i++) frame.copy(samples, i * SAMPLE, i * step, i * step + SAMPLE)
  const sampled = zlib.zstdCompressSync(samples, options(level, samples.length))
  const {length} = sampled
  // Or the collector finds some ten megabytes of them.
  freeBuffer(sampled)
  return length > WORTH * samples.length ? 'none' : level
}

/** Compresses one frame in the thread pool. */
export async function compressFrame(bytes: Uint8Array, level: Level): Promise<Buffer> {
  return await compressInPool(bytes, options(worthwhile(bytes, level), bytes.length))
}

/** Compresses one frame here and now. */
export function compressFrameSync(bytes: Uint8Array, level: Level): Buffer {
  return zlib.zstdCompressSync(bytes, options(worthwhile(bytes, level), bytes.length))
}

/**
 * Unpacks one frame that must hold exactly `size` bytes.
 * @throws BkError 65 for anything but that, at most `size` bytes of memory later
 */
export function decompressFrame(bytes: Uint8Array, size: number): Buffer {
  let content: Buffer
  try {
    content = zlib.zstdDecompressSync(bytes, {
      maxOutputLength: Math.max(1, size),
      // One byte more than there is: a buffer that is exactly full makes Node get a second one.
      chunkSize: Math.max(64, size + 1),
      params: {[constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG},
    })
  } catch (error) {
    throw new BkError('a frame does not unpack', {status: 65, cause: error})
  }
  if (content.length !== size) throw new BkError('a frame unpacks to another size than declared', {status: 65})
  return content
}

/** Window of at most 8 MiB: what a descriptor byte (RFC 8878, 3.1.1.1.2) may say. */
const MAX_WINDOW = (MAX_WINDOW_LOG - 10) << 3

/** The content size in a frame's header (RFC 8878, 3.1.1.1), or undefined for a frame that bk does not write. */
export function frameContentSize(bytes: Buffer): number | undefined {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== 0xfd2fb528) return undefined
  const descriptor = bytes[4]!
  const single = (descriptor & 0x20) !== 0
  // A checksum, no dictionary, and nothing in the two bits that say nothing.
  if ((descriptor & 0x1f) !== 0x04 || (!single && bytes[5]! > MAX_WINDOW)) return undefined
  const size = declaredSize(bytes, descriptor >> 6, single ? 5 : 6, single)
  return single && size !== undefined && size > 2 ** MAX_WINDOW_LOG ? undefined : size
}

function declaredSize(bytes: Buffer, flag: number, at: number, single: boolean): number | undefined {
  if (flag === 0) return single ? bytes[at] : undefined
  if (bytes.length < at + 8) return undefined
  if (flag === 1) return bytes.readUInt16LE(at) + 256
  if (flag === 2) return bytes.readUInt32LE(at)
  return Number(bytes.readBigUInt64LE(at))
}

/** Bytes that the frame takes whose header `frameContentSize` took; undefined when it does not end within `bytes`. */
export function frameLength(bytes: Buffer): number | undefined {
  const descriptor = bytes[4] ?? 0
  const single = (descriptor & 0x20) !== 0
  let at = 5 + (single ? 0 : 1) + [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  for (let last = false; !last; ) {
    if (at + 3 > bytes.length) return undefined
    const header = bytes.readUIntLE(at, 3)
    last = (header & 1) !== 0
    // A run of one byte has that byte, whatever its length.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3)
  }
  const end = at + CHECKSUM
  return end <= bytes.length ? end : undefined
}

const CHECKSUM = 4
