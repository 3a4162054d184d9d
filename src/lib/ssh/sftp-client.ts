/*
 * The reading half of an SFTP client, on the two ends of a pipe to whoever answers: `bk browse`, sshd's own server. Requests do not
 * wait for one another. What is answered is hostile: nothing is kept that was not asked for, and never more than was asked for.
 */
import {errorCode, inputError} from '../cli/errors.ts'
import {KIND, OPEN_READ, packet, PacketReader, STATUS, VERSION, type Attributes, type Field, type Fields, type Packet} from './sftp-packets.ts'
import type {Readable, Writable} from 'node:stream'

/** What a file is opened as. */
export type Handle = Buffer

/** Bytes of a handle, as the protocol has it. */
const LONGEST_HANDLE = 256

/** A name in a directory. */
export interface Named {
  readonly name: string
  readonly attributes: Attributes
}

interface Waiting {
  readonly resolve: (packet: Packet) => void
  readonly reject: (error: Error) => void
}

/* Requests under way at a time: with those of a store 8 MiB, which is more than any channel of ssh holds. */
const UNDER_WAY = 64
/* Looks at a silence before it is too long. */
const LOOKS = 8

const CODES: Readonly<Record<number, readonly [code: string, words: string]>> = {
  [STATUS.noSuchFile]: ['ENOENT', 'no such file or directory'],
  [STATUS.permissionDenied]: ['EACCES', 'permission denied'],
  [STATUS.unsupported]: ['ENOSYS', 'function not implemented'],
}

/** An SFTP session. Every request throws an error with a code, as the system does, for what the other side refuses. */
export class SftpClient {
  /** Who answers, for messages. */
  readonly who: string
  readonly #input: Writable
  readonly #waiting = new Map<number, Waiting>()
  readonly #queue: (() => void)[] = []
  #lastId = 0
  #answered = 0
  #failure: Error | undefined
  #greeted: Waiting | undefined

  /**
   * @param onEnd makes the error that requests fail with from then on: of what is wrong with the stream, or of nothing where it ended
   * @param onSilence is called when nothing was answered for so many milliseconds to what was asked
   * @param who is on the other side, for messages
   */
  constructor(input: Writable, output: Readable, onEnd: (cause: unknown) => Promise<Error>, onSilence?: {readonly after: number; readonly call: () => void}, who = 'it') {
    this.#input = input
    this.who = who
    if (onSilence !== undefined) this.#watch(onSilence)
    const reader = new PacketReader()
    const end = (cause?: unknown): void => {
      output.off('data', take)
      // So that the pipe does not fill up, and the process behind it can end.
      output.resume()
      void onEnd(cause).then((error) => this.#fail(error))
    }
    const take = (piece: Buffer): void => {
      try {
        for (const answer of reader.take(piece)) this.#take(answer)
      } catch (error) {
        end(error)
      }
    }
    output.on('data', take)
    output.once('close', () => end())
  }

  /* Looks now and then, because a timer for each request costs more than the request; and counts how often, because a process that was stopped for an hour has not waited for one. */
  #watch({after, call}: {readonly after: number; readonly call: () => void}): void {
    let [answered, looks] = [0, 0]
    const timer = setInterval(() => {
      if (this.#failure !== undefined) return clearInterval(timer)
      looks = answered === this.#answered && !this.isIdle ? looks + 1 : 0
      answered = this.#answered
      if (looks < LOOKS) return
      clearInterval(timer)
      call()
    }, after / LOOKS).unref()
  }

  /** Whether nobody waits for an answer. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#greeted === undefined
  }

  /** Begins the session. Throws BkError 65 for a server that speaks another version. */
  async greet(): Promise<void> {
    const greeting = new Promise<Packet>((resolve, reject) => (this.#greeted = {resolve, reject}))
    this.#input.write(packet(KIND.init, VERSION))
    const {kind, fields} = await greeting
    const version = kind === KIND.version ? fields.uint32() : 0
    // Whoever knows later ones as well answers the one that he was greeted with.
    if (version !== VERSION) throw inputError(`${this.who} speaks version ${version} of SFTP, not ${VERSION}`)
  }

  async open(path: string): Promise<Handle> {
    // The last is for attributes of a file that is made.
    return this.#handle(await this.#ask(KIND.open, path, OPEN_READ, 0))
  }

  async close(handle: Handle): Promise<void> {
    await this.#ask(KIND.close, handle)
  }

  /** At most `length` bytes at an offset; the server may give fewer before the end. Empty at the end. */
  async read(handle: Handle, offset: number, length: number): Promise<Buffer> {
    const answer = await this.#ask(KIND.read, handle, BigInt(offset), length)
    if (answer === 'end') return Buffer.alloc(0)
    const bytes = this.#fields(answer, KIND.data).bytes()
    if (bytes.length === 0 || bytes.length > length) throw inputError(`${this.who} answers ${bytes.length} bytes where ${length} were asked for`)
    return bytes
  }

  /** What is at a path, a link itself; undefined for nothing. */
  async lstat(path: string): Promise<Attributes | undefined> {
    try {
      return this.#fields(await this.#ask(KIND.lstat, path), KIND.attrs).attributes()
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async fstat(handle: Handle): Promise<Attributes> {
    return this.#fields(await this.#ask(KIND.fstat, handle), KIND.attrs).attributes()
  }

  async opendir(path: string): Promise<Handle> {
    return this.#handle(await this.#ask(KIND.opendir, path))
  }

  /** The next names of a directory, with what is known of each, a link itself; none at its end. */
  async readdir(handle: Handle): Promise<Named[]> {
    const answer = await this.#ask(KIND.readdir, handle)
    if (answer === 'end') return []
    const fields = this.#fields(answer, KIND.name)
    const names: Named[] = []
    for (let left = fields.uint32(); left > 0; left--) {
      const name = fields.text()
      // As `ls -l` would say it, in any form.
      fields.bytes()
      names.push({name, attributes: fields.attributes()})
    }
    if (names.length === 0) throw inputError(`${this.who} answers no names where there are some`)
    return names
  }

  /** Where a link leads to. */
  async readlink(path: string): Promise<string> {
    return this.#name(await this.#ask(KIND.readlink, path))
  }

  /** A path as the server has it, absolute. */
  async realpath(path: string): Promise<string> {
    return this.#name(await this.#ask(KIND.realpath, path))
  }

  async #ask(kind: number, ...fields: readonly Field[]): Promise<Packet | 'end' | 'ok'> {
    while (this.#waiting.size >= UNDER_WAY && this.#failure === undefined) await new Promise<void>((resolve) => this.#queue.push(resolve))
    if (this.#failure !== undefined) throw this.#failure
    const id = (this.#lastId = (this.#lastId + 1) >>> 0)
    const answer = await new Promise<Packet>((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject})
      this.#input.write(packet(kind, id, ...fields))
    })
    if (answer.kind !== KIND.status) return answer
    const code = answer.fields.uint32()
    if (code === STATUS.ok) return 'ok'
    if (code === STATUS.eof) return 'end'
    throw failedRequest(code)
  }

  #take(answer: Packet): void {
    this.#answered++
    const greeted = this.#greeted
    if (greeted !== undefined) {
      this.#greeted = undefined
      return greeted.resolve(answer)
    }
    const id = answer.fields.uint32()
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) throw inputError('it answers what was not asked')
    this.#waiting.delete(id)
    waiting.resolve(answer)
    this.#queue.shift()?.()
  }

  #fields(answer: Packet | 'end' | 'ok', kind: number): Fields {
    if (typeof answer === 'string' || answer.kind !== kind) throw inputError(`${this.who} answers something else than was asked for`)
    return answer.fields
  }

  #name(answer: Packet | 'end' | 'ok'): string {
    const fields = this.#fields(answer, KIND.name)
    if (fields.uint32() !== 1) throw inputError(`${this.who} answers several names where there is one`)
    return fields.text()
  }

  #handle(answer: Packet | 'end' | 'ok'): Handle {
    const bytes = this.#fields(answer, KIND.handle).bytes()
    if (bytes.length > LONGEST_HANDLE) throw inputError(`${this.who} answers a handle of ${bytes.length} bytes`)
    // A copy: it is kept, and what it is a part of need not be.
    return Buffer.from(bytes)
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#greeted?.reject(error)
    for (const {reject} of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    for (const resume of this.#queue.splice(0)) resume()
  }
}

/* As the system says it of a file here: what the server's own words are is not looked at. */
function failedRequest(code: number): Error {
  const [name, words] = CODES[code] ?? ['EIO', 'i/o error']
  return Object.assign(new Error(`${name}: ${words}`), {code: name})
}
