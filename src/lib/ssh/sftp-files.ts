/*
 * Reads files over an SFTP session by ranges, as fast as the line is wide: a range is asked for in pieces that do not wait for one
 * another. Memory follows what arrives, never what the other side says there is.
 */
import {BkError, errorCode} from '../cli/errors.ts'
import type {Handle, SftpClient} from './sftp-client.ts'

/** Bytes of one request. Servers may give less; no server known gives an error for it. */
export const PIECE = 128 << 10
/** Bytes asked for at a time. */
const WINDOW = 4 << 20
/** Files that are read at a time: servers keep only so many open. Those that are read again and again stay open. */
const MOST_READ = 32
const KEPT_OPEN = 8
/** Requests for the names of a directory at a time, and the most names that are taken. */
const NAMES_AHEAD = 8
const MOST_NAMES = 4 << 20

const TYPE = 0o170000
const REGULAR = 0o100000

interface Open {
  readonly handle: Promise<Handle>
  users: number
}

/** Files of one session. Paths are latin1, a character per byte. */
export class SftpFiles {
  readonly #client: SftpClient
  readonly #open = new Map<string, Open>()
  readonly #queue: (() => void)[] = []
  #reading = 0

  constructor(client: SftpClient) {
    this.#client = client
  }

  /**
   * Reads a file, or a part of it; shorter than `length` where the file ends before.
   * @throws an error with a code for what cannot be opened or read
   */
  async read(path: string, offset: number, length: number): Promise<Buffer> {
    while (this.#reading >= MOST_READ) await new Promise<void>((resolve) => this.#queue.push(resolve))
    this.#reading++
    const open = this.#opened(path)
    try {
      return await readRange(this.#client, await open.handle, offset, length)
    } finally {
      open.users--
      this.#reading--
      this.#queue.shift()?.()
    }
  }

  /** Size of a regular file; undefined for anything else and nothing. Throws BkError 65 for a size that no file has. */
  async size(path: string): Promise<number | undefined> {
    const {size, mode = REGULAR} = (await this.#client.lstat(path)) ?? {}
    if (size === undefined || (mode & TYPE) !== REGULAR) return undefined
    if (!Number.isSafeInteger(size)) throw new BkError('a file is said to be larger than any', {status: 65})
    return size
  }

  /** The names in a directory, in no order; none where there is no directory. */
  async names(path: string): Promise<string[]> {
    const client = this.#client
    let handle: Handle
    try {
      handle = await client.opendir(path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
    const names: string[] = []
    for (let isDone = false; !isDone; ) {
      for (const some of await Promise.all(Array.from({length: NAMES_AHEAD}, () => client.readdir(handle)))) {
        for (const {name} of some) names.push(name)
        isDone ||= some.length === 0
      }
      if (names.length > MOST_NAMES) throw new BkError(`more than ${MOST_NAMES} names in a directory`, {status: 65})
    }
    forget(client.close(handle))
    return names
  }

  #opened(path: string): Open {
    let open = this.#open.get(path)
    if (open === undefined) {
      open = {handle: this.#client.open(path), users: 0}
      open.handle.catch(() => this.#open.delete(path))
    }
    // The last in use comes last.
    this.#open.delete(path)
    this.#open.set(path, open)
    open.users++
    if (this.#open.size > KEPT_OPEN) this.#closeUnused()
    return open
  }

  #closeUnused(): void {
    for (const [path, {handle, users}] of this.#open) {
      if (users > 0) continue
      this.#open.delete(path)
      forget(handle.then((open) => this.#client.close(open)))
      if (this.#open.size <= KEPT_OPEN) return
    }
  }
}

/** Reads a part of an open file; shorter than `length` where the file ends before. */
export async function readRange(client: SftpClient, handle: Handle, offset: number, length: number): Promise<Buffer> {
  const isKnown = length <= WINDOW
  // A server may answer less than it has. Where a file ends is asked together with its beginning: to read on until it says so takes another turn.
  const size = isKnown ? undefined : client.fstat(handle).then((attributes) => attributes.size, () => undefined)
  const parts: Buffer[] = []
  let got = 0
  // What is asked for without knowing how long it is begins with little, and goes on with more as long as it is there.
  for (let window = isKnown ? length : PIECE; got < length; window = Math.min(2 * window, WINDOW)) {
    const part = Buffer.allocUnsafeSlow(Math.min(window, length - got))
    const filled = await fill({client, handle, size}, offset + got, part)
    got += filled
    parts.push(filled === part.length ? part : part.subarray(0, filled))
    if (filled < part.length) break
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, got)
}

interface Source {
  readonly client: SftpClient
  readonly handle: Handle
  readonly size: Promise<number | undefined> | undefined
}

/* Fills a part by requests side by side; answers how much of it there was. */
async function fill(source: Source, offset: number, part: Buffer): Promise<number> {
  const pieces: Promise<number>[] = []
  for (let at = 0; at < part.length; at += PIECE) pieces.push(fillPiece(source, offset + at, part.subarray(at, at + PIECE)))
  let filled = 0
  for (const [i, got] of (await Promise.all(pieces)).entries()) {
    filled += got
    if (got < Math.min(PIECE, part.length - i * PIECE)) break
  }
  return filled
}

async function fillPiece({client, handle, size}: Source, offset: number, piece: Buffer): Promise<number> {
  let done = 0
  while (done < piece.length) {
    const bytes = await client.read(handle, offset + done, piece.length - done)
    if (bytes.length === 0) break
    piece.set(bytes, done)
    done += bytes.length
    if (done < piece.length && offset + done === (await size)) break
  }
  return done
}

/* What becomes of it is nobody's business: a connection that is lost is told by what is asked next. */
function forget(promise: Promise<unknown>): void {
  promise.catch(() => {})
}
