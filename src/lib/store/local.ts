/*
 * A store in a directory. Every file is written under a temporary name, made durable, and only then given its own: by
 * rename where the name is that of the content, by link(2) where it must not have been there.
 */
import {constants} from 'node:fs'
import {setTimeout as sleep} from 'node:timers/promises'
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {beginFile, isTempName, syncDirectory, type OnTemp} from '../sys/atomic.ts'
import {calls, readAll, readFull, writeAllMeanwhile} from '../sys/calls.ts'
import {LOCK_EX, LOCK_NB} from '../sys/libc.ts'
import type {Features, Room, Store} from './store.ts'

// Nobody but the owner, and not by accident: what is stored never changes.
const FILE_MODE = 0o400
const DIRECTORY_MODE = 0o700
const MAX_FILE = 2 ** 31

const LOCK_PAUSE = 10
const LOCK_TRIES = 500

/** Whether the lock is ours, or there is none to be had. */
function isLocked(fd: number): boolean {
  try {
    return calls.flock(fd, LOCK_EX | LOCK_NB)
  } catch {
    return true
  }
}

export interface LocalOptions {
  /** Told of temporary files, so that a signal can remove them. */
  readonly onTemp?: OnTemp | undefined
}

/** A store in the directory at `path`, which need not be one yet. */
export class LocalStore implements Store {
  readonly where: string
  readonly #root: string
  readonly #options: LocalOptions
  readonly #made = new Set<string>()

  constructor(path: string, options: LocalOptions = {}) {
    this.where = path
    this.#root = path.endsWith('/') ? path : path + '/'
    this.#options = options
  }

  async put(name: string, parts: readonly Uint8Array[], ifAbsent: boolean): Promise<boolean> {
    try {
      return await this.#put(name, parts, ifAbsent)
    } catch (error) {
      if (errorCode(error) === undefined) throw error
      throw new BkError(`cannot write ${this.#root}${name}: ${reasonOf(error)}`, {cause: error})
    }
  }

  async #put(name: string, parts: readonly Uint8Array[], ifAbsent: boolean): Promise<boolean> {
    const path = this.#root + name
    if (ifAbsent && calls.lstatOrNone(path) !== undefined) return false
    this.#makeParents(name)
    const {onTemp} = this.#options
    const file = beginFile(path, {mode: FILE_MODE, ...(onTemp === undefined ? {} : {onTemp})})
    try {
      for (const part of parts) await writeAllMeanwhile(file.fd, part)
    } catch (error) {
      file.discard()
      throw error
    }
    if (ifAbsent) return file.createIfAbsent()
    await file.replaceMeanwhile()
    return true
  }

  async get(name: string, range?: {readonly offset: number; readonly length: number}): Promise<Buffer> {
    const fd = calls.open(this.#root + name, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      if (range === undefined) return readAll(fd, MAX_FILE)
      // Who reads a small file asks for all that it could be: memory for that would cost ten times what reading does.
      const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(range.length, Number(calls.fstat(fd).size) - range.offset)))
      return bytes.subarray(0, readFull(fd, bytes, range.offset))
    } finally {
      calls.close(fd)
    }
  }

  async size(name: string): Promise<number | undefined> {
    const stat = calls.lstatOrNone(this.#root + name)
    return stat === undefined || !stat.isFile() ? undefined : Number(stat.size)
  }

  async list(prefix: string, after = ''): Promise<string[]> {
    let names: string[]
    try {
      names = calls.readdir(this.#root + prefix)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
    return names.filter((name) => !isTempName(name)).map((name) => prefix + name).filter((name) => name > after).sort()
  }

  async remove(name: string): Promise<void> {
    try {
      calls.unlink(this.#root + name)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }

  async made(name: string): Promise<number | undefined> {
    const stat = calls.lstatOrNone(this.#root + name)
    return stat === undefined ? undefined : Number(stat.mtimeNs / 1_000_000_000n)
  }

  features(): Features {
    return {atomicCreate: true}
  }

  async room(): Promise<Room> {
    const {bavail, bsize, files, ffree} = calls.statfs(this.#root)
    return {bytes: Number(bavail * bsize), inodes: files === 0n ? undefined : Number(ffree)}
  }

  // Held for milliseconds; who does not get it in some seconds (another that was stopped; NFS without locks) goes on without.
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const fd = calls.open(this.#root, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      for (let tries = 0; tries < LOCK_TRIES && !isLocked(fd); tries++) await sleep(LOCK_PAUSE)
      return await work()
    } finally {
      calls.close(fd)
    }
  }

  #makeParents(name: string): void {
    for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      const folder = name.slice(0, slash)
      if (this.#made.has(folder)) continue
      this.#made.add(folder)
      try {
        calls.mkdir(this.#root + folder, DIRECTORY_MODE)
      } catch (error) {
        if (errorCode(error) === 'EEXIST') continue
        throw error
      }
      const above = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : ''
      syncDirectory(this.#root + above)
    }
  }
}
