/*
 * A store on another machine, to be read: over the SFTP that `bk browse` speaks there, or that of an sshd. One connection, made when
 * something is first asked, for everything that a command reads.
 *
 * The other side is not trusted. Names and sizes may lie and bytes differ from one time to the next: whoever reads a record, a
 * catalog or a pack holds it to its sum, as he would on a disk that is going bad.
 */
import {BkError} from '../cli/errors.ts'
import type {SshTarget} from '../ssh/target.ts'
import type {RemoteCommand} from '../ssh/session.ts'
import type {SftpFiles} from '../ssh/sftp-files.ts'
import {isStoreName, type Features, type Store} from './store.ts'

const RECORD = /^log\/\d{6,}$/

/** What is read whole, at most: catalogs are the longest. */
const MAX_FILE = 2 ** 30
/** Records that are asked for before their turn: one a time, each would cost as long as the line is. */
const AHEAD = 32

export class SftpStore implements Store {
  readonly where: string
  readonly #target: SshTarget
  readonly #command: RemoteCommand
  readonly #root: string
  #connection: Promise<SftpFiles> | undefined
  #close: (() => Promise<void>) | undefined
  #lost: Error | undefined
  // Names of records, as listed last, and those that are on their way.
  #records: readonly string[] = []
  #places: ReadonlyMap<string, number> = new Map()
  #lastAsked = Infinity
  readonly #coming = new Map<string, Promise<Buffer>>()

  /**
   * @param where the store as typed, for messages
   * @param scheme `ssh` asks for `bk browse` there, `sftp` for the SFTP of its sshd
   */
  constructor(where: string, target: SshTarget, scheme: 'ssh' | 'sftp') {
    this.where = where
    this.#target = target
    this.#command = scheme === 'ssh' ? {verb: 'browse'} : {subsystem: 'sftp'}
    this.#root = scheme === 'ssh' ? '/store/' : Buffer.from(`${target.path}/`).toString('latin1')
  }

  async get(name: string, range?: {readonly offset: number; readonly length: number}): Promise<Buffer> {
    if (RECORD.test(name) && range?.offset === 0) return this.#record(name, range.length)
    const bytes = await this.#read(name, range ?? {offset: 0, length: MAX_FILE + 1})
    if (range === undefined && bytes.length > MAX_FILE) throw new BkError(`${name} is longer than ${MAX_FILE} bytes`, {status: 65})
    return bytes
  }

  async #read(name: string, {offset, length}: {readonly offset: number; readonly length: number}): Promise<Buffer> {
    if (length > MAX_FILE + 1) throw new BkError(`${length} bytes of ${name} are too many`, {status: 65})
    return (await this.#files()).read(this.#root + name, offset, length)
  }

  /* Logs are gone through in one direction or the other. */
  #record(name: string, length: number): Promise<Buffer> {
    const at = this.#places.get(name)
    if (at === undefined) return this.#read(name, {offset: 0, length})
    const step = at > this.#lastAsked ? 1 : -1
    this.#lastAsked = at
    for (let next = at; Math.abs(next - at) < AHEAD; next += step) {
      const ahead = this.#records[next]
      if (ahead === undefined) break
      if (this.#coming.has(ahead)) continue
      const bytes = this.#read(ahead, {offset: 0, length})
      bytes.catch(() => {})
      this.#coming.set(ahead, bytes)
    }
    const bytes = this.#coming.get(name)!
    this.#coming.delete(name)
    return bytes
  }

  async size(name: string): Promise<number | undefined> {
    return (await this.#files()).size(this.#root + name)
  }

  async list(prefix: string, after = ''): Promise<string[]> {
    const names = await (await this.#files()).names(this.#root + prefix.replace(/\/$/, ''))
    const found = [...new Set(names)].filter(isStoreName).map((name) => prefix + name).filter((name) => name > after).sort()
    if (prefix === 'log/') {
      this.#records = found
      this.#places = new Map(found.map((name, at) => [name, at]))
    }
    return found
  }

  async put(): Promise<boolean> {
    throw this.#readOnly()
  }

  async remove(): Promise<void> {
    throw this.#readOnly()
  }

  features(): Features {
    return {atomicCreate: false}
  }

  /** Ends the connection, if there is one. (It ends with the process in any case.) */
  async close(): Promise<void> {
    await this.#close?.()
  }

  #readOnly(): BkError {
    return new BkError(`${this.where} can only be read: it is on another machine`, {status: 77, hint: `'bk send --to ${this.where}' adds to it`})
  }

  async #files(): Promise<SftpFiles> {
    if (this.#lost !== undefined) throw this.#lost
    this.#connection ??= this.#connect()
    return this.#connection
  }

  async #connect(): Promise<SftpFiles> {
    const [{startSftp}, {SftpFiles}] = await Promise.all([import('../ssh/sftp-session.ts'), import('../ssh/sftp-files.ts')])
    const {client, close} = await startSftp(this.#target, this.#command, {
      silentHint: "is the key there for something else than 'bk browse'?",
      onLost: (error, isRest) => {
        // Whoever asks next connects again.
        if (isRest) this.#connection = undefined
        else this.#lost = error
      },
    })
    this.#close = close
    return new SftpFiles(client)
  }
}
