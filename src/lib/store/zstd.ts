/*
 * zstd frames as packs need them: content size and checksum declared, one call per frame with an output buffer that is
 * large enough at once (each further piece costs a copy). The asynchronous form runs in libuv's threads, so that several
 * frames are compressed beside each other and beside what this thread does.
 */
import {promisify} from 'node:util'
import zlib from 'node:zlib'
import {BkError} from '../cli/errors.ts'

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

/** Compresses one frame in the thread pool. */
export async function compressFrame(bytes: Uint8Array, level: Level): Promise<Buffer> {
  return await compressInPool(bytes, options(level, bytes.length))
}

/** Compresses one frame here and now. */
export function compressFrameSync(bytes: Uint8Array, level: Level): Buffer {
  return zlib.zstdCompressSync(bytes, options(level, bytes.length))
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
      chunkSize: Math.max(64, size),
      params: {[constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG},
    })
  } catch (error) {
    throw new BkError('a frame does not unpack', {status: 65, cause: error})
  }
  if (content.length !== size) throw new BkError('a frame unpacks to another size than declared', {status: 65})
  return content
}

/** What a frame's header says (RFC 8878, 3.1.1.1), or undefined for what bk does not write. */
export function frameContentSize(bytes: Buffer): number | undefined {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== 0xfd2fb528) return undefined
  const descriptor = bytes[4]!
  const single = (descriptor & 0x20) !== 0
  const checksum = (descriptor & 0x04) !== 0
  const dictionary = (descriptor & 0x03) !== 0
  const reserved = (descriptor & 0x08) !== 0
  if (!checksum || dictionary || reserved) return undefined
  const sizeFlag = descriptor >> 6
  const at = single ? 5 : 6
  if (sizeFlag === 0) return single ? bytes[at] : undefined
  if (bytes.length < at + 8) return undefined
  if (sizeFlag === 1) return bytes.readUInt16LE(at) + 256
  if (sizeFlag === 2) return bytes.readUInt32LE(at)
  return Number(bytes.readBigUInt64LE(at))
}
