// A store of many days of an invented tree, made by bk's own sender: what it packs, stores and commits is what `bk push` would have, only
// that nobody walks a tree and reads files, and that the disk is not waited for.

import {hash} from 'node:crypto'
import {changesEndLine, changesHeader, formatChange, linesOf, type Change} from '../../src/lib/index/changes.ts'
import {initStore, makeStoreDirectory} from '../../src/lib/store/init.ts'
import {LocalStore} from '../../src/lib/store/local.ts'
import {StoreLog} from '../../src/lib/store/log.ts'
import {BLOCK, memberSize, writeHeader} from '../../src/lib/store/member.ts'
import {recoveryKit} from '../../src/lib/store/recovery-kit.ts'
import {compressFrameSync} from '../../src/lib/store/zstd.ts'
import {replaceCalls} from '../../src/lib/sys/calls.ts'
import {fixedClock} from '../../src/lib/sys/clock.ts'
import {createSpill} from '../../src/lib/sys/spill.ts'
import {LocalDestination} from '../../src/lib/transfer/local-destination.ts'
import {threadPool} from '../../src/lib/transfer/packer.ts'
import {send} from '../../src/lib/transfer/send.ts'
import type {FileAnswer, FileReaders} from '../../src/lib/transfer/content.ts'
import {InventedTree} from './invented-tree.ts'
import type {InventedDay, InventedOptions} from './invented-tree.ts'

export type InventedStoreOptions = InventedOptions & {
  /** directory of the store, which must not exist */
  readonly path: string
  /** where the tree is said to be */
  readonly root?: string
  /** when the first snapshot is received, in seconds since 1970; the others come a day after one another */
  readonly start: number
}

const day = 86_400
/** bk push's own. */
const level = 1

export class InventedStore {
  readonly #path: string
  readonly #root: string
  readonly #start: number
  readonly #tree: InventedTree
  #log: StoreLog | undefined
  #base: string | undefined
  #count = 0

  constructor(options: InventedStoreOptions) {
    this.#path = options.path
    this.#root = options.root ?? '/srv/invented'
    this.#start = options.start
    this.#tree = new InventedTree(options)
  }

  /**
   * Receives the next snapshot, in which so many files have changed; the first has all of them. Answers the bytes of what changed as text,
   * compressed by itself as packs are.
   */
  async receive(changing: number): Promise<number> {
    const hurry = replaceCalls({fsync: () => {}, fsyncMeanwhile: async () => {}})
    try {
      return await this.#receive(changing)
    } finally {
      hurry()
    }
  }

  async #receive(changing: number): Promise<number> {
    const clock = fixedClock(BigInt(this.#start + this.#count * day) * 1_000_000_000n)
    const log = (this.#log ??= await this.#init())
    const today = this.#count === 0 ? this.#tree.first(clock.now()) : this.#tree.next(clock.now(), changing)
    const lead = hash('sha256', `pack ${this.#count++}`, 'buffer').subarray(0, 16)
    const changes = {
      root: this.#root,
      // No digest of the target: the sender makes it.
      end: {base: this.#base, target: '', lines: today.changes.length, partial: 0},
      batches: () => batchesOf(today.changes),
    }
    const sent = await send(changes, new LocalDestination(log, 'invented', clock), {
      readers: () => readersOf(today),
      level,
      clock,
      names: {uname: () => undefined, gname: () => undefined},
      reporter: {problem: fail, note: fail},
      spill: createSpill,
      lead: () => lead,
    })
    sent.close()
    const before = this.#base
    this.#base = sent.end.digest
    return compressedText(today.changes, this.#root, before, this.#base)
  }

  async #init(): Promise<StoreLog> {
    const store = makeStoreDirectory(this.#path)
    await initStore(store, {limits: {}, id: Buffer.alloc(16, 7), files: recoveryKit()})
    return await StoreLog.open(new LocalStore(this.#path))
  }
}

async function* batchesOf(changes: readonly Change[]): AsyncGenerator<readonly Change[]> {
  for (let at = 0; at < changes.length; at += 1000) yield changes.slice(at, at + 1000)
}

function compressedText(changes: readonly Change[], root: string, base: string | undefined, target: string): number {
  const lines = changes.reduce((sum, change) => sum + linesOf(change), 0)
  const text = changesHeader({root}) + changes.map(formatChange).join('') + changesEndLine({base, target, lines, partial: 0})
  return compressFrameSync(Buffer.from(text, 'latin1'), level).length
}

/* Reads what was invented, and lays it out as the workers do that read files. */
function readersOf({contents, owner: {uid, gid}}: InventedDay): FileReaders {
  return {
    ...threadPool,
    count: 2,
    readsAll: false,
    place: (path) => path,
    files: async (requests) => {
      const bytes = requests.map(({path}) => contents.get(path)!)
      const buffer = Buffer.alloc(bytes.reduce((sum, {length}) => sum + memberSize(length), 0))
      const members: {id: string; size: number}[] = []
      let used = 0
      const files = requests.map(({time}, at): FileAnswer => {
        const content = bytes[at]!
        const sha256 = hash('sha256', content, 'hex')
        writeHeader(buffer, used, sha256, content.length)
        content.copy(buffer, used + BLOCK)
        used += memberSize(content.length)
        members.push({id: sha256, size: content.length})
        return {status: 'read', sha256, changed: false, stat: {mode: 0o644, uid, gid, size: content.length, time}}
      })
      return {buffer, members, files}
    },
    pieces: () => fail('a large file'),
    mustBeThere: async () => {},
    close: async () => {},
  }
}

function fail(...what: readonly string[]): never {
  throw new Error(`this was not invented: ${what.join(' ')}`)
}
