/*
 * The directories of the tree that is restored, held by descriptor. Each is opened beneath the top without following any link, and
 * everything in it is named by that descriptor and one plain name: a link that somebody plants leads nowhere.
 */
import {constants} from 'node:fs'
import {randomBytes} from 'node:crypto'
import {toBytes, unescapeText} from '../index/escape.ts'
import {calls} from '../sys/calls.ts'

const {O_DIRECTORY} = constants
const O_PATH = 0x200000

const HELD = 16

/** Where an entry is: the directory that holds it, and its name there. */
export interface Spot {
  readonly dir: number
  readonly leaf: Buffer
}

export class HeldTree {
  readonly #rootFd: number
  // In the order of their last use.
  readonly #held = new Map<string, number>()

  constructor(rootFd: number) {
    this.#rootFd = rootFd
  }

  /** Where the entry of an escaped path (not `.`) is. The descriptor is good for the next few calls of this tree. */
  spot(path: string): Spot {
    const slash = path.lastIndexOf('/')
    return {dir: this.directory(path.slice(0, slash)), leaf: toBytes(unescapeText(path.slice(slash + 1)))}
  }

  /** A descriptor of a directory, by its escaped path, for the *at calls; it is good for the next few calls of this tree. */
  directory(path: string): number {
    if (path === '.') return this.#rootFd
    const held = this.#held.get(path)
    if (held !== undefined) {
      this.#held.delete(path)
      this.#held.set(path, held)
      return held
    }
    const fd = calls.openBeneath(this.#rootFd, toBytes(unescapeText(path.slice(2))), O_PATH | O_DIRECTORY)
    this.#held.set(path, fd)
    if (this.#held.size > HELD) this.#release(this.#held.keys().next().value!)
    return fd
  }

  #release(path: string): void {
    calls.close(this.#held.get(path)!)
    this.#held.delete(path)
  }

  close(): void {
    for (const path of this.#held.keys()) this.#release(path)
  }
}

/** A name for a file that is not whole yet, as sys/atomic.ts makes them. */
export function tempLeaf(): Buffer {
  return Buffer.from(`.bk.tmp.${process.pid}.${randomBytes(6).toString('hex')}`)
}
