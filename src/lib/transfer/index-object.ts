/*
 * How an index is stored: whole, or as changes where that is less (docs/format.md, 5.3). Made as a tar member whose header is still to
 * be written, so that a large index is in memory once.
 */
import {composeChanges} from '../index/apply.ts'
import {changesEndLine, changesHeader, formatChange, linesOf, type Change} from '../index/changes.ts'
import {countLines, nextLevel, type Chain, type Link} from '../store/levels.ts'
import {BLOCK, memberSize} from '../store/member.ts'
import type {IndexEnd} from '../index/read.ts'
import type {Spill} from '../index/spill.ts'
import type {IndexLevel} from '../store/record.ts'

/** From so many changes on it is asked whether they are worth it. */
const MANY = 10_000

/** What an index is stored against. */
export interface Base {
  readonly chain: Chain
  readonly digest: string
}

/** Gathers what changed, unless a full index is less than that. */
export class StoredChanges {
  #list: Change[] | undefined

  /**
   * @param full bytes of the full index that the changes lead away from
   * @param count how many changes are expected, and
   * @param size their bytes: they would be in memory three times before it showed that they are too many
   */
  constructor(full: number, count: number, size: number) {
    this.#list = count > MANY && size > full / 2 ? undefined : []
  }

  add(change: Change): void {
    this.#list?.push(change)
  }

  /** Undefined when they are too many. */
  get list(): readonly Change[] | undefined {
    return this.#list
  }
}

/** The object that an index is stored as. */
export interface IndexObject {
  /** Laid out as a member whose header is still to be written. */
  readonly member: Buffer
  readonly size: number
  readonly level: IndexLevel
  /** The objects below it, down to the full one. */
  readonly under: readonly Link[]
}

/**
 * Chooses the level and lays the object out.
 * @param stored what changed since the base; undefined where that is too much to be worth it
 * @param text the whole index
 */
export async function indexObject(root: string, base: Base | undefined, stored: readonly Change[] | undefined, end: IndexEnd, text: Spill): Promise<IndexObject> {
  if (base !== undefined && base.chain.links.length > 0 && stored !== undefined) {
    const {chain, digest} = base
    const near = changesText(root, chain.links[0]!.id, digest, stored, end)
    let far: Buffer | undefined
    const makeFar = (): Buffer => (far ??= changesText(root, chain.links.at(-1)!.id, digestOf(chain.full), composeChanges([chain.changes, stored]), end))
    const level = nextLevel(chain.links, sizesOf(near), () => sizesOf(makeFar()))
    if (level === 'near') return {...laidOut([near]), level, under: chain.links}
    if (level === 'far') return {...laidOut([makeFar()]), level, under: [chain.links.at(-1)!]}
  }
  return {...(await laidOutText(text)), level: 'full', under: []}
}

function sizesOf(text: Buffer): Pick<Link, 'size' | 'lines'> {
  return {size: text.length, lines: countLines(text)}
}

function laidOut(pieces: readonly Buffer[]): {readonly member: Buffer; readonly size: number} {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const member = Buffer.alloc(memberSize(size))
  let at = BLOCK
  for (const piece of pieces) at += piece.copy(member, at)
  return {member, size}
}

// Twice over the spill, so that a large index is in memory once.
async function laidOutText(text: Spill): Promise<{readonly member: Buffer; readonly size: number}> {
  let size = 0
  for await (const piece of text.pieces()) size += piece.length
  const member = Buffer.alloc(memberSize(size))
  let at = BLOCK
  for await (const piece of text.pieces()) at += piece.copy(member, at)
  return {member, size}
}

/** The text of an index that is stored as changes against another object. */
export function changesText(root: string, object: string, base: string | undefined, changes: readonly Change[], end: Pick<IndexEnd, 'digest' | 'partial'>): Buffer {
  const lines = changes.reduce((sum, change) => sum + linesOf(change), 0)
  const body = changes.map(formatChange).join('')
  const last = changesEndLine({base, target: end.digest, lines, partial: end.partial})
  return Buffer.from(changesHeader({root, object}) + body + last, 'latin1')
}

function digestOf(full: Buffer): string {
  return full.toString('latin1', full.length - 65, full.length - 1)
}
