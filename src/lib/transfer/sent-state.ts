/*
 * What a writer remembers of what it sent, for where nobody answers, and to ask less where somebody does: the texts of the newest index and of those it is a change
 * against, and its lists of chunks. One directory per index, named by its digest, because a one-way sender never hears
 * whether a snapshot was committed: the memory that counts is the one whose digest the next changes name as their base.
 * Losing it costs a full index, never data.
 */
import {BkError, errorCode, isFailure} from '../cli/errors.ts'
import {decompressFrame, compressFrameSync} from '../store/zstd.ts'
import {readChain, type Chain} from '../store/levels.ts'
import {LineTaker} from '../store/line-taker.ts'
import {summedLines} from '../store/sum.ts'
import type {IndexLevel} from '../store/record.ts'
import {objectId} from '../store/object-id.ts'
import {calls, readFile} from '../sys/calls.ts'
import {makeFolders, replaceFile} from '../sys/atomic.ts'
import type {Keepsake, SnapshotFacts} from './destination.ts'

/** What is remembered of one snapshot. */
export interface Remembered {
  readonly facts: Omit<SnapshotFacts, 'claimed' | 'base' | 'needed'>
  chain(): Promise<Chain>
  /** Lists of chunks by id. */
  lists(): ReadonlyMap<string, Buffer>
}

/** States of sources that are no longer sent go after this long. */
const KEPT_DAYS = 90

export class SentState {
  readonly #root: string
  readonly #folder: string

  /**
   * @param root directory of all states; need not exist
   * @param name of this one, which is one store's as far as the writer can tell
   */
  constructor(root: string, name: string) {
    this.#root = root
    this.#folder = `${root}/${name}`
  }

  /** What is remembered of the index with this digest; undefined when nothing is, or it is damaged. */
  read(digest: string): Remembered | undefined {
    const folder = `${this.#folder}/${digest}`
    try {
      const {facts} = parseFacts(readFile(`${folder}/facts`))
      const text = async (id: string): Promise<Buffer> => {
        try {
          const bytes = readFile(`${folder}/${id}`)
          const content = decompressFrame(bytes.subarray(16), Number(bytes.toString('latin1', 0, 16)))
          if (objectId(content) === id) return content
        } catch (error) {
          if (!isFailure(error)) throw error
        }
        throw damaged(folder)
      }
      const lists = (): Map<string, Buffer> => {
        try {
          return parseLists(readFile(`${folder}/lists`))
        } catch (error) {
          throw isFailure(error) ? damaged(folder) : error
        }
      }
      return {facts, chain: () => readChain(facts.index.id, text), lists}
    } catch (error) {
      if (!isFailure(error)) throw error
      return undefined
    }
  }

  /** Whether something was sent against this index before. Then nothing came of that, or it would not be the base any more. */
  wasBase(digest: string): boolean {
    return namesIn(this.#folder).some((name) => name !== digest && baseIn(`${this.#folder}/${name}`) === digest)
  }

  /**
   * Remembers a snapshot that was sent.
   * @param lists where the lists of chunks come from
   */
  write(facts: SnapshotFacts, {links, lists}: Keepsake, getList: (id: string) => Buffer | undefined): void {
    makeFolders(this.#folder)
    const folder = `${this.#folder}/${facts.tree}`
    const before = facts.base === undefined ? undefined : `${this.#folder}/${facts.base}`
    makeFolders(folder)
    for (const {id, bytes} of links) {
      if (bytes !== undefined) replaceFile(`${folder}/${id}`, withSize(bytes), {mode: 0o600})
      else if (before !== undefined) linkOver(`${before}/${id}`, `${folder}/${id}`)
    }
    replaceFile(`${folder}/lists`, formatLists(lists, getList), {mode: 0o600})
    // Last: without it the directory means nothing. A tree that is its own base is no step from one to another.
    const base = facts.base === facts.tree ? baseIn(folder) : facts.base
    replaceFile(`${folder}/facts`, formatFacts({...facts, base}), {mode: 0o600})
    this.#forgetAllBut(facts)
  }

  // What led to the base, and what else was sent against it and never became one, is not needed any more.
  #forgetAllBut(facts: SnapshotFacts): void {
    const old = Date.now() - KEPT_DAYS * 86_400_000
    const isOld = (folder: string): boolean => Number(calls.lstatOrNone(folder)?.mtimeMs ?? 0) < old
    for (const name of namesIn(this.#folder)) {
      if (name === facts.tree || name === facts.base) continue
      const folder = `${this.#folder}/${name}`
      const from = baseIn(folder)
      const led = facts.base !== undefined && (from === facts.base || baseIn(`${this.#folder}/${facts.base}`) === name)
      if (led || isOld(folder)) removeFolder(folder)
    }
    for (const name of namesIn(this.#root)) {
      const state = `${this.#root}/${name}`
      for (const index of namesIn(state)) if (isOld(`${state}/${index}`)) removeFolder(`${state}/${index}`)
    }
  }
}

/* Whoever comes next has lost it, which costs time; as it is it would fail every night. */
function damaged(folder: string): BkError {
  removeFolder(folder)
  return new BkError('the memory of what was sent was damaged', {status: 65, hint: 'run it again: it is forgotten now'})
}

function namesIn(folder: string): string[] {
  try {
    return calls.readdir(folder)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error
    return []
  }
}

function withSize(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(bytes.length.toString().padStart(16, '0'), 'latin1'), compressFrameSync(bytes, 1)])
}

function linkOver(src: string, dst: string): void {
  try {
    calls.link(src, dst)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}

function removeFolder(folder: string): void {
  try {
    for (const name of calls.readdir(folder)) calls.unlink(`${folder}/${name}`)
    calls.rmdir(folder)
  } catch (error) {
    // Memory that cannot be freed is no reason to fail a backup.
    if (errorCode(error) === undefined) throw error
  }
}

function baseIn(folder: string): string | undefined {
  try {
    return parseFacts(readFile(`${folder}/facts`)).base
  } catch {
    return undefined
  }
}

function formatFacts(facts: SnapshotFacts): Buffer {
  const body = `${[
    '#bk sent 1',
    `base ${facts.base ?? 'none'}`,
    `state ${facts.partial}`,
    `entries ${facts.entries} bytes ${facts.bytes}`,
    `index ${facts.index.id} ${facts.index.level}`,
    `tree ${facts.tree}`,
  ].join('\n')}\n`
  return Buffer.from(`${body}sum ${objectId(Buffer.from(body, 'latin1'))}\n`, 'latin1')
}

function parseFacts(bytes: Buffer): {readonly base: string | undefined; readonly facts: Remembered['facts']} {
  const take = new LineTaker(summedLines(bytes.toString('latin1')).lines)
  take.must(/^#bk sent 1$/)
  const base = take.must(/^base (?:none|([0-9a-f]{64}))$/)[0]
  const partial = Number(take.must(/^state (\d+)$/)[0])
  const [entries, total] = take.must(/^entries (\d+) bytes (\d+)$/)
  const [id, level] = take.must(/^index ([0-9a-f]{64}) (full|far|near)$/)
  const tree = take.must(/^tree ([0-9a-f]{64})$/)[0]!
  return {base, facts: {partial, entries: Number(entries), bytes: Number(total), index: {id: id!, level: level as IndexLevel}, tree}}
}

function formatLists(ids: ReadonlySet<string>, getList: (id: string) => Buffer | undefined): Buffer {
  const parts: Buffer[] = []
  for (const id of ids) {
    const bytes = getList(id)
    if (bytes !== undefined) parts.push(Buffer.from(`${id} ${bytes.length}\n`, 'latin1'), bytes)
  }
  return Buffer.concat(parts)
}

function parseLists(bytes: Buffer): Map<string, Buffer> {
  const lists = new Map<string, Buffer>()
  for (let at = 0; at < bytes.length; ) {
    const stop = bytes.indexOf(10, at)
    const [id, length] = bytes.toString('latin1', at, stop).split(' ') as [string, string]
    const list = bytes.subarray(stop + 1, stop + 1 + Number(length))
    if (stop < 0 || objectId(list) !== id) throw new BkError('the memory of what was sent is damaged', {status: 65})
    lists.set(id, list)
    at = stop + 1 + Number(length)
  }
  return lists
}
