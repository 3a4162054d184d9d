/*
 * Holds a pack that came over a wire to everything a pack promises, before it gets a name in the store.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from '../store/object-id.ts'
import {checkEnds, contentOffsets, LEAD_SIZE, openFrame, readToc, TAR_END_LENGTH, type Member} from '../store/pack.ts'
import {verified} from '../store/objects.ts'
import {freeBuffer} from '../sys/memory.ts'

/**
 * Checks a pack: its name, its grammar, each frame, the hash of each object.
 * @returns the objects it holds, as its table of contents has them
 * @throws BkError 65
 */
export async function checkPack(name: string, bytes: Buffer): Promise<Member[]> {
  if (objectId(bytes) !== name) throw new BkError(`pack ${name} has other bytes than its name says`, {status: 65})
  const frames = await readToc({size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length)})
  const last = frames.at(-1)
  if (last === undefined) throw new BkError(`pack ${name} is empty`, {status: 65})
  const end = last.offset + last.compressed
  checkEnds(bytes.subarray(0, LEAD_SIZE), bytes.subarray(end, end + TAR_END_LENGTH))
  const members: Member[] = []
  for (const frame of frames) {
    const content = openFrame(frame, bytes.subarray(frame.offset, frame.offset + frame.compressed))
    const offsets = contentOffsets(frame)
    for (const [i, member] of frame.members.entries()) {
      verified(member.id, content.subarray(offsets[i]!, offsets[i]! + member.size))
      members.push(member)
    }
    // It may be an index of a GiB, and is read again when the snapshot is known.
    freeBuffer(content)
  }
  return members
}
