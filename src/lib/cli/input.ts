/**
 * Where a filter's input comes from: an operand, or stdin for `-` and for no operand. A regular file is read in large
 * synchronous pieces, which is the fastest way; everything else is waited for without blocking. A terminal where data
 * is expected is a mistake, said at once instead of hanging.
 */
import {closeSync, createReadStream, fstatSync, openSync, readFileSync, readSync, type Stats} from 'node:fs'
import {BkError, errorCode, reasonOf, usageError} from './errors.ts'
import {escapeName} from './escape.ts'
import {createBreather} from './breathe.ts'

/** Bytes to be read once, in pieces that belong to the reader. The file is closed at the end, or when the loop is left. */
export type Input = AsyncIterable<Buffer> & {
  /** For speech: the operand as typed and escaped, or `standard input`. */
  readonly name: string
  /** Size in bytes when the input is a regular file. */
  readonly size: number | undefined
  /** Closes an input that will not be read. */
  close(): void
}

const pieceSize = 256 * 1024

let stdinTaken = false

/**
 * Opens an operand; undefined and `-` are stdin. `what` says, with its article, what is expected: `an index`.
 * Throws 2 for what cannot be opened, 64 when stdin is a terminal or is asked for twice.
 */
export function openInput(operand: string | undefined, what: string): Input {
  if (operand === undefined || operand === '-') return openStdin(what)
  return openFile(operand)
}

/** As `openInput`, but undefined when no file of that name exists: for a base that may not be there yet. */
export function openInputIfExists(operand: string, what: string): Input | undefined {
  try {
    return openInput(operand, what)
  } catch (error) {
    if (error instanceof BkError && errorCode(error.cause) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * The bytes of an operand that names a file. Node decodes argv as UTF-8 and loses what is not; the kernel still has
 * the bytes as they were typed.
 */
export function operandBytes(operand: string): Buffer {
  const decoded = Buffer.from(operand)
  if (!operand.includes('\ufffd')) return decoded
  for (const word of rawWords()) {
    if (word.toString('utf8') === operand) return word
    // --flag=value
    const value = word.subarray(word.indexOf('=') + 1)
    if (value.toString('utf8') === operand) return value
  }
  return decoded
}

function rawWords(): Buffer[] {
  const words: Buffer[] = []
  let rest: Buffer
  try {
    rest = readFileSync('/proc/self/cmdline')
  } catch {
    return words
  }
  for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0)) {
    words.push(rest.subarray(0, end))
    rest = rest.subarray(end + 1)
  }
  return words
}

function openStdin(what: string): Input {
  if (stdinTaken) throw usageError('standard input can be read only once', "give '-' for one operand only")
  stdinTaken = true
  const name = 'standard input'
  const stats = statOf(0, name)
  // process.stdin is asked last: Node builds a whole stream to answer.
  if (stats.isCharacterDevice() && process.stdin.isTTY) {
    throw usageError(`expected ${what} on standard input, which is a terminal`, 'name a file, or pipe one in')
  }
  if (stats.isFile()) return {name, size: stats.size, close() {}, [Symbol.asyncIterator]: () => readRegular(0, name, () => {})}
  blockAtEnd(process.stdin)
  return {name, size: undefined, close() {}, [Symbol.asyncIterator]: () => readStream(process.stdin, name)}
}

/*
 * Node makes a pipe that it reads non-blocking, for everybody who has it: a shell whose next command reads on there would be told to try
 * again. Node takes that back in exit(), which bk does not reach (bin/bk.js).
 */
function blockAtEnd(stdin: NodeJS.ReadStream): void {
  const {_handle: handle} = stdin as {_handle?: {setBlocking?: (isBlocking: boolean) => void}}
  const block = (): void => handle?.setBlocking?.(true)
  stdin.once('end', block)
  process.once('exit', block)
}

function openFile(operand: string): Input {
  const name = escapeName(operandBytes(operand))
  let fd: number
  try {
    fd = openSync(operandBytes(operand), 'r')
  } catch (error) {
    throw readError(name, error)
  }
  let open = true
  const close = (): void => {
    if (open) closeSync(fd)
    open = false
  }
  try {
    const stats = statOf(fd, name)
    if (stats.isFile()) {
      return {name, size: stats.size, close, [Symbol.asyncIterator]: () => readRegular(fd, name, close)}
    }
  } catch (error) {
    close()
    throw error
  }
  const stream = (): AsyncGenerator<Buffer> => readStream(createReadStream('', {fd, highWaterMark: pieceSize}), name)
  return {name, size: undefined, close, [Symbol.asyncIterator]: stream}
}

function statOf(fd: number, name: string): Stats {
  let stats: Stats
  try {
    stats = fstatSync(fd)
  } catch (error) {
    throw readError(name, error)
  }
  if (stats.isDirectory()) throw new BkError(`cannot read ${name}: is a directory`, {hint: `'bk index ${name}' makes an index of it`})
  return stats
}

async function* readRegular(fd: number, name: string, close: () => void): AsyncGenerator<Buffer> {
  const breathe = createBreather()
  try {
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(pieceSize)
      const length = readSync(fd, piece)
      if (length === 0) return
      yield piece.subarray(0, length)
      const pause = breathe()
      if (pause !== undefined) await pause
    }
  } catch (error) {
    throw readError(name, error)
  } finally {
    close()
  }
}

async function* readStream(stream: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of stream) yield piece
  } catch (error) {
    throw readError(name, error)
  }
}

function readError(name: string, error: unknown): BkError {
  return new BkError(`cannot read ${name}: ${reasonOf(error)}`, {cause: error})
}
