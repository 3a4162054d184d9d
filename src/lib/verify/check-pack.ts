/*
 * Reads one pack whole and says what of it is good. Where transfer/check-pack.ts refuses a pack for any fault, this goes on: every object
 * that can still be had is, and only those are named that cannot. One frame is in memory at a time.
 */
import {createHash, type Hash} from 'node:crypto'
import {reasonOf} from '../cli/errors.ts'
import {checkEnds, contentOffsets, LEAD_SIZE, openFrame, readToc, TAR_END_LENGTH, type Frame} from '../store/pack.ts'
import {verified} from '../store/objects.ts'
import {packName, type Store} from '../store/store.ts'
import {freeBuffer} from '../sys/memory.ts'
import {isDamage} from '../store/is-damage.ts'
import {idsDigest, type HeldPack} from './holdings.ts'
import {whyNot} from './records.ts'

/** What came of a pack. */
export interface PackVerdict {
  /** What is wrong with it; undefined for nothing. */
  readonly why: string | undefined
  /** Ids that cannot be read from it, of those in its table of contents; or all that its catalog lists. */
  readonly bad: readonly string[] | 'all'
  /** Ids of the table of contents, where they are not those of the catalog. */
  readonly ids?: readonly string[] | undefined
}

const PIECE = 4 << 20

/** Checks a pack: size, sum, grammar, every frame, every object, and that it holds what its catalog lists, if one does. */
export async function checkPack(store: Store, pack: Pick<HeldPack, 'name' | 'size' | 'ids'>): Promise<PackVerdict> {
  const file = packName(pack.name)
  const read = (offset: number, length: number): Promise<Buffer> => store.get(file, {offset, length})
  let frames: readonly Frame[]
  let size: number | undefined
  try {
    size = await store.size(file)
    if (size === undefined) return {why: 'is missing', bad: 'all'}
    frames = await readToc({size, read})
  } catch (error) {
    return {why: sizeWords(size, pack.size) ?? whyWithout(error), bad: 'all'}
  }
  const hash = createHash('sha256')
  const bad: string[] = []
  let why: string | undefined
  const fault = (what: string): void => void (why ??= what)
  try {
    const lead = await read(0, LEAD_SIZE)
    hash.update(lead)
    for (const frame of frames) await checkFrame(frame, () => read(frame.offset, frame.compressed), hash, bad, fault)
    const last = frames.at(-1)
    let at = last === undefined ? LEAD_SIZE : last.offset + last.compressed
    const end = await read(at, TAR_END_LENGTH)
    for (; at < size; at += PIECE) hash.update(await read(at, Math.min(PIECE, size - at)))
    checkEnds(lead, end)
  } catch (error) {
    fault(whyWithout(error))
  }
  if (hash.digest('hex') !== pack.name) fault('has other bytes than its name says')
  const ids = frames.flatMap(({members}) => members.map(({id}) => id)).sort()
  const isListed = pack.ids === undefined || idsDigest(ids) === pack.ids
  if (!isListed) fault('does not hold what its catalog lists')
  return {why: sizeWords(size, pack.size) ?? why, bad, ids: isListed ? undefined : ids}
}

function sizeWords(size: number | undefined, listed: number): string | undefined {
  return size === undefined || size === listed ? undefined : `has ${size} bytes, and should have ${listed}`
}

async function checkFrame(frame: Frame, read: () => Promise<Buffer>, hash: Hash, bad: string[], fault: (what: string) => void): Promise<void> {
  let content: Buffer
  try {
    const bytes = await read()
    hash.update(bytes)
    content = openFrame(frame, bytes)
    freeBuffer(bytes)
  } catch (error) {
    fault(whyWithout(error))
    for (const {id} of frame.members) bad.push(id)
    return
  }
  const offsets = contentOffsets(frame)
  for (const [i, {id, size}] of frame.members.entries()) {
    try {
      verified(id, content.subarray(offsets[i]!, offsets[i]! + size))
    } catch (error) {
      if (!isDamage(error)) throw error
      fault(reasonOf(error))
      bad.push(id)
    }
  }
  freeBuffer(content)
}

/* `the pack has …` is said of a pack that is named already. */
function whyWithout(error: unknown): string {
  return whyNot(error).replace(/^the pack /, '')
}
